"""Convolution, pooling and batch norm, as functions of images."""

import math

import torch
from torch.nn import functional as F

from largemodels import checks, geometry


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """z[o, p, q] = b[o] + sum_{c, i, j} x[c, s p + d i, s q + d j] w[o, c, i, j].

    x: (B, C, height, width); weight: w, (outputs, C / groups, k_h, k_w); bias: b,
    (outputs,), or None; z: (B, outputs, height', width'), where height' is
    (height + padding - d (k_h - 1) - 1) // s + 1.

    stride, dilation: s and d, one integer or two. padding: one, or two, on either
    side, "valid" or "same" (geometry.borders). groups: channels in and out are split
    into so many, each of which sees only its own; as many as C is depthwise. Raises
    ValueError or TypeError where something does not fit; torch refuses another dtype.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document
    recognition", section II.A. As everywhere in this trade the window is not turned
    over: mathematics calls it cross-correlation.
    Differs: torch.nn.functional.conv2d has "same" only where the stride is 1.
    """
    c_out, c_in, *window = weight.shape
    strides, added, dilations = geometry.convolution(
        _last(x.shape), (*window, c_in, c_out), stride, padding, dilation, groups
    )
    if all(before == after for before, after in added):
        sides = [before for before, _ in added]
        return F.conv2d(x, weight, bias, strides, sides, dilations, groups)
    return F.conv2d(_pad(x, added), weight, bias, strides, 0, dilations, groups)


def _last(shape):
    """The shape of images in the order of the other wings, channels last."""
    shape = tuple(shape)
    return (shape[0], *shape[2:], shape[1]) if len(shape) == 4 else shape


def _pad(x, added, value=0.0):
    if not any(map(any, added)):
        return x
    (top, bottom), (left, right) = added
    return F.pad(x, (left, right, top, bottom), value=value)


def max_pool2d(x, size, stride=None, padding=0):
    """The greatest number of each window, channel by channel.

    x: (B, C, height, width); z: (B, C, height', width'). size, stride: one integer or
    two; stride None is size. padding: as in conv2d, at most half a window; it is never
    the greatest. Of equal numbers the first, row by row, gets the whole derivative.
    Raises ValueError or TypeError where something does not fit.
    """
    window, strides, added = _windows(x, size, stride, padding)
    return F.max_pool2d(_pad(x, added, -math.inf), window, strides)


def _windows(x, size, stride, padding):
    return geometry.windows(geometry.images(_last(x.shape)), size, stride, padding)


def average_pool2d(x, size, stride=None, padding=0):
    """The mean of each window, channel by channel; padding does not count.

    x: (B, C, height, width); z: (B, C, height', width'). Arguments, and what is
    raised, as in `max_pool2d`.

    Differs: torch counts padding as zeros unless count_include_pad=False.
    """
    window, strides, added = _windows(x, size, stride, padding)
    mean = F.avg_pool2d(_pad(x, added), window, strides)
    if not any(map(any, added)):
        return mean
    ones = torch.ones_like(x[:1, :1])
    return mean / F.avg_pool2d(_pad(ones, added), window, strides)


def global_average_pool2d(x):
    """The mean of each channel over the whole image: (B, C, height, width) -> (B, C).

    Source: Lin, Chen and Yan 2014, "Network in network", arXiv 1312.4400, section 3.2.
    """
    geometry.images(_last(x.shape))
    return x.mean((2, 3))


def batch_norm(x, weight, bias, statistics=None, eps=1e-5):
    """z = (x - m) / sqrt(v + eps) * weight + bias, channel by channel.

    x: (B, C, ...); weight, bias: (C,); statistics: m and v, (C,) each; None: the mean
    of x over all axes but the second, and the mean of (x - m)^2, through which
    gradients go. z has the shape of x. Raises ValueError where x has another number of
    channels.

    Source: Ioffe and Szegedy 2015, "Batch normalization", arXiv 1502.03167,
    algorithm 1.
    Differs: eps is 1e-5 in torch and 1e-3 in Keras.
    """
    checks.last_axis("the channels", x.shape[1:2], weight.shape[0])
    mean, variance = channel_statistics(x) if statistics is None else statistics
    along = (-1, *[1] * (x.ndim - 2))
    slope = weight / torch.sqrt(variance + eps)
    return (x - mean.view(along)) * slope.view(along) + bias.view(along)


def channel_statistics(x):
    """The mean of each channel, and the mean square distance from it."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, keepdim=True)
    centered = x - mean
    return mean.flatten(), (centered * centered).mean(axes)
