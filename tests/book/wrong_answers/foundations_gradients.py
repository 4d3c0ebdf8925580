"""Typical wrong answers to the exercises of the page on gradients."""

from itertools import pairwise

import numpy as np


def _missing_axes_only(g, shape):
    return g.sum(axis=tuple(range(g.ndim - len(shape))))


def _mean_for_sum(g, shape):
    g = g.mean(axis=tuple(range(g.ndim - len(shape))))
    return g.mean(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


def _loses_axes(g, shape):
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1))


def _first_axis(g, shape):
    return g if g.shape == shape else g.sum(axis=0)


def _rms(x, eps):
    return np.sqrt((x**2).mean(axis=-1, keepdims=True) + eps)


def _scale_frozen(x, w, eps, g):
    r = _rms(x, eps)
    return g * w / r, (g * x / r).sum(axis=0)


def _weight_per_row(x, w, eps, g):
    r = _rms(x, eps)
    inner = (g * w * x).mean(axis=-1, keepdims=True)
    return g * w / r - x * inner / r**3, g * x / r


def _weight_forgotten(x, w, eps, g):
    r = _rms(x, eps)
    inner = (g * x).mean(axis=-1, keepdims=True)
    return g / r - x * inner / r**3, (g * x / r).sum(axis=0)


def _sum_for_mean(x, w, eps, g):
    r = _rms(x, eps)
    inner = (g * w * x).sum(axis=-1, keepdims=True)
    return g * w / r - x * inner / r**3, (g * x / r).sum(axis=0)


def _entry_by_entry(x, step):
    """The gradient from step(f at a moved array, i)."""
    gradient = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        gradient[i] = step(i)
    return gradient


def _central(f, x):
    def step(i):
        e = np.zeros(x.shape)
        e[i] = 6e-6
        return (f(x + e) - f(x - e)) / 1.2e-5

    return _entry_by_entry(x, step)


def _imaginary(f, x, size):
    def step(i):
        e = np.zeros(x.shape, complex)
        e[i] = size * 1j
        return f(x + e).imag / size

    return _entry_by_entry(x, step)


def _large_imaginary_step(f, x):
    return _imaginary(f, x, 1e-4)


def _small_imaginary_step(f, x):
    return _imaginary(f, x, 1e-30)


def _all_at_once(f, x):
    return np.full(x.shape, f(x + 1e-30j).imag / 1e-30)


def _forward_order(sizes):
    return sum(sizes[0] * a * b for a, b in pairwise(sizes[1:]))


def _reverse_order(sizes):
    return sum(sizes[-1] * a * b for a, b in pairwise(sizes[:-1]))


def _better_of_the_two(sizes):
    return min(_forward_order(sizes), _reverse_order(sizes))


WRONG = {
    "unbroadcast": [_missing_axes_only, _mean_for_sum, _loses_axes, _first_axis],
    "rms-norm-vjp": [_scale_frozen, _weight_per_row, _weight_forgotten, _sum_for_mean],
    "complex-gradient": [_central, _large_imaginary_step, _all_at_once],
    "jacobian-order": [_forward_order, _reverse_order, _better_of_the_two],
}

RIGHT = {"complex-gradient": [_small_imaginary_step]}
