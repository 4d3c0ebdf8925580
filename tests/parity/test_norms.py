"""Layer norm and RMS norm: values, gradients, and against the frameworks' own."""

import keras
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from wings import OTHERS, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)

EPS = 1e-3
RNG = np.random.default_rng(0)
X = 3 * RNG.normal(size=(2, 3, 7)) + 5
WEIGHT, BIAS, C = RNG.normal(size=7), RNG.normal(size=7), RNG.normal(size=(2, 3, 7))
CASES = {
    "layer": ("layer_norm", (X, WEIGHT, BIAS)),
    "layer-bare": ("layer_norm", (X, WEIGHT)),
    "rms": ("rms_norm", (X, WEIGHT)),
}
# Rows of mean 5 and deviation 3: a difference loses one digit of 1e-16.
CLOSE = {"rtol": 1e-13, "atol": 1e-14}


def call(wing, name):
    function = getattr(wing.functional, CASES[name][0])
    return lambda *arrays: function(*arrays, eps=EPS)


@others
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_agree(wing, name):
    arrays = CASES[name][1]
    expected = SCRATCH.value(call(SCRATCH, name), *arrays)
    assert_allclose(wing.value(call(wing, name), *arrays), expected, **CLOSE)
    pairs = zip(
        wing.pull(call(wing, name), C, *arrays),
        SCRATCH.pull(call(SCRATCH, name), C, *arrays),
        strict=True,
    )
    for found, expected in pairs:
        assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


@wings
def test_against_torch_and_keras(wing):
    norm = torch.nn.functional
    tensors = [torch.tensor(a) for a in (X, WEIGHT, BIAS)]
    expected = norm.layer_norm(tensors[0], (7,), *tensors[1:], eps=EPS)
    found = wing.value(call(wing, "layer"), X, WEIGHT, BIAS)
    assert_allclose(found, expected, **CLOSE)
    theirs = keras.layers.LayerNormalization(epsilon=EPS, dtype="float64")
    theirs.build(X.shape)
    theirs.set_weights([WEIGHT, BIAS])
    assert_allclose(found, theirs(X), rtol=1e-12, atol=1e-13)
    expected = norm.rms_norm(*tensors[:1], (7,), tensors[1], eps=EPS)
    assert_allclose(wing.value(call(wing, "rms"), X, WEIGHT), expected, **CLOSE)


@wings
@pytest.mark.parametrize("kind", ["LayerNorm", "RMSNorm"])
def test_layers_are_their_functions(wing, kind):
    made = getattr(wing.layers, kind)(7, eps=EPS, dtype="float64")
    name = "rms" if kind == "RMSNorm" else "layer"
    given = (np.ones(7), np.zeros(7))[: 1 if name == "rms" else 2]
    expected = wing.value(call(wing, name), X, *given)
    assert_allclose(wing.value(made, X), expected, **CLOSE)
    with pytest.raises(ValueError, match=r"must be \(\.\.\., 7\), got \(2, 3\)"):
        wing.value(made, np.ones((2, 3)))
    assert getattr(made, "bias", None) is None or name == "layer"


@wings
def test_a_layer_norm_without_bias(wing):
    made = wing.layers.LayerNorm(7, bias=False, eps=EPS, dtype="float64")
    assert made.bias is None
    expected = wing.value(call(wing, "layer"), X, np.ones(7))
    assert_allclose(wing.value(made, X), expected, **CLOSE)


@wings
@pytest.mark.parametrize("kind", ["LayerNorm", "RMSNorm"])
def test_sizes_that_are_none(wing, kind):
    make = getattr(wing.layers, kind)
    for wrong, error in ((0, ValueError), (2.5, TypeError)):
        with pytest.raises(error, match="d_model must be"):
            make(wrong)
    with pytest.raises(ValueError, match="eps must be at least 0"):
        make(3, eps=-1.0)
    with pytest.raises((ValueError, TypeError)):
        make(3, dtype="int64")


@wings
def test_a_constant_row_stays_finite(wing):
    found = wing.value(call(wing, "layer"), np.full((1, 7), 1e8), WEIGHT, BIAS)
    assert_allclose(found, BIAS[None], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", WINGS[1].functional.ACTIVATIONS)
def test_pytorchs_kernels_equal_what_is_written_out(name):
    wing = WINGS[1]
    x = np.linspace(-6, 6, 49).reshape(7, 7)
    c = np.random.default_rng(0).normal(size=x.shape)
    for function in (wing.functional.KERNELS[name],):
        ours = wing.functional.ACTIVATIONS[name]
        # 1 + tanh is rounded beside 1, and multiplied by x / 2.
        assert_allclose(wing.value(function, x), wing.value(ours, x), **CLOSE)
        [found], [expected] = wing.pull(function, c, x), wing.pull(ours, c, x)
        assert_allclose(found, expected, **CLOSE)
