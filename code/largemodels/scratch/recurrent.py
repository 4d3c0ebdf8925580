"""Recurrent networks: plain, LSTM and GRU, in layers, in one direction and in both.

The equations of the cells stand in cells.py.
"""

import numpy as np

from largemodels import checks
from largemodels.configs import RecurrentConfig
from largemodels.configs.recurrent import CELL_PARAMETERS
from largemodels.parameters import initial_parameters
from largemodels.scratch.cells import gru_step, lstm_step, rnn_step, unroll
from largemodels.scratch.engine import gradients
from largemodels.scratch.layers import Embedding, Linear, Module, load_parameters
from largemodels.scratch.ops import concatenate, swapaxes, where
from largemodels.scratch.scan import gru_scan, lstm_scan, rnn_scan
from largemodels.scratch.tensor import numpy, parameter
from largemodels.structures import map_structure

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
    return map_structure(lambda part: part.detach(), state)


class RecurrentLayer(Module):
    """One layer that reads sequences in one direction.

    d_in, d_hidden    width of a step, and of the state
    cell, activation  "rnn" (with "tanh" or "relu"), "lstm" or "gru"
    reverse           whether it reads from the end

    With gates = 1, 4 or 3: input_weight: (d_in, gates d_hidden); recurrent_weight:
    (d_hidden, gates d_hidden); bias: (gates d_hidden,); candidate_bias of a GRU:
    (d_hidden,). Starts from `initial_parameters` with the seed.

    `fused = False` makes the loop one of recorded operations and not one operation.
    """

    fused = True

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
    ):
        config = RecurrentConfig(
            d_in=d_in,
            d_hidden=d_hidden,
            num_classes=1,
            cell=cell,
            activation=activation,
            bias=bias,
            forget_bias=forget_bias,
        )
        self.config, self.reverse = config, reverse
        initial = initial_parameters(config, seed, dtype=dtype)
        for name in CELL_PARAMETERS:
            value = initial.get(f"recurrent.forward_layers.0.{name}")
            setattr(self, name, None if value is None else parameter(value))

    def forward(self, x, state=None, lengths=None):
        """Read sequences. Returns h of every step, (B, T, d_hidden), and the state.

        x        (B, T, d_in)
        state    before the first step: (h,), or (h, c) of an LSTM, (B, d_hidden) each;
                 None: zeros
        lengths  (B,) integers from 1 to T: how many steps of each sequence are valid,
                 the first ones; None: all. Past its end a sequence has outputs zero and
                 its state stays; in reverse it begins at its own end

        The state is that after the last step read. Raises ValueError or TypeError
        where shapes, dtypes or lengths are others.
        """
        projected = self.project(x)
        steps, batch_size, _ = projected.shape
        width, count = self.config.d_hidden, self.config.state_parts
        if state is None:
            state = (np.zeros((batch_size, width), projected.dtype),) * count
        checks.state([s.shape for s in state], count, batch_size, width)
        for part in state:
            checks.same_dtype("the state", part.dtype, "the input", projected.dtype)
        mask = None if lengths is None else _mask(numpy(lengths), steps, batch_size)
        run = self._scan if self.fused else self._unroll
        outputs, state = run(projected, tuple(state), mask)
        if mask is not None:
            outputs = where(mask, outputs, np.zeros((), projected.dtype))
        return swapaxes(outputs, 0, 1), state

    def project(self, x):
        """x W + b for all steps at once: (B, T, d_in) -> (T, B, gates d_hidden)."""
        d_in, width = self.input_weight.shape
        checks.sequences(x.shape, d_in)
        checks.same_dtype("the input", x.dtype, "the weights", self.input_weight.dtype)
        rows = swapaxes(x, 0, 1).reshape((-1, d_in)) @ self.input_weight
        rows = rows if self.bias is None else rows + self.bias
        return rows.reshape((x.shape[1], x.shape[0], width))

    def step(self, projected, state):
        """The state after one step, from x W + b of that step and the state before."""
        if self.config.cell == "lstm":
            return lstm_step(projected, state, self.recurrent_weight)
        if self.config.cell == "gru":
            return gru_step(projected, state, *self._recurrent())
        return rnn_step(projected, state, self.recurrent_weight, self.config.activation)

    def _recurrent(self):
        """What multiplies the state, and what a GRU adds to that."""
        if self.config.cell != "gru":
            return (self.recurrent_weight,)
        bias = self.candidate_bias
        zero = np.zeros(self.config.d_hidden, self.recurrent_weight.dtype)
        return self.recurrent_weight, zero if bias is None else bias

    def _unroll(self, projected, state, mask):
        return unroll(self.step, projected, state, mask, self.reverse)

    def _scan(self, projected, state, mask):
        """The same, in one operation."""
        scan = {"rnn": rnn_scan, "lstm": lstm_scan, "gru": gru_scan}[self.config.cell]
        options = {"mask": mask, "reverse": self.reverse}
        if self.config.cell == "rnn":
            options["activation"] = self.config.activation
        trace = scan(projected, *state, *self._recurrent(), **options)
        width, last = self.config.d_hidden, 0 if self.reverse else -1
        outputs = trace[..., -width:]
        if self.config.cell == "lstm":
            return outputs, (outputs[last], trace[last, :, -2 * width : -width])
        return outputs, (outputs[last],)


def _mask(lengths, steps, batch_size):
    """(T, B, 1): whether a step belongs to the sequence."""
    checks.lengths(lengths.shape, lengths.dtype, batch_size)
    if lengths.size and (lengths.min() < 1 or lengths.max() > steps):
        raise ValueError(
            f"lengths must be from 1 to {steps}, got {lengths.min()} to {lengths.max()}"
        )
    return (np.arange(steps)[:, None] < lengths)[..., None]


# --- Models --------------------------------------------------------------------------


class RecurrentStack(Module):
    """Layers one above the other, in one direction or both, as a RecurrentConfig says.

    Each layer reads the outputs of the one below; in both directions the two of a layer
    stand side by side, forward first. Names: forward_layers.0, backward_layers.0, ...
    """

    def __init__(self, config, dtype="float32"):
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

    def forward(self, x, state=None, lengths=None):
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
            x = outputs[0] if len(outputs) == 1 else concatenate(*outputs, axis=-1)
        return x, after


class RecurrentModel(Module):
    """A sequence model, as its RecurrentConfig says.

    y = stack(embedding(x));   logits = y W + b at every step, or of the last states

    Starts from `initial_parameters(config, seed)`, equal in all wings.
    """

    def __init__(self, config, dtype="float32", seed=0):
        self.config = config
        self.token_embedding = None
        if config.vocab_size is not None:
            self.token_embedding = Embedding(
                config.vocab_size, config.step_width, dtype
            )
        self.recurrent = RecurrentStack(config, dtype)
        self.output = Linear(
            config.output_width, config.num_classes, config.bias, dtype
        )
        load_parameters(self, initial_parameters(config, seed))

    def forward(self, x, lengths=None):
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
            outputs = top[0] if len(top) == 1 else concatenate(*top, axis=-1)
        return self.output(outputs), state


# --- Memory --------------------------------------------------------------------------


def state_jacobian_norms(layer, x):
    """How far a layer remembers: the norm of dh_T / ds_{T-k} for k = 0 to T.

    s is the whole state, h or (h, c), of T steps x: (T, d_in), read from zeros. For
    k = 0 the Jacobian is the identity, beside zeros for c, and the norm, the greatest
    factor by which a change of the state reaches h_T, is 1. Returns an array (T + 1,).

    Source: Pascanu, Mikolov and Bengio 2013, "On the difficulty of training recurrent
    neural networks", for the product of Jacobians that this is.
    """
    projected = numpy(layer.project(x[None]))
    width, count = layer.config.d_hidden, layer.config.state_parts
    zeros = np.zeros((width, width), projected.dtype)
    states = [tuple(parameter(zeros) for _ in range(count))]
    for step in projected[::-1] if layer.reverse else projected:
        after = layer.step(step, states[-1])
        states.append(tuple(part + 0 for part in after))  # h and c apart, as if given
    flat = [part for state in reversed(states) for part in state]
    # Row i of the batch is the same sequence, with the i-th unit vector as cotangent.
    parts = [numpy(g) for g in gradients(flat[0], flat, np.eye(width))]
    jacobians = [np.hstack(parts[i : i + count]) for i in range(0, len(parts), count)]
    return np.array([np.linalg.norm(jacobian, 2) for jacobian in jacobians])
