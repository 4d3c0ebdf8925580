"""Recurrent networks of every wing against Keras's, and ours as layers of Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from largemodels.configs import RecurrentConfig
from numpy.testing import assert_allclose, assert_array_equal
from wings import TENSORFLOW, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
CELLS = [("rnn", "tanh"), ("rnn", "relu"), ("lstm", "tanh"), ("gru", "tanh")]
cells = pytest.mark.parametrize(("cell", "activation"), CELLS)
B, T, D, H = 3, 7, 5, 11
LENGTHS = np.array([7, 1, 4])
# Sums of at most 11 products of numbers near 1, through 7 steps.
CLOSE = {"rtol": 1e-11, "atol": 1e-12}
KINDS = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def exchanged(array):
    """The blocks r, z, n as z, r, n, and back."""
    r, z, n = np.split(array, 3, axis=-1)
    return np.concatenate([z, r, n], axis=-1)


def to_keras(cell, named):
    """Keras's kernel, recurrent kernel and bias of our parameters."""
    w, u, b = (named[k] for k in ("input_weight", "recurrent_weight", "bias"))
    if cell != "gru":
        return [w, u, b]
    second = np.concatenate([np.zeros(2 * H), named["candidate_bias"]])
    return [exchanged(w), exchanged(u), np.stack([exchanged(b), second])]


@wings
@cells
@pytest.mark.parametrize("reverse", [False, True])
def test_a_layer_with_masking(wing, cell, activation, reverse):
    """Outputs where they are valid, last states, gradients of inputs and parameters.

    Keras repeats the last output past the end, where ours are zero.
    """
    layer = wing.recurrent.RecurrentLayer(
        D, H, cell, activation, reverse=reverse, dtype="float64"
    )
    named = wing.layers.read_parameters(layer)
    named = {n: normal(i, *a.shape) / 2 for i, (n, a) in enumerate(named.items())}
    wing.layers.load_parameters(layer, named)
    x, first = normal(90, B, T, D), list(normal(91, 1 + (cell == "lstm"), B, H))

    def ours(x, *state):
        outputs, state = layer(x, tuple(state), wing.tensor.tensor(LENGTHS))
        return [outputs, *state]

    found = [wing.tensor.numpy(y) for y in ours(*map(wing.tensor.tensor, (x, *first)))]
    cotangents = [normal(50 + i, *y.shape) for i, y in enumerate(found)]
    grads, of_parameters = wing.pull_all(layer, ours, cotangents, x, *first)

    options = {} if cell == "rnn" else {"recurrent_activation": "sigmoid"}
    options |= {"reset_after": True} if cell == "gru" else {}
    theirs = getattr(keras.layers, KINDS[cell])(
        H,
        activation=activation,
        return_sequences=True,
        return_state=True,
        go_backwards=reverse,
        dtype="float64",
        **options,
    )
    valid = np.arange(T) < LENGTHS[:, None]
    given = [tf.constant(a) for a in (x, *first)]
    theirs.build(x.shape)
    theirs.set_weights(to_keras(cell, named))
    with tf.GradientTape() as tape:
        tape.watch(given)
        outputs, *state = theirs(given[0], initial_state=given[1:], mask=valid)
        if reverse:  # Keras gives them in the order in which it read
            outputs = outputs[:, ::-1]
        outputs = tf.where(valid[..., None], outputs, tf.zeros((), tf.float64))
        pairs = zip([outputs, *state], cotangents, strict=True)
        total = sum(tf.reduce_sum(y * c) for y, c in pairs)
    of_given, of_weights = tape.gradient(total, (given, theirs.trainable_variables))
    for y, expected in zip(found, [outputs, *state], strict=True):
        assert_allclose(y, expected, **CLOSE)
    for g, expected in zip(grads, of_given, strict=True):
        assert_allclose(g, expected, **CLOSE)
    w, u, b = map(np.asarray, of_weights)
    expected = {"input_weight": w, "recurrent_weight": u, "bias": b}
    if cell == "gru":
        expected = {"input_weight": w, "recurrent_weight": u, "bias": b[0]}
        expected = {name: exchanged(g) for name, g in expected.items()}
        expected["candidate_bias"] = b[1, 2 * H :]
    assert of_parameters.keys() == expected.keys()
    for name, g in expected.items():
        assert_allclose(of_parameters[name], g, **CLOSE)


@pytest.mark.parametrize("mode", ["graph of any length", "xla"])
def test_compiled_it_is_the_same(mode):
    """Values and gradients of all parameters, with lengths, in reverse."""
    layer = TENSORFLOW.recurrent.RecurrentLayer(D, H, reverse=True, dtype="float64")
    x, c = tf.constant(normal(0, B, T, D)), tf.constant(normal(1, B, T, H))
    lengths = tf.constant(LENGTHS)

    def step(x, lengths):
        with tf.GradientTape() as tape:
            outputs, state = layer(x, lengths=lengths)
            total = tf.reduce_sum(outputs * c) + tf.reduce_sum(state[1])
        return outputs, tape.gradient(total, layer.trainable_variables)

    signature = None
    if mode == "graph of any length":
        signature = (
            tf.TensorSpec((None, None, D), tf.float64),
            tf.TensorSpec((None,), tf.int64),
        )
    compiled = tf.function(step, jit_compile=mode == "xla", input_signature=signature)
    (outputs, grads), (expected, theirs) = compiled(x, lengths), step(x, lengths)
    assert_allclose(outputs, expected, **CLOSE)
    for found, one in zip(grads, theirs, strict=True):
        assert_allclose(found, one, **CLOSE)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
def test_fit_save_and_load(tmp_path):
    """A classifier of sequences, as any other model of Keras."""
    config = RecurrentConfig(
        cell="gru", d_in=D, d_hidden=H, num_classes=2, readout="last"
    )
    model = TENSORFLOW.recurrent.RecurrentModel(config, dtype="float64", seed=1)
    x = normal(0, 32, T, D)
    y = (x[:, 0, 0] > 0).astype("int64")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss)
    history = model.fit(x, y, batch_size=16, epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    assert other.get_config() == model.get_config()
    assert_array_equal(other(x), model(x))


def test_layers_are_made_again_from_their_configs():
    rooms = TENSORFLOW.recurrent
    layer = rooms.RecurrentLayer(D, H, "lstm", reverse=True, forget_bias=0.5, seed=4)
    again = rooms.RecurrentLayer.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    for a, b in zip(again.variables, layer.variables, strict=True):
        assert_array_equal(a.numpy(), b.numpy())
    config = RecurrentConfig(d_in=D, d_hidden=H, num_classes=1, bidirectional=True)
    stack = rooms.RecurrentStack(config, dtype="float64")
    assert rooms.RecurrentStack.from_config(stack.get_config()).config == config
    embedding = TENSORFLOW.layers.Embedding(7, 3, seed=4)
    again = TENSORFLOW.layers.Embedding.from_config(embedding.get_config())
    assert_array_equal(again.weight.numpy(), embedding.weight.numpy())


def test_what_cells_say_of_keras():
    """Its LSTM starts with a forget gate's bias of 1, the second block; others at 0."""
    layer = keras.layers.LSTM(H)
    layer.build((B, T, D))
    bias = layer.cell.bias.numpy()
    assert_array_equal(bias, np.repeat([0, 1, 0, 0], H))
    ours = TENSORFLOW.recurrent.RecurrentLayer(D, H)
    assert_array_equal(ours.bias.numpy(), bias)
