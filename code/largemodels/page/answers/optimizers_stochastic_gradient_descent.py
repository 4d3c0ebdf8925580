"""References for the exercises of How stochastic gradient descent converges."""

import numpy as np

from largemodels.page.answers import reference


def _inputs(rng):
    """One example and several, batches of one and of many, some inputs zero."""
    cases = [(rng.normal(size=n), B) for n, B in ((1, 1), (7, 1), (11, 3), (101, 64))]
    cases.append((np.array([0.0, 0.0, 0.0, 2.0]), 2))
    return cases


@reference(
    "edge-of-a-batch",
    cases=_inputs,
    hint="Far from the minimum a step multiplies w - w* by 1 - eta times the mean of "
    "x^2 over the batch. Square it, and take the mean over the batches: what is the "
    "mean of the square of a mean?",
    rtol=1e-9,
    atol=1e-12,
)
def edge(x, batch_size):
    """2 A / E[h^2], with h the mean of x^2 over a batch and A its expectation."""
    square = x**2
    second_moment = square.mean() ** 2 + square.var() / batch_size
    return float(2 * square.mean() / second_moment)


def _quadratics(rng):
    """One direction and several, small and large rates, no noise at all."""
    cases = []
    for size, rate, batch in ((1, 0.5, 1), (3, 0.01, 4), (5, 1.3, 7), (2, 1.0, 32)):
        eigenvalues, variances = rng.uniform(0.1, 1.0, (2, size))
        cases.append((eigenvalues, variances, rate, batch))
    cases.append((np.array([0.5, 1.0]), np.zeros(2), 0.3, 2))
    return cases


@reference(
    "noise-floor",
    cases=_quadratics,
    hint="In the long run one coordinate's variance no longer changes: write down what "
    "one step does to it, and solve. The loss weighs it by half the curvature.",
    rtol=1e-9,
    atol=1e-12,
)
def noise_floor(eigenvalues, variances, learning_rate, batch_size):
    """Sum of lambda_i P_i / 2 at the fixed point of the variances P_i."""
    kept = (1 - learning_rate * eigenvalues) ** 2
    settled = learning_rate**2 * variances / batch_size / (1 - kept)
    return float(eigenvalues @ settled) / 2


def _runs(rng):
    """Batches of one and of several, one step and many, no step at all."""
    cases = []
    for n, N, steps, B in ((11, 3, 5, 2), (7, 2, 1, 1), (13, 5, 17, 3), (5, 2, 0, 2)):
        x, y = rng.normal(size=(n, N)), rng.normal(size=n)
        drawn = rng.integers(n, size=(steps, B))
        cases.append((rng.normal(size=N), x, y, drawn, 0.5, 6.0))
    return cases


@reference(
    "decaying-sgd",
    cases=_runs,
    hint="Steps count from 0, each step takes the mean over its own batch, and the "
    "loss of an example is half the squared residual.",
    rtol=1e-9,
    atol=1e-12,
)
def decaying_sgd(w, x, y, batches, mu, k0):
    """The last weights."""
    for k, batch in enumerate(batches):
        rows = x[batch]
        w = w - np.mean((rows @ w - y[batch])[:, None] * rows, axis=0) / (mu * (k0 + k))
    return w
