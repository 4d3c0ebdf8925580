"""Typical wrong answers to the exercises of the page on recurrent networks."""

import numpy as np


def _the_gate_itself(steps, share):
    return share ** (1 / steps)


def _linear_in_steps(steps, share):
    f = 1 - (1 - share) / steps
    return np.log(f / (1 - f))


def _log_of_steps(steps, share):
    return np.log(steps)


def _lstm(a, c, dh, dc, to_cell=True, order="ifgo", forget=True):
    parts = dict(zip(order, np.split(a, 4, axis=1), strict=True))
    i, f, o = (1 / (1 + np.exp(-parts[name])) for name in "ifo")
    g = np.tanh(parts["g"])
    tanh_c = np.tanh(f * c + i * g)
    if to_cell:
        dc = dc + dh * o * (1 - tanh_c**2)
    grads = {
        "i": dc * g * i * (1 - i),
        "f": dc * c * f * (1 - f),
        "g": dc * i * (1 - g**2),
        "o": dh * tanh_c * o * (1 - o),
    }
    stacked = np.concatenate([grads[name] for name in order], axis=1)
    return stacked, dc * f if forget else dc


def _forgets_the_way_through_h(a, c, dh, dc):
    return _lstm(a, c, dh, dc, to_cell=False)


def _another_order(a, c, dh, dc):
    return _lstm(a, c, dh, dc, order="ifog")


def _cell_without_gate(a, c, dh, dc):
    return _lstm(a, c, dh, dc, forget=False)


def _losses(logits, targets):
    z = logits - logits.max(-1, keepdims=True)
    z = z - np.log(np.exp(z).sum(-1, keepdims=True))
    return -np.take_along_axis(z, targets[..., None], -1)[..., 0]


def _counts_padding(logits, targets, lengths):
    return _losses(logits, targets).mean()


def _divides_by_all(logits, targets, lengths):
    valid = np.arange(targets.shape[1]) < lengths[:, None]
    return (_losses(logits, targets) * valid).mean()


def _mean_of_means(logits, targets, lengths):
    rows = zip(_losses(logits, targets), lengths, strict=True)
    return np.mean([row[:n].mean() for row, n in rows])


def _one_step_too_many(logits, targets, lengths):
    valid = np.arange(targets.shape[1]) <= lengths[:, None]
    return _losses(logits, targets)[valid].mean()


def _each_by_itself(gw, gb, bound):
    return tuple(g * min(1, bound / (np.linalg.norm(g) + 1e-300)) for g in (gw, gb))


def _by_value(gw, gb, bound):
    return np.clip(gw, -bound, bound), np.clip(gb, -bound, bound)


def _always_scaled(gw, gb, bound):
    norm = np.sqrt((gw**2).sum() + (gb**2).sum()) + 1e-300
    return gw * bound / norm, gb * bound / norm


def _zero_over_zero(gw, gb, bound):
    norm = np.sqrt((gw**2).sum() + (gb**2).sum())
    share = min(norm, bound) / norm
    return gw * share, gb * share


WRONG = {
    "forget-bias": [_the_gate_itself, _linear_in_steps, _log_of_steps],
    "lstm-backward": [
        _forgets_the_way_through_h,
        _another_order,
        _cell_without_gate,
    ],
    "masked-loss": [
        _counts_padding,
        _divides_by_all,
        _mean_of_means,
        _one_step_too_many,
    ],
    "clip-together": [_each_by_itself, _by_value, _always_scaled, _zero_over_zero],
}
