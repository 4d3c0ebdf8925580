"""Each operation in value and gradient against TensorFlow and PyTorch: float64, prime
sizes, random cotangents, broadcasting, thin axes."""

import numpy as np
import pytest
import torch
from largemodels.scratch import attention, convolution, functional, fused
from largemodels.scratch.engine import OPERATIONS, gradients
from largemodels.scratch.tensor import parameter
from numpy.testing import assert_allclose
from torch.nn import functional as F

from tests.engine.cases import CASES, apply, here
from tests.engine.references import TENSORFLOW, TORCH, pytorch, tensorflow
from tests.engine.thin import THIN_CASES

# TensorFlow has it to fewer digits: tests/library/test_against_keras.py.
ELSEWHERE = {"gelu"}
# What TensorFlow cannot do: its einsum stretches no axis, and the gradient of its
# patches wants an image in the batch.
ONLY_TORCH = {("einsum", (3, 1)), ("sliding_windows", (0, 7, 5, 3))}


def test_every_operation_is_held_against_tensorflow():
    assert set(TENSORFLOW) | ELSEWHERE == here(OPERATIONS)


def test_every_operation_is_held_against_torch():
    assert set(TORCH) == here(OPERATIONS)


def test_every_operation_has_thin_cases():
    assert set(THIN_CASES) == here(OPERATIONS)
    for name, cases in THIN_CASES.items():
        shapes = [a.shape for arrays, _ in cases for a in arrays]
        assert any(0 in shape for shape in shapes), name
        assert any(1 in shape for shape in shapes), name


def cotangent(shape):
    return np.random.default_rng(3).normal(size=tuple(shape))


def agree(name, arrays, options, framework):
    """Hold one case against a framework."""
    xs = [parameter(a) for a in arrays]
    z = apply(name, xs, options)
    grads = gradients(z, xs, cotangent(z.shape)) if z.requires_grad else None
    value, expected = framework(name, arrays, options, cotangent)
    assert z.shape == value.shape
    # At most 100 roundings of numbers below 10.
    assert_allclose(z.data, value, rtol=1e-13, atol=1e-13)
    for i, one in enumerate(expected):
        found = grads[i].data if grads else np.zeros(xs[i].shape)
        assert found.shape == one.shape
        assert found.dtype == one.dtype
        assert_allclose(found, one, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", TENSORFLOW)
def test_against_tensorflow(name):
    for arrays, options in CASES[name] + THIN_CASES[name]:
        if (name, arrays[0].shape) not in ONLY_TORCH:
            agree(name, arrays, options, tensorflow)


# Nothing to take the variance of is no fault here.
@pytest.mark.filterwarnings(r"ignore:var\(\). degrees of freedom is <= 0:UserWarning")
@pytest.mark.parametrize("name", TORCH)
def test_against_torch(name):
    for arrays, options in CASES[name] + THIN_CASES[name]:
        agree(name, arrays, options, pytorch)


def first(x):
    """Images in PyTorch's order."""
    return x.permute(0, 3, 1, 2)


# What layers compute with, on thin axes: ours, PyTorch's, shapes of their arguments.
LAYERS = {
    "linear": (
        fused.linear,
        lambda x, w, b: F.linear(x, w.T, b),
        [
            ((2, 3, 0), (0, 5), 5),
            ((2, 3, 4), (4, 0), 0),
            ((0, 3, 4), (4, 5), 5),
            ((2, 0, 4), (4, 5), 5),
            ((1, 1), (1, 1), 1),
        ],
    ),
    "layer_norm": (
        lambda x, w, b: functional.layer_norm(x, w, b, 1e-2),
        lambda x, w, b: F.layer_norm(x, w.shape, w, b, 1e-2),
        [((0, 3), 3, 3), ((2, 0, 3), 3, 3), ((3, 1), 1, 1), ((1, 3), 3, 3)],
    ),
    "rms_norm": (
        lambda x, w: functional.rms_norm(x, w, 1e-2),
        lambda x, w: F.rms_norm(x, w.shape, w, 1e-2),
        [((0, 3), 3), ((2, 0, 3), 3), ((3, 1), 1), ((1, 3), 3)],
    ),
    "attention": (
        attention.attention,
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        [
            ((0, 4, 3, 5), (0, 2, 7, 5), (0, 2, 7, 5)),
            ((2, 4, 0, 5), (2, 2, 7, 5), (2, 2, 7, 5)),
            ((2, 4, 3, 5), (2, 2, 0, 5), (2, 2, 0, 5)),
            ((2, 2, 1, 5), (2, 2, 1, 5), (2, 2, 1, 5)),
            ((1, 1, 3, 1), (1, 1, 3, 1), (1, 1, 3, 1)),
        ],
    ),
    "conv2d": (
        lambda x, w, b: convolution.conv2d(x, w, b, (2, 1), 1, groups=2),
        lambda x, w, b: F.conv2d(
            first(x), w.permute(3, 2, 0, 1), b, (2, 1), 1, groups=2
        ).permute(0, 2, 3, 1),
        [
            ((0, 5, 7, 4), (3, 2, 2, 6), 6),
            ((1, 1, 1, 2), (1, 1, 1, 2), 2),
            ((3, 1, 7, 2), (1, 3, 1, 4), 4),
        ],
    ),
    "max_pool2d": (
        lambda x: convolution.max_pool2d(x, 2),
        lambda x: F.max_pool2d(first(x), 2).permute(0, 2, 3, 1),
        [((0, 4, 6, 3),), ((1, 2, 2, 1),)],
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_on_thin_axes_against_torch(name):
    ours, theirs, cases = LAYERS[name]
    rng = np.random.default_rng(0)
    for shapes in cases:
        arrays = [rng.normal(size=shape) for shape in shapes]
        leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
        expected = theirs(*leaves)
        xs = [parameter(a) for a in arrays]
        found, g = ours(*xs), cotangent(expected.shape)
        assert found.shape == tuple(expected.shape)
        # A few dozen roundings of numbers below 10.
        assert_allclose(found.data, expected.detach(), rtol=1e-12, atol=1e-13)
        slopes = torch.autograd.grad(
            expected, leaves, torch.from_numpy(g), materialize_grads=True
        )
        for create_graph in (False, True):
            mine = gradients(found, xs, g, create_graph)
            for a, b in zip(mine, slopes, strict=True):
                assert a.shape == tuple(b.shape)
                assert_allclose(a.data, b, rtol=1e-11, atol=1e-12)


def test_a_whole_layer_of_attention_takes_an_empty_batch():
    layer = attention.MultiHeadAttention(12, 3, dtype="float64")
    for shape in ((0, 5, 12), (2, 0, 12)):
        x = parameter(np.zeros(shape))
        z = layer(x)
        [g] = gradients(z, [x], np.zeros(shape))
        assert z.shape == g.shape == shape
