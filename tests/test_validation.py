"""The argument checks: the value comes back, or the message names rule and value."""

import math

import numpy as np
import pytest
from largemodels import validation


@pytest.mark.parametrize("value", [7, np.int32(7), np.uint8(7)])
def test_whole_numbers_of_any_kind_come_back_as_int(value):
    found = validation.whole_number("n", value)
    assert found == 7
    assert type(found) is int


@pytest.mark.parametrize("value", [7.0, "7", None, True, np.True_, np.float64(7), [7]])
def test_what_is_no_integer_is_a_type_error(value):
    with pytest.raises(TypeError, match="n must be an integer, got"):
        validation.whole_number("n", value)


def test_bounds_of_whole_numbers_are_inclusive():
    assert validation.whole_number("n", 3, minimum=3, maximum=3) == 3
    with pytest.raises(ValueError, match="n must be at least 3, got 2"):
        validation.whole_number("n", 2, minimum=3)
    with pytest.raises(ValueError, match="n must be at most 3, got 4"):
        validation.whole_number("n", 4, maximum=3)
    with pytest.raises(ValueError, match="n must be at least 0, got -1"):
        validation.whole_number("n", -1)


def test_real_numbers_hold_their_bounds():
    assert validation.real_number("x", np.float32(0.5), 0, 1) == 0.5
    assert validation.real_number("x", 0, 0.0, 1.0) == 0.0
    assert validation.real_number("x", 1, 0.0, 1.0) == 1.0
    with pytest.raises(ValueError, match="x must be above 0, got 0"):
        validation.real_number("x", 0, 0.0, open_below=True)
    with pytest.raises(ValueError, match="x must be below 1, got 1"):
        validation.real_number("x", 1, 0.0, 1.0, open_above=True)
    with pytest.raises(ValueError, match="x must be at least 0, got -1"):
        validation.real_number("x", -1, 0.0)
    with pytest.raises(ValueError, match="x must be at most 1, got 2"):
        validation.real_number("x", 2, 0.0, 1.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_real_numbers_are_finite(value):
    with pytest.raises(ValueError, match="x must be finite, got"):
        validation.real_number("x", value)


@pytest.mark.parametrize("value", ["1", None, True, [1.0], 1j, b"1"])
def test_what_is_no_real_number_is_a_type_error(value):
    with pytest.raises(TypeError, match="x must be a number, got"):
        validation.real_number("x", value)


@pytest.mark.parametrize("value", [0, 1, None, "yes", np.True_])
def test_truth_takes_true_and_false_alone(value):
    with pytest.raises(TypeError, match="bias must be True or False, got"):
        validation.truth("bias", value)


def test_one_of_lists_what_is_allowed():
    assert validation.one_of("norm", "rms", ("layer", "rms")) == "rms"
    with pytest.raises(ValueError, match="norm must be one of layer, rms; got 'batch'"):
        validation.one_of("norm", "batch", ("layer", "rms"))
    with pytest.raises(ValueError, match="got None"):
        validation.one_of("norm", None, ("layer", "rms"))


@pytest.mark.parametrize("value", ["float32", np.float64, np.dtype("float32")])
def test_float_types_by_name_class_or_dtype(value):
    assert validation.float_type("dtype", value) == np.dtype(value)


@pytest.mark.parametrize("value", ["float16", "int64", "bfloat16", "words", None, 3])
def test_other_types_are_refused(value):
    with pytest.raises(ValueError, match="dtype must be float32 or float64, got"):
        validation.float_type("dtype", value)
