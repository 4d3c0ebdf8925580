"""The distribution that the next token is drawn from, and the drawing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from largemodels.sampling import draw, sample_distribution
from numpy.testing import assert_allclose, assert_array_equal

P = np.array([0.1, 0.4, 0.05, 0.25, 0.2])
LOGITS = np.log(P) + 3
CLOSE = {"rtol": 1e-14, "atol": 1e-16}  # a few roundings of numbers near 1


def only(*tokens):
    kept = np.zeros(5)
    kept[list(tokens)] = P[list(tokens)]
    return kept / kept.sum()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, P),
        ({"temperature": 0.5}, P**2 / (P**2).sum()),
        ({"temperature": 0}, [0, 1, 0, 0, 0]),
        ({"top_k": 1}, [0, 1, 0, 0, 0]),
        ({"top_k": 3}, only(1, 3, 4)),
        ({"top_k": 5}, P),
        ({"top_k": 99}, P),
        ({"top_p": 1}, P),
        ({"top_p": 0.0}, [0, 1, 0, 0, 0]),
        ({"top_p": 0.39}, [0, 1, 0, 0, 0]),
        ({"top_p": 0.41}, only(1, 3)),
        ({"top_p": 0.84}, only(1, 3, 4)),
        ({"top_p": 0.86}, only(1, 3, 4, 0)),
        ({"top_k": 2, "top_p": 0.6}, [0, 1, 0, 0, 0]),  # 0.4 / 0.65 is above 0.6
        ({"temperature": 1e-300}, [0, 1, 0, 0, 0]),
    ],
)
def test_what_is_kept(options, expected):
    given = LOGITS.copy()
    assert_allclose(sample_distribution(given, **options), expected, **CLOSE)
    rows = sample_distribution(np.stack([given, given[::-1]]), **options)
    assert_allclose(rows, [expected, expected[::-1]], **CLOSE)
    assert_array_equal(given, LOGITS)


def test_of_equals_the_first_are_kept():
    """Exactly k of them: whoever keeps all that equal the k-th keeps four here."""
    logits = np.array([1.0, 2.0, 2.0, 2.0, 2.0])
    assert_allclose(sample_distribution(logits, top_k=2), [0, 0.5, 0.5, 0, 0], **CLOSE)
    assert_allclose(sample_distribution(np.zeros(4), 0), [1, 0, 0, 0], **CLOSE)
    assert_allclose(
        sample_distribution(np.zeros(4), top_p=0.5), [0.5, 0.5, 0, 0], **CLOSE
    )


def test_the_fewest_that_have_the_share_are_kept_to_the_last_digit():
    logits = np.array([0.0, -0.1, -0.1])
    first = sample_distribution(logits)[0]
    assert_allclose(sample_distribution(logits, top_p=first), [1, 0, 0], **CLOSE)


def test_top_p_of_one_keeps_the_smallest():
    """Whose share the running sum of the others would round away."""
    p = sample_distribution(np.array([0.0, 0.0, -60.0]), top_p=1.0)
    assert p[2] > 0


def test_what_cannot_come_never_comes():
    logits = np.array([[0.0, -np.inf, 1.0]])
    p = sample_distribution(logits, top_k=3)
    assert p[0, 1] == 0
    drawn = [draw(p, np.random.default_rng(seed))[0] for seed in range(100)]
    assert set(drawn) == {0, 2}


@pytest.mark.parametrize(
    ("logits", "options", "error", "words"),
    [
        (LOGITS, {"temperature": -1}, ValueError, "temperature must be at least 0"),
        (LOGITS, {"top_k": 0}, ValueError, "top_k must be at least 1, got 0"),
        (LOGITS, {"top_k": 2.5}, TypeError, "top_k must be an integer"),
        (LOGITS, {"top_p": 1.5}, ValueError, "top_p must be at most 1"),
        (LOGITS, {"top_p": -0.1}, ValueError, "top_p must be at least 0"),
        ([0.0, np.nan], {}, ValueError, "no NaN"),
        ([0.0, np.inf], {}, ValueError, "a finite greatest one"),
        ([-np.inf, -np.inf], {}, ValueError, "a finite greatest one"),
        (np.zeros((2, 0)), {}, ValueError, r"logits must be \(V,\)"),
    ],
)
def test_mistakes_are_named(logits, options, error, words):
    with pytest.raises(error, match=words):
        sample_distribution(logits, **options)


@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=12),
    st.floats(0.01, 10),
    st.integers(1, 12),
    st.floats(0, 1),
)
def test_it_is_always_a_distribution(logits, temperature, top_k, top_p):
    p = sample_distribution(np.array(logits), temperature, top_k, top_p)
    assert (p >= 0).all()
    assert_allclose(p.sum(), 1, rtol=0, atol=1e-14)
    assert 1 <= (p > 0).sum() <= top_k
    assert p[np.argmax(logits)] == p.max()
    left_out = np.array(logits)[p == 0]
    underflow = max(logits) - 700 * temperature
    assert (left_out <= np.array(logits)[p > 0].min()).all() or (
        left_out < underflow
    ).all()


def test_draws_have_their_probabilities():
    n = 20_000
    drawn = draw(np.tile(P, (n, 1)), np.random.default_rng(0))
    found = np.bincount(drawn, minlength=5) / n
    # The standard error of a frequency is sqrt(p (1 - p) / n): five of them.
    assert (np.abs(found - P) < 5 * np.sqrt(P * (1 - P) / n)).all()


def test_a_draw_takes_one_number_a_row():
    rng, other = np.random.default_rng(3), np.random.default_rng(3)
    draw(np.tile(P, (7, 1)), rng)
    other.random(7)
    assert rng.random() == other.random()
