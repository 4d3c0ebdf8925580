"""PyTorch's arguments for its operations, translated to ours, and what they cover."""

import numpy as np
from largemodels.scratch import functional, ops
from largemodels.scratch.engine import Tensor

from tests.engine.layer_samples import (
    LeftOutError,
    average_pool,
    batch_norm,
    binary_cross_entropy,
    cross_entropy,
    dot_product_attention,
    last_axis,
    linear,
    mean_squared_error,
    patches,
    rms_norm,
)


def plain(function):
    """An operation that takes what PyTorch's takes, by position."""

    def translated(*arguments, **options):
        if options:
            raise LeftOutError
        return function(*arguments)

    return translated


def along(function, name="dim"):
    """An operation along an axis: dim and keepdim are called axis and keepdims."""

    def translated(x, *arguments, keepdim=False, **options):
        if name in options:
            arguments = (options.pop(name), *arguments)
        axis = arguments[0] if arguments else None
        keepdim = arguments[1] if len(arguments) > 1 else keepdim
        if options or (x.ndim == 0 and axis is not None) or axis == ():
            raise LeftOutError
        axis = tuple(axis) if isinstance(axis, list | tuple) else axis
        return function(x, axis, keepdims=keepdim)

    return translated


def variance(x, *arguments, dim=None, keepdim=False, unbiased=True, correction=None):
    if arguments and isinstance(arguments[0], bool):
        unbiased, arguments = arguments[0], arguments[1:]
    dim = arguments[0] if arguments else dim
    correction = int(unbiased) if correction is None else correction
    axes = range(x.ndim) if dim is None else np.atleast_1d(dim)
    if dim == () or np.prod([x.shape[i] for i in axes]) <= correction or not x.ndim:
        raise LeftOutError  # 0 / 0, and a dimension that is none
    axis = tuple(dim) if isinstance(dim, list | tuple) else dim
    return ops.reduce_var(x, axis, keepdim, correction)


def one_axis(function):
    """A function along one axis that keeps it. (The dtype is float64 where given.)"""

    def translated(x, axis, dtype=None):
        if x.ndim == 0:
            raise LeftOutError
        return function(x, axis)

    return translated


def cat(parts, dim=0):
    if any(p.ndim != parts[0].ndim for p in parts):
        raise LeftOutError  # an empty vector that PyTorch passes over
    return ops.concatenate(*parts, axis=dim)


def split(x, sizes, dim=0):
    if isinstance(sizes, int):
        if x.shape[dim] % sizes:
            raise LeftOutError
        return ops.split(x, sizes, dim)
    return ops.split(x, tuple(sizes), dim)


def squeeze(x, dim=None):
    if not isinstance(dim, int) or x.ndim == 0 or x.shape[dim] != 1:
        raise LeftOutError
    return ops.squeeze(x, dim)


def swap(x, first, second):
    if x.ndim == 0:
        raise LeftOutError
    return ops.swapaxes(x, first, second)


def constant_pad(x, widths, mode="constant", value=0.0):
    """PyTorch's widths are flat, from the last axis on, and may be negative."""
    if not isinstance(mode, str):
        mode, value = "constant", mode
    pairs = list(zip(widths[::2], widths[1::2], strict=True))[::-1]
    if min(widths, default=0) < 0 or mode != "constant":
        raise LeftOutError
    return ops.pad(x, (*[(0, 0)] * (x.ndim - len(pairs)), *pairs), value=value or 0.0)


def windows(x, axis, size, step):
    """PyTorch puts the windows last."""
    if x.ndim == 0:
        raise LeftOutError
    axis %= x.ndim
    z = ops.sliding_windows(x, (size,), axis, step)
    order = [i for i in range(z.ndim) if i != axis + 1]
    return ops.transpose(z, (*order, axis + 1))


def places(x, axis, index):
    """The index that gather and scatter mean: `index` along one axis."""
    if x.ndim == 0 or index.ndim != x.ndim:
        raise LeftOutError
    full = list(np.indices(index.shape))
    full[axis] = index
    return tuple(full)


def scatter_add(x, axis, index, source):
    index = places(x, axis, index)
    part = source[tuple(map(slice, index[0].shape))]
    return x + ops.scatter(part, index, x.shape)


def embedding(table, indices, **options):
    if options:
        raise LeftOutError
    return ops.take(table, indices)


def index_select(x, axis, index):
    if x.ndim == 0:
        raise LeftOutError
    return ops.take(x, index, axis)


def masked_select(x, mask):
    shape = np.broadcast_shapes(x.shape, mask.shape)
    return ops.broadcast_to(x, shape)[np.broadcast_to(mask, shape)]


def clamp(x, low=None, high=None, **limits):
    low, high = limits.get("min", low), limits.get("max", high)
    if any(isinstance(limit, Tensor) for limit in (low, high)):
        raise LeftOutError
    return ops.clip(x, low, high)


def einsum(operands, subscripts):
    terms = subscripts.replace("->", ",").split(",")
    if "." in subscripts or any(len(set(term)) < len(term) for term in terms):
        raise LeftOutError
    return ops.einsum(subscripts, *operands)


def expand(x, shape):
    old = (1,) * (len(shape) - x.ndim) + x.shape
    new = tuple(o if n == -1 else n for o, n in zip(old, shape, strict=True))
    return ops.broadcast_to(x, new)


def narrow(x, axis, start, length):
    n = x.shape[axis]
    start = int(start) % n
    return ops.split(x, (start, length, n - start - length), axis)[1]


def chunk(x, count, dim=0):
    n = x.shape[dim]
    size = -(-n // count)
    sizes = [min(size, n - start) for start in range(0, n, size)]
    return ops.split(x, tuple(sizes), dim)


# (PyTorch's name, variant): (ours, samples used)
SHARED = {
    ("add", ""): (plain(ops.add), 9),
    ("sub", ""): (plain(ops.subtract), 9),
    ("mul", ""): (plain(ops.multiply), 9),
    ("div", "no_rounding_mode"): (plain(ops.divide), 9),
    ("neg", ""): (plain(ops.negative), 1),
    ("exp", ""): (plain(ops.exp), 3),
    ("expm1", ""): (plain(ops.expm1), 1),
    ("log", ""): (plain(ops.log), 3),
    ("log1p", ""): (plain(ops.log1p), 1),
    ("sqrt", ""): (plain(ops.sqrt), 1),
    ("sin", ""): (plain(ops.sin), 1),
    ("cos", ""): (plain(ops.cos), 3),
    ("tanh", ""): (plain(ops.tanh), 1),
    ("erf", ""): (plain(ops.erf), 1),
    ("abs", ""): (plain(ops.absolute), 1),
    ("sign", ""): (plain(ops.sign), 1),
    ("maximum", ""): (plain(ops.maximum), 9),
    ("minimum", ""): (plain(ops.minimum), 9),
    ("clamp", ""): (clamp, 1),
    ("where", ""): (lambda x, condition, y: ops.where(condition, x, y), 6),
    ("sum", ""): (along(ops.reduce_sum), 17),
    ("mean", ""): (along(ops.reduce_mean), 17),
    ("amax", ""): (along(ops.reduce_max), 17),
    ("amin", ""): (along(ops.reduce_min), 17),
    ("var", ""): (variance, 14),
    ("var", "unbiased"): (variance, 2),
    ("argmax", ""): (along(ops.argmax), 11),
    ("prod", ""): (along(ops.prod), 33),
    ("cumsum", ""): (one_axis(ops.cumsum), 3),
    ("reshape", ""): (plain(ops.reshape), 7),
    ("squeeze", ""): (squeeze, 3),
    ("unsqueeze", ""): (plain(ops.expand_dims), 9),
    ("permute", ""): (plain(ops.transpose), 4),
    ("transpose", ""): (swap, 7),
    ("flip", ""): (lambda x, dims: ops.flip(x, dims), 10),
    ("broadcast_to", ""): (plain(ops.broadcast_to), 7),
    ("cat", ""): (cat, 8),
    ("stack", ""): (lambda parts, axis=0: ops.stack(*parts, axis=axis), 9),
    ("split", ""): (split, 1),
    ("split_with_sizes", ""): (split, 4),
    ("nn.functional.pad", "constant"): (constant_pad, 47),
    ("__getitem__", ""): (plain(ops.getitem), 16),
    ("gather", ""): (lambda x, axis, i: ops.getitem(x, places(x, axis, i)), 4),
    ("scatter_add", ""): (scatter_add, 6),
    ("take", ""): (lambda x, index: ops.reshape(x, (-1,))[index], 10),
    ("index_select", ""): (index_select, 2),
    ("masked_select", ""): (masked_select, 7),
    ("nn.functional.embedding", ""): (embedding, 3),
    ("unfold", ""): (windows, 21),
    ("tril", ""): (plain(ops.tril), 8),
    ("triu", ""): (plain(ops.triu), 8),
    ("matmul", ""): (plain(ops.matmul), 15),
    ("mm", ""): (plain(ops.product), 3),
    ("bmm", ""): (plain(ops.product), 1),
    ("einsum", ""): (einsum, 8),
    ("nn.functional.relu", ""): (plain(functional.relu), 4),
    ("sigmoid", ""): (plain(functional.sigmoid), 3),
    ("nn.functional.silu", ""): (plain(functional.silu), 3),
    ("nn.functional.gelu", ""): (
        lambda x, approximate: functional.gelu(x, approximate == "tanh"),
        8,
    ),
    ("softmax", ""): (one_axis(functional.softmax), 6),
    ("log_softmax", ""): (one_axis(functional.log_softmax), 6),
    ("logsumexp", ""): (along(functional.logsumexp), 12),
    ("nn.functional.cross_entropy", ""): (cross_entropy, 1),
    ("nn.functional.mse_loss", ""): (mean_squared_error, 4),
    ("nn.functional.linear", ""): (linear, 18),
    ("nn.functional.layer_norm", ""): (
        lambda *x, **eps: last_axis(functional.layer_norm, *x, **eps),
        3,
    ),
    ("nn.functional.rms_norm", ""): (rms_norm, 3),
    ("nn.functional.batch_norm", ""): (batch_norm, 9),
    ("nn.functional.avg_pool2d", ""): (average_pool, 1),
    ("nn.functional.scaled_dot_product_attention", ""): (dot_product_attention, 8),
    ("nn.functional.binary_cross_entropy_with_logits", ""): (binary_cross_entropy, 6),
    ("nn.functional.unfold", ""): (patches, 163),
    ("mv", ""): (plain(ops.matmul), 1),
    ("dot", ""): (plain(ops.matmul), 1),
    ("outer", ""): (lambda x, y: ops.einsum("i,j->ij", x, y), 1),
    ("expand", ""): (expand, 9),
    ("narrow", ""): (narrow, 10),
    ("chunk", ""): (chunk, 3),
    ("square", ""): (lambda x: ops.power(x, 2), 3),
}

# Held against PyTorch elsewhere: none of its samples of these can be ours.
ELSEWHERE = {
    "astype": "test_against_frameworks.py: its samples change no format",
    "fold": "test_against_frameworks.py: its columns are ours in another order",
    "greatest": "tests/library/test_convolution.py, with padding",
    "softplus": "test_against_frameworks.py: its threshold is 0.2 in all samples",
}


def covered():
    """The names that the translations call."""
    names = set()
    for translated, _ in SHARED.values():
        held = [cell.cell_contents for cell in translated.__closure__ or ()]
        names.update(translated.__code__.co_names)
        names.update(f.__name__ for f in held if callable(f))
    return names
