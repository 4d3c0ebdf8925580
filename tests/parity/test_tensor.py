"""In from arrays, out to arrays, and gradients of functions."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from wings import OTHERS, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)


@wings
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_arrays_come_back_as_they_were(wing, dtype):
    array = np.array([[1, 0, 3], [2, 5, 1]]).astype(dtype)
    back = wing.tensor.numpy(wing.tensor.tensor(array))
    assert back.dtype == array.dtype
    assert_array_equal(back, array)


@wings
def test_numbers_and_lists_are_what_numpy_makes_of_them(wing):
    assert wing.tensor.numpy(wing.tensor.tensor(1.5)).dtype == np.float64
    assert wing.tensor.numpy(wing.tensor.tensor([1, 2])).dtype == np.int64
    chosen = wing.tensor.tensor([1, 2], dtype="float32")
    assert wing.tensor.numpy(chosen).dtype == np.float32


@wings
@pytest.mark.parametrize("make", ["tensor", "parameter"])
def test_tensors_are_copies(wing, make):
    array = np.ones(3)
    x = getattr(wing.tensor, make)(array)
    array[0] = 7
    out = wing.tensor.numpy(x)
    assert_array_equal(out, [1, 1, 1])
    out[1] = 7  # and what comes out may be changed
    assert_array_equal(wing.tensor.numpy(x), [1, 1, 1])


@wings
def test_parameters_are_floating_point(wing):
    with pytest.raises(TypeError, match="a parameter must be floating-point, got int"):
        wing.tensor.parameter([1, 2])


def weighted(params, x):
    """3 a x + sum of squares of b; c is not used."""
    a, (b, _) = params["a"], params["rest"]
    return 3.0 * a * x + b[0] * b[0] + b[1] * b[1]


@wings
def test_gradients_have_the_structure_of_the_parameters(wing):
    t = wing.tensor.tensor
    params = {"a": t(2.0), "rest": (t([5.0, 7.0]), t([[1.0]]))}
    value, grads = wing.tensor.value_and_grad(weighted)(params, t(11.0))
    assert float(value) == 3 * 2 * 11 + 25 + 49
    assert list(grads) == ["a", "rest"]
    assert isinstance(grads["rest"], tuple)
    assert_array_equal(wing.tensor.numpy(grads["a"]), 33.0)
    assert_array_equal(wing.tensor.numpy(grads["rest"][0]), [10.0, 14.0])
    assert_array_equal(wing.tensor.numpy(grads["rest"][1]), [[0.0]])


@wings
def test_parameters_and_constants_may_be_differentiated(wing):
    for make in (wing.tensor.tensor, wing.tensor.parameter):
        _, grad = wing.tensor.value_and_grad(lambda x: x * x)(make(3.0))
        assert_array_equal(wing.tensor.numpy(grad), 6.0)


@wings
def test_a_value_with_more_elements_is_refused(wing):
    g = wing.tensor.value_and_grad(lambda x: x * x)
    with pytest.raises(ValueError, match=r"must have one element, got shape \(2,\)"):
        g(wing.tensor.tensor([1.0, 2.0]))


@wings
@pytest.mark.parametrize("constant", [lambda t: t(1.0), lambda t: 1.0])
def test_a_value_that_depends_on_nothing_is_refused(wing, constant):
    g = wing.tensor.value_and_grad(lambda x: constant(wing.tensor.tensor))
    with pytest.raises(ValueError, match="nothing was recorded"):
        g(wing.tensor.tensor(1.0))


@wings
def test_integers_have_no_gradient(wing):
    g = wing.tensor.value_and_grad(lambda x: x * x)
    with pytest.raises(
        TypeError, match="a parameter must be floating-point, got int64"
    ):
        g(wing.tensor.tensor(3))


def attention(q, k, v):
    """softmax(q k^T / sqrt(H)) v in operators that all three share."""
    scores = q @ k / np.sqrt(7.0)
    e = 2.0**0.5 * scores - scores * scores / (1.0 + scores * scores)
    return e @ v


@pytest.mark.parametrize("wing", OTHERS, ids=repr)
def test_operators_mean_the_same(wing):
    """+ - * / ** @ and broadcasting, in value and gradient, at distinct prime sizes."""
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s) for s in [(2, 3, 7), (2, 7, 5), (5, 11)]]
    expected = SCRATCH.value(attention, *arrays)
    cotangent = rng.normal(size=expected.shape)
    # Sums of at most eleven products of numbers near 1, each rounded by 1e-16.
    found = wing.value(attention, *arrays)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
    pairs = zip(
        wing.pull(attention, cotangent, *arrays),
        SCRATCH.pull(attention, cotangent, *arrays),
        strict=True,
    )
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
