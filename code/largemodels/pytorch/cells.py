"""The cells of recurrent networks, and the loop that takes one over time.

    state of step t = step(x_t W^T + b, state of step t - 1, recurrent weights)

The products x_t W^T of all steps are computed at once, before; only the rest is a loop.
H is here the width of the state, d_hidden.
The blocks of a gated cell stand side by side: i, f, g, o in an LSTM, r, z, n in a GRU.
Weights lie as torch has them, (gates H, ...).

Differs: torch has these orders; Keras calls an LSTM's i, f, c, o, and has a GRU's as z,
r, h. torch has two biases for every gate, which only add up, and Keras two in a GRU;
here a GRU has a second one only where it is not the same: inside the reset gate's
product.
"""

import torch

__all__ = ["gru_step", "lstm_step", "rnn_step", "unroll"]


def rnn_step(projected, state, recurrent_weight, activation="tanh"):
    """h' = activation(x W^T + b + h U^T), the plain cell.

    projected: x W^T + b, (B, H); state: (h,), (B, H) each; recurrent_weight: U, (H, H);
    activation: "tanh" or "relu". Returns (h',).

    Source: Elman 1990, "Finding structure in time", Cognitive Science 14(2).
    """
    (h,) = state
    a = projected + h @ recurrent_weight.T
    return (torch.tanh(a) if activation == "tanh" else torch.relu(a),)


def lstm_step(projected, state, recurrent_weight):
    """Long short-term memory, with a forget gate.

    i, f, g, o = x W^T + b + h U^T, four blocks
    c' = sigmoid(f) c + sigmoid(i) tanh(g);   h' = sigmoid(o) tanh(c')

    projected: x W^T + b, (B, 4 H); state: (h, c), (B, H) each; recurrent_weight: U,
    (4 H, H). Returns (h', c').

    Source: Hochreiter and Schmidhuber 1997, "Long short-term memory"; the forget gate:
    Gers, Schmidhuber and Cummins 2000, "Learning to forget".
    Differs: Gers and Schmidhuber 2000 also let the gates see c ("peepholes").
    """
    h, c = state
    i, f, g, o = torch.chunk(projected + h @ recurrent_weight.T, 4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru_step(projected, state, recurrent_weight, candidate_bias=0.0):
    """Gated recurrent unit, with the reset gate after the product.

    r = sigmoid(x W_r^T + b_r + h U_r^T);   z = sigmoid(x W_z^T + b_z + h U_z^T)
    n = tanh(x W_n^T + b_n + r (h U_n^T + candidate_bias));   h' = (1 - z) n + z h

    projected: x W^T + b, (B, 3 H); state: (h,), (B, H); recurrent_weight: U, (3 H, H);
    candidate_bias: (H,). Returns (h',).

    Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder
    for statistical machine translation", whose z is as here.
    Differs: the paper applies r to h before the product, as Keras does with
    reset_after=False; torch does as here. Chung et al. 2014 exchange z and 1 - z.
    """
    (h,) = state
    x_r, x_z, x_n = torch.chunk(projected, 3, -1)
    h_r, h_z, h_n = torch.chunk(h @ recurrent_weight.T, 3, -1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * (h_n + candidate_bias))
    return ((1 - z) * n + z * h,)


def unroll(step, projected, state, mask=None, reverse=False):
    """The loop over time: state = step(projected[t], state) for every t.

    projected  (T, B, ...), T the steps in time
    state      before the first step, a tuple of (B, H)
    mask       (T, B, 1) bool: where False the state stays as it is; or None
    reverse    from the last step to the first. With a mask, a sequence then begins at
               its own end: until there its state is the one given

    Returns h of every step, (T, B, H), and the state after the last one read.
    """
    inputs = projected.unbind(0)  # indexing would make a gradient of all T for each
    outputs = [None] * len(inputs)
    for t in reversed(range(len(inputs))) if reverse else range(len(inputs)):
        new = step(inputs[t], state)
        if mask is not None:
            pairs = zip(new, state, strict=True)
            new = tuple(torch.where(mask[t], n, s) for n, s in pairs)
        state = new
        outputs[t] = state[0]
    return torch.stack(outputs), state
