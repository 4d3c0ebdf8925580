"""The scalar engine: equal to the tensors' engine and to torch, and without cycles."""

import gc
import math
import random
import weakref

import numpy as np
import pytest
import torch
from largemodels.scratch import ops
from largemodels.scratch.scalar import Value
from largemodels.scratch.tensor import parameter
from numpy.testing import assert_allclose


def formula(a, b, exp, log, tanh):
    c = 2 - a * b + 3 / a - b / 4 + (a + 1) ** 3 - (-b) * 0.5
    d = exp(tanh(c / 50)) + log(a * a + 1) - tanh(b) ** 2
    return d * d / (1 + exp(-c / 10)) + a**0.5 + 7 - b


def test_it_equals_the_engine_of_tensors():
    a, b = Value(1.5), Value(-2.25)
    out = formula(a, b, Value.exp, Value.log, Value.tanh)
    out.backward()
    x, y = parameter(1.5), parameter(-2.25)
    expected = formula(x, y, ops.exp, ops.log, ops.tanh)
    expected.backward()
    # Twenty roundings of numbers below 100.
    assert_allclose(out.data, expected.data, rtol=1e-14, atol=0)
    assert_allclose([a.grad, b.grad], [x.grad, y.grad], rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    ("x", "z", "slope"), [(2.0, 2.0, 1.0), (-2.0, 0.0, 0.0), (0.0, 0.0, 0.0)]
)
def test_relu(x, z, slope):
    v = Value(x)
    out = v.relu()
    out.backward()
    assert (out.data, v.grad) == (z, slope)


def test_nothing_infinite_becomes_nan():
    assert Value(-math.inf).relu().data == 0.0
    v = Value(0.0)
    (v**0).backward()
    assert v.grad == 0.0


def test_shared_numbers_and_diamonds():
    x = Value(3.0)
    y = x * x
    z = y * y * y
    (y + z).backward()
    assert x.grad == 2 * 3 + 6 * 3**5


def test_given_numbers_add_up_and_computed_ones_begin_anew():
    x = Value(3.0)
    y = x * x
    z = y + y
    z.backward()
    z.backward()
    assert y.grad == 2.0
    assert x.grad == 24.0


def test_a_network_equals_torch():
    def theirs(x):
        return torch.tensor(x, dtype=torch.float64, requires_grad=True)

    def loss(kind):
        draw = random.Random(0)
        w = [[kind(draw.uniform(-1, 1)) for _ in range(3)] for _ in range(5)]
        v = [kind(draw.uniform(-1, 1)) for _ in range(5)]
        total = 0
        for _ in range(7):
            x = [draw.gauss(0, 1) for _ in range(3)]
            h = [sum(a * b for a, b in zip(r, x, strict=True)).relu() for r in w]
            total = total + (sum(a * b for a, b in zip(v, h, strict=True)) - 1) ** 2
        total.backward()
        return float(total.data), [float(p.grad) for r in [*w, v] for p in r]

    (ours, grads), (other, expected) = loss(Value), loss(theirs)
    assert ours == pytest.approx(other, rel=1e-13, abs=0)
    assert_allclose(grads, expected, rtol=1e-12, atol=1e-14)


def test_long_chains_and_no_cycles():
    x = Value(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.backward()
    assert (y.data, x.grad) == (100_001.0, 1.0)

    class Watched(Value):  # a Value has no room for weak references
        __slots__ = ("__weakref__",)

    gc.collect()
    gc.disable()
    try:
        inner = Watched(2.0)
        out = (inner * inner).exp().tanh()
        out.backward()
        watch = weakref.ref(inner)
        del inner, out
        assert watch() is None
    finally:
        gc.enable()


def test_it_says_what_it_is():
    x = Value(2.0)
    (x * x).backward()
    assert repr(x) == "Value(2, grad=4)"
    assert np.isfinite(x.grad)
