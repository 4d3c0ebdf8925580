"""Exercises: a solution for each, at the end, and checks that tell wrong from right."""

import functools
import importlib
import re
import sys

import pytest
from largemodels.page import WrongAnswer, adapter, answers, check

from tests.book import notebooks, wrong_answers

BOOK = notebooks.book()
EXERCISE = re.compile(r"^:{3,}\{exercise(?:-start)?\}.*?\n((?:^:\w+:.*\n)*)", re.M)
SOLUTION = re.compile(r"^:{3,}\{solution(-start)?\}\s+(\S+)", re.M)
END = re.compile(r"^:{3,}\{solution-end\}", re.M)
READ_ON = re.compile(r"^#+ Read on\s*$", re.M)


def exercises(notebook):
    """The labels of a page's exercises, in order; "" where one has none."""
    labels = []
    for _, text in notebook.markdown():
        for options in EXERCISE.findall(text):
            label = re.search(r"^:label:\s*(\S+)", options, re.M)
            labels.append(label[1] if label else "")
    return labels


def placed(notebook, pattern):
    """Where a pattern stands in a page: ((cell, offset), match)."""
    return [
        ((number, match.start()), match)
        for number, text in notebook.markdown()
        for match in pattern.finditer(text)
    ]


def gates(notebook):
    """The numbers of the cells between each solution-start and its solution-end."""
    starts = [place for place, match in placed(notebook, SOLUTION) if match[1]]
    ends = [place for place, _ in placed(notebook, END)]
    assert len(starts) == len(ends), f"{notebook.name}: a solution does not end"
    inside = set()
    for start, end in zip(starts, ends, strict=True):
        assert start < end, f"{notebook.name}: a solution ends before it starts"
        inside |= set(range(start[0], end[0] + 1))
    return inside


def names_checked(cell):
    """The names that a code cell hands to check, one a call."""
    return [call.args[0].value for call in notebooks.calls(cell, "check")]


def faults_of(notebook):
    """What is wrong with the exercises of a page, each in a sentence."""
    asked = exercises(notebook)
    solved = [match[2] for _, match in placed(notebook, SOLUTION)]
    found = [f"an exercise without a label, after {asked}"] * asked.count("")
    found += [f"{x}: no solution" for x in sorted({*asked} - {*solved, ""})]
    found += [f"{x}: no exercise" for x in sorted({*solved} - {*asked})]
    found += [f"{x} twice" for x in sorted({*asked}) if asked.count(x) > 1]
    found += [f"{x} solved twice" for x in sorted({*solved}) if solved.count(x) > 1]
    read_on = [place for place, _ in placed(notebook, READ_ON)]
    for place, match in placed(notebook, SOLUTION):
        if not read_on or place < read_on[-1]:
            found.append(f"{match[2]}: its solution stands before Read on")
    inside = gates(notebook)
    for number, cell in notebook.code():
        printed = notebooks.printed(cell)
        for name in names_checked(cell):
            right = re.compile(rf"{re.escape(name)}: correct( \(\d+ cases?\))?")
            if number in inside and not any(right.fullmatch(p) for p in printed):
                found.append(f"{name}: no solution prints that it is correct")
    return found


def test_each_exercise_is_solved_once_after_read_on_and_solutions_are_correct():
    found = [f"{n.name}: {fault}" for n in BOOK for fault in faults_of(n)]
    assert not found, "\n".join(found)


def test_what_pages_check_is_what_their_files_register():
    for notebook in BOOK:
        inside = gates(notebook)
        checked = {n for _, cell in notebook.code() for n in names_checked(cell)}
        solved = {
            name
            for number, cell in notebook.code()
            if number in inside
            for name in names_checked(cell)
        }
        assert checked == solved, f"{notebook.name}: checked outside solutions only"
        home = f"{answers.__name__}.{notebook.stem}"
        registered = {n for n in answers.names() if answers.get(n).module == home}
        assert checked == registered, notebook.name


def test_every_file_of_answers_belongs_to_a_page():
    pages = {notebook.stem for notebook in BOOK}
    registered = {answers.get(n).module.rpartition(".")[2] for n in answers.names()}
    assert registered <= pages
    assert set(wrong_answers.pages()) == registered


FRAMEWORKS = ("numpy", "torch", "tensorflow")
EVERY = [
    pytest.param(page, name, id=name)
    for page in wrong_answers.pages()
    for name in sorted(wrong_answers.of_page(page)[0])
]


def test_every_check_has_wrong_answers():
    assert sorted(param.values[1] for param in EVERY) == answers.names()


@pytest.mark.parametrize(("page", "name"), EVERY)
def test_wrong_answers_are_rejected_with_the_hint(page, name):
    wrong, _ = wrong_answers.of_page(page)
    assert len({*wrong[name]}) >= 2
    for framework in FRAMEWORKS:
        bring(framework)
        for answer in wrong[name]:
            carried = carry(answer, framework)
            with pytest.raises(WrongAnswer) as caught:
                check(name, carried, framework=framework)
            assert answers.get(name).hint in str(caught.value)


@pytest.mark.parametrize(("page", "name"), EVERY)
def test_right_answers_are_accepted(page, name, capsys):
    _, right = wrong_answers.of_page(page)
    reference = answers.get(name).function
    accepted = right.get(name) or [reference]
    assert all(accepted), f"{name}: a judge decides, so RIGHT must hold an answer"
    for framework in FRAMEWORKS:
        bring(framework)
        for answer in accepted:
            check(name, carry(answer, framework), framework=framework)
            assert capsys.readouterr().out.startswith(f"{name}: correct")


def bring(framework):
    """Import a framework: PyTorch before TensorFlow, NumPy is there."""
    if framework not in sys.modules:
        for module in ("torch", framework):
            importlib.import_module(module)


def carry(answer, framework):
    """A NumPy answer as one of the framework."""
    if framework == "numpy":
        return answer

    @functools.wraps(answer)
    def back_in_numpy(*given):
        functions = (
            adapter.in_numpy(x, framework) if callable(x) else x for x in given
        )
        return answer(*functions)

    return adapter.in_framework(back_in_numpy, framework)


def page(*cells):
    """A made-up page: texts, and code with what it prints as a pair."""
    made = []
    for cell in cells:
        if isinstance(cell, str):
            made.append({"cell_type": "markdown", "source": cell})
        else:
            source, printed = cell
            stream = {"output_type": "stream", "name": "stdout", "text": printed}
            made.append({"cell_type": "code", "source": source, "outputs": [stream]})
    return notebooks.Notebook("part/page", made)


ASKED = ":::{exercise} One\n:label: ex-one\nWhat?\n:::\n"
READ = "## Read on\n\n## Solutions\n"
SOLVED = ":::{solution} ex-one\n:class: dropdown\nThat.\n:::\n"
START = ":::{solution-start} ex-one\n:class: dropdown\n:::\n"
STOP = ":::{solution-end}\n:::\n"
CODE = ('%time\ncheck("a-name", f)', "a-name: correct (3 cases)\n")


def test_a_page_in_order_has_no_faults():
    assert faults_of(page(ASKED, READ + SOLVED)) == []
    assert faults_of(page(ASKED, READ + START, CODE, STOP)) == []
    assert names_checked(page(CODE).cells[0]) == ["a-name"]


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        ((ASKED, READ), "ex-one: no solution"),
        ((READ + SOLVED,), "ex-one: no exercise"),
        ((ASKED + SOLVED, READ), "ex-one: its solution stands before Read on"),
        ((ASKED, SOLVED), "ex-one: its solution stands before Read on"),
        ((ASKED, ASKED, READ + SOLVED), "ex-one twice"),
        ((ASKED, READ + SOLVED, SOLVED), "ex-one solved twice"),
        ((":::{exercise} One\nWhat?\n:::\n",), "an exercise without a label"),
        (
            (ASKED, READ + START, (CODE[0], "a-name: wrong\n"), STOP),
            "a-name: no solution prints that it is correct",
        ),
        (
            (ASKED, READ + START, ('check("b", f)', "ab: correct (1 case)\n"), STOP),
            "b: no solution prints that it is correct",
        ),
    ],
)
def test_planted_faults_are_found(cells, fault):
    assert any(fault in found for found in faults_of(page(*cells)))


def test_a_solution_must_end():
    with pytest.raises(AssertionError, match="does not end"):
        gates(page(ASKED, READ + START, CODE))
    with pytest.raises(AssertionError, match="ends before it starts"):
        gates(page(STOP, START))
