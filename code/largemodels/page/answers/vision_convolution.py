"""References for the exercises of Convolutional networks."""

import numpy as np

from largemodels.page.answers import reference

_SIZES = [(8, 3, 2, 1), (7, 3, 2, 1), (9, 3, 1, 1), (8, 2, 1, 1), (5, 1, 3, 1)]
_SIZES += [(13, 4, 3, 2), (11, 3, 1, 3), (1, 5, 2, 1), (16, 2, 2, 1)]


@reference(
    "same-padding",
    cases=_SIZES,
    hint="How many windows must fit, and up to which place does the last one reach? "
    "Nothing is ever taken away, and an odd pixel goes after the end.",
)
def same_padding(n, k, s, d):
    """(before, after): the least padding that leaves ceil(n / s) windows."""
    windows = (n + s - 1) // s
    added = max((windows - 1) * s + 1 + d * (k - 1) - n, 0)
    return added // 2, (added + 1) // 2


def _cotangents(rng):
    """Overlapping windows and gaps, pixels that no window sees, one output."""
    cases = []
    for m, k, s, left in ((5, 3, 1, 0), (4, 3, 2, 0), (3, 2, 3, 1), (1, 4, 2, 3)):
        n = s * (m - 1) + k + left
        cases.append((rng.normal(size=m), rng.normal(size=k), n, s))
    return cases


@reference(
    "transposed-convolution",
    cases=_cotangents,
    hint="Output p saw the pixels s p, s p + 1, ..., each through one weight. Hand its "
    "share back to each of them, and add where windows overlap.",
    rtol=1e-9,
    atol=1e-12,
)
def transposed(dz, w, n, s):
    """dx[s p + i] = sum of dz[p] w[i]."""
    dx = np.zeros(n)
    for p, share in enumerate(dz):
        dx[s * p : s * p + len(w)] += share * np.asarray(w)
    return dx


_STACKS = [
    ([],),
    ([(3, 1, 1, 1)],),
    ([(3, 1, 1, 1)] * 3,),
    ([(7, 2, 3, 1), (3, 2, 1, 1), (3, 1, 1, 1)],),
    ([(3, 1, 0, 1), (2, 2, 0, 1), (3, 1, 2, 2), (2, 2, 0, 1), (3, 1, 1, 1)],),
]


@reference(
    "receptive-field",
    cases=_STACKS,
    hint="Go from the input on and keep three numbers. A layer's window and padding "
    "count in places of the layer before, and those lie j pixels apart.",
)
def field_start(layers):
    """Receptive field, spacing, and the first pixel of output 0."""
    first, last, apart = 0, 0, 1
    for k, s, a, d in layers:
        first, last = first - a * apart, last + (d * (k - 1) - a) * apart
        apart *= s
    return last - first + 1, apart, first
