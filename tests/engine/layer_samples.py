"""PyTorch's arguments for what layers and losses compute, translated to ours."""

import numpy as np
from largemodels.scratch import attention, convolution, functional, fused, losses, ops

EPS = np.finfo("float64").eps  # PyTorch's for rms_norm, where none is given


class LeftOutError(Exception):
    """What the sample asks for is not there."""


def cross_entropy(logits, labels, **options):
    if options or logits.ndim != 2 or labels.ndim != 1:
        raise LeftOutError
    return losses.cross_entropy(logits, labels)


def mean_squared_error(x, y, reduction="mean"):
    if reduction != "mean":
        raise LeftOutError
    return losses.mean_squared_error(x, y)


def linear(x, weight, bias=None):
    if x.ndim == 1:
        return linear(ops.expand_dims(x, 0), weight, bias)[0]
    return fused.linear(x, ops.transpose(weight, (1, 0)), bias)


def last_axis(norm, x, shape, weight=None, *bias, eps=1e-5):
    if len(shape) != 1 or weight is None:
        raise LeftOutError
    return norm(x, weight, *bias, eps=eps)


def rms_norm(x, shape, *weight, eps=EPS):
    return last_axis(functional.rms_norm, x, shape, *weight, eps=eps)


def batch_norm(x, mean, variance, weight=None, bias=None, training=False, **options):
    """PyTorch's channels are the second axis."""
    if x.ndim < 2 or weight is None:
        raise LeftOutError
    order = (0, *range(2, x.ndim), 1)
    back = (0, x.ndim - 1, *range(1, x.ndim - 1))
    statistics = None if training else (mean, variance)
    eps = options.get("eps", 1e-5)
    z = convolution.batch_norm(ops.transpose(x, order), weight, bias, statistics, eps)
    return ops.transpose(z, back)


def average_pool(x, size, stride, *others):
    if others:  # of the samples, all round up, or divide by another number
        raise LeftOutError
    z = convolution.average_pool2d(ops.transpose(x, (0, 2, 3, 1)), size, stride)
    return ops.transpose(z, (0, 3, 1, 2))


def dot_product_attention(q, k, v, is_causal=False, dropout_p=0.0, **options):
    """PyTorch's causal mask is that of the first T positions."""
    if options or dropout_p or v.shape != k.shape or q.ndim != k.ndim:
        raise LeftOutError
    if q.ndim == 3:
        q, k, v = (ops.expand_dims(x, 0) for x in (q, k, v))
        return dot_product_attention(q, k, v, is_causal)[0]
    mask = np.tri(q.shape[2], k.shape[2], dtype=bool) if is_causal else None
    return attention.attention(q, k, v, mask)


def binary_cross_entropy(logits, targets, reduction="mean", **options):
    if reduction != "mean" or options:
        raise LeftOutError
    return losses.binary_cross_entropy(logits, targets)


def pair(n):
    return tuple(n) if isinstance(n, tuple | list) else (n, n)


def patches(x, size, dilation=1, padding=0, stride=1):
    """Of images (B, C, height, width): (B, C k_h k_w, places)."""
    if x.ndim != 4:
        raise LeftOutError
    border = [(n, n) for n in pair(padding)]
    x = ops.pad(x, ((0, 0), (0, 0), *border))
    z = ops.sliding_windows(x, pair(size), 2, pair(stride), pair(dilation))
    batch, channels, *counts, k_h, k_w = z.shape
    z = ops.transpose(z, (0, 1, 4, 5, 2, 3))
    return ops.reshape(z, (batch, channels * k_h * k_w, int(np.prod(counts))))
