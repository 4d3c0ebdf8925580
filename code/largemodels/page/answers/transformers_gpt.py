"""References for the exercises of A GPT from one attention head."""

import numpy as np

from largemodels.page.answers import reference


def _sequences(rng):
    """Equal and unequal lengths, one query, one key, axes in front, large scores."""
    cases = []
    for before, T, S, H in (((), 5, 5, 3), ((2, 3), 4, 7, 5), ((2,), 1, 6, 2)):
        q = rng.normal(size=(*before, T, H))
        cases.append((q, *rng.normal(size=(2, *before, S, H))))
    q, k, v = cases[0]
    cases.append((100 * q, 100 * k, v))
    cases.append((q[:1], k[:1], v[:1]))
    return cases


@reference(
    "causal-attention",
    cases=_sequences,
    hint="With S keys and T queries, query t stands at position S - T + t. Hide before "
    "the softmax, and let no exponential overflow.",
    rtol=1e-9,
    atol=1e-12,
)
def causal_attention(q, k, v):
    """Query by query."""
    T, S = q.shape[-2], k.shape[-2]
    rows = []
    for t in range(T):
        end = S - T + t + 1
        z = (k[..., :end, :] * q[..., t : t + 1, :]).sum(-1) / q.shape[-1] ** 0.5
        z = z - np.logaddexp.reduce(z, axis=-1, keepdims=True)
        rows.append((np.exp(z)[..., None] * v[..., :end, :]).sum(-2))
    return np.stack(rows, axis=-2)


def _turns(rng):
    """Several widths and bases, places in any order, place zero alone."""
    cases = []
    for T, H, base in ((5, 6, 10000.0), (3, 2, 10000.0), (4, 8, 500.0)):
        places = rng.integers(1000, size=T).astype(float)
        cases.append((rng.normal(size=(T, H)), places, base))
    cases.append((rng.normal(size=(1, 4)), np.zeros(1), 10000.0))
    return cases


@reference(
    "rotate-pairs",
    cases=_turns,
    hint="Number i is paired with number i + H/2, not with its neighbor; the angle "
    "falls with i, and the first pair turns by one radian a place.",
    rtol=1e-9,
    atol=1e-9,
)
def rotate(x, positions, base):
    """As a product of complex numbers."""
    half = x.shape[-1] // 2
    pairs = x[:, :half] + 1j * x[:, half:]
    theta = base ** (-2 * np.arange(half) / x.shape[-1])
    turned = pairs * np.exp(1j * positions[:, None] * theta)
    return np.concatenate((turned.real, turned.imag), axis=-1)
