"""Operations along axes: sums, means, extremes, products, and running sums.

An axis is one, a tuple of several, or None for all. In every vjp, g is the gradient of
the result z.
"""

import math

import numpy as np

from largemodels.scratch.engine import Tensor, primitive
from largemodels.scratch.movement import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    getitem,
    reshape,
)


@primitive(lambda g, z, x, axis=None, keepdims=False: spread(g, x, axis))
def reduce_sum(x, axis=None, keepdims=False):
    """z = the sum over an axis."""
    return np.sum(x, axis=axis, keepdims=keepdims)


@primitive(
    lambda g, z, x, axis=None, keepdims=False: (
        spread(g, x, axis) * (1 / _count(x, axis))
    )
)
def reduce_mean(x, axis=None, keepdims=False):
    """z = the mean over an axis."""
    return np.mean(x, axis=axis, keepdims=keepdims)


@primitive(
    lambda g, z, x, axis=None, keepdims=False, correction=0: (
        spread(g, x, axis)
        * (x - reduce_mean(x, axis, keepdims=True))
        * (2 / (_count(x, axis) - correction))
    )
)
def reduce_var(x, axis=None, keepdims=False, correction=0):
    """z = sum (x - mean)^2 / (n - correction) over an axis of n numbers."""
    return np.var(x, axis=axis, keepdims=keepdims, ddof=correction)


@primitive(lambda g, z, x, axis=None, keepdims=False: _to_extremes(g, z, x, axis))
def reduce_max(x, axis=None, keepdims=False):
    """z = the greatest over an axis; equal ones share the derivative equally."""
    return np.max(x, axis=axis, keepdims=keepdims)


@primitive(lambda g, z, x, axis=None, keepdims=False: _to_extremes(g, z, x, axis))
def reduce_min(x, axis=None, keepdims=False):
    """z = the smallest over an axis; equal ones share the derivative equally."""
    return np.min(x, axis=axis, keepdims=keepdims)


def argmax(x, axis=None, keepdims=False):
    """The place of the greatest along one axis, as an array: it has no derivative."""
    return np.argmax(x.data if isinstance(x, Tensor) else x, axis, keepdims=keepdims)


def prod(x, axis=None, keepdims=False):
    """z = the product over one axis, or of all: the derivative at 0 is right too.

    Halves are multiplied with one another until one number is left, so that nothing
    is ever divided.
    """
    if axis is None:
        return prod(reshape(x, (-1,)), 0, keepdims).reshape((1,) * x.ndim * keepdims)
    axis %= x.ndim
    before = (slice(None),) * axis
    if x.shape[axis] == 0:
        one = np.ones((*x.shape[:axis], 1, *x.shape[axis + 1 :]), x.dtype)
        x = concatenate(x, one, axis=axis)
    while (n := x.shape[axis]) > 1:
        half, rest = n // 2, getitem(x, (*before, slice(n // 2 * 2, n)))
        x = getitem(x, (*before, slice(half))) * getitem(
            x, (*before, slice(half, 2 * half))
        )
        x = concatenate(x, rest, axis=axis) if n % 2 else x
    z = getitem(x, (*before, 0))
    return expand_dims(z, axis) if keepdims else z


@primitive(lambda g, z, x, axis: flip(cumsum(flip(g, axis), axis), axis))
def cumsum(x, axis):
    """z_i = x_1 + ... + x_i along one axis."""
    return np.cumsum(x, axis)


def spread(g, x, axis):
    """What a reduction of x over an axis left, stretched to the shape of x again."""
    if axis is None:
        kept = (1,) * x.ndim
    else:
        axes = _axes(x, axis)
        kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    return broadcast_to(reshape(g, kept), x.shape)


def _axes(x, axis):
    """The numbers of the axes that are reduced, counted from the front."""
    if axis is None:
        return range(x.ndim)
    return [i % x.ndim for i in (axis if isinstance(axis, tuple) else (axis,))]


def _count(x, axis):
    """How many numbers of x make one of the result."""
    return max(1, math.prod(x.shape[i] for i in _axes(x, axis)))


def _to_extremes(g, z, x, axis):
    """g at each winner along the axis, divided by how many they are; 0 elsewhere."""
    winners = x == spread(z, x, axis)
    axes = tuple(_axes(x, axis))
    share = winners / np.sum(winners, axis=axes, keepdims=True)
    return spread(g, x, axis) * share.astype(x.dtype)
