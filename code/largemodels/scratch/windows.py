"""Windows that slide along axes: what convolution and pooling look through.

Taking windows copies nothing; adding them back where they came from is the derivative.
"""

import numpy as np

from largemodels.scratch.elementwise import where
from largemodels.scratch.engine import Tensor, primitive
from largemodels.scratch.movement import reshape


@primitive(
    lambda g, z, x, sizes, axis=0, strides=1, dilations=1: fold(
        g, x.shape, axis, strides, dilations
    )
)
def sliding_windows(x, sizes, axis=0, strides=1, dilations=1):
    """Every window of some sizes along consecutive axes, as a view.

    z[..., p, q, i, j, ...] = x[..., s p + d i, s q + d j, ...] with stride s and
    dilation d

    x: (..., n_1, .., n_d, ...), where n_1 is the axis `axis`; sizes: (k_1, .., k_d);
    z: (..., m_1, .., m_d, k_1, .., k_d, ...) with m = (n - d (k - 1) - 1) // s + 1.
    strides, dilations: one number, or one for each axis. Raises ValueError where a
    window does not fit in.
    """
    x = np.asarray(x)
    axis %= x.ndim
    strides, dilations = each_axis(strides, sizes), each_axis(dilations, sizes)
    lengths = x.shape[axis : axis + len(sizes)]
    counts = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(lengths, sizes, strides, dilations, strict=True)
    ]
    if min(counts, default=1) < 1:
        raise ValueError(
            f"windows of {tuple(sizes)} with dilation {dilations} must fit into "
            f"{lengths}"
        )
    steps = x.strides[axis : axis + len(sizes)]
    return np.lib.stride_tricks.as_strided(
        x,
        (*x.shape[:axis], *counts, *sizes, *x.shape[axis + len(sizes) :]),
        (
            *x.strides[:axis],
            *(step * s for step, s in zip(steps, strides, strict=True)),
            *(step * d for step, d in zip(steps, dilations, strict=True)),
            *x.strides[axis + len(sizes) :],
        ),
        writeable=False,
    )


@primitive(
    lambda g, z, windows, shape, axis=0, strides=1, dilations=1: sliding_windows(
        g, _sizes(windows, shape, axis), axis, strides, dilations
    )
)
def fold(windows, shape, axis=0, strides=1, dilations=1):
    """Windows added up where they came from: the transpose of `sliding_windows`.

    shape: of the array that the windows were taken of. Also called col2im.
    """
    z = np.zeros(shape, np.asarray(windows).dtype)
    sizes = _sizes(windows, shape, axis)
    axis %= len(shape)
    counts = windows.shape[axis : axis + len(sizes)]
    before = (slice(None),) * (axis + len(sizes))
    for offset in np.ndindex(*sizes):
        z[under(offset, counts, axis, strides, dilations)] += windows[before + offset]
    return z


def under(offset, counts, axis, strides, dilations):
    """The index of the elements at one place, the offset, of all windows."""
    return (slice(None),) * axis + tuple(
        slice(d * i, d * i + s * (m - 1) + 1, s)
        for i, m, s, d in zip(
            offset,
            counts,
            each_axis(strides, offset),
            each_axis(dilations, offset),
            strict=True,
        )
    )


def each_axis(value, sizes):
    """One number for every axis: as given, or the same for all."""
    return tuple(value) if isinstance(value, tuple | list) else (value,) * len(sizes)


def _sizes(windows, shape, axis):
    """The sizes of windows, from their array and the shape that they came from."""
    dims = windows.ndim - len(shape)
    start = axis % len(shape) + dims
    return windows.shape[start : start + dims]


@primitive(lambda g, z, x, window, strides: _to_greatest(g, z, x, window, strides))
def greatest(x, window, strides):
    """z = the greatest of each window of images, channel by channel.

    x: (B, height, width, C); z: (B, height', width', C). Of equal numbers the first,
    row by row, gets the whole derivative.
    """
    z = None
    for place in _places(x.shape, window, strides):
        z = x[place].copy() if z is None else np.maximum(z, x[place], out=z)
    return z


def _places(shape, window, strides):
    """For each place in a window, the index of the elements there."""
    counts = [
        (n - k) // s + 1 for n, k, s in zip(shape[1:3], window, strides, strict=True)
    ]
    return [under(offset, counts, 1, strides, 1) for offset in np.ndindex(*window)]


def _to_greatest(g, z, x, window, strides):
    """g where the first of the greatest was, in each window, and added up."""
    if isinstance(g, Tensor):
        chosen = np.stack(list(_firsts(z.data, x.data, window, strides)), axis=3)
        chosen = chosen.reshape(*z.shape[:3], *window, z.shape[3])
        wide = reshape(g, (*g.shape[:3], 1, 1, g.shape[3]))
        return fold(where(chosen, wide, 0), x.shape, 1, strides)
    dx = np.zeros_like(x)
    chosen = _firsts(z, x, window, strides)
    for place, here in zip(_places(x.shape, window, strides), chosen, strict=True):
        dx[place] += g * here
    return dx


def _firsts(z, x, window, strides):
    """For each place in a window, where the first of the greatest is there."""
    free = np.ones(z.shape, bool)
    for place in _places(x.shape, window, strides):
        here = x[place] == z
        here &= free
        free ^= here
        yield here
