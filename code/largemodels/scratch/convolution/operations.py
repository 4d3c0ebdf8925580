"""Convolution, pooling and batch norm, as functions of images."""

import numpy as np

from largemodels import checks, geometry
from largemodels.scratch.convolution.correlation import correlate
from largemodels.scratch.engine import Tensor, primitive
from largemodels.scratch.fused import scale_and_shift
from largemodels.scratch.ops import (
    pad,
    reduce_mean,
    reduce_var,
    sliding_windows,
    sqrt,
)
from largemodels.scratch.windows import greatest


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """z[p, q, o] = b[o] + sum_{i, j, c} x[s p + d i, s q + d j, c] w[i, j, c, o].

    x: (B, height, width, C); weight: w, (k_h, k_w, C / groups, outputs); bias: b,
    (outputs,), or None; z: (B, height', width', outputs), where height' is
    (height + padding - d (k_h - 1) - 1) // s + 1.

    stride, dilation: s and d, one integer or two. padding: one, or two, on either
    side, "valid" or "same" (geometry.borders). groups: channels in and out are split
    into so many, each of which sees only its own; as many as C is depthwise. Raises
    ValueError or TypeError where something does not fit.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document
    recognition", section II.A. As everywhere in this trade the window is not turned
    over: mathematics calls it cross-correlation.
    """
    strides, added, dilations = geometry.convolution(
        x.shape, weight.shape, stride, padding, dilation, groups
    )
    checks.same_dtype("the images", x.dtype, "the weight", weight.dtype)
    z = correlate(_pad(x, added), weight, strides, dilations, groups)
    return z if bias is None else z + bias


def _pad(x, added, value=0.0):
    if not any(map(any, added)):
        return x
    return pad(x, ((0, 0), *added, (0, 0)), value=value)


def max_pool2d(x, size, stride=None, padding=0):
    """The greatest number of each window, channel by channel.

    x: (B, height, width, C); z: (B, height', width', C). size, stride: one integer or
    two; stride None is size. padding: as in conv2d, at most half a window; it is never
    the greatest. Of equal numbers the first, row by row, gets the whole derivative.
    Raises ValueError or TypeError where something does not fit.
    """
    window, strides, added = geometry.windows(
        geometry.images(x.shape), size, stride, padding
    )
    return greatest(_pad(x, added, -np.inf), window, strides)


def average_pool2d(x, size, stride=None, padding=0):
    """The mean of each window, channel by channel; padding does not count.

    x: (B, height, width, C); z: (B, height', width', C). Arguments, and what is
    raised, as in `max_pool2d`.

    Differs: torch counts padding as zeros unless count_include_pad=False.
    """
    height, width = geometry.images(x.shape)
    window, strides, added = geometry.windows((height, width), size, stride, padding)

    def mean(x):
        return reduce_mean(sliding_windows(_pad(x, added), window, 1, strides), (3, 4))

    if not any(map(any, added)):
        return mean(x)
    return mean(x) / mean(np.ones((1, height, width, 1), x.dtype))


def global_average_pool2d(x):
    """The mean of each channel over the whole image: (B, height, width, C) -> (B, C).

    Source: Lin, Chen and Yan 2014, "Network in network", arXiv 1312.4400, section 3.2.
    """
    geometry.images(x.shape)
    return reduce_mean(x, (1, 2))


def batch_norm(x, weight, bias, statistics=None, eps=1e-5):
    """z = (x - m) / sqrt(v + eps) * weight + bias, channel by channel.

    x: (..., C); weight, bias: (C,); statistics: m and v, (C,) each, which are then
    constants; None: the mean of x over all axes but the last, and the mean of
    (x - m)^2, through which gradients go. z has the shape of x. Raises ValueError where
    x has another number of channels.

    Source: Ioffe and Szegedy 2015, "Batch normalization", arXiv 1502.03167,
    algorithm 1.
    Differs: eps is 1e-5 in torch and 1e-3 in Keras.
    """
    checks.last_axis("the input", x.shape, weight.shape[0])
    if statistics is None:
        return scale_and_shift(_standardize(x, eps), weight, bias)
    mean, variance = statistics
    slope = weight / np.sqrt(variance + x.dtype.type(eps))
    return scale_and_shift(x, slope, bias - mean * slope)


def _standardize_vjp(g, z, x, eps):
    """(g - mean(g) - z mean(g z)) / sqrt(v + eps), means over all axes but the last."""
    axes = tuple(range(x.ndim - 1))
    if isinstance(g, Tensor):
        inner = g - reduce_mean(g, axes) - z * reduce_mean(g * z, axes)
        return inner / sqrt(reduce_var(x, axes) + eps)
    _, variance = channel_statistics(x)
    along = np.einsum("nc,nc->c", *(a.reshape(-1, x.shape[-1]) for a in (g, z)))
    n = x.size // x.shape[-1]
    dx = z * (along / -n)
    dx += g
    dx -= g.mean(axes)
    dx /= np.sqrt(variance + x.dtype.type(eps))
    return dx


@primitive(_standardize_vjp)
def _standardize(x, eps):
    """z = (x - m) / sqrt(v + eps), m and v over all axes but the last."""
    mean, variance = channel_statistics(x)
    z = x - mean
    z /= np.sqrt(variance + x.dtype.type(eps))
    return z


def channel_statistics(x):
    """The mean of each channel of an array, and the mean square distance from it."""
    rows = x.reshape(-1, x.shape[-1])
    mean = rows.mean(0)
    centered = rows - mean
    return mean, np.einsum("nc,nc->c", centered, centered) / x.dtype.type(len(rows))
