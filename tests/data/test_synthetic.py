"""Synthetic tasks: the answers they give are the answers."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from largemodels.data import synthetic

seeds = st.integers(0, 2**32)
# A singular value decomposition in float64 is backward stable: errors of about
# 1e-15 times the size, here up to 30, of the largest number.
ROUNDING = 1e-13


@settings(deadline=None)
@given(seeds, st.integers(1, 30), st.integers(1, 12), st.floats(1, 1e4))
def test_the_condition_is_the_one_that_was_asked_for(seed, extra, d, condition):
    condition = condition if d > 1 else 1.0
    task = synthetic.linear_regression(d + extra - 1, d, 0.1, condition, seed)
    n = d + extra - 1
    assert task.inputs.shape == (n, d)
    eigenvalues = np.linalg.svd(task.inputs, compute_uv=False) ** 2 / n
    np.testing.assert_allclose(eigenvalues[0], task.smoothness, rtol=ROUNDING, atol=0)
    # A small singular value is known to the rounding of the largest.
    np.testing.assert_allclose(
        eigenvalues[-1],
        task.strong_convexity,
        rtol=ROUNDING * np.sqrt(condition),
        atol=0,
    )
    assert task.smoothness / task.strong_convexity == pytest.approx(
        condition, rel=1e-14, abs=0
    )


@settings(deadline=None)
@given(seeds, st.integers(0, 30), st.integers(1, 12), st.floats(1, 1e4))
def test_the_solution_is_that_of_least_squares(seed, extra, d, condition):
    condition = condition if d > 1 else 1.0
    task = synthetic.linear_regression(d + extra, d, 0.5, condition, seed)
    expected, *_ = np.linalg.lstsq(task.inputs, task.targets, rcond=None)
    # The solution is known to rounding times the condition of X, its square root.
    scale = np.abs(expected).max() * np.sqrt(condition)
    np.testing.assert_allclose(task.solution, expected, rtol=0, atol=1e-12 * scale)
    residual = task.inputs @ task.solution - task.targets
    gradient = task.inputs.T @ residual / (d + extra)
    np.testing.assert_allclose(gradient, 0, rtol=0, atol=1e-12 * scale)
    assert task.minimum == pytest.approx(
        residual @ residual / (2 * (d + extra)), rel=1e-9, abs=1e-24 * scale**2
    )


def test_without_noise_the_solution_is_what_made_the_targets():
    task = synthetic.linear_regression(20, 5, 0.0, 100.0, seed=1)
    assert np.array_equal(task.solution, task.weights)
    assert task.minimum == 0
    np.testing.assert_allclose(
        task.inputs @ task.weights, task.targets, rtol=0, atol=1e-15
    )


def test_noise_has_its_standard_deviation():
    task = synthetic.linear_regression(20_000, 3, 0.5, 10.0, seed=0)
    errors = task.targets - task.inputs @ task.weights
    # The standard error is 0.5 / sqrt(2 n) = 0.0025: four of it.
    assert errors.std() == pytest.approx(0.5, rel=0, abs=0.01)


@given(seeds, st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_a_quadratic_has_exactly_its_eigenvalues(seed, eigenvalues):
    task = synthetic.quadratic(eigenvalues, seed)
    assert np.array_equal(task.matrix, task.matrix.T)
    found = np.linalg.eigvalsh(task.matrix)
    np.testing.assert_allclose(found, sorted(eigenvalues), rtol=0, atol=1e-13)
    assert task.smoothness == max(abs(value) for value in eigenvalues)
    assert task.strong_convexity == min(eigenvalues)
    x, A, b = task.solution, task.matrix, task.linear
    np.testing.assert_allclose(A @ x - b, 0, rtol=0, atol=1e-12)
    value = x @ A @ x / 2 - b @ x
    assert task.value == pytest.approx(value, rel=1e-12, abs=1e-12)


def test_the_directions_of_a_quadratic_are_even():
    # The first coordinate of a random unit vector in 3 dimensions is uniform.
    found = [
        2 * synthetic.quadratic([1.0, 0.0, 0.0], seed).matrix[0, 0] ** 0.5 - 1
        for seed in range(400)
    ]
    assert scipy.stats.kstest(found, "uniform", args=(-1, 2)).pvalue > 0.01


def test_rotations_are_even_with_their_signs():
    # Without the signs of R a diagonal entry of Q is never positive.
    entries = [
        synthetic._orthonormal(np.random.default_rng(seed), 3, 3)[0, 0]
        for seed in range(400)
    ]
    assert scipy.stats.kstest(entries, "uniform", args=(-1, 2)).pvalue > 0.01


@given(seeds, st.integers(2, 60))
def test_two_dimensional_tasks_have_halves(seed, n):
    for make in (synthetic.moons, synthetic.spirals):
        inputs, labels = make(n, seed=seed)
        assert inputs.shape == (n, 2)
        assert (inputs.dtype, labels.dtype) == (np.float64, np.int64)
        assert labels.sum() == n // 2
        again, _ = make(n, seed=seed)
        assert np.array_equal(inputs, again)


def test_moons_without_noise_lie_on_their_circles():
    inputs, labels = synthetic.moons(500, noise=0.0, seed=0)
    centers = np.where(labels[:, None] == 0, [0.0, 0.0], [1.0, 0.5])
    radii = np.linalg.norm(inputs - centers, axis=1)
    np.testing.assert_allclose(radii, 1, rtol=0, atol=1e-15)
    assert (inputs[labels == 0, 1] >= 0).all()
    assert (inputs[labels == 1, 1] <= 0.5).all()


def test_spirals_without_noise_turn_as_often_as_asked():
    inputs, labels = synthetic.spirals(500, noise=0.0, seed=0, turns=1.5)
    radius = np.linalg.norm(inputs, axis=1)
    angle = 2 * np.pi * 1.5 * radius + np.pi * labels
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    np.testing.assert_allclose(inputs, radius[:, None] * direction, rtol=0, atol=1e-14)
    # Even over the disk: the squared radius is uniform.
    assert scipy.stats.kstest(radius**2, "uniform").pvalue > 0.01


def test_imbalanced_clouds_have_their_shares_centers_and_best_decision():
    n = 40_000
    inputs, labels = synthetic.imbalanced(n, 0.1, 2.0, d=3, seed=0)
    assert inputs.shape == (n, 3)
    assert labels.sum() == 4000
    for label, center in ((0, 0.0), (1, 2.0)):
        mean = inputs[labels == label].mean(axis=0)
        # Standard error at most 1 / sqrt(4000) = 0.016: four of it.
        np.testing.assert_allclose(mean, [center, 0, 0], rtol=0, atol=0.064)
    best = 2.0 / 2 + np.log(0.9 / 0.1) / 2.0
    errors = {
        threshold: ((inputs[:, 0] > threshold) != labels).mean()
        for threshold in (best - 0.5, best, best + 0.5)
    }
    assert min(errors, key=errors.get) == best
    # Normal tails on either side of the threshold; standard error 0.0011: four of it.
    expected = 0.9 * scipy.stats.norm.sf(best) + 0.1 * scipy.stats.norm.cdf(best - 2)
    assert errors[best] == pytest.approx(expected, rel=0, abs=0.0045)


@pytest.mark.parametrize(("positive", "ones"), [(0.001, 1), (0.999, 9), (0.26, 3)])
def test_both_classes_occur(positive, ones):
    _, labels = synthetic.imbalanced(10, positive)
    assert labels.sum() == ones


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: synthetic.linear_regression(3, 4), ValueError, "d must be at most 3"),
        (lambda: synthetic.linear_regression(3, 0), ValueError, "d must be at least 1"),
        (
            lambda: synthetic.linear_regression(3, 2, -1.0),
            ValueError,
            "noise must be at",
        ),
        (
            lambda: synthetic.linear_regression(3, 2, condition=0.5),
            ValueError,
            "condition must be at least 1, got 0.5",
        ),
        (
            lambda: synthetic.linear_regression(3, 1, condition=2),
            ValueError,
            "condition must be 1 where d = 1, got 2",
        ),
        (lambda: synthetic.quadratic([]), ValueError, r"got shape \(0,\)"),
        (lambda: synthetic.quadratic([[1.0]]), ValueError, r"got shape \(1, 1\)"),
        (lambda: synthetic.quadratic([1, np.inf]), ValueError, "must be finite"),
        (lambda: synthetic.moons(1), ValueError, "n must be at least 2, got 1"),
        (lambda: synthetic.moons(5, noise=-1), ValueError, "noise must be at least 0"),
        (lambda: synthetic.spirals(5, turns=0), ValueError, "turns must be above 0"),
        (lambda: synthetic.imbalanced(9, 0.0), ValueError, "positive must be above 0"),
        (lambda: synthetic.imbalanced(9, d=0), ValueError, "d must be at least 1"),
        (lambda: synthetic.imbalanced(9, separation=-1), ValueError, "separation must"),
        (lambda: synthetic.moons(9, seed=0.5), TypeError, "seed must be an integer"),
    ],
)
def test_wrong_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
