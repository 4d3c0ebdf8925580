"""Operations on each element, with broadcasting, and their derivatives.

In every vjp, g is the gradient of the result z.
"""

import math

import numpy as np
from scipy import special

from largemodels.scratch.engine import primitive


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


@primitive(lambda g, z, x: g * (z + 1))
def expm1(x):
    """z = e^x - 1, with all its digits where x is small."""
    return np.expm1(x)


@primitive(lambda g, z, x: g / x)
def log(x):
    """z = ln x."""
    return np.log(x)


@primitive(lambda g, z, x: g / (1 + x))
def log1p(x):
    """z = ln(1 + x), with all its digits where x is small."""
    return np.log1p(x)


@primitive(lambda g, z, x: g / (2 * z))
def sqrt(x):
    """z = x^(1/2)."""
    return np.sqrt(x)


@primitive(lambda g, z, x: g * cos(x))
def sin(x):
    """z = sin x, x in radians."""
    return np.sin(x)


@primitive(lambda g, z, x: -g * sin(x))
def cos(x):
    """z = cos x, x in radians."""
    return np.cos(x)


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
    lambda g, z, x, y: g * (x < y) + g * (x == y) / 2,
    lambda g, z, x, y: g * (y < x) + g * (x == y) / 2,
)
def minimum(x, y):
    """z = min(x, y); where the two are equal, each has half of the derivative."""
    return np.minimum(x, y)


@primitive(lambda g, z, x, low, high: where(z == x, g, 0))
def clip(x, low, high):
    """z = min(max(x, low), high) for numbers, with derivative 1 on the bounds."""
    return np.clip(x, low, high)


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
