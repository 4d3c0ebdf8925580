"""Attention: one set of numbers, three wings; masks, groups, positions and caches."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from wings import OTHERS, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)

B, A, G, T, S, H = 2, 6, 3, 5, 7, 11
# Sums of at most a few dozen products of numbers near 1, each rounded by 1e-16.
CLOSE = {"rtol": 1e-12, "atol": 1e-13}
MASK = np.tri(T, S, S - T, dtype=bool)
MASK[2] = False  # a query that may attend to nothing


def numbers(groups=A, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (B, A, T, H), (B, groups, S, H), (B, groups, S, H)
    return [rng.normal(size=shape) for shape in shapes]


def by_hand(q, k, v, mask=None):
    """Head by head, query by query, key by key."""
    out, group = np.zeros_like(q), q.shape[1] // k.shape[1]
    for b, a, t in np.ndindex(q.shape[:3]):
        keys = [s for s in range(k.shape[2]) if mask is None or mask[t, s]]
        if keys:
            scores = k[b, a // group, keys] @ q[b, a, t] / np.sqrt(q.shape[-1])
            p = np.exp(scores) / np.exp(scores).sum()
            out[b, a, t] = p @ v[b, a // group, keys]
    return out


def run(wing, mask):
    def function(q, k, v):
        given = None if mask is None else wing.tensor.tensor(mask)
        return wing.attention.attention(q, k, v, given)

    return function


@wings
@pytest.mark.parametrize("groups", [A, G, 1])
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_attention_is_what_its_docstring_says(wing, groups, mask):
    q, k, v = numbers(groups)
    found = wing.value(run(wing, mask), q, k, v)
    assert_allclose(found, by_hand(q, k, v, mask), **CLOSE)
    if mask is not None:
        assert_array_equal(found[:, :, 2], np.zeros((B, A, H)))


@others
@pytest.mark.parametrize("groups", [A, G, 1])
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_gradients_agree(wing, groups, mask):
    arrays = numbers(groups)
    c = np.random.default_rng(1).normal(size=(B, A, T, H))
    pairs = zip(
        wing.pull(run(wing, mask), c, *arrays),
        SCRATCH.pull(run(SCRATCH, mask), c, *arrays),
        strict=True,
    )
    for found, expected in pairs:
        assert np.abs(expected).max() > 0.1
        assert_allclose(found, expected, **CLOSE)


@wings
def test_a_masked_key_changes_nothing(wing):
    """Its gradient is zero, and so is that of a query that may attend to nothing."""
    q, k, v = numbers()
    mask = MASK.copy()
    mask[:, 3] = False
    c = np.random.default_rng(1).normal(size=(B, A, T, H))
    dq, dk, dv = wing.pull(run(wing, mask), c, q, k, v)
    assert_array_equal(dk[:, :, 3], np.zeros((B, A, H)))
    assert_array_equal(dv[:, :, 3], np.zeros((B, A, H)))
    assert_array_equal(dq[:, :, 2], np.zeros((B, A, H)))
    before = wing.value(run(wing, mask), q, k, v)
    k[:, :, 3], v[:, :, 3] = 1e6, 1e6
    assert_array_equal(wing.value(run(wing, mask), q, k, v), before)


@wings
def test_causal_masks(wing):
    mask = wing.attention.causal_mask
    numpy = wing.tensor.numpy
    assert_array_equal(numpy(mask(3)), [[1, 0, 0], [1, 1, 0], [1, 1, 1]])
    assert numpy(mask(3)).dtype == bool
    assert_array_equal(numpy(mask(2, 5)), [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]])
    assert_array_equal(numpy(mask(1, 4)), np.ones((1, 4)))
    with pytest.raises(ValueError, match="S must be at least 3, got 2"):
        mask(3, 2)
    with pytest.raises(ValueError, match="T must be at least 1, got 0"):
        mask(0)


@wings
def test_rotary_turns_pairs_by_their_angle(wing):
    """As a product of complex numbers: pair i at t turns by t base^(-2 i / H)."""
    H, base = 6, 100.0
    x = np.random.default_rng(0).normal(size=(2, 3, 5, H))
    positions = np.array([0, 1, 2, 7, 11])
    cos, sin = wing.attention.rotary(positions, H, base)
    found = wing.value(lambda x: wing.attention.apply_rotary(x, cos, sin), x)
    angle = positions[:, None] * base ** (-2 * np.arange(H // 2) / H)
    turned = (x[..., :3] + 1j * x[..., 3:]) * np.exp(1j * angle)
    # Angles below 11, known to 1e-15; numbers near 1.
    expected = np.concatenate((turned.real, turned.imag), -1)
    assert_allclose(found, expected, rtol=0, atol=1e-14)
    assert_array_equal(found[:, :, 0], x[:, :, 0])


@wings
def test_rotary_scores_depend_on_the_distance_alone(wing):
    attention = wing.attention
    q, k = np.random.default_rng(0).normal(size=(2, 1, 10))

    def score(at_q, at_k):
        turned = []
        for x, at in ((q, at_q), (k, at_k)):
            cos, sin = attention.rotary([at], 10)
            turned.append(wing.value(lambda x: attention.apply_rotary(x, cos, sin), x))  # noqa: B023
        return float(turned[0][0] @ turned[1][0])

    assert_allclose(score(3, 1), score(103, 101), rtol=0, atol=1e-12)
    assert abs(score(3, 1) - score(1, 3)) > 1e-3


@others
def test_gradients_of_rotary_agree(wing):
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 6))
    c = np.random.default_rng(1).normal(size=x.shape)

    def turned(wing):
        angles = wing.attention.rotary(range(2, 7), 6)
        return wing.pull(lambda x: wing.attention.apply_rotary(x, *angles), c, x)

    assert_allclose(turned(wing)[0], turned(SCRATCH)[0], rtol=1e-13, atol=1e-14)


@wings
@pytest.mark.parametrize("width", [6, 7])
def test_sinusoidal_positions(wing, width):
    found = wing.tensor.numpy(wing.attention.sinusoidal(5, width))
    assert found.shape == (5, width)
    for t, j in np.ndindex(found.shape):
        angle = t / 10000 ** ((j - j % 2) / width)
        expected = np.cos(angle) if j % 2 else np.sin(angle)
        assert_allclose(found[t, j], expected, rtol=0, atol=1e-15)


MISTAKES = [
    ([(2, 3, 5), (2, 3, 5, 7), (2, 3, 5, 7)], None, ValueError, r"got \(2, 3, 5\), "),
    ([(2, 4, 5, 7), (2, 3, 5, 7), (2, 3, 5, 7)], None, ValueError, "a multiple of G"),
    ([(2, 3, 5, 7), (2, 3, 5, 7), (2, 3, 4, 7)], None, ValueError, "k and v"),
    ([(2, 3, 5, 7), (2, 3, 5, 6), (2, 3, 5, 6)], None, ValueError, "q must be"),
    ([(2, 3, 5, 7)] * 3, (5, 4), ValueError, r"mask must be \(T, S\), \(5, 5\)"),
]


@wings
@pytest.mark.parametrize(("shapes", "mask", "error", "words"), MISTAKES)
def test_shapes_that_do_not_fit(wing, shapes, mask, error, words):
    mask = None if mask is None else np.ones(mask, bool)
    with pytest.raises(error, match=words):
        wing.value(run(wing, mask), *(np.ones(s) for s in shapes))


@wings
def test_a_mask_of_numbers_is_refused(wing):
    q, k, v = numbers()
    with pytest.raises(TypeError, match="mask must be Boolean, got int64"):
        wing.value(run(wing, np.ones((T, S), int)), q, k, v)


@wings
def test_rotary_refuses_what_does_not_fit(wing):
    attention = wing.attention
    with pytest.raises(ValueError, match="head_width must be even, got 5"):
        attention.rotary(range(3), 5)
    angles = attention.rotary(range(3), 6)
    for shape in ((2, 4, 6), (2, 3, 4), (2, 3, 7)):
        with pytest.raises(ValueError, match=r"x must be \(\.\.\., T, H\)"):
            wing.value(lambda x: attention.apply_rotary(x, *angles), np.ones(shape))
