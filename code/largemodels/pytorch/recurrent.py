"""Recurrent networks: plain, LSTM and GRU, in layers, in one direction and in both.

The equations of the cells stand in cells.py.
"""

import torch
from torch import nn

from largemodels import checks
from largemodels.configs import RecurrentConfig
from largemodels.configs.recurrent import CELL_PARAMETERS
from largemodels.parameters import initial_parameters, to_wing
from largemodels.pytorch.cells import gru_step, lstm_step, rnn_step, unroll
from largemodels.pytorch.layers import Embedding, Linear, load_parameters
from largemodels.pytorch.tensor import numpy, tensor
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


class RecurrentLayer(nn.Module):
    """One layer that reads sequences in one direction.

    d_in, d_hidden    width of a step, and of the state
    cell, activation  "rnn" (with "tanh" or "relu"), "lstm" or "gru"
    reverse           whether it reads from the end

    With gates = 1, 4 or 3: input_weight: (gates d_hidden, d_in); recurrent_weight:
    (gates d_hidden, d_hidden); bias: (gates d_hidden,); candidate_bias of a GRU:
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
    ):
        super().__init__()
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
        for part in CELL_PARAMETERS:
            name = f"recurrent.forward_layers.0.{part}"
            value = initial.get(name)
            if value is not None:
                value = nn.Parameter(tensor(to_wing(name, value, "pytorch")))
            setattr(self, part, value)

    def forward(self, x, state=None, lengths=None):
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
        steps, batch_size, _ = projected.shape
        width, count = self.config.d_hidden, self.config.state_parts
        if state is None:
            state = (projected.new_zeros(batch_size, width),) * count
        checks.state([s.shape for s in state], count, batch_size, width)
        for part in state:
            checks.same_dtype("the state", part.dtype, "the input", projected.dtype)
        mask = None
        if lengths is not None:
            lengths = torch.as_tensor(lengths, device=x.device)
            checks.lengths(lengths.shape, lengths.dtype, batch_size)
            steps = torch.arange(steps, device=x.device)
            mask = (steps[:, None] < lengths)[..., None]
        outputs, state = unroll(self.step, projected, tuple(state), mask, self.reverse)
        if mask is not None:
            outputs = torch.where(mask, outputs, 0)
        return outputs.transpose(0, 1), state

    def project(self, x):
        """x W^T + b for all steps at once: (B, T, d_in) -> (T, B, gates d_hidden)."""
        checks.sequences(x.shape, self.config.d_in)
        projected = x.transpose(0, 1) @ self.input_weight.T
        return projected if self.bias is None else projected + self.bias

    def step(self, projected, state):
        """The state after one step, from x W^T + b there and the state before."""
        if self.config.cell == "lstm":
            return lstm_step(projected, state, self.recurrent_weight)
        if self.config.cell == "gru":
            bias = 0.0 if self.candidate_bias is None else self.candidate_bias
            return gru_step(projected, state, self.recurrent_weight, bias)
        return rnn_step(projected, state, self.recurrent_weight, self.config.activation)


class RecurrentStack(nn.Module):
    """Layers one above the other, in one direction or both, as a RecurrentConfig says.

    Each layer reads the outputs of the one below; in both directions the two of a layer
    stand side by side, forward first. Names: forward_layers.0, backward_layers.0, ...
    """

    def __init__(self, config, dtype="float32"):
        super().__init__()
        self.config = config
        for direction in config.directions:
            layers = nn.ModuleList(
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
            )
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
            x = torch.cat(outputs, -1)
        return x, after


class RecurrentModel(nn.Module):
    """A sequence model, as its RecurrentConfig says.

    y = stack(embedding(x));   logits = y W^T + b at every step, or of the last states

    Starts from `initial_parameters(config, seed)`, equal in all wings.
    """

    def __init__(self, config, dtype="float32", seed=0):
        super().__init__()
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
            outputs = torch.cat(top, -1)
        return self.output(outputs), state


def state_jacobian_norms(layer, x):
    """How far a layer remembers: the norm of dh_T / ds_{T-k} for k = 0 to T.

    s is the whole state, h or (h, c), of T steps x: (T, d_in), read from zeros. For
    k = 0 the Jacobian is the identity, beside zeros for c, and the norm, the greatest
    factor by which a change of the state reaches h_T, is 1. Returns an array (T + 1,).

    Source: Pascanu, Mikolov and Bengio 2013, "On the difficulty of training recurrent
    neural networks", for the product of Jacobians that this is.
    """
    projected = layer.project(x[None]).detach()
    width, count = layer.config.d_hidden, layer.config.state_parts
    zeros = projected.new_zeros(width, width)
    states = [tuple(zeros.clone().requires_grad_() for _ in range(count))]
    for step in projected.flip(0) if layer.reverse else projected:
        after = layer.step(step, states[-1])
        states.append(tuple(part.clone() for part in after))  # apart, as if given
    flat = [part for state in reversed(states) for part in state]
    # Row i of the batch is the same sequence, with the i-th unit vector as cotangent.
    eye = torch.eye(width, dtype=zeros.dtype, device=zeros.device)
    parts = torch.autograd.grad(flat[0], flat, eye, materialize_grads=True)
    jacobians = [
        torch.cat(parts[i : i + count], 1) for i in range(0, len(parts), count)
    ]
    return numpy(torch.linalg.matrix_norm(torch.stack(jacobians), 2))
