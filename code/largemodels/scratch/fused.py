"""Operations that do in one step what others would do in many, to save time and memory.

Each equals its composed form, in value and derivatives. On arrays a derivative works in
place, in few passes over memory; on tensors it is written in operations, so that it can
be differentiated again.
"""

import math

import numpy as np

from largemodels.scratch.engine import Tensor, primitive
from largemodels.scratch.movement import rows
from largemodels.scratch.ops import (
    product,
    reduce_mean,
    reduce_sum,
    scatter,
    sqrt,
    swapaxes,
)

BLOCK = 16384  # elements: what a chain of operations works on stays in the cache


def blockwise(function, *arrays):
    """function(out, *arrays), which fills out elementwise, a block at a time."""
    out = np.empty(arrays[0].shape, arrays[0].dtype)
    flat = out.reshape(-1), *(a.reshape(-1) for a in arrays)
    for i in range(0, out.size, BLOCK):
        function(*(a[i : i + BLOCK] for a in flat))
    return out


@primitive(
    lambda g, z, x, weight, bias: product(g, swapaxes(weight, -1, -2)),
    lambda g, z, x, weight, bias: product(swapaxes(rows(x), -1, -2), rows(g)),
    lambda g, z, x, weight, bias: reduce_sum(rows(g), 0),
)
def linear(x, weight, bias):
    """z = x W + b for x (..., n), W (n, m) and b (m,), or None."""
    z = np.matmul(rows(x), weight)
    if bias is not None:
        z += bias
    return z.reshape(*x.shape[:-1], weight.shape[1])


def _standardize_vjp(g, z, x, eps):
    """(g - mean(g) - z mean(g z)) / s, where s is what x - mean(x) was divided by."""
    if isinstance(g, Tensor):
        centered = x - reduce_mean(x, -1, keepdims=True)
        s = sqrt(reduce_mean(centered * centered, -1, keepdims=True) + eps)
        along = reduce_mean(g * z, -1, keepdims=True)
        return (g - reduce_mean(g, -1, keepdims=True) - z * along) / s
    centered = x - _mean(x)
    s = np.sqrt(_mean_product(centered, centered) + eps)
    dx = np.multiply(z, _mean_product(g, z), out=centered)
    np.subtract(g, dx, out=dx)
    dx -= _mean(g)
    dx /= s
    return dx


@primitive(_standardize_vjp)
def standardize(x, eps):
    """z = (x - m) / sqrt(mean((x - m)^2) + eps), m = mean(x), over the last axis."""
    z = x - _mean(x)
    z /= np.sqrt(_mean_product(z, z) + eps)
    return z


def _rescale_vjp(g, z, x, eps):
    """(g - z mean(g z)) / s, where s is what x was divided by."""
    if isinstance(g, Tensor):
        s = sqrt(reduce_mean(x * x, -1, keepdims=True) + eps)
        return (g - z * reduce_mean(g * z, -1, keepdims=True)) / s
    dx = z * _mean_product(g, z)
    np.subtract(g, dx, out=dx)
    dx /= np.sqrt(_mean_product(x, x) + eps)
    return dx


@primitive(_rescale_vjp)
def rescale(x, eps):
    """z = x / sqrt(mean(x^2) + eps), over the last axis."""
    return x / np.sqrt(_mean_product(x, x) + eps)


@primitive(
    lambda g, z, x, weight, bias: g * weight,
    lambda g, z, x, weight, bias: _sum_product(g, x),
    lambda g, z, x, weight, bias: reduce_sum(rows(g), 0),
)
def scale_and_shift(x, weight, bias):
    """z = x weight + bias, by the last axis; bias may be None."""
    z = x * weight
    if bias is not None:
        z += bias
    return z


def _mean(x):
    return np.mean(x, -1, keepdims=True)


def _mean_product(x, y):
    """mean(x y) over the last axis, without x y in memory."""
    return np.einsum("...d,...d->...", x, y)[..., None] / x.dtype.type(x.shape[-1])


def _sum_product(g, x):
    """The sum of g x over all axes but the last."""
    if isinstance(g, Tensor):
        return reduce_sum(rows(g * x), 0)
    return np.einsum("rd,rd->d", rows(g), rows(x))


def _weights_vjp(g, p, q, k, mask):
    """dS = P (g - sum(g P)) / sqrt(H);   dq = dS k,   dk = dS^T q."""
    scale = 1 / math.sqrt(q.shape[-1])
    if isinstance(g, Tensor):
        scores = p * (g - reduce_sum(g * p, -1, keepdims=True)) * scale
    else:
        scores = g - np.einsum("...s,...s->...", g, p)[..., None]
        scores *= p
        scores *= p.dtype.type(scale)
    return product(scores, k), product(swapaxes(scores, -1, -2), q)


@primitive(joint=_weights_vjp)
def attention_weights(q, k, mask):
    """P = softmax(q k^T / sqrt(H)) over S, 0 where the mask is False, or not None.

    q: (..., T, H); k: (..., S, H); mask: (T, S) Booleans, True = may attend, or None; a
    row that may attend to nothing is all 0.
    """
    p = np.matmul(q, np.swapaxes(k, -1, -2))
    p *= p.dtype.type(1 / math.sqrt(q.shape[-1]))
    if mask is not None:
        np.copyto(p, -np.inf, where=~mask)
    most = p.max(-1, keepdims=True, initial=-np.inf)  # S may be 0
    if mask is not None:
        np.copyto(most, 0, where=most == -np.inf)
    p -= most
    np.exp(p, out=p)
    total = p.sum(-1, keepdims=True)
    if mask is not None:
        total += total == 0
    p /= total
    return p


@primitive(None, lambda g, z, ids, table: _gather_vjp(g, ids, table.shape))
def gather(ids, table):
    """z = table[ids], rows of a table; ids are integers of any shape."""
    return table[ids]


def _gather_vjp(g, ids, shape):
    """The sum of the gradients of all places where a row was taken."""
    if isinstance(g, Tensor):
        return scatter(g, ids, shape)
    order = np.argsort(ids, axis=None, kind="stable")
    taken, first = np.unique(ids.ravel()[order], return_index=True)
    total = np.zeros(shape, g.dtype)
    if taken.size:
        total[taken] = np.add.reduceat(rows(g)[order], first, axis=0)
    return total
