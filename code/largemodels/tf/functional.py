"""Activations, softmax and norms, written out in TensorFlow's primitives.

All work elementwise or along one axis, and stay finite for finite input of any size,
and so do their gradients.
"""

import math

import tensorflow as tf

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
    """z = max(x, 0), with derivative 0 at 0, where tf.maximum would give it 1.

    Source: Nair and Hinton 2010, "Rectified linear units improve restricted Boltzmann
    machines", ICML.
    """
    return tf.nn.relu(x)


def tanh(x):
    """z = (e^x - e^-x) / (e^x + e^-x)."""
    return tf.tanh(x)


def softplus(x):
    """z = ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), which never overflows.

    With |x| = max(x, -x) the slope at 0 is 1/2, however ties share their derivative.

    Source: Dugas et al. 2000, "Incorporating second-order functional knowledge for
    better option pricing", NIPS 13.
    """
    return tf.maximum(x, 0) + tf.math.log1p(tf.exp(-tf.maximum(x, -x)))


def sigmoid(x):
    """z = 1 / (1 + e^-x), as e^-softplus(-x), which never overflows."""
    return tf.exp(-softplus(-x))


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
    Differs: torch and Keras have the exact form as default; tf.nn.gelu rounds its
    constants to float32, which shows in float64.
    """
    if approximate:
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return x / 2 * (1 + tanh(inner))
    return x / 2 * (1 + tf.math.erf(x / math.sqrt(2)))


def softmax(x, axis=-1):
    """p_i = e^(x_i - m) / sum_j e^(x_j - m) along an axis, m = max_j x_j.

    x: (..., K, ...); p: the same shape, sums to 1 along the axis. m cancels, so that
    no gradient need go through it. Raises TypeError where x is not floating-point.

    Source: Blanchard, Higham and Higham 2021, "Accurately computing the log-sum-exp
    and softmax functions", doi 10.1093/imanum/draa038.
    """
    checks.floating("the input of softmax", x.dtype)
    e = tf.exp(x - tf.stop_gradient(tf.reduce_max(x, axis, keepdims=True)))
    return e / tf.reduce_sum(e, axis, keepdims=True)


def logsumexp(x, axis=-1, keepdims=False):
    """z = m + ln sum_j e^(x_j - m) along an axis, m = max_j x_j.

    x: (..., K, ...); z: without the axis, or with size 1 there where keepdims. Raises
    TypeError where x is not floating-point.

    Source: Blanchard, Higham and Higham 2021, doi 10.1093/imanum/draa038.
    """
    checks.floating("the input of logsumexp", x.dtype)
    m = tf.stop_gradient(tf.reduce_max(x, axis, keepdims=True))
    z = m + tf.math.log(tf.reduce_sum(tf.exp(x - m), axis, keepdims=True))
    return z if keepdims else tf.squeeze(z, axis)


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
    centered = x - tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(centered**2, -1, keepdims=True)
    z = centered * tf.math.rsqrt(variance + eps) * weight
    return z if bias is None else z + bias


def rms_norm(x, weight, eps=1e-5):
    """z = x / sqrt(r + eps) * weight, r the mean of x^2 over the last axis.

    x: (..., D); weight: (D,); z: (..., D). Raises ValueError where the widths differ.

    Source: Zhang and Sennrich 2019, "Root mean square layer normalization",
    arXiv 1910.07467, eq. 4.
    Differs: torch.nn.functional.rms_norm takes the machine's epsilon where eps is None.
    """
    checks.last_axis("the input", x.shape, weight.shape[0])
    square = tf.reduce_mean(x**2, -1, keepdims=True)
    return x * tf.math.rsqrt(square + eps) * weight


ACTIVATIONS = {
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "softplus": softplus,
    "gelu": gelu,
    "silu": silu,
}
