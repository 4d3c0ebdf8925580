"""Recurrent networks: equal values, gradients and starts; lengths; truncation."""

import numpy as np
import pytest
from largemodels import parameters
from largemodels.configs import RecurrentConfig
from largemodels.data.streams import stream_chunks
from numpy.testing import assert_allclose, assert_array_equal
from wings import OTHERS, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)
CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
cells = pytest.mark.parametrize(("cell", "activation"), CELLS)
B, T, D, H = 3, 7, 5, 11
LENGTHS = np.array([7, 1, 4])
# Sums of at most 11 products of numbers near 1, through 7 steps and two layers.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def filled(wing, model):
    """A model with all parameters away from zero, biases too."""
    start = {
        name: normal(i, *array.shape) / 2
        for i, (name, array) in enumerate(wing.layers.read_parameters(model).items())
    }
    wing.layers.load_parameters(model, start)
    return model


def layer_of(wing, cell, activation="tanh", **options):
    options = {"dtype": "float64", "activation": activation} | options
    return filled(wing, wing.recurrent.RecurrentLayer(D, H, cell, **options))


def states(cell, batch=B):
    return [normal(90 + i, batch, H) for i in range(2 if cell == "lstm" else 1)]


def read(wing, layer, lengths=None):
    """A function from x and a state to the outputs and the state after."""
    lengths = None if lengths is None else wing.tensor.tensor(lengths)

    def function(x, *state):
        outputs, state = layer(x, tuple(state), lengths)
        return [outputs, *state]

    return function


def values(wing, function, *arrays):
    return [wing.tensor.numpy(y) for y in function(*map(wing.tensor.tensor, arrays))]


@others
@cells
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
@pytest.mark.parametrize("reverse", [False, True])
def test_layers_agree(wing, cell, activation, lengths, reverse):
    """Outputs and last states; gradients of inputs, first states and parameters."""
    arrays = [normal(1, B, T, D), *states(cell)]
    results = []
    for one in (wing, SCRATCH):
        layer = layer_of(one, cell, activation, reverse=reverse)
        function = read(one, layer, lengths)
        outputs = values(one, function, *arrays)
        cotangents = [normal(50 + i, *y.shape) for i, y in enumerate(outputs)]
        grads, named = one.pull_all(layer, function, cotangents, *arrays)
        results.append([*outputs, *grads, *named.values()])
        assert list(named) == list(one.layers.read_parameters(layer))
    assert len(results[0]) == len(results[1])
    for found, expected in zip(*results, strict=True):
        assert found.shape == expected.shape
        assert np.abs(expected).max() > 1e-3  # there is something to agree on
        assert_allclose(found, expected, **CLOSE)


@others
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("readout", ["every", "last"])
def test_models_agree(wing, cell, readout):
    """Two layers in both directions, with an embedding, with lengths."""
    config = RecurrentConfig(
        cell=cell,
        vocab_size=13,
        d_embedding=D,
        d_hidden=H,
        num_classes=2,
        num_layers=2,
        bidirectional=True,
        readout=readout,
    )
    ids = np.random.default_rng(0).integers(0, 13, (B, T))
    results = []
    for one in (wing, SCRATCH):
        model = filled(one, one.recurrent.RecurrentModel(config, dtype="float64"))
        x, lengths = one.tensor.tensor(ids), one.tensor.tensor(LENGTHS)

        def function(model=model, x=x, lengths=lengths):
            return [model(x, lengths=lengths)]

        [logits] = values(one, function)
        assert logits.shape == ((B, T, 2) if readout == "every" else (B, 2))
        cotangents = [normal(7, *logits.shape)]
        _, named = one.pull_all(model, function, cotangents)
        results.append((logits, named))
    (logits, named), (expected_logits, expected) = results
    assert_allclose(logits, expected_logits, **CLOSE)
    assert list(named) == list(expected) == list(parameters.shapes(config))
    for name, array in expected.items():
        assert_allclose(named[name], array, **CLOSE)


@wings
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_models_start_from_the_one_generator(wing, cell, dtype):
    config = RecurrentConfig(
        cell=cell, d_in=D, d_hidden=H, num_classes=2, bidirectional=True, num_layers=2
    )
    model = wing.recurrent.RecurrentModel(config, dtype=dtype, seed=3)
    named = wing.layers.read_parameters(model)
    expected = parameters.initial_parameters(config, 3, dtype=dtype)
    assert list(named) == list(expected)
    for name, array in expected.items():
        assert named[name].dtype == array.dtype
        assert_array_equal(named[name], array)
    logits = wing.value(model, normal(0, B, T, D).astype(dtype))
    assert logits.dtype == np.dtype(dtype)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def one_step(cell, activation, p, x, h, c=None):
    """The equations once more, from x to the new state, in plain NumPy."""
    a, b = x @ p["input_weight"] + p["bias"], h @ p["recurrent_weight"]
    if cell == "rnn":
        return (np.tanh(a + b) if activation == "tanh" else np.maximum(a + b, 0),)
    if cell == "lstm":
        i, f, g, o = np.split(a + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    r, z = sigmoid(a + b)[:, :H], sigmoid(a + b)[:, H : 2 * H]
    n = np.tanh(a[:, 2 * H :] + r * (b[:, 2 * H :] + p["candidate_bias"]))
    return ((1 - z) * n + z * h,)


@wings
@cells
def test_cells_are_what_their_docstrings_say(wing, cell, activation):
    layer = layer_of(wing, cell, activation)
    named = wing.layers.read_parameters(layer)
    x, state = normal(1, B, T, D), states(cell)
    outputs, *last = values(wing, read(wing, layer), x, *state)
    for t in range(T):
        state = one_step(cell, activation, named, x[:, t], *state)
        assert_allclose(outputs[:, t], state[0], **CLOSE)
    for found, expected in zip(last, state, strict=True):
        assert_allclose(found, expected, **CLOSE)


@wings
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_padded_batch_is_each_sequence_alone(wing, cell):
    """In both directions; what stands in the padding changes nothing."""
    config = RecurrentConfig(
        cell=cell, d_in=D, d_hidden=H, num_classes=2, num_layers=2, bidirectional=True
    )
    stack = filled(wing, wing.recurrent.RecurrentStack(config, dtype="float64"))
    x = normal(1, B, T, D)
    for row, length in enumerate(LENGTHS):
        x[row, length:] = 1e6
    lengths = wing.tensor.tensor(LENGTHS)
    outputs, state = stack(wing.tensor.tensor(x), lengths=lengths)
    outputs = wing.tensor.numpy(outputs)
    for row, length in enumerate(LENGTHS):
        alone, own = stack(wing.tensor.tensor(x[row : row + 1, :length]))
        expected = wing.tensor.numpy(alone)[0]
        assert_allclose(outputs[row, :length], expected, rtol=1e-13, atol=1e-14)
        assert_array_equal(outputs[row, length:], np.zeros((T - length, 2 * H)))
        for one, other in zip(state, own, strict=True):
            for a, b in zip(one, other, strict=True):
                a, b = wing.tensor.numpy(a)[row], wing.tensor.numpy(b)[0]
                assert_allclose(a, b, rtol=1e-13, atol=1e-14)


@wings
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_a_state_carries_a_stream_on(wing, cell):
    config = RecurrentConfig(
        cell=cell, vocab_size=13, d_hidden=H, num_classes=13, num_layers=2
    )
    model = filled(wing, wing.recurrent.RecurrentModel(config, dtype="float64"))
    stream = np.random.default_rng(0).integers(0, 13, 2 * 12 + 1)
    state, parts = None, []
    for inputs, _ in stream_chunks(stream, 2, 5, drop_last=False):
        logits, state = model.run(wing.tensor.tensor(inputs), state)
        state = wing.recurrent.detach_state(state)
        parts.append(wing.tensor.numpy(logits))
    whole = wing.value(model, stream[:-1].reshape(2, 12))
    assert_allclose(np.concatenate(parts, 1), whole, rtol=1e-13, atol=1e-14)


def cut_gradients(wing, layer, x, cotangent, chunk):
    """The gradients where the carried state is detached after every chunk."""

    def function(*pieces):
        state, outputs = None, []
        for piece in pieces:
            y, state = layer(piece, state)
            state = wing.recurrent.detach_state(state)
            outputs.append(y)
        return outputs

    pieces = [x[:, t : t + chunk] for t in range(0, T, chunk)]
    cotangents = [cotangent[:, t : t + chunk] for t in range(0, T, chunk)]
    return wing.pull_all(layer, function, cotangents, *pieces)[1]


@wings
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_truncated_gradients_are_the_sum_over_chunks(wing, cell):
    """Each from the state that the whole run had there, as a constant."""
    layer = layer_of(wing, cell)
    x, cotangent = normal(1, B, T, D), normal(2, B, T, H)
    zeros = [np.zeros((B, H)) for _ in states(cell)]

    def sum_over(chunk):
        """The sum of the gradients of chunks that are run for themselves."""
        state, total = zeros, 0
        for t in range(0, T, chunk):
            piece = x[:, t : t + chunk]
            cotangents = [cotangent[:, t : t + chunk], *np.zeros((len(state), B, H))]
            function = read(wing, layer)
            _, named = wing.pull_all(layer, function, cotangents, piece, *state)
            total = total + np.array([named[n] for n in named], dtype=object)
            state = values(wing, function, piece, *state)[1:]
        return total

    full = cut_gradients(wing, layer, x, cotangent, T)
    for found, expected in zip(full.values(), sum_over(T), strict=True):
        assert_allclose(found, expected, **CLOSE)
    cut = cut_gradients(wing, layer, x, cotangent, 3)
    for found, expected in zip(cut.values(), sum_over(3), strict=True):
        assert_allclose(found, expected, **CLOSE)
    gap = np.abs(cut["recurrent_weight"] - full["recurrent_weight"]).max()
    assert gap > 1e-2  # a cut does cut something


@wings
def test_norms_of_a_plain_cell_are_those_of_the_product(wing):
    """dh_T / dh_{T-k} = diag(1 - h_T^2) U^T ... diag(1 - h_{T-k+1}^2) U^T."""
    layer = layer_of(wing, "rnn")
    x = normal(1, T, D)
    found = wing.recurrent.state_jacobian_norms(layer, wing.tensor.tensor(x))
    outputs, _ = layer(wing.tensor.tensor(x[None]))
    u = wing.layers.read_parameters(layer)["recurrent_weight"]
    jacobian, expected = np.eye(H), [1.0]
    for h in wing.tensor.numpy(outputs)[0, ::-1]:
        jacobian = jacobian @ (np.diag(1 - h**2) @ u.T)
        expected.append(np.linalg.norm(jacobian, 2))
    assert_allclose(found, expected, **CLOSE)


@others
@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("reverse", [False, True])
def test_norms_agree(wing, cell, reverse):
    x = normal(1, T, D)
    found, expected = (
        one.recurrent.state_jacobian_norms(
            layer_of(one, cell, reverse=reverse), one.tensor.tensor(x)
        )
        for one in (wing, SCRATCH)
    )
    assert found[0] == pytest.approx(1, rel=1e-14, abs=0)
    assert_allclose(found, expected, **CLOSE)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_weights_cross_all_wings_through_a_file(tmp_path, cell):
    config = RecurrentConfig(
        cell=cell, vocab_size=13, d_hidden=H, num_classes=2, bidirectional=True
    )
    ids = np.random.default_rng(0).integers(0, 13, (B, T))
    model = filled(SCRATCH, SCRATCH.recurrent.RecurrentModel(config, dtype="float64"))
    expected, named = SCRATCH.value(model, ids), SCRATCH.layers.read_parameters(model)
    for i, wing in enumerate((*OTHERS, SCRATCH)):
        path = parameters.save(tmp_path / f"{i}.safetensors", named)
        model = wing.recurrent.RecurrentModel(config, dtype="float64", seed=9)
        wing.layers.load_parameters(model, parameters.load(path))
        assert_allclose(wing.value(model, ids), expected, **CLOSE)
        named = wing.layers.read_parameters(model)
