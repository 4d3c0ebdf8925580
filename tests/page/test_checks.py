"""check(): right answers pass in one line, wrong ones are told why, and no more."""

import numpy as np
import pytest
from largemodels.page import WrongAnswer, answers, check

from tests.page import kernels

HINT = "Subtract the largest score first."


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """An empty registry, into which these tests register their own references."""
    monkeypatch.setattr(answers, "_registered", {})


@pytest.fixture
def softmax():
    """The check "softmax", and its reference."""

    def cases(rng):
        edges = [(np.array([[1e4, 0.0]]),), (np.zeros((1, 1)),)]
        return [(rng.normal(size=(3, 5)),) for _ in range(3)] + edges

    @answers.reference("softmax", cases=cases, hint=HINT)
    def secret_solution(scores):
        shifted = np.exp(scores - scores.max(-1, keepdims=True))
        return shifted / shifted.sum(-1, keepdims=True)

    return secret_solution


def wrong(name, answer, **settings):
    """The message to a wrong answer."""
    with pytest.raises(WrongAnswer) as caught:
        check(name, answer, **settings)
    message = str(caught.value)
    assert isinstance(caught.value, AssertionError)
    assert "secret" not in message
    assert "shifted" not in message
    return message


def test_a_right_answer_is_one_line(softmax, capsys):
    check("softmax", softmax)
    assert capsys.readouterr().out == "softmax: correct (5 cases)\n"


def test_a_wrong_answer_is_told_everything_but_the_solution(softmax):
    def answer(z):
        e = np.exp(z)
        return e / e.sum(-1, keepdims=True)

    message = wrong("softmax", answer)
    assert message == (
        "softmax: not yet right, case 4 of 5: the result holds NaN (1 of 2 values) "
        "(it warned: overflow encountered in exp; "
        "invalid value encountered in divide)\n"
        "  input:    z = [[10000.,     0.]]  float64, shape (1, 2)\n"
        "  expected: [[1., 0.]]  float64, shape (1, 2)\n"
        "  got:      [[nan,  0.]]  float64, shape (1, 2)\n"
        f"  hint:     {HINT}"
    )


def test_right_in_each_framework(softmax, cell, torch, tf, capsys):
    space = cell(
        """
        def with_torch(z):
            return torch.softmax(z, -1)
        def with_tf(z):
            return tf.nn.softmax(z)
        def unseen(z):
            return z.softmax(-1)
        """,
        torch=torch,
        tf=tf,
    )
    check("softmax", space["with_torch"])
    check("softmax", space["with_tf"])
    check("softmax", space["unseen"], framework="torch")
    assert capsys.readouterr().out == "softmax: correct (5 cases)\n" * 3


def test_wrong_in_each_framework(softmax, cell, torch, tf):
    space = cell(
        """
        def with_torch(z):
            return torch.softmax(z, 0)
        def with_tf(z):
            return tf.nn.softmax(z, axis=0)
        def single(z):
            return torch.softmax(z.float(), -1)
        """,
        torch=torch,
        tf=tf,
    )
    for name in ("with_torch", "with_tf"):
        message = wrong("softmax", space[name])
        assert "wrong in 15 of 15 values" in message
        assert HINT in message
    assert "float32: it has lost digits of float64" in wrong("softmax", space["single"])


def test_an_error_in_the_answer_is_shown_with_its_line_and_kept(softmax, cell):
    space = cell(
        """
        def answer(scores):
            if scores[0, 0] > 100:
                return helper(scores)
            return np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        def helper(scores):
            return scores / [][0]
        """,
        np=np,
    )
    with pytest.raises(WrongAnswer) as caught:
        check("softmax", space["answer"])
    message = str(caught.value)
    assert "case 4 of 5: it raises IndexError: list index out of range" in message
    assert "  at:       return helper(scores)\n" in message
    assert "  input:    scores = [[10000.,     0.]]" in message
    assert message.endswith(f"  hint:     {HINT}")
    cause = caught.value.__cause__
    assert isinstance(cause, IndexError)
    frames = []
    traceback = cause.__traceback__
    while traceback:
        frames.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert frames == ["answer", "helper"]  # the reader's frames and none of ours


def test_an_answer_that_changes_its_input_is_told_so(softmax, cell, torch):
    def answer(z):
        z -= z.max(-1, keepdims=True)
        return np.exp(z) / np.exp(z).sum(-1, keepdims=True)

    message = wrong("softmax", answer)
    assert "case 1 of 5: the function changes its input; work on a copy" in message
    space = cell("def answer(z):\n    return z.exp_()", torch=torch)
    assert "changes its input" in wrong("softmax", space["answer"], framework="torch")


def test_tuples_dictionaries_and_generators():
    def pair(x):
        return x.sum(), {"mean": x.mean(), "all": [x, x]}

    def steps(n):
        for i in range(n):
            yield i * 0.5

    cases = [(np.arange(3.0),)]
    answers.reference("pair", cases=cases, hint="h")(pair)
    answers.reference("steps", cases=[(4,), (0,)], hint="h")(steps)
    check("pair", pair)
    check("steps", steps)
    check("steps", lambda n: [i * 0.5 for i in range(n)])

    def other(x):
        return x.sum(), {"mean": x.mean(), "all": [x, x + 1]}

    assert "[1]['all'][1] is wrong in 3 of 3 values" in wrong("pair", other)

    def endless(n):
        while True:
            yield 0.0

    assert "should have 4 items" in wrong("steps", endless)


def test_functions_as_arguments(cell, torch, capsys):
    def cases(rng):
        return [(np.sin, rng.normal(size=3)), (np.tanh, np.zeros(1))]

    @answers.reference("twice", cases=cases, hint="h")
    def secret(f, x):
        return f(f(x))

    check("twice", lambda f, x: f(f(x)))
    space = cell("def answer(g, x):\n    return g(g(x)) + torch.zeros(1)", torch=torch)
    check("twice", space["answer"])
    message = wrong("twice", lambda f, x: f(x))
    assert "input:    f = the function sin\n            x = [" in message


def test_positional_rest_and_single_arguments(capsys):
    answers.reference("add", cases=[(1.0, 2.0), (0.0, 0.0)], hint="h")(
        lambda a, b: a + b
    )
    answers.reference("negate", cases=[1.0, -2.0], hint="h")(lambda a: -a)
    check("add", lambda *values: sum(values))
    check("negate", lambda a, scale=-1: scale * a)
    assert "argument 1 = 1\n" in wrong("add", lambda *values: 0.0)
    message = wrong("add", lambda a: a)
    assert "it raises TypeError" in message
    assert "positional argument" in message


def test_cases_are_the_same_each_time_and_each_copy_is_fresh():
    seen = []

    def cases(rng):
        return [(rng.normal(size=2),)]

    answers.reference("same", cases=cases, hint="h")(lambda x: x)
    for _ in range(2):
        check("same", lambda x: seen.append(x.copy()) or x)
    np.testing.assert_array_equal(seen[0], seen[1])

    kept = np.zeros(2)
    answers.reference("kept", cases=[(kept,)], hint="h")(lambda x: x)
    with pytest.raises(WrongAnswer):
        check("kept", lambda x: x.__iadd__(1))
    np.testing.assert_array_equal(kept, np.zeros(2))


@pytest.fixture
def dropout():
    """The check "dropout", which a judge decides."""

    @answers.judge("dropout", hint="Scale what is kept.")
    def secret_judge(answer, rng):
        x = np.ones(4000)
        mean = answer(x, 0.5).mean()
        # 0.1 is six standard deviations of the mean of 4000 values that are 0 or 2
        return None if abs(mean - 1) < 0.1 else f"the mean of ones became {mean:.1f}"


def test_a_judge_decides_where_several_answers_are_right(dropout, capsys, cell, torch):
    rng = np.random.default_rng(1)
    check("dropout", lambda x, p: x * (rng.random(x.shape) >= p) / (1 - p))
    space = cell(
        "def answer(x, p):\n    return torch.nn.functional.dropout(x, p)",
        torch=torch,
    )
    check("dropout", space["answer"])
    assert capsys.readouterr().out == "dropout: correct\n" * 2
    message = wrong("dropout", lambda x, p: x * (rng.random(x.shape) >= p))
    assert message == (
        "dropout: not yet right: the mean of ones became 0.5\n"
        "  hint:     Scale what is kept."
    )


def test_an_error_under_a_judge_is_the_readers(dropout):
    message = wrong("dropout", lambda x, p: x[5000])
    assert "it raises IndexError: index 5000 is out of bounds" in message
    assert "x = [1., 1., ..., 1., 1.]  float64, shape (4000,)" in message
    assert "Scale what is kept." in message


def test_an_error_of_the_judge_is_not_the_readers():
    @answers.judge("broken", hint="h")
    def broken(answer, rng):
        raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        check("broken", len)


def test_what_cannot_be_checked_is_refused(softmax):
    with pytest.raises(ValueError, match="no check is called 'sofmax'"):
        check("sofmax", softmax)
    with pytest.raises(TypeError, match="takes a function, got 3"):
        check("softmax", 3)
    with pytest.raises(ValueError, match="framework is one of"):
        check("softmax", softmax, framework="jax")


def test_references_are_registered_with_care(softmax):
    with pytest.raises(ValueError, match="a check without a hint"):
        answers.reference("x", cases=[(1,)], hint=" ")(len)
    for cases in ([], None, (1,)):
        with pytest.raises(ValueError, match="cases is a list"):
            answers.reference("x", cases=cases, hint="h")
    with pytest.raises(ValueError, match=r"registered in .*test_checks already"):
        answers.reference("softmax", cases=[(1,)], hint="h")(np.linalg.norm)


def test_files_are_read_when_one_of_their_names_is_asked_for(tmp_path, monkeypatch):
    names = ("start_one", "start_two")
    for name in names:
        (tmp_path / f"{name}.py").write_text(
            "from largemodels.page.answers import judge, reference\n"
            f"@reference(\n    '{name}-a', cases=[(1.0,)], hint='h')\n"
            "def f(x):\n    return x\n"
            f'@judge("{name}-b", hint="h")\n'
            "def g(answer, rng):\n    return None\n",
            "utf-8",
        )
    monkeypatch.setattr(answers, "__path__", [str(tmp_path)])
    monkeypatch.setattr(answers, "__file__", str(tmp_path / "__init__.py"))
    assert answers.get("start_one-a").function(2.0) == 2.0
    assert sorted(answers._registered) == ["start_one-a", "start_one-b"]
    assert answers.get("start_two-b").judge is not None
    assert answers.names() == [f"{name}-{i}" for name in names for i in "ab"]


def test_in_a_notebook_only_the_message_is_shown():
    setup = (
        "from largemodels.page import begin, check, answers\n"
        "begin()\n"
        "answers.reference('half', cases=[(3.0,)], hint='Divide.')(lambda x: x / 2)\n"
        "None"
    )
    answer = "def half(x):\n    return 1 / (x - 3)\n\ncheck('half', half)"
    _, right, told = kernels.run(
        setup, "check('half', lambda x: x * 0.5)", answer, errors=True
    )
    assert [o["text"] for o in right] == ["half: correct (1 case)\n"]
    (error,) = told
    assert error["ename"] == "WrongAnswer"
    message = (
        "WrongAnswer: half: not yet right, case 1 of 1: it raises "
        "ZeroDivisionError: float division by zero\n"
        "  at:       return 1 / (x - 3)\n"
        "  input:    x = 3\n"
        "  expected: 1.5\n"
        "  hint:     Divide."
    )
    assert error["traceback"] == [message]
