"""The three products that convolution is made of, each the others' derivative.

    <g, z>,  z[p, q, o] = sum_{i, j, c} x[s p + d i, s q + d j, c] w[i, j, c, o]

is linear in the images x, in the weights w and in g, which has the shape of z. Its
derivatives in g, x and w are `correlate`, `spread_back` and `weigh`; and what is linear
has derivatives of the same three kinds. x: (B, height, width, C), padded already; w:
(k_h, k_w, C / groups, O); z and g: (B, height', width', O).
"""

import math

import numpy as np

from largemodels.scratch.engine import primitive
from largemodels.scratch.windows import sliding_windows, under


@primitive(
    lambda g, z, x, w, strides=(1, 1), dilations=(1, 1), groups=1: spread_back(
        g, w, x.shape, strides, dilations, groups
    ),
    lambda g, z, x, w, strides=(1, 1), dilations=(1, 1), groups=1: weigh(
        g, x, w.shape, strides, dilations, groups
    ),
)
def correlate(x, w, strides=(1, 1), dilations=(1, 1), groups=1):
    """z: one product of the patches that the windows see, as rows, and the weights."""
    patches, counts = _patches(x, w.shape, strides, dilations, groups)
    z = np.matmul(patches, _grouped(w, groups))
    return _ungrouped(z).reshape(len(x), *counts, w.shape[3])


@primitive(
    lambda h, z, g, w, shape, strides, dilations, groups: correlate(
        h, w, strides, dilations, groups
    ),
    lambda h, z, g, w, shape, strides, dilations, groups: weigh(
        g, h, w.shape, strides, dilations, groups
    ),
)
def spread_back(g, w, shape, strides, dilations, groups):
    """The derivative in x: what each output passes back, added up where windows lie."""
    z = np.zeros(shape, np.result_type(g, w))
    counts = g.shape[1:3]
    rows = _by_group(np.ascontiguousarray(g), groups)
    weights = _grouped(w, groups).swapaxes(1, 2)  # (groups, O / groups, k_h k_w C)
    for place, offset in enumerate(np.ndindex(*w.shape[:2])):
        columns = slice(place * w.shape[2], (place + 1) * w.shape[2])
        part = _ungrouped(np.matmul(rows, weights[..., columns]))
        z[under(offset, counts, 1, strides, dilations)] += part.reshape(
            shape[0], *counts, shape[3]
        )
    return z


@primitive(
    lambda h, z, g, x, shape, strides, dilations, groups: correlate(
        x, h, strides, dilations, groups
    ),
    lambda h, z, g, x, shape, strides, dilations, groups: spread_back(
        g, h, x.shape, strides, dilations, groups
    ),
)
def weigh(g, x, shape, strides, dilations, groups):
    """The derivative in w: patches, transposed, times g."""
    patches, _ = _patches(x, shape, strides, dilations, groups)
    z = np.matmul(patches.swapaxes(1, 2), _by_group(g, groups))
    return _ungrouped(z).reshape(shape)


def _patches(x, weight_shape, strides, dilations, groups):
    """(groups, B height' width', k_h k_w C / groups), and (height', width')."""
    k_h, k_w, c, _ = weight_shape
    seen = sliding_windows(x, (k_h, k_w), 1, strides, dilations)
    counts = seen.shape[1:3]
    if groups > 1:
        seen = seen.reshape(*seen.shape[:5], groups, c).transpose(5, 0, 1, 2, 3, 4, 6)
    return seen.reshape(groups, len(x) * math.prod(counts), k_h * k_w * c), counts


def _grouped(w, groups):
    """Weights as (groups, k_h k_w C / groups, O / groups)."""
    return np.ascontiguousarray(_by_group(w, groups))


def _by_group(x, groups):
    """(..., groups n) as (groups, rows, n)."""
    n = math.prod(x.shape[:-1])
    return x.reshape(n, groups, x.shape[-1] // groups).swapaxes(0, 1)


def _ungrouped(z):
    """(groups, rows, n) as (rows, groups n)."""
    groups, rows, n = z.shape
    return z.swapaxes(0, 1).reshape(rows, groups * n)
