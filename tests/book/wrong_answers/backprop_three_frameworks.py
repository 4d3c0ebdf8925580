"""Typical wrong answers to the exercises of One network, three frameworks."""

from itertools import pairwise

import numpy as np


def _unsorted(state):
    places = sorted({key.partition(".")[0] for key in state})  # "10" before "2"
    named = {}
    for layer, place in enumerate(places):
        named[f"layers.{layer}.weight"] = state[f"{place}.weight"].T
        named[f"layers.{layer}.bias"] = state[f"{place}.bias"]
    return named


def _renamed(state, transpose):
    places = sorted({int(key.partition(".")[0]) for key in state})
    named = {}
    for layer, place in enumerate(places):
        weight = state[f"{place}.weight"]
        named[f"layers.{layer}.weight"] = weight.T if transpose else weight
        named[f"layers.{layer}.bias"] = state[f"{place}.bias"]
    return named


def _gaps_kept(state):
    return {
        f"layers.{key}": array.T if key.endswith("weight") else array
        for key, array in state.items()
    }


def _forward_difference(f, w, v):
    return (f(w + 1e-8 * v) - f(w)) / 1e-8


def _central_difference(f, w, v):
    return (f(w + 1e-5 * v) - f(w - 1e-5 * v)) / 2e-5


def _large_step(f, w, v):
    return (f(w + 0.01 * v) - f(w - 0.01 * v)) / 0.02


WRONG = {
    "mlp-count": [
        lambda widths: sum(a * b for a, b in pairwise(widths)),  # no biases
        lambda widths: sum(a * b + a for a, b in pairwise(widths)),  # bias per input
        lambda widths: int(np.prod(widths)),
    ],
    "linear-backward": [
        lambda x, weight, g: (g @ weight.T, x.T @ g, g.mean(0)),  # mean, not sum
        lambda x, weight, g: (g @ weight.T, g.T @ x, g.sum(0)),  # weight transposed
        lambda x, weight, g: (g @ weight.T, x.T @ g, g),  # bias not collected
        lambda x, weight, g: (x.T @ g, g @ weight.T, g.sum(0)),  # order swapped
    ],
    "to-canonical": [
        _unsorted,
        lambda state: _renamed(state, transpose=False),
        _gaps_kept,
    ],
    "doubled-softmax-floor": [
        lambda K: np.log(K),  # the loss of a network that knows nothing
        lambda K: np.log(1 + K / np.e),
        lambda K: 0.0,
    ],
    "directional-derivative": [_forward_difference, _large_step],
}

RIGHT = {"directional-derivative": [_central_difference]}
