"""Typical wrong answers to the exercises of the page on Adam."""

import numpy as np


def _one_period(C, beta_2):
    v, x = 0.0, 0.0
    for g in (C, -1.0, -1.0):
        v = beta_2 * v + (1 - beta_2) * g * g
        x -= g / v**0.5
    return x


def _one_scale(C, beta_2):
    return (2 - C) / ((C**2 + 2) / 3) ** 0.5


def _wrong_sign(C, beta_2):
    v, x = 0.0, 0.0
    for _ in range(20_000):
        x = 0.0
        for g in (C, -1.0, -1.0):
            v = beta_2 * v + (1 - beta_2) * g * g
            x += g / v**0.5
    return x


def _run(
    w, gradients, eta, b1, b2, eps, lam, *, penalty=False, fixed=False, eps_hat=False
):
    m = v = np.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        t = 1 if fixed else t
        g = g + lam * w if penalty else g
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        c1, c2 = 1 - b1**t, 1 - b2**t
        root = np.sqrt(v) + eps if eps_hat else np.sqrt(v / c2) + eps
        step = m / c1 / root * (c2**0.5 if eps_hat else 1.0)
        w = (w if penalty else (1 - eta * lam) * w) - eta * step
    return w


def _penalty(*given):
    return _run(*given, penalty=True)


def _never_counts(*given):
    return _run(*given, fixed=True)


def _epsilon_hat(*given):
    return _run(*given, eps_hat=True)


def _decays_by_lambda(w, gradients, eta, b1, b2, eps, lam):
    return _run(w, gradients, eta, b1, b2, eps, lam / eta)


def _lion(w, gradients, eta, b1, b2, lam, update_first=False, sign=np.sign):
    m = np.zeros_like(w)
    for g in gradients:
        if update_first:
            m = b2 * m + (1 - b2) * g
            step = sign(m)
        else:
            step = sign(b1 * m + (1 - b1) * g)
            m = b2 * m + (1 - b2) * g
        w = (1 - eta * lam) * w - eta * step
    return w


def _one_average(*given):
    return _lion(*given, update_first=True)


def _swapped(w, gradients, eta, b1, b2, lam):
    return _lion(w, gradients, eta, b2, b1, lam)


def _never_zero(*given):
    return _lion(*given, sign=lambda x: np.where(x >= 0, 1.0, -1.0))


WRONG = {
    "adam-drift": [_one_period, _one_scale, _wrong_sign],
    "adamw": [_penalty, _never_counts, _epsilon_hat, _decays_by_lambda],
    "lion": [_one_average, _swapped, _never_zero],
}
