"""Every operation's derivatives, held against finite differences in one direction.

For random v and g, <v, J^T g> must equal <g, (f(x + e v) - f(x - e v)) / 2e>: one pair
of evaluations an argument, whatever its shape, and no blind cotangent of ones.
"""

import numpy as np
import pytest
from largemodels.scratch import functional, ops
from largemodels.scratch.engine import OPERATIONS, Tensor, gradients
from largemodels.scratch.tensor import parameter
from numpy.testing import assert_allclose

from tests.engine.cases import CASES, EACH, apply, here

E = 1e-5


def test_every_operation_has_a_case():
    assert set(CASES) == here(OPERATIONS)


def directional(function, arrays, i, direction):
    """The central difference of function along a direction of argument i."""
    ahead, behind = list(arrays), list(arrays)
    ahead[i] = arrays[i] + E * direction
    behind[i] = arrays[i] - E * direction
    return (function(ahead) - function(behind)) / (2 * E)


@pytest.mark.parametrize(("name", "arrays", "options"), EACH)
def test_first_derivative(name, arrays, options):
    def f(arrays):
        return apply(name, arrays, options)

    draw = np.random.default_rng(1)
    xs = [parameter(a) for a in arrays]
    out = f(xs)
    g = draw.normal(size=out.shape)
    grads = gradients(out, xs, g) if out.requires_grad else [0 * x for x in xs]
    for i, x in enumerate(arrays):
        v = draw.normal(size=x.shape)
        expected = np.sum(g * directional(f, arrays, i, v))
        # Differences are off by e^2 = 1e-10 times a third derivative below 100, and by
        # 1e-16 / e = 1e-11 times the number of terms summed, about 100.
        assert_allclose(np.sum(grads[i].data * v), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize(("name", "arrays", "options"), EACH)
def test_second_derivative(name, arrays, options):
    """The gradient, recorded and differentiated: vjps are operations themselves."""
    draw = np.random.default_rng(1)
    g = draw.normal(size=apply(name, arrays, options).shape)

    def first(arrays, create_graph=False):
        xs = [parameter(a) for a in arrays]
        out = apply(name, xs, options)
        if not out.requires_grad:
            return xs, [Tensor(np.zeros(x.shape)) for x in xs]
        # The square makes the first derivative depend on linear arguments too.
        return xs, gradients(out * out, xs, g, create_graph)

    directions = [draw.normal(size=x.shape) for x in arrays]
    xs, grads = first(arrays, create_graph=True)
    along = sum(((gr * v).sum() for gr, v in zip(grads, directions, strict=True)), 0.0)
    hessian = (
        gradients(along, xs)
        if isinstance(along, Tensor) and along.requires_grad
        else [Tensor(np.zeros(x.shape)) for x in xs]
    )

    def slope(arrays):
        _, grads = first(arrays)
        pairs = zip(grads, directions, strict=True)
        return sum(np.sum(gr.data * v) for gr, v in pairs)

    for i, x in enumerate(arrays):
        v = draw.normal(size=x.shape)
        expected = directional(slope, arrays, i, v)
        # As above, with fourth derivatives, below 1e4 here.
        assert_allclose(np.sum(hessian[i].data * v), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "arrays", "options"), EACH)
def test_on_arrays_an_operation_returns_an_array(name, arrays, options):
    plain = apply(name, arrays, options)
    assert not isinstance(plain, Tensor)
    recorded = apply(name, [parameter(a) for a in arrays], options)
    np.testing.assert_array_equal(plain, recorded.data)


@pytest.mark.parametrize("shapes", [((0, 3), (3,)), ((2, 0), (1, 1)), ((1, 0), (5, 1))])
def test_broadcasting_with_empty_axes(shapes):
    """What nothing was computed from has a zero gradient, of the right shape."""
    x, y = (parameter(np.ones(s)) for s in shapes)
    out = x * y
    assert out.size == 0
    for p, g in zip((x, y), gradients(out, [x, y], np.ones(out.shape)), strict=True):
        assert g.shape == p.shape
        assert not g.data.any()


def test_ties_share_the_derivative():
    x = parameter([[2.0, 2.0, 1.0], [0.0, 3.0, 3.0]])
    [g] = gradients(x.max(axis=1), [x], [1.0, 10.0])
    np.testing.assert_array_equal(g.data, [[0.5, 0.5, 0], [0, 5, 5]])
    y = parameter([[2.0, 0.0, 5.0], [0.0, 0.0, 3.0]])
    gx, gy = gradients(ops.maximum(x, y).sum(), [x, y])
    np.testing.assert_array_equal(gx.data, [[0.5, 1, 0], [0.5, 1, 0.5]])
    np.testing.assert_array_equal(gy.data, [[0.5, 0, 1], [0.5, 0, 0.5]])


def test_power_at_zero():
    """x^2, x^1 and x^0 have slopes at 0; 0 x^-1 must not make them NaN."""
    for p, slope in ((2, 0.0), (1, 1.0), (0, 0.0), (1.5, 0.0)):
        x = parameter([0.0])
        [g] = gradients((x**p).sum(), [x])
        np.testing.assert_array_equal(g.data, [slope])


def test_an_exponent_is_a_number():
    x = parameter([2.0])
    with pytest.raises(TypeError, match="the exponent must be a number"):
        x**x


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((5,), (5,)),
        ((5,), (5, 7)),
        ((3, 5), (5,)),
        ((2, 3, 5), (5,)),
        ((5,), (2, 5, 7)),
    ],
)
def test_vectors_in_matmul(a, b):
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=a), draw.normal(size=b)
    x, y = parameter(a), parameter(b)
    out = x @ y
    assert_allclose(out.data, np.matmul(a, b), rtol=1e-14, atol=1e-15)
    g = draw.normal(size=out.shape)
    gx, gy = gradients(out, [x, y], g)
    assert_allclose(
        np.sum(gx.data * a), np.sum(gy.data * b), rtol=1e-12, atol=1e-13
    )  # both are <g, x y>, a form linear in x and in y
    assert_allclose(np.sum(gx.data * a), np.sum(g * out.data), rtol=1e-12, atol=1e-13)


def test_matmul_names_what_does_not_fit():
    with pytest.raises(ValueError, match="at least one axis"):
        parameter(1.0) @ parameter([1.0])
    with pytest.raises(ValueError, match="matmul"):
        parameter(np.ones((2, 3))) @ parameter(np.ones((2, 3)))


def test_take_adds_where_a_row_is_taken_twice():
    table = parameter(np.arange(6.0).reshape(3, 2))
    out = ops.take(table, np.array([2, 0, 2]))
    np.testing.assert_array_equal(out.data, [[4, 5], [0, 1], [4, 5]])
    [g] = gradients(out, [table], [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    np.testing.assert_array_equal(g.data, [[3, 4], [0, 0], [6, 8]])
    columns = ops.take(table, np.array([1]), axis=-1)
    np.testing.assert_array_equal(columns.data, [[1], [3], [5]])


# What is fused must equal what it is composed of, in value and derivative.
COMPOSED = {
    "relu": lambda x: ops.where(x.data > 0, x, 0.0),
    "sigmoid": lambda x: 1 / (1 + ops.exp(-x)),
    "softplus": lambda x: ops.log(1 + ops.exp(x)),
    "silu": lambda x: x / (1 + ops.exp(-x)),
    "gelu": lambda x: (
        0.5 * x * (1 + ops.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    ),
    "softmax": lambda x: ops.exp(x) / ops.exp(x).sum(-1, True),
    "logsumexp": lambda x: ops.log(ops.exp(x).sum(-1)),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_fused_equals_composed(name):
    draw = np.random.default_rng(0)
    x = parameter(2 * draw.normal(size=(3, 5, 7)))
    fused, composed = OPERATIONS[name](x), COMPOSED[name](x)
    # Numbers below 10, a dozen roundings each way.
    assert_allclose(fused.data, composed.data, rtol=1e-13, atol=1e-14)
    g = draw.normal(size=fused.shape)
    [a], [b] = gradients(fused, [x], g), gradients(composed, [x], g)
    assert_allclose(a.data, b.data, rtol=1e-12, atol=1e-14)


def test_gelu_exact_equals_composed():
    draw = np.random.default_rng(0)
    x = parameter(2 * draw.normal(size=(3, 5)))
    fused = functional.gelu(x, approximate=False)
    composed = 0.5 * x * (1 + ops.erf(x / np.sqrt(2)))
    assert_allclose(fused.data, composed.data, rtol=1e-13, atol=1e-15)
    g = draw.normal(size=fused.shape)
    [a], [b] = gradients(fused, [x], g), gradients(composed, [x], g)
    assert_allclose(a.data, b.data, rtol=1e-12, atol=1e-15)
