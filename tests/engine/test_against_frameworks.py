"""Each operation in value and gradient against TensorFlow, and PyTorch where op_db has
no samples of it: float64, prime sizes, random cotangents, broadcasting, thin axes."""

import numpy as np
import pytest
import tensorflow as tf
import torch
from largemodels.scratch.engine import OPERATIONS, gradients
from largemodels.scratch.tensor import parameter
from numpy.testing import assert_allclose

from tests.engine.cases import CASES, apply, here

# name -> the same in TensorFlow, of the same arguments
THEIRS = {
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
    "reduce_var": lambda x, axis, keepdims, correction: _variance(
        x, axis, keepdims, correction
    ),
    "reduce_max": tf.reduce_max,
    "reduce_min": tf.reduce_min,
    "cumsum": tf.cumsum,
    "reshape": lambda x, shape: tf.reshape(x, np.atleast_1d(shape)),
    "transpose": lambda x, axes: tf.transpose(x, axes),
    "flip": lambda x, axis: tf.reverse(x, np.atleast_1d(axis)),
    "broadcast_to": tf.broadcast_to,
    "concatenate": lambda *parts, axis: tf.concat(parts, axis),
    "pad": lambda x, widths, value=0.0: tf.pad(
        x, widths, constant_values=tf.constant(value, x.dtype)
    ),
    "product": tf.matmul,
    "einsum": lambda *operands, subscripts: tf.einsum(
        _with_arrow(subscripts), *operands
    ),
    "relu": tf.nn.relu,
    "softplus": tf.math.softplus,
    "sigmoid": tf.sigmoid,
    "silu": lambda x: tf.nn.silu(x, beta=1.0),
    "softmax": tf.nn.softmax,
    "logsumexp": tf.reduce_logsumexp,
}
# Against PyTorch below or in test_op_db.py, GELU and pooling in tests/library: what
# TensorFlow has in another form (indexing), to fewer digits (GELU), or not at all.
ELSEWHERE = {"getitem", "scatter", "gelu", "sliding_windows", "fold", "greatest"}


def _variance(x, axis, keepdims, correction):
    n = tf.size(x) / tf.size(tf.reduce_sum(x, axis))
    return tf.math.reduce_variance(x, axis, keepdims) * (n / (n - correction))


def _with_arrow(subscripts):
    return subscripts if "->" in subscripts else f"{subscripts}->ijk"


def test_every_operation_is_held_against_a_framework():
    assert set(THEIRS) | ELSEWHERE == here(OPERATIONS)


def cotangent(shape):
    return np.random.default_rng(3).normal(size=shape)


def ours(name, arrays, options):
    """Value and gradients of the engine."""
    xs = [parameter(a) for a in arrays]
    z = apply(name, xs, options)
    if not z.requires_grad:
        return z.data, [np.zeros(x.shape) for x in xs]
    return z.data, [g.data for g in gradients(z, xs, cotangent(z.shape))]


def agree(name, arrays, options):
    """Hold one case against TensorFlow."""
    xs = [tf.constant(a) for a in arrays]
    with tf.GradientTape() as tape:
        tape.watch(xs)
        z = THEIRS[name](*xs, **options)
    zero = tf.UnconnectedGradients.ZERO
    g = tf.constant(cotangent(z.shape))
    expected = tape.gradient(z, xs, g, unconnected_gradients=zero)
    value, grads = ours(name, arrays, options)
    # At most 100 roundings of numbers below 10.
    assert_allclose(value, z, rtol=1e-13, atol=1e-13)
    for found, one in zip(grads, expected, strict=True):
        assert found.shape == tuple(one.shape)
        assert_allclose(found, one, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", THEIRS)
def test_against_tensorflow(name):
    for arrays, options in CASES[name]:
        if name == "einsum" and arrays[0].shape == (3, 1):
            continue  # TensorFlow's does not broadcast
        agree(name, arrays, options)


THIN = [((1,), (0,)), ((1, 1), (5, 1)), ((0, 3), (1, 3)), ((), (7, 1))]


@pytest.mark.parametrize("shapes", THIN)
@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "divide", "maximum", "minimum"]
)
def test_broadcasting_over_empty_and_single_axes(name, shapes):
    rng = np.random.default_rng(0)
    agree(name, [rng.uniform(1, 2, s) for s in shapes], {})


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (3, 1), (1,)])
@pytest.mark.parametrize("name", ["exp", "tanh", "reduce_sum", "softplus", "cumsum"])
def test_empty_and_single_axes(name, shape):
    options = {"axis": 0} if name in ("reduce_sum", "cumsum") else {}
    agree(name, [np.random.default_rng(0).normal(size=shape)], options)


@pytest.mark.parametrize("case", range(len(CASES["getitem"])))
def test_indexing_against_torch(case):
    [x], options = CASES["getitem"][case]
    index = options["index"]
    parts = index if isinstance(index, tuple) else (index,)
    theirs = tuple(
        torch.from_numpy(i) if isinstance(i, np.ndarray) else i for i in parts
    )
    leaf = torch.tensor(x, requires_grad=True)
    z = leaf[theirs]
    value, [grad] = ours("getitem", [x], options)
    assert_allclose(value, z.detach(), rtol=0, atol=0)
    z.backward(torch.from_numpy(cotangent(tuple(z.shape))))
    assert_allclose(grad, leaf.grad, rtol=1e-14, atol=1e-15)


def test_folding_against_torch():
    """Images there: (B, C k_h k_w, places)."""
    x = np.random.default_rng(0).normal(size=(2, 7, 5, 3))
    options = {"sizes": (3, 2), "axis": 1, "strides": (2, 1), "dilations": (1, 2)}
    z, [grad] = ours("sliding_windows", [x], options)
    first = torch.from_numpy(np.moveaxis(x, -1, 1).copy())
    seen = torch.nn.functional.unfold(first, (3, 2), (1, 2), 0, (2, 1))
    ordered = z.transpose(0, 5, 3, 4, 1, 2).reshape(2, 18, -1)
    assert_allclose(ordered, seen, rtol=0, atol=0)
    g = cotangent(z.shape).transpose(0, 5, 3, 4, 1, 2).reshape(2, 18, -1)
    back = torch.nn.functional.fold(
        torch.from_numpy(g.copy()), (7, 5), (3, 2), (1, 2), 0, (2, 1)
    )
    assert_allclose(np.moveaxis(grad, -1, 1), back, rtol=1e-13, atol=1e-14)
