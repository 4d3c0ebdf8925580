"""Second derivatives, the checker of gradients, and what both need of the engine."""

import gc
import weakref

import numpy as np
import pytest
import torch
from largemodels.scratch import functional, ops
from largemodels.scratch.convolution.correlation import correlate, spread_back, weigh
from largemodels.scratch.convolution.operations import batch_norm, max_pool2d
from largemodels.scratch.derivatives import gradcheck, hessian_vector_product
from largemodels.scratch.engine import gradients, primitive
from largemodels.scratch.tensor import parameter
from numpy.testing import assert_allclose, assert_array_equal

rng = np.random.default_rng(0)


def test_hessian_vector_products_are_those_of_torch():
    a, x, v = rng.normal(size=(7, 5)), rng.normal(size=5), rng.normal(size=5)

    def ours(x):
        return functional.logsumexp(ops.tanh(a @ x) ** 2 / 2).sum()

    def theirs(x):
        return torch.logsumexp(torch.tanh(torch.tensor(a) @ x) ** 2 / 2, 0)

    _, expected = torch.autograd.functional.hvp(theirs, *map(torch.tensor, (x, v)))
    found = hessian_vector_product(ours, x, v)
    # A dozen roundings of numbers near 1.
    assert_allclose(found.data, expected, rtol=1e-12, atol=1e-14)
    assert not found.requires_grad
    whole = torch.autograd.functional.hessian(theirs, torch.tensor(x))
    rows = [hessian_vector_product(ours, x, row).data for row in np.eye(5)]
    assert_allclose(rows, whole, rtol=1e-12, atol=1e-14)


def test_hessian_vector_products_of_simple_functions():
    zero = hessian_vector_product(lambda x: (3 * x).sum(), np.ones(2), np.ones(2))
    assert_array_equal(zero.data, [0, 0])
    with pytest.raises(ValueError, match="depends on no parameter"):
        hessian_vector_product(lambda x: ops.exp(np.ones(1)), np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match=r"must be \(2,\), got \(3,\)"):
        hessian_vector_product(lambda x: (x * x).sum(), np.ones(2), np.ones(3))


def smooth(x, y):
    return ops.sin(x @ y) / (1 + ops.exp(x[:, :1]))


@pytest.mark.parametrize("method", ["central", "complex"])
def test_gradcheck_passes_what_is_right(method):
    arrays = rng.normal(size=(3, 5)), rng.normal(size=(5, 2))
    assert gradcheck(smooth, *arrays, method=method)
    # A complex step subtracts nothing: all digits but the last few are right.
    tight = 1e-12 if method == "complex" else 1e-8
    assert gradcheck(smooth, *arrays, method=method, rtol=tight, atol=tight)


@primitive(lambda g, z, x, y: g * y, lambda g, z, x, y: g * (x + 1e-4))
def nearly(x, y):
    """A product with a derivative that is 1e-4 off in its second argument."""
    return np.multiply(x, y)


@pytest.mark.parametrize("method", ["central", "complex"])
def test_gradcheck_finds_what_is_wrong(method):
    arrays = rng.normal(size=(3, 5)), rng.normal(size=5)
    with pytest.raises(AssertionError) as error:
        gradcheck(nearly, *arrays, method=method)
    first, second = str(error.value).splitlines()[1:]
    assert first.startswith("argument 0 (3, 5)")
    assert first.endswith("right")
    assert second.startswith("argument 1 (5,)")
    assert second.endswith("WRONG")


def test_gradcheck_refuses_what_it_cannot_judge():
    with pytest.raises(TypeError, match="argument 1 must be float64, got float32"):
        gradcheck(smooth, np.ones((3, 5)), np.ones((5, 2), "float32"))
    with pytest.raises(ValueError, match="method must be one of central, complex"):
        gradcheck(smooth, np.ones((3, 5)), np.ones((5, 2)), method="forward")
    with pytest.raises(ValueError, match="step must be above 0"):
        gradcheck(smooth, np.ones((3, 5)), np.ones((5, 2)), step=0.0)
    with pytest.raises(AssertionError, match="WRONG"):  # NaN is not right
        gradcheck(lambda x: ops.where(x.data > 9, x, np.nan), np.ones(2))


IMAGES, KERNEL = rng.normal(size=(2, 5, 7, 4)), rng.normal(size=(3, 2, 2, 6))
SEEN = rng.normal(size=(2, 2, 5, 6))
OPTIONS = {"strides": (2, 1), "dilations": (1, 2), "groups": 2}
VISION = {
    "correlate": (lambda x, w: correlate(x, w, **OPTIONS), IMAGES, KERNEL),
    "spread_back": (
        lambda g, w: spread_back(g, w, IMAGES.shape, **OPTIONS),
        SEEN,
        KERNEL,
    ),
    "weigh": (lambda g, x: weigh(g, x, KERNEL.shape, **OPTIONS), SEEN, IMAGES),
    "max_pool2d": (lambda x: max_pool2d(x, (3, 2), 2, 1), IMAGES),
    "batch_norm": (
        lambda x, w, b: batch_norm(x, w, b, eps=0.1),
        IMAGES,
        *SEEN[0, 0, :2, :4],
    ),
}


@pytest.mark.parametrize("name", VISION)
def test_first_and_second_derivatives_of_what_vision_needs(name):
    f, *arrays = VISION[name]
    assert gradcheck(f, *arrays, rtol=1e-6, atol=1e-7)

    def slope(*xs):
        z = f(*xs)
        g = np.random.default_rng(5).normal(size=z.shape)
        if not z.requires_grad:  # gradcheck evaluates with constants
            xs = [parameter(x.data) for x in xs]
            z = f(*xs)
        found = gradients(z * z, xs, g, create_graph=True)
        return sum(((part * part).sum() for part in found), 0.0)

    assert gradcheck(slope, *arrays, rtol=1e-5, atol=1e-5)


# Those whose derivative needs their own result: a closure over it would be a cycle.
OWN = {
    "exp": ops.exp,
    "tanh": ops.tanh,
    "sqrt": ops.sqrt,
    "sigmoid": functional.sigmoid,
    "softmax": functional.softmax,
    "logsumexp": functional.logsumexp,
    "log_softmax": functional.log_softmax,
    "reduce_max": ops.reduce_max,
}


@pytest.mark.parametrize("name", OWN)
def test_nothing_waits_for_the_collector(name):
    """A graph, its gradient and the gradient's graph, freed when their names go."""
    x = parameter(rng.uniform(1, 2, (3, 5)))
    gc.collect()
    gc.disable()
    try:
        inner = OWN[name](x)
        out = (inner * inner * inner).sum()
        [g] = gradients(out, [x], create_graph=True)
        total = (g * g).sum()
        total.backward()
        alive = [weakref.ref(t) for t in (inner, out, g, total)]
        del inner, out, g, total
        assert [ref() for ref in alive] == [None] * 4
    finally:
        gc.enable()
    assert np.abs(x.grad).max() > 1e-3


def test_a_chain_of_a_hundred_thousand_operations_twice():
    """(-x)^2 with 99,999 more signs: the gradient's graph is as long again."""
    x = y = parameter([1.5, -2.0])
    for _ in range(100_000):
        y = -y
    [g] = gradients(y * y, [x], [1.0, 10.0], create_graph=True)
    [h] = gradients(g, [x], [1.0, 1.0])
    assert_array_equal(g.data, [3, -40])
    assert_array_equal(h.data, [2, 20])


def test_views_of_what_was_recorded_are_read_only():
    x = parameter(rng.normal(size=(4, 6)))
    views = [
        x[1:3],
        x.T,
        x.reshape((2, 12)),
        ops.flip(x, 0),
        ops.broadcast_to(x, (2, 4, 6)),
        ops.sliding_windows(x, (2,), 1),
        ops.squeeze(x[:1], 0),
        ops.split(x, 2, axis=1)[1],
    ]
    for view in views:
        with pytest.raises(ValueError, match="read-only"):
            view.data[...] = 0.0
        with pytest.raises(ValueError, match="WRITEABLE"):
            view.data.flags.writeable = True
        with pytest.raises(TypeError, match="cannot be changed in place"):
            view[0] = 0.0


def test_what_was_given_is_copied_only_where_it_could_change():
    frozen, free = rng.normal(size=5), rng.normal(size=5)
    frozen.flags.writeable = False
    seen = free[:]
    seen.flags.writeable = False  # a read-only view of what can still be written to
    x = parameter(np.ones(5))
    outs = [x * a for a in (frozen, free, seen)]
    kept = [out.inputs[1] for out in outs]
    assert kept[0] is frozen
    expected = free.copy()
    free[:] = 0.0
    for out in outs[1:]:
        [g] = gradients(out, [x], np.ones(5))
        assert_array_equal(g.data, expected)


def test_small_operations():
    x = parameter(np.arange(24.0).reshape(2, 3, 4))
    parts = ops.split(x, (1, 3), axis=2)
    assert [p.shape for p in parts] == [(2, 3, 1), (2, 3, 3)]
    assert_array_equal(ops.concatenate(*parts, axis=2).data, x.data)
    assert_array_equal(ops.stack(x, x, axis=-1).data[..., 1], x.data)
    assert ops.argmax(x, 1).tolist() == [[2] * 4] * 2
    with pytest.raises(ValueError, match="must add up to 4, got"):
        ops.split(x, 3, axis=2)
    with pytest.raises(ValueError, match="must have size 1, got 3"):
        ops.squeeze(x, 1)
    with pytest.raises(ValueError, match="must fit into"):
        ops.sliding_windows(x, (4,), 1)
    for wrong in ("ii", "...ij", "ij,jk->ik"):
        with pytest.raises(ValueError, match=r"must (be a letter|name)"):
            ops.einsum(wrong, x)
    assert ops.prod(parameter(np.ones((0, 3))), 0).data.tolist() == [1, 1, 1]
    y = parameter([2.0, 0.0, 5.0])  # a product with a zero: no division by it
    [g] = gradients(ops.prod(y), [y])
    assert_array_equal(g.data, [0, 10, 0])
