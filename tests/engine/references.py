"""Each operation of the engine in TensorFlow and in PyTorch, of the same arguments."""

import math

import numpy as np
import tensorflow as tf
import torch
from torch.nn import functional as F

Z = tf.UnconnectedGradients.ZERO


def _along(function):
    """A reduction of PyTorch's: `axis` is called dim, and keepdims keepdim."""
    return lambda x, axis=None, keepdims=False: function(
        x, tuple(range(x.ndim)) if axis is None else axis, keepdim=keepdims
    )


def _arrow(subscripts):
    return subscripts if "->" in subscripts else f"{subscripts}->ijk"


def _variance(x, axis, keepdims, correction):
    n = tf.size(x) / max(1, tf.size(tf.reduce_sum(x, axis)))
    return tf.math.reduce_variance(x, axis, keepdims) * (n / (n - correction))


def _flat_pairs(widths):
    """PyTorch's order of a border: flat, from the last axis on."""
    return [n for pair in reversed(widths) for n in pair]


# --- Indexing ------------------------------------------------------------------------


def _coordinates(index, shape):
    """(..., n): the n coordinates of each element that an index takes."""
    every = np.indices(shape)
    return np.stack([axis[index] for axis in every], -1)


def _torch_index(index):
    parts = index if isinstance(index, tuple) else (index,)
    return tuple(torch.from_numpy(i) if isinstance(i, np.ndarray) else i for i in parts)


def _torch_scatter(x, index, shape):
    places = torch.arange(math.prod(shape)).reshape(shape)[_torch_index(index)]
    z = torch.zeros(math.prod(shape), dtype=x.dtype)
    return z.index_add(0, places.reshape(-1), x.reshape(-1)).reshape(shape)


# --- Windows -------------------------------------------------------------------------


class Images:
    """Windows along one or two axes of any array, as both have them: of images.

    The axes before them are the batch, those after them the channels.
    """

    def __init__(self, shape, sizes, axis=0, strides=1, dilations=1):
        axis, count = axis % len(shape), len(sizes)
        self.shape = shape
        self.before, self.after = shape[:axis], shape[axis + count :]
        one = (1,) * (2 - count)
        self.batch, self.channels = math.prod(self.before), math.prod(self.after)
        self.lengths = one + tuple(shape[axis : axis + count])
        self.sizes = one + tuple(sizes)
        self.strides, self.dilations = (
            one + (tuple(n) if isinstance(n, tuple) else (n,) * count)
            for n in (strides, dilations)
        )
        self.counts = [
            (n - d * (k - 1) - 1) // s + 1
            for n, k, s, d in zip(
                self.lengths, self.sizes, self.strides, self.dilations, strict=True
            )
        ]
        last = slice(2 - count, None)
        of_windows = (*self.counts[last], *self.sizes[last])
        self.windows = (*self.before, *of_windows, *self.after)

    def torch_windows(self, x):
        x = x.reshape(self.batch, *self.lengths, self.channels).permute(0, 3, 1, 2)
        z = F.unfold(x, self.sizes, self.dilations, 0, self.strides)
        z = z.reshape(self.batch, self.channels, *self.sizes, *self.counts)
        return z.permute(0, 4, 5, 2, 3, 1).reshape(self.windows)

    def torch_fold(self, windows):
        z = windows.reshape(self.batch, *self.counts, *self.sizes, self.channels)
        rows = self.channels * math.prod(self.sizes)
        z = z.permute(0, 5, 3, 4, 1, 2)
        z = z.reshape(self.batch, rows, math.prod(self.counts))
        z = F.fold(z, self.lengths, self.sizes, self.dilations, 0, self.strides)
        return z.permute(0, 2, 3, 1).reshape(self.shape)

    def tf_windows(self, x):
        z = tf.image.extract_patches(
            tf.reshape(x, (self.batch, *self.lengths, self.channels)),
            (1, *self.sizes, 1),
            (1, *self.strides, 1),
            (1, *self.dilations, 1),
            "VALID",
        )
        return tf.reshape(z, self.windows)

    def tf_fold(self, windows):
        size = math.prod(self.shape)
        places = self.tf_windows(tf.reshape(tf.range(size), self.shape))
        z = tf.scatter_nd(tf.reshape(places, (-1, 1)), tf.reshape(windows, -1), [size])
        return tf.reshape(z, self.shape)


def _fold(method):
    """By the sizes of the windows, which their shape says."""

    def fold(windows, shape, axis=0, strides=1, dilations=1):
        count = windows.ndim - len(shape)
        start = axis % len(shape) + count
        sizes = tuple(windows.shape[start : start + count])
        images = Images(tuple(shape), sizes, axis, strides, dilations)
        return getattr(images, method)(windows)

    return fold


# --- The tables ----------------------------------------------------------------------

TENSORFLOW = {
    "add": tf.add,
    "subtract": tf.subtract,
    "multiply": tf.multiply,
    "divide": tf.divide,
    "negative": tf.negative,
    "power": lambda x, p: tf.pow(x, tf.constant(p, x.dtype)),
    "exp": tf.exp,
    "expm1": tf.math.expm1,
    "log": tf.math.log,
    "log1p": tf.math.log1p,
    "sqrt": tf.sqrt,
    "sin": tf.sin,
    "cos": tf.cos,
    "tanh": tf.tanh,
    "erf": tf.math.erf,
    "absolute": tf.abs,
    "sign": tf.sign,
    "maximum": tf.maximum,
    "minimum": tf.minimum,
    "clip": lambda x, low, high: tf.clip_by_value(
        x, *(tf.constant(v, x.dtype) for v in (-1e9 if low is None else low, high))
    ),
    "where": lambda x, y, condition: tf.where(condition, x, y),
    "astype": lambda x, dtype: tf.cast(x, dtype),
    "reduce_sum": tf.reduce_sum,
    "reduce_mean": tf.reduce_mean,
    "reduce_var": _variance,
    "reduce_max": tf.reduce_max,
    "reduce_min": tf.reduce_min,
    "cumsum": tf.cumsum,
    "reshape": lambda x, shape: tf.reshape(
        x, tf.constant(np.atleast_1d(shape), "int32")
    ),
    "transpose": lambda x, axes: tf.transpose(x, axes),
    "flip": lambda x, axis: tf.reverse(x, np.atleast_1d(axis)),
    "broadcast_to": tf.broadcast_to,
    "concatenate": lambda *parts, axis: tf.concat(parts, axis),
    "pad": lambda x, widths, value=0.0: tf.pad(
        x, widths, constant_values=tf.constant(value, x.dtype)
    ),
    "getitem": lambda x, index: tf.gather_nd(x, _coordinates(index, x.shape)),
    "scatter": lambda x, index, shape: tf.scatter_nd(
        _coordinates(index, shape), x, shape
    ),
    "product": tf.matmul,
    "einsum": lambda *operands, subscripts: tf.einsum(_arrow(subscripts), *operands),
    "sliding_windows": lambda x, **options: Images(x.shape, **options).tf_windows(x),
    "fold": _fold("tf_fold"),
    "greatest": lambda x, window, strides: tf.nn.max_pool2d(
        x, window, strides, "VALID"
    ),
    "relu": tf.nn.relu,
    "softplus": tf.math.softplus,
    "sigmoid": tf.sigmoid,
    "silu": lambda x: tf.nn.silu(x, beta=1.0),
    "softmax": tf.nn.softmax,
    "logsumexp": tf.reduce_logsumexp,
}

TORCH = {
    "add": torch.add,
    "subtract": torch.subtract,
    "multiply": torch.multiply,
    "divide": torch.divide,
    "negative": torch.negative,
    "power": lambda x, p: torch.pow(x, float(p)),
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "absolute": torch.abs,
    "sign": torch.sign,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "clip": lambda x, low, high: torch.clamp(x, low, high),
    "where": lambda x, y, condition: torch.where(torch.from_numpy(condition), x, y),
    "astype": lambda x, dtype: x.to(getattr(torch, dtype)),
    "reduce_sum": _along(torch.sum),
    "reduce_mean": _along(torch.mean),
    "reduce_var": lambda x, axis, keepdims, correction: torch.var(
        x, axis, correction=correction, keepdim=keepdims
    ),
    "reduce_max": _along(torch.amax),
    "reduce_min": _along(torch.amin),
    "cumsum": lambda x, axis: torch.cumsum(x, axis),
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, axes: x.permute(axes),
    "flip": lambda x, axis: torch.flip(x, np.atleast_1d(axis).tolist()),
    "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
    "concatenate": lambda *parts, axis: torch.cat(parts, axis),
    "pad": lambda x, widths, value=0.0: F.pad(x, _flat_pairs(widths), value=value),
    "getitem": lambda x, index: x[_torch_index(index)],
    "scatter": _torch_scatter,
    "product": torch.matmul,
    "einsum": lambda *operands, subscripts: torch.einsum(_arrow(subscripts), *operands),
    "sliding_windows": lambda x, **options: Images(x.shape, **options).torch_windows(x),
    "fold": _fold("torch_fold"),
    "greatest": lambda x, window, strides: F.max_pool2d(
        x.permute(0, 3, 1, 2), window, strides
    ).permute(0, 2, 3, 1),
    "relu": F.relu,
    # Its own threshold of 20 is 2e-9 off; at 50 the linear part is exact in float64.
    "softplus": lambda x: F.softplus(x, beta=1.0, threshold=50.0),
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "gelu": lambda x, approximate: F.gelu(
        x, approximate="tanh" if approximate else "none"
    ),
    "softmax": lambda x, axis: F.softmax(x, axis),
    "logsumexp": lambda x, axis, keepdims=False: torch.logsumexp(x, axis, keepdims),
}


def tensorflow(name, arrays, options, cotangent):
    """Value, and gradients of <cotangent(shape), value>."""
    xs = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(xs)
        z = TENSORFLOW[name](*xs, **options)
    g = tf.cast(tf.constant(cotangent(z.shape)), z.dtype)
    grads = tape.gradient(z, xs, g, unconnected_gradients=Z)
    return z.numpy(), [tf.convert_to_tensor(one).numpy() for one in grads]


def pytorch(name, arrays, options, cotangent):
    """Value, and gradients of <cotangent(shape), value>."""
    xs = [torch.tensor(a, requires_grad=True) for a in arrays]
    z = TORCH[name](*xs, **options)
    g = torch.from_numpy(np.array(cotangent(z.shape))).to(z.dtype)
    grads = torch.autograd.grad(z, xs, g, materialize_grads=True)
    return z.detach().numpy(), [one.numpy() for one in grads]
