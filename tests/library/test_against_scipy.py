"""Every wing against SciPy's special functions and scikit-learn's losses."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special, stats
from sklearn import metrics
from wings import WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)

FUNCTIONS = {
    "sigmoid": ({}, special.expit),
    "softplus": ({}, lambda x: np.logaddexp(x, 0)),
    "gelu": ({"approximate": False}, lambda x: x * stats.norm.cdf(x)),
    "softmax": ({"axis": 0}, lambda x: special.softmax(x, axis=0)),
    "log_softmax": ({"axis": 0}, lambda x: special.log_softmax(x, axis=0)),
    "logsumexp": ({"axis": 1}, lambda x: special.logsumexp(x, axis=1)),
}


@wings
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(wing, name):
    options, theirs = FUNCTIONS[name]
    x = 5 * np.random.default_rng(0).normal(size=(3, 5, 7))
    ours = wing.value(lambda x: getattr(wing.functional, name)(x, **options), x)
    # A dozen roundings of numbers below 20; 1 + erf is rounded beside 1, times x / 2.
    assert_allclose(ours, theirs(x), rtol=2e-14, atol=2e-15)


@wings
def test_the_tanh_form_of_gelu_is_close_to_the_exact_one(wing):
    x = np.linspace(-8, 8, 1601)
    difference = wing.value(wing.functional.gelu, x) - x * stats.norm.cdf(x)
    assert 4e-4 < np.abs(difference).max() < 5e-4


@wings
def test_losses(wing):
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(13, 5)), rng.integers(0, 5, 13)
    expected = metrics.log_loss(y, special.softmax(z, axis=1), labels=range(5))
    assert_allclose(
        wing.value(wing.losses.cross_entropy, z, y), expected, rtol=1e-13, atol=0
    )
    t = rng.integers(0, 2, 13).astype("float64")
    expected = metrics.log_loss(t, special.expit(z[:, 0]))
    found = wing.value(wing.losses.binary_cross_entropy, z[:, 0].copy(), t)
    assert_allclose(found, expected, rtol=1e-13, atol=0)
    found = wing.value(wing.losses.mean_squared_error, z, 2 * z**2)
    expected = metrics.mean_squared_error(2 * z**2, z)
    assert_allclose(found, expected, rtol=1e-13, atol=0)
