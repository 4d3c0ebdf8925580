"""Recurrent networks: plain, LSTM and GRU, in layers, in one direction and in both.

The equations of the cells stand in cells.py.
"""

from dataclasses import asdict
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from largemodels import checks
from largemodels.configs import RecurrentConfig
from largemodels.configs.recurrent import CELL_PARAMETERS
from largemodels.parameters import initial_parameters
from largemodels.structures import map_structure
from largemodels.tf.cells import gru_step, lstm_step, rnn_step, unroll
from largemodels.tf.layers import Embedding, Linear, load_parameters

__all__ = [
    "RecurrentLayer",
    "RecurrentModel",
    "RecurrentStack",
    "detach_state",
    "gru_step",
    "lstm_step",
    "rnn_step",
    "state_jacobian_norms",
    "unroll",
]


def detach_state(state):
    """The same state as constants: no gradient goes back beyond it.

    Between the chunks of a long stream this truncates backpropagation through time.

    Source: Williams and Peng 1990, "An efficient gradient-based algorithm for on-line
    training of recurrent network trajectories", Neural Computation 2(4).
    """
    return map_structure(tf.stop_gradient, state)


@keras.saving.register_keras_serializable("largemodels")
class RecurrentLayer(keras.layers.Layer):
    """One layer that reads sequences in one direction.

    d_in, d_hidden    width of a step, and of the state
    cell, activation  "rnn" (with "tanh" or "relu"), "lstm" or "gru"
    reverse           whether it reads from the end

    With gates = 1, 4 or 3: input_weight: (d_in, gates d_hidden); recurrent_weight:
    (d_hidden, gates d_hidden); bias: (gates d_hidden,); candidate_bias of a GRU:
    (d_hidden,). Starts from `initial_parameters` with the seed.
    """

    def __init__(
        self,
        d_in,
        d_hidden,
        cell="lstm",
        activation="tanh",
        bias=True,
        reverse=False,
        forget_bias=1.0,
        dtype="float32",
        seed=0,
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        checks.floating("the dtype of a layer", self.dtype)
        self.config = RecurrentConfig(
            d_in=d_in,
            d_hidden=d_hidden,
            num_classes=1,
            cell=cell,
            activation=activation,
            bias=bias,
            forget_bias=forget_bias,
        )
        self.reverse, self.seed = reverse, seed
        self.build()

    def build(self, input_shape=None):
        """Create the parameters: their shapes do not wait for an input."""
        initial = initial_parameters(self.config, self.seed)
        for part in CELL_PARAMETERS:
            value = initial.get(f"recurrent.forward_layers.0.{part}")
            if value is not None:
                variable = self.add_weight(value.shape, initializer="zeros", name=part)
                variable.assign(value)
                value = variable
            setattr(self, part, value)

    def call(self, x, state=None, lengths=None):
        """Read sequences. Returns h of every step, (B, T, d_hidden), and the state.

        x        (B, T, d_in)
        state    before the first step: (h,), or (h, c) of an LSTM, (B, d_hidden) each;
                 None: zeros
        lengths  (B,) integers from 1 to T: how many steps of each sequence are valid,
                 the first ones; None: all. Past its end a sequence has outputs zero and
                 its state stays; in reverse it begins at its own end

        The state is that after the last step read. Raises ValueError or TypeError
        where shapes or dtypes are others; values of lengths are not looked at.
        """
        projected = self.project(x)
        batch_size, width = projected.shape[1], self.config.d_hidden
        count = self.config.state_parts
        if state is None:
            size = tf.shape(projected)[1] if batch_size is None else batch_size
            state = (tf.zeros((size, width), projected.dtype),) * count
        checks.state([s.shape for s in state], count, batch_size, width)
        for part in state:
            checks.same_dtype("the state", part.dtype, "the input", projected.dtype)
        mask = None
        if lengths is not None:
            lengths = tf.convert_to_tensor(lengths)
            checks.lengths(lengths.shape, lengths.dtype, batch_size)
            steps = tf.range(tf.shape(projected)[0])
            mask = steps[:, None, None] < tf.cast(lengths, tf.int32)[:, None]
            mask = tf.ensure_shape(mask, (*projected.shape[:2], 1))
        outputs, state = unroll(self.step, projected, tuple(state), mask, self.reverse)
        if mask is not None:
            outputs = tf.where(mask, outputs, tf.zeros((), outputs.dtype))
        return tf.transpose(outputs, (1, 0, 2)), state

    def project(self, x):
        """x W + b for all steps at once: (B, T, d_in) -> (T, B, gates d_hidden)."""
        checks.sequences(x.shape, self.config.d_in)
        projected = tf.transpose(x, (1, 0, 2)) @ self.input_weight
        return projected if self.bias is None else projected + self.bias

    def step(self, projected, state):
        """The state after one step, from x W + b of that step and the state before."""
        if self.config.cell == "lstm":
            return lstm_step(projected, state, self.recurrent_weight)
        if self.config.cell == "gru":
            bias = 0.0 if self.candidate_bias is None else self.candidate_bias
            return gru_step(projected, state, self.recurrent_weight, bias)
        return rnn_step(projected, state, self.recurrent_weight, self.config.activation)

    def get_config(self):
        """The arguments that make this layer again."""
        config = asdict(self.config)
        names = ("d_in", "d_hidden", "cell", "activation", "bias", "forget_bias")
        own = {name: config[name] for name in names}
        return super().get_config() | own | {"reverse": self.reverse, "seed": self.seed}


@keras.saving.register_keras_serializable("largemodels")
class RecurrentStack(keras.layers.Layer):
    """Layers one above the other, in one direction or both, as a RecurrentConfig says.

    Each layer reads the outputs of the one below; in both directions the two of a layer
    stand side by side, forward first. Names: forward_layers.0, backward_layers.0, ...
    """

    def __init__(self, config, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.config = config
        for direction in config.directions:
            layers = [
                RecurrentLayer(
                    config.output_width if i else config.step_width,
                    config.d_hidden,
                    config.cell,
                    config.activation,
                    config.bias,
                    reverse=direction == "backward_layers",
                    dtype=dtype,
                )
                for i in range(config.num_layers)
            ]
            setattr(self, direction, layers)
        self.built = True

    def call(self, x, state=None, lengths=None):
        """(B, T, d_in) -> outputs of the top layer (B, T, output_width), and the state.

        state, lengths: as a layer takes them; the state is a list of those of all
        layers, lowest first, and of a layer forward first.
        """
        columns = [getattr(self, direction) for direction in self.config.directions]
        count = self.config.num_layers * len(columns)
        states = [None] * count if state is None else list(state)
        if len(states) != count:
            raise ValueError(f"the state must be {count} states, got {len(states)}")
        given, after = iter(states), []
        for level in zip(*columns, strict=True):
            outputs = []
            for layer in level:
                one, new = layer(x, next(given), lengths)
                outputs.append(one)
                after.append(new)
            x = tf.concat(outputs, -1)
        return x, after

    def get_config(self):
        """The arguments that make this layer again."""
        return {**super().get_config(), "config": asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """The layer that `get_config` describes."""
        return cls(**{**config, "config": RecurrentConfig(**config["config"])})


@keras.saving.register_keras_serializable("largemodels")
class RecurrentModel(keras.Model):
    """A sequence model, as its RecurrentConfig says.

    y = stack(embedding(x));   logits = y W + b at every step, or of the last states

    Starts from `initial_parameters(config, seed)`, equal in all wings.
    """

    canonical: ClassVar = {"output_map": "output"}  # Keras itself has an `output`

    def __init__(self, config, dtype="float32", seed=0, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.config, self.seed = config, seed
        self.token_embedding = None
        if config.vocab_size is not None:
            self.token_embedding = Embedding(
                config.vocab_size, config.step_width, dtype
            )
        self.recurrent = RecurrentStack(config, dtype)
        self.output_map = Linear(
            config.output_width, config.num_classes, config.bias, dtype
        )
        self.built = True
        load_parameters(self, initial_parameters(config, seed))

    def call(self, x, lengths=None):
        """Logits: (B, T, num_classes), or (B, num_classes) where readout="last".

        x: (B, T) integers, or (B, T, d_in); lengths: (B,) valid steps, or None. Steps
        past the end of a sequence have logits too: those of a zero output.
        """
        return self.run(x, lengths=lengths)[0]

    def run(self, x, state=None, lengths=None):
        """The logits, and the state to go on with: how a stream is read in chunks."""
        if self.token_embedding is not None:
            x = self.token_embedding(x)
        outputs, state = self.recurrent(x, state, lengths)
        if self.config.readout == "last":
            top = [part[0] for part in state[-len(self.config.directions) :]]
            outputs = tf.concat(top, -1)
        return self.output_map(outputs), state

    def get_config(self):
        """The arguments that make this model again."""
        own = {"config": asdict(self.config), "seed": self.seed}
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        """The model that `get_config` describes."""
        return cls(**{**config, "config": RecurrentConfig(**config["config"])})


def state_jacobian_norms(layer, x):
    """How far a layer remembers: the norm of dh_T / ds_{T-k} for k = 0 to T.

    s is the whole state, h or (h, c), of T steps x: (T, d_in), read from zeros. For
    k = 0 the Jacobian is the identity, beside zeros for c, and the norm, the greatest
    factor by which a change of the state reaches h_T, is 1. Returns an array (T + 1,).

    Source: Pascanu, Mikolov and Bengio 2013, "On the difficulty of training recurrent
    neural networks", for the product of Jacobians that this is.
    """
    projected = layer.project(x[None])
    width, count = layer.config.d_hidden, layer.config.state_parts
    states = [tuple(tf.zeros((width, width), projected.dtype) for _ in range(count))]
    with tf.GradientTape() as tape:
        tape.watch(states)
        for step in projected[::-1] if layer.reverse else projected:
            after = layer.step(step, states[-1])
            states.append(tuple(map(tf.identity, after)))  # apart, as if given
    flat = [part for state in reversed(states) for part in state]
    # Row i of the batch is the same sequence, with the i-th unit vector as cotangent.
    eye, zero = tf.eye(width, dtype=projected.dtype), tf.UnconnectedGradients.ZERO
    parts = tape.gradient(flat[0], flat, eye, unconnected_gradients=zero)
    jacobians = [np.hstack(parts[i : i + count]) for i in range(0, len(parts), count)]
    return np.array([np.linalg.norm(jacobian, 2) for jacobian in jacobians])
