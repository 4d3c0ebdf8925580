"""Activations and softmax: one set of numbers, three wings, values and gradients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from wings import OTHERS, SCRATCH, WINGS

ELEMENTWISE = {
    "relu": {},
    "sigmoid": {},
    "tanh": {},
    "softplus": {},
    "silu": {},
    "gelu": {},
    "gelu-exact": {"approximate": False},
}
ALONG_AN_AXIS = {
    "softmax": {},
    "softmax-0": {"axis": 0},
    "softmax-1": {"axis": 1},
    "log_softmax": {},
    "log_softmax-1": {"axis": 1},
    "logsumexp": {},
    "logsumexp-0": {"axis": 0},
    "logsumexp-kept": {"axis": 1, "keepdims": True},
}
CASES = ELEMENTWISE | ALONG_AN_AXIS


def call(wing, case):
    function = getattr(wing.functional, case.split("-")[0])
    return lambda x: function(x, **CASES[case])


@pytest.fixture(params=[1.0, 30.0], ids=["unit", "thirty"])
def numbers(request):
    """Sizes are distinct primes: an exchanged axis cannot pass."""
    rng = np.random.default_rng(0)
    return request.param * rng.normal(size=(3, 5, 7)), rng


@pytest.mark.parametrize("wing", OTHERS, ids=repr)
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_agree(wing, case, numbers):
    x, rng = numbers
    expected = SCRATCH.value(call(SCRATCH, case), x)
    cotangent = rng.normal(size=expected.shape)
    # A dozen roundings of 1e-16; an exponential multiplies that of its argument, below
    # 100, by it. In GELU 1 + tanh is rounded beside 1, and multiplied by x / 2.
    found = wing.value(call(wing, case), x)
    assert_allclose(found, expected, rtol=2e-14, atol=1e-14)
    [expected] = SCRATCH.pull(call(SCRATCH, case), cotangent, x)
    [found] = wing.pull(call(wing, case), cotangent, x)
    assert_allclose(found, expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("wing", WINGS, ids=repr)
@pytest.mark.parametrize(
    ("case", "slope"),
    [
        ("relu", 0.0),
        ("sigmoid", 0.25),
        ("tanh", 1.0),
        ("softplus", 0.5),
        ("silu", 0.5),
        ("gelu", 0.5),
        ("gelu-exact", 0.5),
    ],
)
def test_slope_at_zero(wing, case, slope):
    """Where frameworks share the derivative of a tie in different ways."""
    [found] = wing.pull(call(wing, case), np.ones(2), np.array([0.0, -0.0]))
    assert_allclose(found, slope, rtol=0, atol=1e-16)


@pytest.mark.parametrize("wing", WINGS, ids=repr)
@pytest.mark.parametrize("case", ELEMENTWISE)
def test_far_out_all_stay_finite(wing, case):
    """e^-x overflows at 710; no value and no gradient may show it."""
    x = np.array([-1e4, -1e3, -100.0, 100.0, 1e3, 1e4])
    value = wing.value(call(wing, case), x)
    [slope] = wing.pull(call(wing, case), np.ones(6), x)
    line = x if case not in ("sigmoid", "tanh") else np.ones(6)
    floor = -np.ones(3) if case == "tanh" else np.zeros(3)
    # The largest difference is that of sigmoid and softplus at 100: e^-100 = 4e-44.
    assert_allclose(value[:3], floor, rtol=0, atol=1e-40)
    assert_allclose(value[3:], line[3:], rtol=1e-15, atol=0)
    steep = 0.0 if case in ("sigmoid", "tanh") else 1.0
    assert_allclose(slope, [0, 0, 0, steep, steep, steep], rtol=0, atol=1e-40)


@pytest.mark.parametrize("wing", WINGS, ids=repr)
def test_tails_keep_their_digits(wing):
    """Far to the left a sigmoid is e^x, not 0 and not noise."""
    x = np.array([-40.0, -300.0, -700.0])
    # x = -700 is known to 1e-13, and so is e^x relative to itself.
    found = wing.value(wing.functional.sigmoid, x)
    assert_allclose(found, np.exp(x), rtol=3e-13, atol=0)
    found = wing.value(wing.functional.softplus, x)
    assert_allclose(found, np.exp(x), rtol=3e-13, atol=0)


@pytest.mark.parametrize("wing", WINGS, ids=repr)
def test_huge_scores_do_not_overflow(wing):
    x = np.array([[1e4, 0.0, -1e4], [-1e300, 1e300, 0.0]])
    p = wing.value(wing.functional.softmax, x)
    assert_allclose(p, [[1, 0, 0], [0, 1, 0]], rtol=0, atol=0)
    z = wing.value(wing.functional.logsumexp, x)
    assert_allclose(z, [1e4, 1e300], rtol=1e-15, atol=0)
    [g] = wing.pull(wing.functional.log_softmax, np.eye(3)[:2], x)
    assert_allclose(g, [[0, 0, 0], [0, 0, 0]], rtol=0, atol=0)


@pytest.mark.parametrize("wing", WINGS, ids=repr)
def test_minus_infinity_has_probability_zero(wing):
    """What a mask writes: the other scores share the probability."""
    x = np.array([[0.0, -np.inf, np.log(3.0)]])
    p = wing.value(wing.functional.softmax, x)
    assert_allclose(p, [[0.25, 0.0, 0.75]], rtol=1e-15, atol=0)
    assert_allclose(
        wing.value(wing.functional.logsumexp, x), [np.log(4.0)], rtol=1e-15, atol=0
    )
    [g] = wing.pull(wing.functional.softmax, np.array([[1.0, 5.0, 2.0]]), x)
    assert_allclose(g, [[-0.1875, 0.0, 0.1875]], rtol=1e-14, atol=0)


@pytest.mark.parametrize("wing", WINGS, ids=repr)
@pytest.mark.parametrize("case", CASES)
def test_nan_is_not_hidden(wing, case):
    found = wing.value(call(wing, case), np.full((2, 3), np.nan))
    assert np.isnan(found).all()


@pytest.mark.parametrize("wing", WINGS, ids=repr)
@pytest.mark.parametrize("case", CASES)
def test_float32_stays_float32(wing, case):
    x = np.linspace(-2, 2, 6, dtype="float32").reshape(2, 3)
    value = wing.value(call(wing, case), x)
    assert value.dtype == np.float32
    [g] = wing.pull(call(wing, case), np.ones_like(value), x)
    assert g.dtype == np.float32


@pytest.mark.parametrize("wing", WINGS, ids=repr)
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_integers_are_refused(wing, name):
    x = wing.tensor.tensor(np.array([[1, 2, 3]]))
    with pytest.raises(TypeError, match="must be floating-point, got int64"):
        getattr(wing.functional, name)(x)
