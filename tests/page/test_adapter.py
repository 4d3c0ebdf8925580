"""Tensors in, tensors out, and whose function it is."""

import sys

import numpy as np
import pytest
from largemodels.page import adapter


def test_whose_function_it_is_is_found_from_the_names_it_uses(cell, torch, tf):
    space = cell(
        """
        from functools import partial
        def helper(x):
            return torch.exp(x)
        def direct(x):
            return torch.exp(x)
        def inner(x):
            def deeper(y):
                return tf.exp(y)
            return deeper(x)
        def calls(x):
            return helper(x) + 1
        def method(x):
            return x.exp()
        def typed(x: torch.Tensor):
            return x.exp()
        def aliased(x):
            return F.relu(x)
        def makes(scale):
            def scaled(x):
                return x * scale
            return scaled
        class Callable:
            def __call__(self, x):
                return keras.ops.exp(x)
        def both(x):
            return tf.exp(x), torch.exp(x)
        def mixed(x):
            return np.exp(torch.exp(x))
        def itself(x):
            return itself(x - 1)
        part = partial(calls)
        module = torch.nn.Linear(2, 2)
        closed = makes(torch.ones(2))
        function = torch.relu
        """,
        torch=torch,
        tf=tf,
        keras=tf.keras,
        np=np,
        F=torch.nn.functional,
    )
    expected = {
        "direct": "torch",
        "inner": "tensorflow",
        "calls": "torch",
        "method": "numpy",
        "typed": "torch",
        "aliased": "torch",
        "closed": "torch",
        "mixed": "torch",
        "part": "torch",
        "module": "torch",
        "function": "torch",
        "itself": "numpy",
        "Callable": "tensorflow",
    }
    found = {name: adapter.framework_of(space[name]) for name in expected}
    assert found == expected
    assert adapter.framework_of(space["Callable"]()) == "tensorflow"
    assert adapter.framework_of(np.exp) == "numpy"
    assert adapter.framework_of(len) == "numpy"
    with pytest.raises(ValueError, match="both PyTorch and TensorFlow"):
        adapter.framework_of(space["both"])


def test_an_attribute_is_no_global_name(cell, torch):
    space = cell(
        """
        def zeros(n):
            return torch.zeros(n)
        def attribute(n):
            return np.zeros(n)
        """,
        torch=torch,
        np=np,
    )
    assert adapter.framework_of(space["zeros"]) == "torch"
    assert adapter.framework_of(space["attribute"]) == "numpy"


def test_wings_are_frameworks():
    for module, framework in (
        ("largemodels.pytorch.losses", "torch"),
        ("largemodels.tf.losses", "tensorflow"),
        ("largemodels.scratch.losses", None),
        ("torch._C", "torch"),
        ("torchvision.ops", None),
        (None, None),
    ):
        assert adapter._owner(module) == framework


def test_only_what_is_loaded_is_a_framework(monkeypatch):
    assert adapter.loaded("numpy") is np
    with pytest.raises(ValueError, match=r"framework is one of \['numpy'"):
        adapter.loaded("jax")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(ValueError, match="PyTorch is not imported"):
        adapter.loaded("torch")
    assert "torch" not in sys.modules


NESTED = {"w": [np.eye(2), (np.arange(3), 2.5)], "name": "x", "none": None}


@pytest.mark.parametrize("framework", ["numpy", "torch", "tensorflow"])
def test_there_and_back_nothing_changes(framework, torch, tf):
    sent = adapter.to_framework(NESTED, framework)
    matrix, (integers, number) = sent["w"]
    kind = {"numpy": np.ndarray, "torch": torch.Tensor, "tensorflow": tf.Tensor}
    assert isinstance(matrix, kind[framework])
    assert isinstance(integers, kind[framework])
    assert (number, sent["name"], sent["none"]) == (2.5, "x", None)
    back = adapter.to_numpy(sent)
    assert back["w"][0].dtype == np.float64
    assert back["w"][1][0].dtype == np.int64
    np.testing.assert_array_equal(back["w"][0], NESTED["w"][0])
    if framework != "tensorflow":  # whose tensors do not change
        matrix[0, 0] = 7
        assert NESTED["w"][0][0, 0] == 1


def test_results_of_all_kinds_are_read(torch, tf):
    ones = np.ones(2)
    results = [
        torch.ones(2, requires_grad=True) * 1,
        torch.nn.Parameter(torch.ones(2)),
        torch.ones(2, dtype=torch.bfloat16),
        tf.Variable(tf.ones(2)),
        tf.ones(2),
        tf.keras.Variable(tf.ones(2)),
        tf.IndexedSlices(tf.ones(2), tf.constant([0, 1]), tf.constant([2])),
        (item for item in ones),
        map(float, ones),
    ]
    for result in results:
        read = adapter.to_numpy(result)
        assert isinstance(read, np.ndarray | list)
        np.testing.assert_array_equal(read, ones)


def test_the_scratch_wing_is_read():
    from largemodels.scratch.tensor import tensor

    read = adapter.to_numpy([tensor(np.ones(2))])
    assert type(read[0]) is np.ndarray
    np.testing.assert_array_equal(read[0], np.ones(2))


def test_endless_generators_end():
    def endless():
        while True:
            yield 1.0

    assert len(adapter.to_numpy(endless())) == adapter.MOST_ITEMS


@pytest.mark.parametrize("framework", ["numpy", "torch", "tensorflow"])
def test_functions_are_carried_over(framework, torch, tf):
    def scaled(x, by=2.0):
        return x * by, float(by)

    carried = adapter.in_framework(scaled, framework)
    given = adapter.to_framework(np.arange(2.0), framework)
    result, number = carried(given, by=3.0)
    assert type(result) is type(given)
    assert number == 3.0
    back = adapter.in_numpy(carried, framework)
    np.testing.assert_array_equal(back(np.arange(2.0))[0], [0.0, 2.0])
    # A function among the arguments is carried over by itself.
    argument = adapter.to_framework((np.sum, scaled), framework)[1]
    assert type(argument(given)[0]) is type(given)
    total = adapter.in_framework(np.sum, framework)(given)
    assert type(total) is type(given) or framework == "numpy"
