"""The engine: order, sums, memory, and what it refuses."""

import copy
import gc
import pickle
import tracemalloc
import weakref

import numpy as np
import pytest
from largemodels.scratch import ops
from largemodels.scratch.engine import Tensor, gradients, no_grad
from largemodels.scratch.tensor import numpy, parameter, tensor
from numpy.testing import assert_allclose, assert_array_equal


def test_shared_nodes_are_summed():
    """d(x x + x)/dx = 2 x + 1; engines that assign instead of adding give 1."""
    x = parameter(3.0)
    (x * x + x).backward()
    assert x.grad == 7


def test_a_node_waits_for_all_its_children():
    """A diamond whose short side is ready first: y must not be asked before z was."""
    x = parameter(3.0)
    y = x * x
    z = y * y * y
    (y + z).backward()
    assert x.grad == 2 * 3 + 6 * 3**5


def test_deep_sharing_is_not_exponential():
    """Two hundred doublings have 2^200 paths, and 200 nodes."""
    x = parameter(1.0)
    y = x
    for _ in range(200):
        y = y + y
    y.backward()
    assert x.grad == 2.0**200


def test_a_chain_of_a_hundred_thousand_operations():
    x = parameter([1.0, 2.0])
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.backward([1.0, 10.0])
    assert_array_equal(x.grad, [1, 10])
    del y  # and letting go of it does not overflow the stack either


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((), (3, 5)),
        ((5,), (3, 5)),
        ((3, 1), (3, 5)),
        ((1, 1), (3, 5)),
        ((3, 1), (1, 5)),
        ((1,), (1, 1, 1)),
        ((2, 1, 5), (3, 1)),
        ((0, 1), (1, 5)),
    ],
)
def test_broadcasting_is_undone(a, b):
    """By repeating first, as broadcasting is defined, and summing at the end."""
    rng = np.random.default_rng(0)
    x, y = parameter(rng.normal(size=a)), parameter(rng.normal(size=b))
    shape = np.broadcast_shapes(a, b)
    g = rng.normal(size=shape)
    (x * y).backward(g)
    for p, other in ((x, y), (y, x)):
        whole = g * np.broadcast_to(other.data, shape)
        expected = np.zeros(p.shape)
        for index in np.ndindex(*shape):
            tail = index[len(shape) - p.ndim :]
            expected[
                tuple(i * (n > 1) for i, n in zip(tail, p.shape, strict=True))
            ] += whole[index]
        assert p.grad.shape == p.shape
        assert_allclose(p.grad, expected, rtol=1e-14, atol=1e-15)


def test_gradients_have_the_dtype_of_their_parameter():
    """float32 weights and a float64 array: computed in float64, handed back in 32."""
    w = parameter([1.0, 2.0], dtype="float32")
    out = w * np.array([1.0, 1e-9])
    assert out.dtype == np.float64
    out.sum().backward()
    assert w.grad.dtype == np.float32
    assert (w * 2.5 + 1).dtype == np.float32  # a Python number changes nothing


def test_second_backward_adds():
    x = parameter(3.0)
    y = x * x
    y.backward()
    y.backward()
    (2 * x).backward()
    assert x.grad == 14


def test_backward_with_a_cotangent():
    x = parameter([1.0, 2.0, 3.0])
    (x * x).backward(np.array([1.0, 0.0, -1.0]))
    assert_array_equal(x.grad, [2, 0, -6])
    x.grad = None
    (x * x).backward(tensor([1.0, 1.0, 0.0]))
    assert_array_equal(x.grad, [2, 4, 0])


def test_only_leaves_keep_a_gradient():
    x = parameter(3.0)
    y = x * x
    (y * y).backward()
    assert y.grad is None
    c = tensor(2.0)
    (c * x).backward()
    assert c.grad is None


def test_gradients_leave_grad_alone_and_know_inner_nodes():
    x, unused = parameter(3.0), parameter([[1.0, 2.0]])
    y = x * x
    gx, gy, gu = gradients(y * y, [x, y, unused])
    assert (gx.item(), gy.item()) == (4 * 27, 2 * 9)
    assert_array_equal(gu.data, [[0, 0]])
    assert x.grad is None
    assert not gx.requires_grad


def test_derivatives_of_derivatives():
    x = parameter(2.0)
    y = x**5
    expected = [5 * 2**4, 20 * 2**3, 60 * 2**2, 120 * 2, 120]
    for value in expected:
        [y] = gradients(y, [x], create_graph=True)
        assert_allclose(y.item(), value, rtol=1e-15, atol=0)


def test_a_hessian_vector_product():
    """Of f(x) = sum tanh(A x)^2 / 2, against the Hessian by finite differences."""
    rng = np.random.default_rng(0)
    a, v = rng.normal(size=(5, 3)), rng.normal(size=3)

    def gradient(x, create_graph=False):
        y = ops.tanh(a @ x)
        return gradients((y * y).sum() / 2, [x], create_graph=create_graph)[0]

    x = parameter(rng.normal(size=3))
    [product] = gradients((gradient(x, create_graph=True) * v).sum(), [x])
    e = 1e-5
    ahead, behind = (gradient(parameter(x.data + s * e * v)).data for s in (1, -1))
    # Differences are off by e^2 = 1e-10 times a derivative of order 1 to 10.
    assert_allclose(product.data, (ahead - behind) / (2 * e), rtol=1e-7, atol=1e-8)


def test_nothing_is_recorded_without_need():
    c = tensor([1.0, 2.0]) * 3.0
    assert c.parents == ()
    assert not c.requires_grad
    x = parameter([1.0, 2.0])
    with no_grad():
        y = x * 3.0
        with no_grad():
            pass
        assert (x * 3.0).parents == ()  # the inner one does not switch it on again
    assert y.parents == ()
    assert not y.requires_grad
    with pytest.raises(RuntimeError, match="on purpose"), no_grad():
        raise RuntimeError("on purpose")
    assert (x * 3.0).requires_grad  # an error leaves it as it was


def graph(x):
    """Every kind of operation, with the ones that use their own result."""
    y = ops.exp(x * 0.1)
    y = ops.sqrt(y) / ops.tanh(y)
    y = ops.concatenate(y, y, axis=1)[:, :3] @ x.T
    y = ops.where(y.data > 0, y, ops.maximum(y, 0.0)).mean(axis=0)
    return y.max() + y.sum()


def test_nodes_are_freed_without_the_collector():
    """No cycles: reference counting frees a graph as soon as its result goes."""
    x = parameter(np.ones((2, 3)))
    gc.collect()
    gc.disable()
    try:
        out = graph(x)
        inner = weakref.ref(out.parents[0][0])
        out.backward()
        assert inner() is not None
        del out
        assert inner() is None
        out = graph(x)
        inner = weakref.ref(out.parents[0][0])
        [g] = gradients(out, [x], create_graph=True)
        second = weakref.ref(g.parents[0][0])
        del out, g
        assert inner() is None
        assert second() is None
    finally:
        gc.enable()


def test_gradients_on_the_way_are_not_kept():
    """A chain needs the gradients of a few nodes at a time, not of all fifty."""
    x = parameter(np.ones(100_000))
    y = x
    for _ in range(50):
        y = -y
    tracemalloc.start()
    y.backward(np.ones(100_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * x.data.nbytes


def test_errors_say_what_is_missing():
    x = parameter([1.0, 2.0])
    with pytest.raises(ValueError, match=r"shape \(2,\) has no gradient without"):
        (x * x).backward()
    with pytest.raises(ValueError, match=r"cotangent must be \(2,\), got \(3,\)"):
        (x * x).backward([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="nothing was recorded"):
        tensor([1.0]).backward()
    with pytest.raises(ValueError, match="nothing was recorded"):
        gradients(np.ones(1), [x])
    (x * x)[:1].backward()  # one element is enough, whatever the shape
    assert_array_equal(x.grad, [2, 0])


def test_a_tensor_does_not_lose_its_gradient_by_accident():
    """NumPy's functions would turn it into an array, and nobody would know."""
    x = parameter([1.0, 2.0])
    with pytest.raises(TypeError):
        np.exp(x)
    with pytest.raises(TypeError, match="does not turn into an array by itself"):
        np.asarray(x)
    with pytest.raises(TypeError, match="does not turn into an array by itself"):
        np.where([True, False], x, 0.0)
    assert_array_equal(np.asarray(tensor([1.0, 2.0])), [1, 2])
    assert isinstance(np.ones(2) * x, Tensor)
    assert isinstance(np.float64(2) * x, Tensor)
    out = numpy(x)
    out[0] = 7.0
    assert_array_equal(x.data, [1, 2])


def test_comparisons_are_arrays():
    x, y = parameter([1.0, 2.0, 3.0]), parameter([3.0, 2.0, 1.0])
    assert_array_equal(x < y, [True, False, False])
    assert_array_equal(x <= 2.0, [True, True, False])
    assert_array_equal(x > y, [False, False, True])
    assert_array_equal(x >= 2.0, [False, True, True])
    assert_array_equal(x == y, [False, True, False])
    assert_array_equal(x != y, [True, False, True])
    assert len({x, y, x}) == 2  # and tensors can still be keys


def test_copies_are_leaves_without_history():
    x = parameter([1.0, 2.0])
    (x * x).sum().backward()
    for make in (copy.deepcopy, copy.copy, lambda t: pickle.loads(pickle.dumps(t))):
        for original in (x, x * x):
            other = make(original)
            assert_array_equal(other.data, original.data)
            assert other.requires_grad
            assert other.parents == ()
            assert other.grad is None
            with pytest.raises(ValueError, match="read-only"):
                other.data[0] = 5.0


def test_small_things():
    x = parameter([[1.0, 2.0, 3.0]])
    assert (x.shape, x.ndim, x.size, len(x)) == ((1, 3), 2, 3, 1)
    assert repr(x) == "Tensor([[1., 2., 3.]], requires_grad=True)"
    assert repr(x.detach()) == "Tensor([[1., 2., 3.]])"
    assert float(x.sum()) == x.sum().item() == 6.0
    assert x.T.shape == (3, 1)
    assert x.swapaxes(0, 1).shape == (3, 1)
    assert abs(-x).data.tolist() == [[1, 2, 3]]
    assert bool(parameter(0.0)) is False
    assert [row.data.tolist() for row in x] == [[1, 2, 3]]
