"""Fused operations equal what they are composed of, in all derivatives."""

import numpy as np
import pytest
from largemodels.scratch import fused, losses, ops
from largemodels.scratch.engine import gradients
from largemodels.scratch.functional import gelu, softmax
from largemodels.scratch.tensor import parameter
from numpy.testing import assert_allclose

rng = np.random.default_rng(0)
MASK = np.tri(3, 5, 1, dtype=bool)
MASK[1] = False  # a query that may attend to nothing
IDS = np.array([[2, 0, 2], [3, 2, 0]])
LABELS = np.array([1, 0, 4])


def centered(x):
    return x - ops.reduce_mean(x, -1, keepdims=True)


def root(x, eps):
    return ops.sqrt(ops.reduce_mean(x * x, -1, keepdims=True) + eps)


def weights(q, k, mask):
    scores = q @ ops.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if mask is None:
        return softmax(scores)
    return ops.where(mask, softmax(ops.where(mask, scores, -1e300)), 0.0)


def surprise(z, labels):
    m = z.data.max(-1, keepdims=True)
    lse = ops.log(ops.exp(z - m).sum(-1)) + m[:, 0]
    return ops.reduce_mean(lse - z[np.arange(len(labels)), labels])


def tanh_form(x):
    return 0.5 * x * (1 + ops.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def arrays(*shapes):
    return [rng.normal(size=shape) for shape in shapes]


# name -> the fused form, the composed one, and arrays for their arguments
CASES = {
    "linear": (fused.linear, lambda x, w, b: x @ w + b, arrays((2, 3, 5), (5, 7), 7)),
    "linear-bare": (
        lambda x, w: fused.linear(x, w, None),
        lambda x, w: x @ w,
        arrays((3, 5), (5, 7)),
    ),
    "standardize": (
        lambda x: fused.standardize(x, 1e-2),
        lambda x: centered(x) / root(centered(x), 1e-2),
        arrays((2, 3, 5)),
    ),
    "rescale": (
        lambda x: fused.rescale(x, 1e-2),
        lambda x: x / root(x, 1e-2),
        arrays((2, 3, 5)),
    ),
    "scale_and_shift": (
        fused.scale_and_shift,
        lambda x, w, b: x * w + b,
        arrays((2, 3, 5), 5, 5),
    ),
    "attention_weights": (
        lambda q, k: fused.attention_weights(q, k, None),
        lambda q, k: weights(q, k, None),
        arrays((2, 7, 3, 5), (2, 7, 11, 5)),
    ),
    "attention_weights-masked": (
        lambda q, k: fused.attention_weights(q, k, MASK),
        lambda q, k: weights(q, k, MASK),
        arrays((2, 3, 7), (2, 5, 7)),
    ),
    "gather": (
        lambda table: fused.gather(IDS, table),
        lambda table: ops.take(table, IDS),
        arrays((5, 7)),
    ),
    "mean_surprise": (
        lambda z: losses.mean_surprise(z, LABELS),
        lambda z: surprise(z, LABELS),
        arrays((3, 5)),
    ),
    "gelu": (gelu, tanh_form, arrays((3, 5))),
    "gelu-blocks": (gelu, tanh_form, arrays((2, fused.BLOCK // 2 + 3))),
}


@pytest.mark.parametrize("name", CASES)
def test_fused_equals_composed(name):
    """Value, gradient, and the gradient's own derivative along a random direction."""
    draw = np.random.default_rng(1)
    results = []
    for form in CASES[name][:2]:
        draw = np.random.default_rng(1)
        xs = [parameter(array) for array in CASES[name][2]]
        z = form(*xs)
        g = draw.normal(size=z.shape)
        plain = gradients(z, xs, g)
        # The square makes the first derivative depend on linear arguments too.
        recorded = gradients(z * z, xs, g, create_graph=True)
        directions = [draw.normal(size=x.shape) for x in xs]
        pairs = zip(recorded, directions, strict=True)
        second = gradients(sum((r * v).sum() for r, v in pairs), xs)
        results.append([z.data] + [t.data for t in (*plain, *recorded, *second)])
    # Numbers below 100, a few dozen roundings each way.
    for one, other in zip(*results, strict=True):
        assert_allclose(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name):
    xs = [parameter(array.astype("float32")) for array in CASES[name][2]]
    z = CASES[name][0](*xs)
    assert z.dtype == np.float32
    for x, g in zip(xs, gradients(z, xs, np.ones(z.shape)), strict=True):
        assert g.dtype == np.float32
        assert g.shape == x.shape


def test_nothing_given_is_changed():
    """What works in place works on arrays of its own."""
    for name, (form, _, given) in CASES.items():
        before = [array.copy() for array in given]
        xs = [parameter(array) for array in given]
        z = form(*xs)
        value, g = z.data.copy(), np.ones(z.shape)
        gradients(z, xs, g)
        gradients(z, xs, g)
        for x, array in zip(xs, before, strict=True):
            np.testing.assert_array_equal(x.data, array, err_msg=name)
        np.testing.assert_array_equal(z.data, value, err_msg=name)
        assert (g == 1).all()


def test_a_row_that_no_id_names_has_no_gradient():
    table = parameter(np.ones((5, 2)))
    [g] = gradients(fused.gather(IDS, table), [table], np.ones((2, 3, 2)))
    np.testing.assert_array_equal(g.data[:, 0], [2, 0, 3, 1, 0])
    empty = fused.gather(np.zeros((0,), int), table)
    [g] = gradients(empty, [table], np.ones((0, 2)))
    np.testing.assert_array_equal(g.data, np.zeros((5, 2)))
