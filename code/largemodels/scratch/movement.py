"""Operations that move numbers: gradients go back to where the numbers came from.

In every vjp, g is the gradient of the result z. A number that was taken repeatedly
gets the sum.
"""

import math

import numpy as np

from largemodels.scratch.elementwise import where
from largemodels.scratch.engine import primitive

# --- Shape ---------------------------------------------------------------------------


@primitive(lambda g, z, x, shape: reshape(g, x.shape))
def reshape(x, shape):
    """The same numbers in the same order in another shape."""
    return np.reshape(x, shape)


def rows(x):
    """All axes but the last as one. (Where one is empty, -1 could be any number.)"""
    return reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))


def squeeze(x, axis):
    """Without an axis of size 1. Raises ValueError where it has another size."""
    if x.shape[axis] != 1:
        raise ValueError(f"the axis to squeeze must have size 1, got {x.shape[axis]}")
    axis %= x.ndim
    return reshape(x, x.shape[:axis] + x.shape[axis + 1 :])


def expand_dims(x, axis):
    """With a new axis of size 1, which has this number in the result."""
    axis %= x.ndim + 1
    return reshape(x, (*x.shape[:axis], 1, *x.shape[axis:]))


@primitive(lambda g, z, x, axes: transpose(g, _back(axes)))
def transpose(x, axes):
    """The axes in another order, as np.transpose takes it."""
    return np.transpose(x, axes)


def _back(axes):
    """The order that undoes an order of axes, some of them counted from the end."""
    return tuple(np.argsort([axis % len(axes) for axis in axes]).tolist())


def swapaxes(x, first, second):
    """Two axes exchanged."""
    axes = list(range(x.ndim))
    axes[first], axes[second] = axes[second], axes[first]
    return transpose(x, tuple(axes))


@primitive(lambda g, z, x, axis: flip(g, axis))
def flip(x, axis):
    """In the opposite order along an axis, or along each of several."""
    return np.flip(x, axis)


@primitive(lambda g, z, x, shape: g)  # the engine sums over what was stretched
def broadcast_to(x, shape):
    """x repeated along new axes and along axes of size 1."""
    return np.broadcast_to(x, shape)


# --- Together and apart --------------------------------------------------------------


@primitive(each=lambda i, g, z, *parts, axis=0: _part(i, g, parts, axis))
def concatenate(*parts, axis=0):
    """Arrays one after another along an axis."""
    return np.concatenate(parts, axis=axis)


def _part(i, g, parts, axis):
    """The stretch of g that came from the i-th part."""
    start = sum(part.shape[axis] for part in parts[:i])
    return _stretch(g, start, start + parts[i].shape[axis], axis)


def stack(*parts, axis=0):
    """Arrays of one shape beside one another along a new axis."""
    return concatenate(*(expand_dims(part, axis) for part in parts), axis=axis)


def split(x, sizes, axis=0):
    """Stretches of these sizes along an axis, in a list.

    sizes: as many integers as stretches, or one: the size of each. Raises ValueError
    where they do not add up to the axis.
    """
    n = x.shape[axis]
    if isinstance(sizes, int):
        sizes = (sizes,) * (n // sizes if sizes else 0)
    if sum(sizes) != n:
        raise ValueError(f"the sizes must add up to {n}, got {tuple(sizes)}")
    ends = np.cumsum(sizes).tolist()
    return [
        _stretch(x, end - size, end, axis)
        for size, end in zip(sizes, ends, strict=True)
    ]


def _stretch(x, start, stop, axis):
    return getitem(x, (slice(None),) * (axis % x.ndim) + (slice(start, stop),))


@primitive(
    lambda g, z, x, widths, value=0.0: getitem(
        g, tuple(slice(a, a + n) for (a, _), n in zip(widths, x.shape, strict=True))
    )
)
def pad(x, widths, value=0.0):
    """A border of one value: widths are a pair (before, after) for every axis."""
    return np.pad(x, widths, constant_values=value)


# --- Indexing ------------------------------------------------------------------------


@primitive(lambda g, z, x, index: scatter(g, index, x.shape))
def getitem(x, index):
    """z = x[index], for any index of slices, integers and arrays."""
    return np.asarray(x)[index]


@primitive(lambda g, z, x, index, shape: getitem(g, index))
def scatter(x, index, shape):
    """z = zeros of a shape with x added at an index, repeatedly where it repeats."""
    x = np.asarray(x)
    z = np.zeros(shape, x.dtype)
    places = _places(index, shape)
    if places is None:
        z[index] = x
    else:  # along one axis np.add.at is up to ten times as fast as along several
        np.add.at(z.reshape(-1), places.reshape(-1), x.reshape(-1))
    return z


def _places(index, shape):
    """The places in the flattened array that an index takes, where they may repeat.

    None where they cannot: without arrays of integers, each is taken once.
    """
    parts = index if isinstance(index, tuple) else (index,)
    kinds = [np.asarray(i).dtype.kind if _is_array(i) else "" for i in parts]
    if not {"i", "u"} & set(kinds):
        return None
    if set(kinds) - {"i", "u"} or len(parts) > len(shape):
        return np.arange(math.prod(shape)).reshape(shape)[index]
    leading, inner = shape[: len(parts)], math.prod(shape[len(parts) :])
    rows = 0  # the usual case, say rows of a table, without numbering all of it
    for i, n in zip(parts, leading, strict=True):
        rows = rows * n + np.asarray(i) % n
    return rows[..., None] * inner + np.arange(inner)


def _is_array(i):
    return isinstance(i, list | np.ndarray)


def take(x, indices, axis=0):
    """The slices of x with these numbers along an axis, say rows of a table."""
    return getitem(x, (slice(None),) * (axis % x.ndim) + (indices,))


def tril(x, k=0):
    """The lower triangle of matrices (..., n, m): 0 above the k-th diagonal."""
    return where(np.tri(*x.shape[-2:], k, dtype=bool), x, 0)


def triu(x, k=0):
    """The upper triangle of matrices (..., n, m): 0 below the k-th diagonal."""
    return where(np.tri(*x.shape[-2:], k - 1, dtype=bool), 0, x)
