"""Activations, softmax and norms, each with its derivative beside it.

All take tensors or arrays, work elementwise or along one axis, and stay finite for
finite input of any size. In a derivative, g is the gradient of the result.
"""

import math

import numpy as np
from scipy import special

from largemodels import checks
from largemodels.scratch.engine import Tensor, primitive
from largemodels.scratch.fused import (
    blockwise,
    rescale,
    scale_and_shift,
    standardize,
)
from largemodels.scratch.ops import erf, exp, reduce_sum, spread, tanh

__all__ = [
    "ACTIVATIONS",
    "gelu",
    "layer_norm",
    "log_softmax",
    "logsumexp",
    "relu",
    "rms_norm",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]


@primitive(lambda g, z, x: g * (x > 0))
def relu(x):
    """z = max(x, 0), with derivative 0 at 0.

    Source: Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann
    machines", ICML.
    """
    return np.maximum(x, 0)


@primitive(lambda g, z, x: g * sigmoid(x))
def softplus(x):
    """z = ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), which never overflows.

    Source: Dugas et al. 2000, "Incorporating second-order functional knowledge for
    better option pricing", NIPS 13.
    Differs: torch gives x itself above x = 20, which is 2e-9 off there.
    """
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@primitive(lambda g, z, x: g * z * (1 - z))
def sigmoid(x):
    """z = 1 / (1 + e^-x), as e^-softplus(-x), which never overflows."""
    return np.exp(-softplus(-x))


@primitive(lambda g, z, x: g * (z + sigmoid(x) * (1 - z)))
def silu(x):
    """z = x sigmoid(x), also called swish.

    Source: Hendrycks and Gimpel 2016, "Gaussian error linear units", arXiv 1606.08415.
    """
    return x * sigmoid(x)


def _gelu_vjp(g, z, x, approximate=True):
    if approximate and not isinstance(g, Tensor):
        return blockwise(_gelu_backward, x, g)
    return g * _gelu_slope(x, approximate)


@primitive(_gelu_vjp)
def gelu(x, approximate=True):
    """z = x Phi(x), Phi the distribution function of the standard normal.

    approximate=True   x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
    approximate=False  x/2 (1 + erf(x / sqrt(2)))

    Source: Hendrycks and Gimpel 2016, "Gaussian error linear units", arXiv 1606.08415.
    Differs: torch and Keras have the exact form as default.
    """
    if approximate:
        return blockwise(_gelu_forward, x)
    return x / 2 * (1 + special.erf(x / math.sqrt(2)))


GELU_1 = math.sqrt(2 / math.pi)  # the inner function is GELU_1 x + GELU_3 x^3
GELU_3 = GELU_1 * 0.044715


def _gelu_forward(z, x):
    """x/2 (1 + tanh(inner)), in place."""
    np.multiply(x, x, out=z)
    z *= GELU_3
    z += GELU_1
    z *= x
    np.tanh(z, out=z)
    z += 1
    z *= x
    z *= 0.5


def _gelu_backward(z, x, g):
    """g times _gelu_slope, in place."""
    square = x * x
    t = square * GELU_3
    t += GELU_1
    t *= x
    np.tanh(t, out=t)
    square *= 3 * GELU_3
    square += GELU_1
    square *= x
    np.multiply(t, t, out=z)
    np.subtract(1, z, out=z)
    z *= square
    z += t
    z += 1
    z *= g
    z *= 0.5


def _gelu_slope(x, approximate):
    if approximate:
        t = tanh((GELU_1 + GELU_3 * x * x) * x)
        inner_slope = GELU_1 + 3 * GELU_3 * x * x
        return (1 + t) / 2 + x / 2 * (1 - t * t) * inner_slope
    density = exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return (1 + erf(x / math.sqrt(2))) / 2 + x * density


@primitive(lambda g, p, x, axis=-1: p * (g - reduce_sum(g * p, axis, keepdims=True)))
def softmax(x, axis=-1):
    """p_i = e^(x_i - m) / sum_j e^(x_j - m) along an axis, m = max_j x_j.

    x: (..., K, ...); p: the same shape, sums to 1 along the axis, or is empty as x is.
    Raises TypeError where x is not floating-point.

    Source: Blanchard, Higham and Higham 2021, "Accurately computing the log-sum-exp
    and softmax functions", doi 10.1093/imanum/draa038.
    """
    checks.floating("the input of softmax", x.dtype)
    e = np.exp(x - np.max(x, axis, keepdims=True, initial=-np.inf))  # K may be 0
    return e / np.sum(e, axis, keepdims=True)


@primitive(
    lambda g, z, x, axis=-1, keepdims=False: spread(g, x, axis) * softmax(x, axis)
)
def logsumexp(x, axis=-1, keepdims=False):
    """z = m + ln sum_j e^(x_j - m) along an axis, m = max_j x_j.

    x: (..., K, ...); z: without the axis, or with size 1 there where keepdims; -inf
    where K is 0. Raises TypeError where x is not floating-point.

    Source: Blanchard, Higham and Higham 2021, doi 10.1093/imanum/draa038.
    """
    checks.floating("the input of logsumexp", x.dtype)
    m = np.max(x, axis, keepdims=True, initial=-np.inf)
    with np.errstate(divide="ignore"):  # ln 0, where K is 0
        z = m + np.log(np.sum(np.exp(x - m), axis, keepdims=True))
    return z if keepdims else np.squeeze(z, axis)


def log_softmax(x, axis=-1):
    """ln softmax(x) = x - logsumexp(x) along an axis, finite where softmax is 0."""
    return x - logsumexp(x, axis, keepdims=True)


def layer_norm(x, weight, bias=None, eps=1e-5):
    """z = (x - m) / sqrt(s + eps) * weight + bias, m and s mean and variance of x.

    Over the last axis: x: (..., D); weight: (D,); bias: (D,), or None; z: (..., D). The
    variance is the mean of (x - m)^2. Raises ValueError where the widths differ.

    Source: Ba, Kiros and Hinton 2016, "Layer normalization", arXiv 1607.06450, eq. 4.
    Differs: the paper has no eps; that of keras.layers.LayerNormalization is 1e-3.
    """
    checks.last_axis("the input", x.shape, weight.shape[0])
    return scale_and_shift(standardize(x, eps), weight, bias)


def rms_norm(x, weight, eps=1e-5):
    """z = x / sqrt(r + eps) * weight, r the mean of x^2 over the last axis.

    x: (..., D); weight: (D,); z: (..., D). Raises ValueError where the widths differ.

    Source: Zhang and Sennrich 2019, "Root mean square layer normalization",
    arXiv 1910.07467, eq. 4.
    Differs: torch.nn.functional.rms_norm takes the machine's epsilon where eps is None.
    """
    checks.last_axis("the input", x.shape, weight.shape[0])
    return scale_and_shift(rescale(x, eps), weight, None)


ACTIVATIONS = {
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "softplus": softplus,
    "gelu": gelu,
    "silu": silu,
}
