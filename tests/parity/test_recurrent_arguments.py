"""Recurrent networks: what they take, and what they refuse."""

import numpy as np
import pytest
from largemodels.configs import RecurrentConfig
from numpy.testing import assert_allclose, assert_array_equal
from wings import OTHERS, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)
D, H = 5, 11


def layer_of(wing, cell, **options):
    return wing.recurrent.RecurrentLayer(D, H, cell, dtype="float64", **options)


@wings
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_without_bias(wing, cell):
    layer = layer_of(wing, cell, bias=False)
    named = wing.layers.read_parameters(layer)
    assert list(named) == ["input_weight", "recurrent_weight"]
    outputs, _ = layer(wing.tensor.tensor(np.zeros((2, 3, D))))
    assert_array_equal(wing.tensor.numpy(outputs), np.zeros((2, 3, H)))


@wings
@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        (
            (np.ones((2, D)),),
            ValueError,
            r"must be \(B, T, 5\) with T >= 1, got \(2, 5",
        ),
        ((np.ones((2, 0, D)),), ValueError, r"with T >= 1, got \(2, 0, 5\)"),
        ((np.ones((2, 3, 4)),), ValueError, r"must be \(B, T, 5\).*got \(2, 3, 4\)"),
        ((np.ones((2, 3, D)), [np.ones((2, H))]), ValueError, r"must be 2 of \(2, 11"),
        ((np.ones((2, 3, D)), np.ones((2, 2, 4))), ValueError, "the state must be"),
        ((np.ones((2, 3, D)), None, np.array([2])), ValueError, r"be \(B,\).*B = 2"),
        ((np.ones((2, 3, D)), None, np.ones(2)), TypeError, "lengths must be integers"),
    ],
)
def test_what_does_not_fit_is_refused(wing, arrays, error, message):
    x, *rest = arrays
    layer = layer_of(wing, "lstm")
    state = rest[0] if rest else None
    if state is not None:
        state = tuple(map(wing.tensor.tensor, state))
    lengths = wing.tensor.tensor(rest[1]) if len(rest) > 1 else None
    with pytest.raises(error, match=message):
        layer(wing.tensor.tensor(x), state, lengths)


@wings
def test_states_and_dtypes_that_do_not_fit(wing):
    config = RecurrentConfig(d_in=D, d_hidden=H, num_classes=2, num_layers=2)
    model = wing.recurrent.RecurrentModel(config, dtype="float64")
    x = wing.tensor.tensor(np.ones((2, 3, D)))
    _, state = model.run(x)
    with pytest.raises(ValueError, match="must be 2 states, got 1"):
        model.run(x, state[:1])


def test_states_of_another_dtype():
    """NumPy and torch would promote, and are kept from it; Keras rounds its inputs."""
    x, h = np.ones((2, 3, D)), np.ones((2, H), "float32")
    for wing in WINGS[:2]:
        state = (wing.tensor.tensor(h),)
        with pytest.raises(TypeError, match="one dtype, got float32 and float64"):
            layer_of(wing, "rnn")(wing.tensor.tensor(x), state)
    with pytest.raises(TypeError, match="one dtype, got float32 and float64"):
        layer_of(SCRATCH, "rnn")(np.ones((2, 3, D), "float32"))


@pytest.mark.parametrize("lengths", [[0, 2], [2, 4]])
def test_scratch_looks_at_lengths(lengths):
    with pytest.raises(ValueError, match=r"lengths must be from 1 to 3, got \d to \d"):
        layer_of(SCRATCH, "gru")(np.ones((2, 3, D)), lengths=np.array(lengths))


@pytest.mark.gpu
@others
def test_on_a_gpu_the_numbers_are_those_of_the_cpu(wing):
    config = RecurrentConfig(
        d_in=D, d_hidden=H, num_classes=2, bidirectional=True, readout="last"
    )
    x = np.random.default_rng(0).normal(size=(31, 7, D))
    model = wing.recurrent.RecurrentModel(config, dtype="float64", seed=1)
    expected = wing.value(model, x)
    if wing.name == "pytorch":
        model.to("cuda")
        inputs, lengths = wing.tensor.tensor(x).to("cuda"), np.full(31, 7)
        found = wing.tensor.numpy(model(inputs, lengths))
        assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert_allclose(wing.training.predict(model, x), expected, rtol=0, atol=1e-12)
