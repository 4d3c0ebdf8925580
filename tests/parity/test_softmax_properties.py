"""What must hold of softmax for any scores, found by random search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_allclose
from wings import WINGS

SCORES = arrays.arrays(
    np.float64,
    arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=7),
    elements=st.floats(-1e3, 1e3),
)
wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
quick = settings(max_examples=40, deadline=None)


@wings
@quick
@given(x=SCORES)
def test_probabilities_sum_to_one(wing, x):
    p = wing.value(wing.functional.softmax, x)
    assert (p >= 0).all()
    # One rounding for each of at most seven terms, and one for the division.
    assert_allclose(p.sum(-1), 1, rtol=0, atol=2e-15)


@wings
@quick
@given(x=SCORES, shift=st.floats(-1e3, 1e3))
def test_only_differences_matter(wing, x, shift):
    p = wing.value(wing.functional.softmax, x)
    # The shifted scores, below 2000, are rounded by up to 1.2e-13, and so is ln p.
    shifted = wing.value(wing.functional.softmax, x + shift)
    assert_allclose(shifted, p, rtol=1e-12, atol=1e-300)


@wings
@quick
@given(x=SCORES)
def test_logsumexp_is_a_soft_maximum(wing, x):
    m, count = x.max(-1), x.shape[-1]
    z = wing.value(wing.functional.logsumexp, x)
    slack = 1e-15 * (1 + np.abs(m))
    assert (m - slack <= z).all()
    assert (z <= m + np.log(count) + slack).all()


@wings
@quick
@given(x=SCORES)
def test_log_softmax_is_the_log_of_softmax(wing, x):
    p = wing.value(wing.functional.softmax, x)
    logs = wing.value(wing.functional.log_softmax, x)
    assert (logs <= 0).all()
    # ln p, at most 2000 in size, is rounded by up to 2e-13.
    assert_allclose(np.exp(logs), p, rtol=1e-12, atol=1e-300)


@wings
@quick
@given(x=SCORES)
def test_softmax_gradient_is_orthogonal_to_a_shift(wing, x):
    """Adding a constant changes nothing, so no gradient points along it."""
    cotangent = np.random.default_rng(0).normal(size=x.shape)
    [g] = wing.pull(wing.functional.softmax, cotangent, x)
    assert_allclose(g.sum(-1), 0, rtol=0, atol=1e-14)
