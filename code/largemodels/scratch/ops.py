"""The primitive operations, each with its derivative beside it.

In every vjp, g is the gradient of the result z. Operations take tensors, arrays and
numbers, broadcast as NumPy does, and return an array where nothing is a tensor.
"""

import math
import operator

import numpy as np
from scipy import special

from largemodels.scratch.engine import Tensor, primitive

# --- Elementwise ---------------------------------------------------------------------


@primitive(lambda g, z, x, y: g, lambda g, z, x, y: g)
def add(x, y):
    """z = x + y."""
    return np.add(x, y)


@primitive(lambda g, z, x, y: g, lambda g, z, x, y: -g)
def subtract(x, y):
    """z = x - y."""
    return np.subtract(x, y)


@primitive(lambda g, z, x, y: g * y, lambda g, z, x, y: g * x)
def multiply(x, y):
    """z = x y."""
    return np.multiply(x, y)


@primitive(lambda g, z, x, y: g / y, lambda g, z, x, y: -g * z / y)
def divide(x, y):
    """z = x / y."""
    return np.divide(x, y)


@primitive(lambda g, z, x: -g)
def negative(x):
    """z = -x."""
    return np.negative(x)


@primitive(lambda g, z, x, p: g * p * x ** (p - 1) if p else g * 0)
def power(x, p):
    """z = x^p for a number p. (For a tensor p, write exp(p * log(x)).)"""
    if not isinstance(p, int | float | np.number):
        raise TypeError(f"the exponent must be a number, got {type(p).__name__}")
    return np.asarray(x) ** p


@primitive(lambda g, z, x: g * z)
def exp(x):
    """z = e^x."""
    return np.exp(x)


@primitive(lambda g, z, x: g / x)
def log(x):
    """z = ln x."""
    return np.log(x)


@primitive(lambda g, z, x: g / (2 * z))
def sqrt(x):
    """z = x^(1/2)."""
    return np.sqrt(x)


@primitive(lambda g, z, x: g * (1 - z * z))
def tanh(x):
    """z = (e^x - e^-x) / (e^x + e^-x)."""
    return np.tanh(x)


@primitive(lambda g, z, x: g * (2 / math.sqrt(math.pi)) * exp(-x * x))
def erf(x):
    """z = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x."""
    return special.erf(x)


@primitive(lambda g, z, x: g * sign(x))
def absolute(x):
    """z = |x|, with derivative 0 at 0."""
    return np.abs(x)


@primitive()
def sign(x):
    """z = -1, 0 or 1. A constant: its derivative is 0 wherever there is one."""
    return np.sign(x)


@primitive(
    lambda g, z, x, y: g * (x > y) + g * (x == y) / 2,
    lambda g, z, x, y: g * (y > x) + g * (x == y) / 2,
)
def maximum(x, y):
    """z = max(x, y); where the two are equal, each has half of the derivative."""
    return np.maximum(x, y)


@primitive(
    None,
    lambda g, z, condition, x, y: where(condition, g, 0),
    lambda g, z, condition, x, y: where(condition, 0, g),
)
def where(condition, x, y):
    """z = x where the condition (a Boolean array) is true, and y elsewhere."""
    return np.where(condition, x, y)


@primitive(lambda g, z, x, dtype: g)  # the engine casts it back
def astype(x, dtype):
    """The same numbers in another floating-point format."""
    return np.asarray(x).astype(dtype)


# --- Reductions: axis is one, a tuple of several, or None for all --------------------


@primitive(lambda g, z, x, axis=None, keepdims=False: spread(g, x, axis))
def reduce_sum(x, axis=None, keepdims=False):
    """z = the sum over an axis."""
    return np.sum(x, axis=axis, keepdims=keepdims)


@primitive(
    lambda g, z, x, axis=None, keepdims=False: spread(g, x, axis) * (z.size / x.size)
)
def reduce_mean(x, axis=None, keepdims=False):
    """z = the mean over an axis."""
    return np.mean(x, axis=axis, keepdims=keepdims)


@primitive(
    lambda g, z, x, axis=None, keepdims=False: (
        spread(g, x, axis) * _share(x == spread(z, x, axis), axis, x.dtype)
    )
)
def reduce_max(x, axis=None, keepdims=False):
    """z = the greatest over an axis; equal ones share the derivative equally."""
    return np.max(x, axis=axis, keepdims=keepdims)


def spread(g, x, axis):
    """What a reduction of x over an axis left, stretched to the shape of x again."""
    if axis is None:
        kept = (1,) * x.ndim
    else:
        axes = {i % x.ndim for i in np.atleast_1d(axis)}
        kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    return broadcast_to(reshape(g, kept), x.shape)


def _share(winners, axis, dtype):
    """1 / (number of winners along the axis) for each winner, 0 for the others."""
    return (winners / winners.sum(axis=axis, keepdims=True)).astype(dtype)


# --- Movement: numbers change places, gradients go back ------------------------------


@primitive(lambda g, z, x, shape: reshape(g, x.shape))
def reshape(x, shape):
    """The same numbers in the same order in another shape."""
    return np.reshape(x, shape)


@primitive(lambda g, z, x, axes: transpose(g, tuple(np.argsort(axes).tolist())))
def transpose(x, axes):
    """The axes in another order, as np.transpose takes it."""
    return np.transpose(x, axes)


def swapaxes(x, first, second):
    """Two axes exchanged."""
    axes = list(range(x.ndim))
    axes[first], axes[second] = axes[second], axes[first]
    return transpose(x, tuple(axes))


@primitive(lambda g, z, x, shape: g)  # the engine sums over what was stretched
def broadcast_to(x, shape):
    """x repeated along new axes and along axes of size 1."""
    return np.broadcast_to(x, shape)


@primitive(each=lambda i, g, z, *parts, axis=0: _part(i, g, parts, axis))
def concatenate(*parts, axis=0):
    """Arrays one after another along an axis."""
    return np.concatenate(parts, axis=axis)


def _part(i, g, parts, axis):
    """The stretch of g that came from the i-th part."""
    start = sum(part.shape[axis] for part in parts[:i])
    stretch = slice(start, start + parts[i].shape[axis])
    return getitem(g, (slice(None),) * (axis % g.ndim) + (stretch,))


# --- Indexing: what was taken gets its gradient back, summed if taken repeatedly -----


@primitive(lambda g, z, x, index: scatter(g, index, x.shape))
def getitem(x, index):
    """z = x[index], for any index of slices, integers and arrays."""
    return np.asarray(x)[index]


@primitive(lambda g, z, x, index, shape: getitem(g, index))
def scatter(x, index, shape):
    """z = zeros of a shape with x added at an index, repeatedly where it repeats."""
    z = np.zeros(shape, dtype=np.asarray(x).dtype)
    np.add.at(z, index, x)
    return z


def take(x, indices, axis=0):
    """The slices of x with these numbers along an axis, say rows of a table."""
    return getitem(x, (slice(None),) * (axis % x.ndim) + (indices,))


# --- Products of matrices ------------------------------------------------------------


def matmul(x, y):
    """z = x y: (..., n, m) times (..., m, k) gives (..., n, k); a vector is (m,).

    Raises ValueError where the shapes do not fit.
    """
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError(f"@ needs at least one axis, got {x.shape} and {y.shape}")
    if y.ndim == 1:
        return getitem(matmul(x, reshape(y, (-1, 1))), (..., 0))
    if x.ndim == 1:
        return getitem(matmul(reshape(x, (1, -1)), y), (..., 0, slice(None)))
    return product(x, y)


@primitive(
    lambda g, z, x, y: product(g, swapaxes(y, -1, -2)),
    lambda g, z, x, y: _transposed_product(x, g, y.ndim),
)
def product(x, y):
    """z = x y for matrices, stacked along the axes before the last two."""
    return np.matmul(x, y)


def _transposed_product(x, g, ndim):
    """x^T g; where one matrix met a stack, one product over the rows of all."""
    if ndim == 2 and x.ndim > 2:
        x, g = reshape(x, (-1, x.shape[-1])), reshape(g, (-1, g.shape[-1]))
    return product(swapaxes(x, -1, -2), g)


# --- Python's operators and the methods of tensors -----------------------------------

for _name, _operation in {
    "add": add,
    "sub": subtract,
    "mul": multiply,
    "truediv": divide,
    "matmul": matmul,
}.items():
    setattr(Tensor, f"__{_name}__", _operation)
    setattr(Tensor, f"__r{_name}__", lambda y, x, f=_operation: f(x, y))


def _compare(symbol):
    """A comparison has no derivative and gives a Boolean array."""
    return lambda x, y: symbol(x.data, y.data if isinstance(y, Tensor) else y)


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", _compare(getattr(operator, _name)))

Tensor.__hash__ = object.__hash__
Tensor.__neg__ = negative
Tensor.__pow__ = power
Tensor.__abs__ = absolute
Tensor.__getitem__ = getitem
Tensor.sum, Tensor.mean, Tensor.max = reduce_sum, reduce_mean, reduce_max
Tensor.reshape, Tensor.astype, Tensor.swapaxes = reshape, astype, swapaxes
Tensor.T = property(lambda x: transpose(x, tuple(range(x.ndim))[::-1]))
