"""Typical wrong answers to the exercises of the page on GPT."""

import numpy as np


def _softmax(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _scores(q, k):
    return q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])


def _the_first_positions(q, k, v):
    T, S = q.shape[-2], k.shape[-2]
    return _softmax(np.where(np.tri(T, S, dtype=bool), _scores(q, k), -np.inf)) @ v


def _without_the_root(q, k, v):
    T, S = q.shape[-2], k.shape[-2]
    z = q @ np.swapaxes(k, -1, -2)
    return _softmax(np.where(np.tri(T, S, S - T, dtype=bool), z, -np.inf)) @ v


def _mask_after_softmax(q, k, v):
    T, S = q.shape[-2], k.shape[-2]
    return _softmax(_scores(q, k)) * np.tri(T, S, S - T) @ v


def _overflows(q, k, v):
    T, S = q.shape[-2], k.shape[-2]
    e = np.exp(np.where(np.tri(T, S, S - T, dtype=bool), _scores(q, k), -np.inf))
    return e / e.sum(-1, keepdims=True) @ v


def _rotate(x, positions, base, sign=1.0, power=2.0):
    half = x.shape[-1] // 2
    angle = positions[:, None] * base ** (-power * np.arange(half) / x.shape[-1])
    cos, sin = np.cos(angle), sign * np.sin(angle)
    first, second = x[:, :half], x[:, half:]
    return np.concatenate((first * cos - second * sin, second * cos + first * sin), -1)


def _the_other_way_round(x, positions, base):
    return _rotate(x, positions, base, sign=-1.0)


def _half_the_exponent(x, positions, base):
    return _rotate(x, positions, base, power=1.0)


def _pairs_of_neighbors(x, positions, base):
    half = x.shape[-1] // 2
    angle = positions[:, None] * base ** (-2 * np.arange(half) / x.shape[-1])
    even, odd = x[:, ::2], x[:, 1::2]
    out = np.empty_like(x)
    out[:, ::2] = even * np.cos(angle) - odd * np.sin(angle)
    out[:, 1::2] = odd * np.cos(angle) + even * np.sin(angle)
    return out


WRONG = {
    "causal-attention": [
        _the_first_positions,
        _without_the_root,
        _mask_after_softmax,
        _overflows,
    ],
    "rotate-pairs": [_the_other_way_round, _half_the_exponent, _pairs_of_neighbors],
}
