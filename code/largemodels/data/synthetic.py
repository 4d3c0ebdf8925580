"""Tasks made of numbers: regressions and quadratics whose answer is known exactly."""

import math
from dataclasses import dataclass

import numpy as np

from largemodels.validation import real_number, whole_number


@dataclass(frozen=True, eq=False)
class LinearRegression:
    """A least-squares problem with its exact solution and curvature.

    f(w) = |X w - y|^2 / (2 n);   gradient X^T (X w - y) / n;   Hessian X^T X / n

    inputs            X (n, d)
    targets           y (n,)
    weights           (d,) the weights that made y, before noise
    solution          (d,) the minimizer of f; `weights` itself where there is no noise
    minimum           f(solution)
    smoothness        L, the largest eigenvalue of the Hessian
    strong_convexity  mu, the smallest; L / mu is the condition number
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    solution: np.ndarray
    minimum: float
    smoothness: float
    strong_convexity: float


def linear_regression(
    n: int, d: int, noise: float = 0.0, condition: float = 10.0, seed: int = 0
) -> LinearRegression:
    """A random least-squares problem with a chosen condition number.

    X = sqrt(n) U diag(sqrt(lambda)) V^T,  y = X w + noise * e

    with U (n, d) and V (d, d) random with orthonormal columns, w and e standard normal,
    and the eigenvalues lambda of X^T X / n spaced evenly in their logarithm from
    L = 1 down to mu = 1 / condition. The solution is w + noise V diag(1 / s) U^T e,
    with s the singular values of X: from the factors, not from solving.

    n, d       examples and features, n >= d
    noise      standard deviation of the noise in y, at least 0
    condition  L / mu, at least 1, and 1 where d = 1

    All arrays are float64. Raises ValueError where an argument breaks its rule.
    """
    n = whole_number("n", n, minimum=1)
    d = whole_number("d", d, minimum=1, maximum=n)
    noise = real_number("noise", noise, 0.0)
    condition = real_number("condition", condition, 1.0)
    if d == 1 and condition != 1:
        raise ValueError(f"condition must be 1 where d = 1, got {condition}")
    rng = np.random.default_rng(whole_number("seed", seed))
    eigenvalues = np.geomspace(1.0, 1.0 / condition, d)
    singular = np.sqrt(n * eigenvalues)
    left = _orthonormal(rng, n, d)
    right = _orthonormal(rng, d, d)
    weights = rng.standard_normal(d)
    errors = noise * rng.standard_normal(n)
    inputs = (left * singular) @ right.T
    solution = weights + right @ ((left.T @ errors) / singular)
    residual = errors - left @ (left.T @ errors)
    return LinearRegression(
        inputs=inputs,
        targets=inputs @ weights + errors,
        weights=weights,
        solution=solution,
        minimum=float(residual @ residual) / (2 * n),
        smoothness=1.0,
        strong_convexity=1.0 / condition,
    )


@dataclass(frozen=True, eq=False)
class Quadratic:
    """A quadratic function with chosen eigenvalues.

    f(x) = x^T A x / 2 - b^T x;   gradient A x - b;   Hessian A

    matrix            A (d, d), symmetric to the last bit
    linear            b (d,)
    eigenvalues       (d,) those of A, as given
    solution          (d,) a point with gradient zero: the minimizer where no eigenvalue
                      is negative (one of many where one is zero), else a saddle point
    value             f(solution)
    smoothness        L, the largest absolute eigenvalue
    strong_convexity  mu, the smallest eigenvalue; negative where f is not convex
    """

    matrix: np.ndarray
    linear: np.ndarray
    eigenvalues: np.ndarray
    solution: np.ndarray
    value: float
    smoothness: float
    strong_convexity: float


def quadratic(eigenvalues, seed: int = 0) -> Quadratic:
    """A quadratic function with these eigenvalues in random directions.

    A = Q diag(eigenvalues) Q^T with Q a random rotation or reflection, x* standard
    normal, b = A x*. The eigenvalues hold to the rounding of float64, which for a small
    one is relative to the largest. Raises ValueError where `eigenvalues` is no list of
    finite numbers.
    """
    eigenvalues = np.array(eigenvalues, dtype=np.float64)
    if eigenvalues.ndim != 1 or eigenvalues.size == 0:
        raise ValueError(
            f"eigenvalues must be a list of numbers, got shape {eigenvalues.shape}"
        )
    if not np.isfinite(eigenvalues).all():
        raise ValueError(f"eigenvalues must be finite, got {eigenvalues.tolist()}")
    rng = np.random.default_rng(whole_number("seed", seed))
    axes = _orthonormal(rng, len(eigenvalues), len(eigenvalues))
    matrix = (axes * eigenvalues) @ axes.T
    matrix = (matrix + matrix.T) / 2
    solution = rng.standard_normal(len(eigenvalues))
    linear = matrix @ solution
    return Quadratic(
        matrix=matrix,
        linear=linear,
        eigenvalues=eigenvalues,
        solution=solution,
        value=-float(linear @ solution) / 2,
        smoothness=float(np.abs(eigenvalues).max()),
        strong_convexity=float(eigenvalues.min()),
    )


def moons(n: int, noise: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two interleaving half circles: inputs (n, 2) float64, labels (n,) int64.

    class 0: (cos t, sin t);   class 1: (1 - cos t, 1/2 - sin t);   t uniform in [0, pi]

    plus normal noise with standard deviation `noise` on both coordinates. Class 0 has
    ceil(n / 2) examples; the order is shuffled. Raises ValueError for n < 2 or a
    negative noise.

    Differs: scikit-learn's make_moons spaces t evenly.
    """
    n = whole_number("n", n, minimum=2)
    rng, noise, labels = _two_classes(n, n // 2, noise, seed)
    t = rng.uniform(0.0, math.pi, n)
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)
    points = np.where(labels[:, None] == 0, upper, [1.0, 0.5] - upper)
    return points + noise * rng.standard_normal((n, 2)), labels


def spirals(
    n: int, noise: float = 0.02, seed: int = 0, turns: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Two spirals, one half a turn ahead: inputs (n, 2) float64, labels (n,) int64.

    r (cos a, sin a),  a = 2 pi turns r + pi class,  r = sqrt(u), u uniform in [0, 1]

    plus normal noise with standard deviation `noise`; the square root spreads the
    points evenly over the disk's area. Class 0 has ceil(n / 2) examples; the order is
    shuffled. Raises ValueError for n < 2, a negative noise or turns not above 0.
    """
    n = whole_number("n", n, minimum=2)
    turns = real_number("turns", turns, 0.0, open_below=True)
    rng, noise, labels = _two_classes(n, n // 2, noise, seed)
    radius = np.sqrt(rng.uniform(size=n))
    angle = 2 * math.pi * turns * radius + math.pi * labels
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return points + noise * rng.standard_normal((n, 2)), labels


def imbalanced(
    n: int, positive: float = 0.05, separation: float = 2.0, d: int = 2, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Two normal clouds of unequal size: inputs (n, d) float64, labels (n,) int64.

    class 0 ~ Normal(0, I);   class 1 ~ Normal(separation (1, 0, ..., 0), I)

    `positive` is the share of class 1: round(positive n) examples, at least 1 and at
    most n - 1. Best possible decision, for a prior p of class 1: predict 1 where
    x_0 > separation / 2 + log((1 - p) / p) / separation. A classifier that always says
    0 has accuracy 1 - positive and recall 0 on class 1. The order is shuffled. Raises
    ValueError where n < 2, d < 1, positive is not between 0 and 1, or separation < 0.
    """
    n = whole_number("n", n, minimum=2)
    d = whole_number("d", d, minimum=1)
    positive = real_number(
        "positive", positive, 0.0, 1.0, open_below=True, open_above=True
    )
    separation = real_number("separation", separation, 0.0)
    ones = min(max(round(positive * n), 1), n - 1)
    rng, noise, labels = _two_classes(n, ones, 1.0, seed)
    points = noise * rng.standard_normal((n, d))
    points[:, 0] += separation * labels
    return points, labels


def _two_classes(n, ones, noise, seed):
    """The generator, the checked noise, and shuffled labels with so many ones."""
    noise = real_number("noise", noise, 0.0)
    rng = np.random.default_rng(whole_number("seed", seed))
    labels = rng.permutation((np.arange(n) < ones).astype(np.int64))
    return rng, noise, labels


def _orthonormal(rng, rows, columns):
    """A matrix with orthonormal columns, evenly distributed (Haar measure).

    The signs of R's diagonal are moved into Q: without that, Q from a QR decomposition
    is not evenly distributed (Mezzadri 2007, Notices of the AMS 54).
    """
    q, r = np.linalg.qr(rng.standard_normal((rows, columns)))
    return q * np.sign(np.diag(r))
