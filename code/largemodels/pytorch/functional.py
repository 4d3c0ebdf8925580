"""Activations, softmax and norms, written out in PyTorch's primitives.

All work elementwise or along one axis, and stay finite for finite input of any size,
and so do their gradients. What a model computes often, it computes with KERNELS.
"""

import functools
import math

import torch
from torch.nn import functional as F

from largemodels import checks

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


def relu(x):
    """z = max(x, 0), with derivative 0 at 0, where torch.maximum would give it 1/2.

    Source: Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann
    machines", ICML.
    """
    return torch.relu(x)


def tanh(x):
    """z = (e^x - e^-x) / (e^x + e^-x)."""
    return torch.tanh(x)


def softplus(x):
    """z = ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), which never overflows.

    With |x| = max(x, -x) the slope at 0 is 1/2, however ties share their derivative.

    Source: Dugas et al. 2000, "Incorporating second-order functional knowledge for
    better option pricing", NIPS 13.
    Differs: torch gives x itself above x = 20, which is 2e-9 off there.
    """
    greater = torch.maximum(x, torch.zeros_like(x))
    return greater + torch.log1p(torch.exp(-torch.maximum(x, -x)))


def sigmoid(x):
    """z = 1 / (1 + e^-x), as e^-softplus(-x), which never overflows."""
    return torch.exp(-softplus(-x))


def silu(x):
    """z = x sigmoid(x), also called swish.

    Source: Hendrycks and Gimpel 2016, "Gaussian error linear units", arXiv 1606.08415.
    """
    return x * sigmoid(x)


def gelu(x, approximate=True):
    """z = x Phi(x), Phi the distribution function of the standard normal.

    approximate=True   x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
    approximate=False  x/2 (1 + erf(x / sqrt(2)))

    Source: Hendrycks and Gimpel 2016, "Gaussian error linear units", arXiv 1606.08415.
    Differs: torch and Keras have the exact form as default.
    """
    if approximate:
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return x / 2 * (1 + tanh(inner))
    return x / 2 * (1 + torch.erf(x / math.sqrt(2)))


def softmax(x, axis=-1):
    """p_i = e^(x_i - m) / sum_j e^(x_j - m) along an axis, m = max_j x_j.

    x: (..., K, ...); p: the same shape, sums to 1 along the axis. m cancels, so that
    no gradient need go through it. Raises TypeError where x is not floating-point.

    Source: Blanchard, Higham and Higham 2021, "Accurately computing the log-sum-exp
    and softmax functions", doi 10.1093/imanum/draa038.
    """
    checks.floating("the input of softmax", x.dtype)
    e = torch.exp(x - x.detach().amax(axis, keepdim=True))
    return e / e.sum(axis, keepdim=True)


def logsumexp(x, axis=-1, keepdims=False):
    """z = m + ln sum_j e^(x_j - m) along an axis, m = max_j x_j.

    x: (..., K, ...); z: without the axis, or with size 1 there where keepdims. Raises
    TypeError where x is not floating-point.

    Source: Blanchard, Higham and Higham 2021, doi 10.1093/imanum/draa038.
    """
    checks.floating("the input of logsumexp", x.dtype)
    m = x.detach().amax(axis, keepdim=True)
    z = m + torch.log(torch.exp(x - m).sum(axis, keepdim=True))
    return z if keepdims else z.squeeze(axis)


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
    centered = x - x.mean(-1, keepdim=True)
    z = centered / torch.sqrt((centered**2).mean(-1, keepdim=True) + eps) * weight
    return z if bias is None else z + bias


def rms_norm(x, weight, eps=1e-5):
    """z = x / sqrt(r + eps) * weight, r the mean of x^2 over the last axis.

    x: (..., D); weight: (D,); z: (..., D). Raises ValueError where the widths differ.

    Source: Zhang and Sennrich 2019, "Root mean square layer normalization",
    arXiv 1910.07467, eq. 4.
    Differs: torch.nn.functional.rms_norm takes the machine's epsilon where eps is None.
    """
    checks.last_axis("the input", x.shape, weight.shape[0])
    return x / torch.sqrt((x**2).mean(-1, keepdim=True) + eps) * weight


ACTIVATIONS = {
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "softplus": softplus,
    "gelu": gelu,
    "silu": silu,
}

# The same functions as one operation of PyTorch each: faster, and equal in the tests.
KERNELS = {
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": softplus,
    "gelu": functools.partial(F.gelu, approximate="tanh"),
    "silu": F.silu,
}
