"""The engine on the samples that PyTorch tests its own operations with.

For every operation that both have: PyTorch's arguments, its value and its gradients,
in float64. A sample that asks for what we do not have (another dtype, an axis of a
number) is left out; how many are used is counted, so that none is left out unseen.
"""

import numpy as np
import pytest
import torch
from largemodels.scratch import functional, losses, ops
from largemodels.scratch.engine import Tensor, gradients
from largemodels.scratch.tensor import numpy, parameter
from largemodels.structures import map_structure
from numpy.testing import assert_allclose
from torch.testing._internal.common_methods_invocations import op_db


class LeftOutError(Exception):
    """What the sample asks for is not there."""


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
        if x.ndim == 0 or x.shape[axis] == 0:
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


def cross_entropy(logits, labels, **options):
    if options or logits.ndim != 2 or labels.ndim != 1:
        raise LeftOutError
    return losses.cross_entropy(logits, labels)


def mean_squared_error(x, y, reduction="mean"):
    if reduction != "mean":
        raise LeftOutError
    return losses.mean_squared_error(x, y)


def einsum(operands, subscripts):
    terms = subscripts.replace("->", ",").split(",")
    if "." in subscripts or any(len(set(term)) < len(term) for term in terms):
        raise LeftOutError
    return ops.einsum(subscripts, *operands)


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
    ("softmax", ""): (one_axis(functional.softmax), 5),
    ("log_softmax", ""): (one_axis(functional.log_softmax), 5),
    ("logsumexp", ""): (along(functional.logsumexp), 12),
    ("nn.functional.cross_entropy", ""): (cross_entropy, 1),
    ("nn.functional.mse_loss", ""): (mean_squared_error, 4),
}
INFOS = {(info.name, info.variant_test_name): info for info in op_db}


def leaves_of(structure):
    """The tensors of floating-point numbers in it, in order."""
    found = []

    def look(x):
        if isinstance(x, torch.Tensor) and x.is_floating_point():
            found.append(x)
        return x

    map_structure(look, structure)
    return found


def agree(info, sample, ours):
    """Hold one sample against ours, or raise LeftOutError."""
    given = (sample.input, list(sample.args))
    theirs = leaves_of(given)
    mine = {id(x): parameter(x.detach().numpy()) for x in theirs}

    def convert(x):
        if not isinstance(x, torch.Tensor):
            return tuple(x) if isinstance(x, torch.Size) else x
        return mine[id(x)] if id(x) in mine else x.numpy()

    first, rest = (map_structure(convert, part) for part in given)
    found = ours(first, *rest, **sample.kwargs)
    expected = info(sample.input, *sample.args, **sample.kwargs)
    several = isinstance(expected, list | tuple)
    pairs = zip(found, expected, strict=True) if several else [(found, expected)]
    for i, (value, reference) in enumerate(pairs):
        # Sums of at most 100 products of numbers below 10.
        assert_allclose(numpy(value), reference.detach(), rtol=1e-12, atol=1e-12)
        if not reference.requires_grad:
            continue
        g = np.random.default_rng(i).normal(size=tuple(reference.shape))
        slopes = torch.autograd.grad(
            reference,
            theirs,
            torch.from_numpy(np.array(g)),
            materialize_grads=True,
            retain_graph=True,
        )
        leaves = list(mine.values())
        constant = not value.requires_grad  # such as a sign: the gradient is zero
        ours = [0 * x for x in leaves] if constant else gradients(value, leaves, g)
        for a, b in zip(ours, slopes, strict=True):
            assert_allclose(a.data, b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("key", SHARED, ids="-".join)
def test_samples(key):
    ours, expected = SHARED[key]
    info, used = INFOS[key], 0
    for sample in info.sample_inputs("cpu", torch.float64, requires_grad=True):
        try:
            agree(info, sample, ours)
        except LeftOutError:
            continue
        used += 1
    assert used == expected > 0
