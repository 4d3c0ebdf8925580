"""Layers: equal starts, equal outputs, equal gradients; parameters change wings."""

import numpy as np
import pytest
from largemodels.configs import ACTIVATIONS, MLPConfig
from largemodels.parameters import initial_parameters, shapes
from numpy.testing import assert_allclose, assert_array_equal
from wings import OTHERS, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)

CONFIG = MLPConfig(d_in=5, hidden=(7, 11), num_classes=3)


def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(13, 5)), rng.integers(0, 3, 13)


@wings
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_models_start_from_the_one_generator(wing, dtype):
    named = wing.layers.read_parameters(wing.model(CONFIG, dtype=dtype, seed=3))
    expected = initial_parameters(CONFIG, 3, dtype=dtype)
    assert list(named) == list(expected)
    for name, array in expected.items():
        assert named[name].dtype == array.dtype
        assert_array_equal(named[name], array)


@wings
def test_layers_start_from_the_one_generator(wing):
    layer = wing.layers.Linear(5, 7, seed=3, dtype="float64")
    config = MLPConfig(d_in=5, hidden=(), num_classes=7)
    expected = initial_parameters(config, 3)["layers.0.weight"]
    weight = wing.tensor.numpy(layer.weight)
    assert_array_equal(weight.T if wing.name == "pytorch" else weight, expected)
    assert_array_equal(wing.tensor.numpy(layer.bias), np.zeros(7))


@others
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_outputs_and_gradients_agree(wing, activation):
    config = MLPConfig(d_in=5, hidden=(7, 11), num_classes=3, activation=activation)
    start = {  # biases too: at zero they would hide an exchanged or a missing one
        name: np.random.default_rng(i).normal(size=shape) / 2
        for i, (name, shape) in enumerate(shapes(config).items())
    }
    x, y = batch()
    results = []
    for one in (wing, SCRATCH):
        model = one.model(config, dtype="float64")
        one.layers.load_parameters(model, start)
        logits = one.value(model, x)
        results.append((logits, *one.gradients(model, x, y)))
    (logits, loss, grads), (logits_0, loss_0, grads_0) = results
    # Sums of at most 13 products of numbers near 1, through three layers.
    assert_allclose(logits, logits_0, rtol=1e-13, atol=1e-14)
    assert_allclose(loss, loss_0, rtol=1e-14, atol=0)
    assert list(grads) == list(grads_0) == list(start)
    for name, expected in grads_0.items():
        assert np.abs(expected).max() > 1e-3  # there is something to agree on
        assert_allclose(grads[name], expected, rtol=1e-12, atol=1e-15)


@wings
def test_an_mlp_is_what_its_docstring_says(wing):
    start = {
        name: np.random.default_rng(i).normal(size=shape)
        for i, (name, shape) in enumerate(shapes(CONFIG).items())
    }
    model = wing.model(CONFIG, dtype="float64")
    wing.layers.load_parameters(model, start)
    x, _ = batch()
    h = np.maximum(x @ start["layers.0.weight"] + start["layers.0.bias"], 0)
    h = np.maximum(h @ start["layers.1.weight"] + start["layers.1.bias"], 0)
    logits = h @ start["layers.2.weight"] + start["layers.2.bias"]
    assert_allclose(wing.value(model, x), logits, rtol=1e-13, atol=1e-13)


@wings
def test_more_axes_are_rows(wing):
    layer = wing.layers.Linear(5, 7, dtype="float64", seed=1)
    x = np.random.default_rng(0).normal(size=(2, 3, 5))
    flat = wing.value(layer, x.reshape(6, 5))
    assert_allclose(wing.value(layer, x), flat.reshape(2, 3, 7), rtol=1e-14, atol=1e-15)


@wings
def test_without_bias(wing):
    config = MLPConfig(d_in=5, hidden=(7,), num_classes=3, bias=False)
    model = wing.model(config, dtype="float64")
    named = wing.layers.read_parameters(model)
    assert list(named) == ["layers.0.weight", "layers.1.weight"]
    assert_array_equal(wing.value(model, np.zeros((2, 5))), np.zeros((2, 3)))
    assert wing.layers.Linear(5, 7, bias=False).bias is None


@wings
def test_a_linear_model_has_no_hidden_layer(wing):
    config = MLPConfig(d_in=5, hidden=(), num_classes=3, activation="tanh")
    model = wing.model(config, dtype="float64", seed=2)
    weight = wing.layers.read_parameters(model)["layers.0.weight"]
    x, _ = batch()
    assert_allclose(wing.value(model, x), x @ weight, rtol=1e-14, atol=1e-15)


@wings
def test_parameters_go_in_and_come_out(wing):
    model = wing.model(CONFIG, dtype="float64")
    named = initial_parameters(CONFIG, 9)
    wing.layers.load_parameters(model, named)
    back = wing.layers.read_parameters(model)
    for name, array in named.items():
        assert_array_equal(back[name], array)
        back[name] += 1  # copies, on both ways
        array += 1
    again = wing.layers.read_parameters(model)
    for name, array in initial_parameters(CONFIG, 9).items():
        assert_array_equal(again[name], array)


@wings
def test_parameters_that_do_not_fit_change_nothing(wing):
    model = wing.model(CONFIG, seed=1)
    before = wing.layers.read_parameters(model)
    named = initial_parameters(CONFIG, 9)
    named["layers.1.weight"] = named["layers.1.weight"].T
    named["layers.9.bias"] = named.pop("layers.0.bias")
    with pytest.raises(ValueError, match="do not fit") as error:
        wing.layers.load_parameters(model, named)
    for words in (
        "missing: layers.0.bias (7,)",
        "wrong shape: layers.1.weight (11, 7), not (7, 11)",
        "unexpected: layers.9.bias (7,)",
    ):
        assert words in str(error.value)
    for name, array in wing.layers.read_parameters(model).items():
        assert_array_equal(array, before[name])


@wings
@pytest.mark.parametrize("shape", [(3, 4), (4,), ()])
def test_another_width_is_refused(wing, shape):
    layer = wing.layers.Linear(5, 7, dtype="float64")
    with pytest.raises(ValueError, match=r"must be \(\.\.\., 5\), got \("):
        wing.value(layer, np.ones(shape))


def test_another_dtype():
    """NumPy would promote and nobody would know; torch refuses; Keras rounds."""
    x = np.ones((2, 5))
    with pytest.raises(TypeError, match="one dtype, got float64 and float32"):
        SCRATCH.value(SCRATCH.layers.Linear(5, 7), x)
    torch, keras = OTHERS
    with pytest.raises(RuntimeError, match="dtype"):
        torch.value(torch.layers.Linear(5, 7), x)
    assert keras.value(keras.layers.Linear(5, 7), x).dtype == np.float32


@wings
@pytest.mark.parametrize(("d_in", "d_out"), [(0, 3), (3, 0), (2.5, 3)])
def test_sizes_that_are_none(wing, d_in, d_out):
    with pytest.raises((ValueError, TypeError)):
        wing.layers.Linear(d_in, d_out)


@wings
@pytest.mark.parametrize("dtype", ["int64", "double-double"])
def test_other_dtypes_are_refused(wing, dtype):
    with pytest.raises((ValueError, TypeError)):
        wing.layers.Linear(3, 5, dtype=dtype)
