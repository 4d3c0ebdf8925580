"""A whole recurrence over time as one operation, with its own derivative.

An operation a step would be written down thousands of times a sequence; here the loop
runs inside. Every one keeps what its derivative needs in its result, the trace: what
each gate said at each step, and the states. It equals the loop over the step of
cells.py, which says the equations; derivatives are written in operations, so that
they can be differentiated again.

projected         (T, B, gates H)  x W + b for all steps, T the steps in time
h, c              (B, H)           the state before the first step
recurrent_weight  (H, gates H)     U
mask              (T, B, 1)        False where a sequence has ended: its state stays;
                                   None where all are equally long
reverse           from the last step to the first

Source: backpropagation through time, Werbos 1990, Proceedings of the IEEE 78(10).
"""

import numpy as np

from largemodels.scratch.engine import Tensor, primitive
from largemodels.scratch.ops import concatenate, stack, tanh


def _order(steps, reverse):
    """The steps in the order in which they are read."""
    return range(steps)[::-1] if reverse else range(steps)


def _before(states, first, reverse):
    """The state that each step started from: all states one step later."""
    if reverse:
        return concatenate(states[1:], first[None])
    return concatenate(first[None], states[:-1])


def _slots(trace, count):
    """The parts of equal width that a trace, or its gradient, consists of."""
    width = trace.shape[-1] // count
    return [trace[..., i * width : (i + 1) * width] for i in range(count)]


def _beside(*parts):
    return concatenate(*parts, axis=-1)


def _wanted(g):
    """Whether a gradient may be other than zero: that of a gate is in the second."""
    return isinstance(g, Tensor) or g.any()


def _weights_share(before, da):
    """The sum over all steps of h_before^T da, in one product."""
    flat = (-1, before.shape[-1]), (-1, da.shape[-1])
    return before.reshape(flat[0]).T @ da.reshape(flat[1])


# --- Plain ---------------------------------------------------------------------------


def _rnn_gradients(g, z, projected, h, u, activation="tanh", mask=None, reverse=False):
    slope = 1 - z * z if activation == "tanh" else z > 0
    steps, dh = [None] * len(projected), 0.0
    for t in _order(len(steps), not reverse):
        dh = dh + g[t]
        if mask is None:
            steps[t] = dh * slope[t]
            dh = steps[t] @ u.T
        else:
            steps[t] = dh * mask[t] * slope[t]
            dh = steps[t] @ u.T + dh * ~mask[t]
    da = stack(*steps)
    return da, dh, _weights_share(_before(z, h, reverse), da)


@primitive(joint=_rnn_gradients)
def rnn_scan(
    projected, h, recurrent_weight, activation="tanh", mask=None, reverse=False
):
    """The states of a plain recurrence at all steps: (T, B, H)."""
    z = np.empty((*projected.shape[:2], h.shape[1]), projected.dtype)
    for t in _order(len(z), reverse):
        a = np.matmul(h, recurrent_weight, out=z[t])
        a += projected[t]
        np.tanh(a, out=a) if activation == "tanh" else np.maximum(a, 0, out=a)
        if mask is not None:
            np.copyto(a, h, where=~mask[t])
        h = a
    return z


# --- LSTM ----------------------------------------------------------------------------


def _lstm_gradients(g, z, projected, h, c, u, mask=None, reverse=False):
    i, f, n, o, cs, hs = _slots(z, 6)
    gi, gf, gn, go, gc, gh = _slots(g, 6)
    tanh_c = tanh(cs)
    to_i, to_f, to_n, to_o = i * (1 - i), f * (1 - f), 1 - n * n, o * (1 - o)
    by_c = _beside(n * to_i, _before(cs, c, reverse) * to_f, i * to_n)
    by_h, h_to_c = tanh_c * to_o, o * (1 - tanh_c * tanh_c)
    extra = None
    if _wanted(g[..., : -2 * hs.shape[-1]]):
        extra = _beside(gi * to_i, gf * to_f, gn * to_n, go * to_o)
    steps, dh, dc = [None] * len(projected), 0.0, 0.0
    for t in _order(len(steps), not reverse):
        dh, dc = dh + gh[t], dc + gc[t]
        if mask is not None:
            dh_past, dc_past = dh * ~mask[t], dc * ~mask[t]
            dh, dc = dh * mask[t], dc * mask[t]
        dc = dc + dh * h_to_c[t]
        steps[t] = _beside(_beside(dc, dc, dc) * by_c[t], dh * by_h[t])
        if extra is not None:
            steps[t] = steps[t] + extra[t]
        dh, dc = steps[t] @ u.T, dc * f[t]
        if mask is not None:
            dh, dc = dh + dh_past, dc + dc_past
    da = stack(*steps)
    return da, dh, dc, _weights_share(_before(hs, h, reverse), da)


@primitive(joint=_lstm_gradients)
def lstm_scan(projected, h, c, recurrent_weight, mask=None, reverse=False):
    """The trace of an LSTM: i, f, g, o, c, h side by side at all steps, (T, B, 6 H).

    sigmoid(a) = (1 + tanh(a / 2)) / 2: one tanh serves all gates.
    """
    width = h.shape[1]
    z = np.empty((*projected.shape[:2], 6 * width), projected.dtype)
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], z.dtype), width)
    for t in _order(len(z), reverse):
        a = np.matmul(h, recurrent_weight, out=z[t, :, : 4 * width])
        a += projected[t]
        a *= half
        np.tanh(a, out=a)
        a *= half
        a += 1 - half
        i, f, n, o = _slots(a, 4)
        new_c, new_h = z[t, :, 4 * width : 5 * width], z[t, :, 5 * width :]
        np.multiply(f, c, out=new_c)
        new_c += i * n
        np.multiply(o, np.tanh(new_c), out=new_h)
        if mask is not None:
            np.copyto(new_c, c, where=~mask[t])
            np.copyto(new_h, h, where=~mask[t])
        h, c = new_h, new_c
    return z


# --- GRU -----------------------------------------------------------------------------


def _gru_gradients(g, trace, projected, h, u, bias, mask=None, reverse=False):
    r, z, n, q, hs = _slots(trace, 5)
    gr, gz, gn, gq, gh = _slots(g, 5)
    before = _before(hs, h, reverse)
    to_r, to_z, to_n = r * (1 - r), z * (1 - z), 1 - n * n
    h_to_n, h_to_z, n_to_r = (1 - z) * to_n, (before - n) * to_z, q * to_r
    extra = None
    if _wanted(g[..., : -hs.shape[-1]]):
        extra = gr * to_r, gz * to_z, gn * to_n, gq
    inputs, steps, dh = [None] * len(projected), [None] * len(projected), 0.0
    for t in _order(len(steps), not reverse):
        dh = dh + gh[t]
        past = dh * z[t]
        if mask is not None:
            past = past * mask[t] + dh * ~mask[t]
            dh = dh * mask[t]
        dn, dz = dh * h_to_n[t], dh * h_to_z[t]
        if extra is not None:
            dn, dz = dn + extra[2][t], dz + extra[1][t]
        dr, dq = dn * n_to_r[t], dn * r[t]
        if extra is not None:
            dr, dq = dr + extra[0][t], dq + extra[3][t]
        inputs[t], steps[t] = _beside(dr, dz, dn), _beside(dr, dz, dq)
        dh = steps[t] @ u.T + past
    da = stack(*steps)
    dq = da[..., -h.shape[1] :].sum((0, 1))
    return stack(*inputs), dh, _weights_share(before, da), dq


@primitive(joint=_gru_gradients)
def gru_scan(projected, h, recurrent_weight, candidate_bias, mask=None, reverse=False):
    """The trace of a GRU: r, z, n, q, h side by side at all steps, (T, B, 5 H).

    q = h U_n + candidate_bias is what the reset gate lets through.
    """
    width = h.shape[1]
    trace = np.empty((*projected.shape[:2], 5 * width), projected.dtype)
    for t in _order(len(trace), reverse):
        gates, (n, q, new) = trace[t, :, : 2 * width], _slots(trace[t], 5)[2:]
        a = h @ recurrent_weight
        np.add(a[:, 2 * width :], candidate_bias, out=q)
        np.add(a[:, : 2 * width], projected[t, :, : 2 * width], out=gates)
        gates *= 0.5
        np.tanh(gates, out=gates)
        gates *= 0.5
        gates += 0.5
        r, z = _slots(gates, 2)
        np.multiply(r, q, out=n)
        n += projected[t, :, 2 * width :]
        np.tanh(n, out=n)
        np.multiply(z, h - n, out=new)
        new += n
        if mask is not None:
            np.copyto(new, h, where=~mask[t])
        h = new
    return trace
