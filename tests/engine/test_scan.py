"""A recurrence as one operation equals the loop of recorded operations."""

import gc
import weakref

import numpy as np
import pytest
from largemodels.scratch.engine import gradients
from largemodels.scratch.recurrent import RecurrentLayer
from largemodels.scratch.tensor import parameter
from numpy.testing import assert_allclose

CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
cells = pytest.mark.parametrize(("cell", "activation"), CELLS)
D, H = 5, 11


def problem(cell, activation, steps=7, reverse=False, bias=True):
    """A layer, a batch, first states, and a scalar of outputs and last states."""
    rng = np.random.default_rng(0)
    layer = RecurrentLayer(
        D, H, cell, activation, bias=bias, reverse=reverse, dtype="float64"
    )
    for p in layer.parameters():
        p.assign(rng.normal(size=p.shape) / 2)
    x = parameter(rng.normal(size=(3, steps, D)))
    state = [parameter(rng.normal(size=(3, H))) for _ in range(1 + (cell == "lstm"))]
    cotangents = rng.normal(size=(3, steps, H)), rng.normal(size=(2, 3, H))

    def scalar(fused, lengths=None):
        layer.fused = fused
        outputs, last = layer(x, state, lengths)
        total = (outputs * cotangents[0]).sum()
        pairs = zip(last, cotangents[1], strict=False)  # an LSTM has two, others one
        return sum(((s * c).sum() for s, c in pairs), total)

    return scalar, [x, *state, *layer.parameters()]


@cells
@pytest.mark.parametrize("lengths", [None, [7, 1, 4]], ids=["full", "lengths"])
@pytest.mark.parametrize("reverse", [False, True])
def test_values_and_first_derivatives(cell, activation, lengths, reverse):
    scalar, inputs = problem(cell, activation, reverse=reverse)
    fused, composed = scalar(True, lengths), scalar(False, lengths)
    # Sums of a few hundred terms near 1, through seven steps.
    assert_allclose(fused.data, composed.data, rtol=1e-12, atol=1e-12)
    pairs = zip(gradients(fused, inputs), gradients(composed, inputs), strict=True)
    for found, expected in pairs:
        assert np.abs(expected.data).max() > 1e-3
        assert_allclose(found.data, expected.data, rtol=1e-11, atol=1e-12)


@cells
@pytest.mark.parametrize("lengths", [None, [7, 1, 4]], ids=["full", "lengths"])
def test_second_derivatives(cell, activation, lengths):
    """The gradient of <v, gradient of scalar^2>, where gates have cotangents too."""
    scalar, inputs = problem(cell, activation)
    found = []
    for fused in (True, False):
        draw = np.random.default_rng(1)
        total = scalar(fused, lengths)
        first = gradients(total * total, inputs, create_graph=True)
        along = sum(((g * draw.normal(size=g.shape)).sum() for g in first), 0.0)
        found.append(gradients(along, inputs))
    for one, other in zip(*found, strict=True):
        assert np.abs(other.data).max() > 1e-1
        # Numbers up to 1e4, sums of thousands of terms.
        assert_allclose(one.data, other.data, rtol=1e-10, atol=1e-9)


@cells
def test_one_step_and_no_bias(cell, activation):
    scalar, inputs = problem(cell, activation, steps=1, bias=False)
    fused, composed = scalar(True), scalar(False)
    pairs = zip(gradients(fused, inputs), gradients(composed, inputs), strict=True)
    for found, expected in pairs:
        assert_allclose(found.data, expected.data, rtol=1e-12, atol=1e-13)


def test_nothing_is_left_for_the_collector():
    """A step over the loss and back is freed by counting references alone."""
    problems = [problem(cell, activation) for cell, activation in CELLS]
    gc.collect()
    gc.disable()
    try:
        for scalar, inputs in problems:
            total = scalar(True)
            gone = weakref.ref(total)
            total.backward()
            del total
            assert gone() is None
            assert inputs[0].grad is not None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_gates_keep_their_sense_far_out():
    """Saturated: tanh(1000 / 2) is 1, and no derivative is NaN."""
    scalar, inputs = problem("lstm", "tanh")
    inputs[0].assign(1e3 * inputs[0].data)
    for g in gradients(scalar(True), inputs):
        assert np.isfinite(g.data).all()
