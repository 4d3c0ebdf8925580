"""Convolution, pooling and batch norm, as functions of images."""

import math

import tensorflow as tf

from largemodels import checks, geometry


def conv2d(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """z[p, q, o] = b[o] + sum_{i, j, c} x[s p + d i, s q + d j, c] w[i, j, c, o].

    x: (B, height, width, C); weight: w, (k_h, k_w, C / groups, outputs); bias: b,
    (outputs,), or None; z: (B, height', width', outputs), where height' is
    (height + padding - d (k_h - 1) - 1) // s + 1.

    stride, dilation: s and d, one integer or two. padding: one, or two, on either
    side, "valid" or "same" (geometry.borders). groups: channels in and out are split
    into so many, each of which sees only its own; as many as C is depthwise. Raises
    ValueError or TypeError where something does not fit; TensorFlow refuses another
    dtype.

    Dilated windows are windows with zeros between their weights here, and groups
    convolutions one after another: TensorFlow has no derivative for either on a CPU.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document
    recognition", section II.A. As everywhere in this trade the window is not turned
    over: mathematics calls it cross-correlation.
    """
    strides, added, dilations = geometry.convolution(
        x.shape, weight.shape, stride, padding, dilation, groups
    )
    x, mode = _pad(x, added, padding)
    weight = _dilated(tf.convert_to_tensor(weight), dilations)
    if groups == 1:
        z = tf.nn.conv2d(x, weight, strides, mode)
    elif groups == x.shape[3] and strides[0] == strides[1]:
        weight = tf.reshape(weight, (*weight.shape[:2], groups, -1))
        z = tf.nn.depthwise_conv2d(x, weight, (1, *strides, 1), mode)
    else:
        pairs = zip(tf.split(x, groups, 3), tf.split(weight, groups, 3), strict=True)
        z = tf.concat([tf.nn.conv2d(a, w, strides, mode) for a, w in pairs], 3)
    return z if bias is None else z + bias


def _dilated(weight, dilations):
    """A window with zeros between its weights."""
    if dilations == (1, 1):
        return weight
    (k_h, k_w, *channels), (d_h, d_w) = weight.shape, dilations
    apart = tf.reshape(weight, (k_h, 1, k_w, 1, *channels))
    between = ((0, 0), (0, d_h - 1), (0, 0), (0, d_w - 1), (0, 0), (0, 0))
    wide = tf.reshape(tf.pad(apart, between), (k_h * d_h, k_w * d_w, *channels))
    return wide[: (k_h - 1) * d_h + 1, : (k_w - 1) * d_w + 1]


def _pad(x, added, padding, value=0.0):
    """The padded image, and what TensorFlow is to do: "SAME" is its own."""
    if padding == "same":
        return x, "SAME"
    if any(map(any, added)):
        x = tf.pad(x, ((0, 0), *added, (0, 0)), constant_values=value)
    return x, "VALID"


def max_pool2d(x, size, stride=None, padding=0):
    """The greatest number of each window, channel by channel.

    x: (B, height, width, C); z: (B, height', width', C). size, stride: one integer or
    two; stride None is size. padding: as in conv2d, at most half a window; it is never
    the greatest. Of equal numbers the first, row by row, gets the whole derivative.
    Raises ValueError or TypeError where something does not fit.
    """
    sizes = geometry.images(x.shape)
    window, strides, added = geometry.windows(sizes, size, stride, padding)
    x, mode = _pad(x, added, padding, -math.inf)
    return tf.nn.max_pool2d(x, window, strides, mode)


def average_pool2d(x, size, stride=None, padding=0):
    """The mean of each window, channel by channel; padding does not count.

    x: (B, height, width, C); z: (B, height', width', C). Arguments, and what is
    raised, as in `max_pool2d`.

    Differs: torch counts padding as zeros unless count_include_pad=False.
    """
    sizes = geometry.images(x.shape)
    window, strides, added = geometry.windows(sizes, size, stride, padding)

    def mean(x):
        x, mode = _pad(x, added, padding)
        return tf.nn.avg_pool2d(x, window, strides, mode)

    if padding == "same" or not any(map(any, added)):
        return mean(x)  # "SAME" does not count its padding
    return mean(x) / mean(tf.ones_like(x[:1, :, :, :1]))


def global_average_pool2d(x):
    """The mean of each channel over the whole image: (B, height, width, C) -> (B, C).

    Source: Lin, Chen and Yan 2014, "Network in network", arXiv 1312.4400, section 3.2.
    """
    geometry.images(x.shape)
    return tf.reduce_mean(x, (1, 2))


def batch_norm(x, weight, bias, statistics=None, eps=1e-5):
    """z = (x - m) / sqrt(v + eps) * weight + bias, channel by channel.

    x: (..., C); weight, bias: (C,); statistics: m and v, (C,) each; None: the mean of x
    over all axes but the last, and the mean of (x - m)^2, through which gradients go. z
    has the shape of x. Raises ValueError where x has another number of channels.

    Source: Ioffe and Szegedy 2015, "Batch normalization", arXiv 1502.03167,
    algorithm 1.
    Differs: eps is 1e-5 in torch and 1e-3 in Keras.
    """
    checks.last_axis("the channels", x.shape[-1:], weight.shape[0])
    mean, variance = channel_statistics(x) if statistics is None else statistics
    return (x - mean) * (weight / tf.sqrt(variance + eps)) + bias


def channel_statistics(x):
    """The mean of each channel, and the mean square distance from it."""
    axes = tuple(range(len(x.shape) - 1))
    mean = tf.reduce_mean(x, axes)
    return mean, tf.reduce_mean(tf.square(x - mean), axes)
