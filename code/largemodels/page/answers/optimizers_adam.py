"""References for the exercises of From momentum to Adam and AdamW."""

import numpy as np

from largemodels.page.answers import reference


def _cycles(rng):
    """Short memories and long ones, C near 2 and large."""
    pairs = [(3.0, 0.1), (3.0, 0.9), (2.1, 0.5), (50.0, 0.999), (10.0, 0.01)]
    return [*pairs, *((rng.uniform(2, 20), rng.uniform(0.05, 0.95)) for _ in range(4))]


@reference(
    "adam-drift",
    cases=_cycles,
    hint="Each of the three steps is divided by the root of v as it stands after that "
    "gradient, and v remembers all periods before. Simulate a few, and compare.",
    rtol=1e-7,
    atol=1e-9,
)
def drift(C, beta_2):
    """By simulation: the last period, once v has settled."""
    v, change = 0.0, 0.0
    periods = int(np.ceil(40 / (-3 * np.log(beta_2)))) + 2
    for _ in range(periods):
        change = 0.0
        for g in (C, -1.0, -1.0):
            v = beta_2 * v + (1 - beta_2) * g * g
            change -= g / np.sqrt(v)
    return float(change)


def _gradients(rng, steps, size):
    return rng.normal(size=(steps, size)) * 10.0 ** rng.integers(-6, 2, size=size)


def _adamw_runs(rng):
    """No update, one, many; an epsilon that is felt; no decay."""
    cases = []
    for steps, size, eps, decay in (
        (0, 3, 1e-8, 0.1),
        (1, 2, 1e-3, 0.5),
        (2, 5, 1e-8, 0.1),
        (23, 3, 1e-4, 0.3),
        (11, 4, 1e-8, 0.0),
    ):
        start = rng.normal(size=size)
        betas = rng.uniform(0.5, 0.9), rng.uniform(0.9, 0.999)
        cases.append((start, _gradients(rng, steps, size), 0.1, *betas, eps, decay))
    return cases


@reference(
    "adamw",
    cases=_adamw_runs,
    hint="t is 1 at the first update; epsilon is added to the corrected root; the old "
    "weights decay by the rate times lambda, beside the gradient.",
    rtol=1e-9,
    atol=1e-12,
)
def adamw(w, gradients, learning_rate, beta_1, beta_2, eps, weight_decay):
    """The last weights."""
    m, v = np.zeros(w.shape), np.zeros(w.shape)
    for t, g in enumerate(gradients, start=1):
        m += (1 - beta_1) * (g - m)
        v += (1 - beta_2) * (g * g - v)
        root = np.sqrt(v / (1 - beta_2**t)) + eps
        step = weight_decay * w + m / (1 - beta_1**t) / root
        w = w - learning_rate * step
    return w


def _lion_runs(rng):
    """No update, one, many; a gradient of zero; no decay."""
    cases = []
    for steps, size, decay in ((0, 3, 0.1), (1, 2, 0.5), (2, 5, 0.1), (23, 3, 0.0)):
        start, g = rng.normal(size=size), _gradients(rng, steps, size)
        g[:, 0] = 0.0
        betas = rng.uniform(0.5, 0.9), rng.uniform(0.9, 0.999)
        cases.append((start, g, 0.1, *betas, decay))
    return cases


@reference(
    "lion",
    cases=_lion_runs,
    hint="The sign is taken of a mixture with beta_1; what is remembered is mixed with "
    "beta_2, after that. Every weight moves by the rate, and decays.",
    rtol=1e-9,
    atol=1e-12,
)
def lion(w, gradients, learning_rate, beta_1, beta_2, weight_decay):
    """The last weights."""
    m = np.zeros(w.shape)
    for g in gradients:
        direction = np.sign(m + (1 - beta_1) * (g - m))
        w = w - learning_rate * (direction + weight_decay * w)
        m = m + (1 - beta_2) * (g - m)
    return w
