"""How an answer differs from what was expected: the first thing to mend, in words."""

import numpy as np
import pytest
from largemodels.page.compare import changed, difference, shortened

A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def tell(expected, got, rtol=1e-9, atol=1e-12):
    return difference(expected, got, rtol, atol)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (A, A.copy()),
        (A, A + 1e-12),
        (A, A.tolist()),
        (A, A.astype(np.float64) * (1 + 1e-10)),
        (np.array([1, 2]), np.array([1, 2], dtype=np.int32)),
        (np.array([1, 2]), np.array([1, 2], dtype=np.uint8)),
        (np.array([np.nan, np.inf]), np.array([np.nan, np.inf])),
        (1.0, 1),
        (1, 1.0),
        (2.5, np.float32(2.5)),
        (2.5, np.array(2.5)),
        (True, np.True_),
        (np.array([]), []),
        ((A, 1.0), [A, 1.0]),
        ([1.0, 2.0], np.array([1.0, 2.0])),
        ({"w": A, "b": [1]}, {"b": [1], "w": A}),
        ("text", "text"),
        (None, None),
        (1 + 2j, 1 + 2j),
        (np.array(["a"]), np.array(["a"])),
    ],
)
def test_nothing_is_said_of_what_is_right(expected, got):
    assert tell(expected, got) is None


@pytest.mark.parametrize(
    ("expected", "got", "said"),
    [
        (A, A[:, :2], "the shape of the result should be (2, 3), not (2, 2)"),
        (A, A * np.nan, "the result holds NaN (6 of 6 values)"),
        (A, A.T[:, :2] * np.nan, "the shape of the result should be (2, 3)"),
        (A, A.astype(int), "the dtype of the result should be float64 (floating"),
        (A, A > 2, "the dtype of the result should be float64"),
        (A > 2, A, "the dtype of the result should be bool (truth values)"),
        (np.array([1, 2]), np.array([1.0, 2.0]), "should be int64 (integers)"),
        (A, A.astype(np.float32) + np.float32(1e-5), "it has lost digits of float64"),
        (A, A.astype(np.float32) + 1, "wrong in 6 of 6 values"),
        (
            A,
            A + np.eye(2, 3),
            "wrong in 2 of 6 values, most at index (0, 0): 2 where 1 is expected",
        ),
        (np.arange(3), np.array([0, 1, 9]), "at index 2: 9 where 2 is expected"),
        (A > 9, A > 5, "at index (1, 2): True where False is expected"),
        (A, np.where(A > 5, np.inf, A), "at index (1, 2): inf where 6 is expected"),
        (1.0, A, "should be a single number, not of shape (2, 3)"),
        (1.0, 2.0, "the result is another number than expected"),
        (True, 1, "the dtype of the result should be bool"),
        (1.0, True, "the dtype of the result should be float64"),
        (1.0, None, "should be numbers, not None (a missing return?)"),
        (A, "text", "should be numbers, not a str"),
        (A, {"a": 1}, "should be numbers, not a dict"),
        (A, [[1.0], [1.0, 2.0]], "should be an array, not rows of unequal length"),
        ((1.0, 2.0), None, "should be 2 items, not None (a missing return?)"),
        ((1.0, 2.0), (1.0,), "should have 2 items, not 1"),
        ((1.0, A), A[0, 0], "should be 2 items, not a float64"),
        ((1.0, 2.0), (1.0, 3.0), "[1] is another number than expected"),
        ([(1.0, A)], [(1.0, A[0])], "the shape of [0][1] should be (2, 3), not (3,)"),
        ({"w": 1.0}, {"v": 1.0}, "should have the keys 'w', not 'v'"),
        ({"w": 1.0}, [1.0], "should be a dictionary, not a list"),
        ({"w": {"x": 1.0}}, {"w": {"x": 2.0}}, "['w']['x'] is another number"),
        ("a", "b", "the result is another than expected"),
        ("a", 1.0, "should be a str, not a float"),
        (None, 1.0, "should be None"),
        (np.array(["a"]), np.array(["b"]), "another than expected"),
    ],
)
def test_the_first_fault_is_named(expected, got, said):
    assert said in tell(expected, got)


def test_tolerances_are_those_given():
    assert tell(A, A * (1 + 1e-5), rtol=1e-4, atol=0) is None
    assert tell(A, A * (1 + 1e-3), rtol=1e-4, atol=0)
    assert tell(A, A + 1e-3, rtol=0, atol=1e-2) is None
    assert tell(A, A + 1e-1, rtol=0, atol=1e-2)


def test_values_are_cut_short_and_hold_no_addresses():
    assert shortened(np.array(3.0)) == "3."
    assert shortened(np.arange(3.0)) == "[0., 1., 2.]  float64, shape (3,)"
    long = shortened(np.zeros((50, 50)))
    assert "..." in long
    assert "shape (50, 50)" in long
    assert len(long) < 200
    assert shortened(list(range(9))) == "[0, 1, 2, 3, 4, 5, ... 9 items]"
    assert shortened((1, None, "x", 0.1 + 0.2)) == "(1, None, 'x', 0.3)"
    assert shortened({"w": np.float64(2.5)}) == "{'w': 2.5}"
    assert shortened(lambda x: x) == "the function <lambda>"
    assert shortened("y" * 300) == "'" + "y" * 199 + "..."
    assert shortened(iter([])) == "a list_iterator"


def test_what_a_function_changed_is_found():
    assert not changed((A, [1, {"w": A}], len), (A.copy(), [1, {"w": A.copy()}], max))
    assert changed((A,), (A + 1e-15,))
    assert changed(([3, 1],), ([1, 3],))
    assert changed(([1],), ([1, 1],))
    assert changed(({"w": A},), ({"w": A, "b": 1},))
    assert not changed((np.array([np.nan]),), (np.array([np.nan]),))
