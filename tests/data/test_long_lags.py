"""Long-lag tasks: exactly what they say, and no statistic gives the answer away."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from largemodels.data import long_lags

seeds = st.integers(0, 2**32)
sizes = st.integers(1, 30)


@given(seeds, sizes, st.integers(2, 40))
def test_adding_is_the_sum_of_one_of_each_half(seed, n, length):
    inputs, targets = long_lags.adding(n, length, seed)
    assert inputs.shape == (n, length, 2)
    values, markers = inputs[..., 0], inputs[..., 1]
    assert np.array_equal(markers[:, : length // 2].sum(1), np.ones(n))
    assert np.array_equal(markers[:, length // 2 :].sum(1), np.ones(n))
    np.testing.assert_allclose((values * markers).sum(1), targets, rtol=0, atol=1e-15)
    assert ((values >= 0) & (values < 1)).all()


def test_the_best_constant_is_one_sixth_off():
    n = 60_000
    _, targets = long_lags.adding(n, 10, seed=1)
    # The variance is 1/6; the fourth central moment of a sum of two uniforms is 1/15,
    # so the error of the mean square is sqrt((1/15 - 1/36) / n): four of each.
    error = math.sqrt((1 / 15 - 1 / 36) / n)
    assert ((targets - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0, abs=4 * error)
    assert targets.mean() == pytest.approx(1, rel=0, abs=4 / math.sqrt(6 * n))


def test_values_and_marked_steps_are_uniform():
    inputs, _ = long_lags.adding(4000, 10, seed=2)
    assert scipy.stats.kstest(inputs[..., 0].ravel(), "uniform").pvalue > 0.01
    for half in (slice(0, 5), slice(5, 10)):
        counts = inputs[:, half, 1].sum(0)
        assert scipy.stats.chisquare(counts).pvalue > 0.01


@given(seeds, sizes, st.integers(1, 9), st.integers(1, 7), st.integers(1, 7))
def test_copying_asks_for_the_symbols_after_the_lag(seed, n, lag, symbols, length):
    inputs, targets = long_lags.copying(n, lag, symbols, length, seed)
    assert inputs.shape == targets.shape == (n, lag + 2 * length)
    blank, delimiter = symbols, symbols + 1
    assert np.array_equal(inputs[:, :length], targets[:, -length:])
    assert inputs[:, :length].max() < symbols
    assert (targets[:, :-length] == blank).all()
    assert np.array_equal(np.unique(inputs[:, length:]), [blank, delimiter])
    # The delimiter stands where the first symbol is asked for at the next step.
    assert (inputs[:, -length - 1] == delimiter).all()
    assert ((inputs == delimiter).sum(1) == 1).all()


@given(seeds, sizes, st.integers(1, 9), st.integers(2, 7), st.integers(1, 7))
def test_recall_begins_with_its_label(seed, n, lag, symbols, distractors):
    inputs, labels = long_lags.delayed_recall(n, lag, symbols, distractors, seed)
    assert inputs.shape == (n, lag + 1)
    assert np.array_equal(inputs[:, 0], labels)
    assert labels.max() < symbols <= inputs[:, 1:].min()
    assert inputs.max() < symbols + distractors


@given(seeds, sizes, st.integers(10, 70))
def test_temporal_order_has_its_two_steps(seed, n, length):
    inputs, labels = long_lags.temporal_order(n, length, seed)
    assert inputs.shape == (n, length)
    assert (inputs[:, 0] == long_lags.START).all()
    assert (inputs[:, -1] == long_lags.TRIGGER).all()
    rows, steps = np.nonzero(inputs >= long_lags.X)
    assert np.array_equal(rows, np.repeat(np.arange(n), 2))
    first, second = steps.reshape(n, 2).T
    assert ((first >= length / 10) & (first < length / 5)).all()
    assert ((second >= length / 2) & (second < 6 * length / 10)).all()
    came = inputs[rows, steps].reshape(n, 2) == long_lags.Y
    assert np.array_equal(labels, 2 * came[:, 0] + came[:, 1])
    inner = np.delete(inputs, [0, length - 1], axis=1)
    assert set(np.unique(inner)) <= {*long_lags.DISTRACTORS, long_lags.X, long_lags.Y}


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (long_lags.delayed_recall(4000, 3, 5, seed=1)[1], 5),
        (long_lags.temporal_order(4000, 30, seed=1)[1], 4),
        (long_lags.copying(400, 3, 8, 10, seed=1)[0][:, :10].ravel(), 8),
    ],
)
def test_what_is_to_be_remembered_is_uniform(labels, classes):
    counts = np.bincount(labels, minlength=classes)
    assert len(counts) == classes
    assert scipy.stats.chisquare(counts).pvalue > 0.01


def test_nothing_else_tells_the_label():
    """Each token of the rest is as frequent whatever the label is."""
    inputs, labels = long_lags.delayed_recall(4000, 3, 2, 8, seed=3)
    for step in (1, 3):
        table = np.zeros((2, 8))
        np.add.at(table, (labels, inputs[:, step] - 2), 1)
        assert scipy.stats.chi2_contingency(table).pvalue > 0.01


def test_the_seed_decides():
    for make in (long_lags.adding, long_lags.copying, long_lags.temporal_order):
        one, again, other = (make(5, 20, seed=s)[0] for s in (3, 3, 4))
        assert np.array_equal(one, again)
        assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: long_lags.adding(0, 10), "n must be at least 1, got 0"),
        (lambda: long_lags.adding(1, 1), "length must be at least 2, got 1"),
        (lambda: long_lags.copying(1, 0), "lag must be at least 1, got 0"),
        (lambda: long_lags.copying(1, 1, 0), "num_symbols must be at least 1"),
        (lambda: long_lags.copying(1, 1, 1, 0), "length must be at least 1"),
        (lambda: long_lags.delayed_recall(1, 0), "lag must be at least 1"),
        (lambda: long_lags.delayed_recall(1, 1, 1), "num_symbols must be at least 2"),
        (
            lambda: long_lags.delayed_recall(1, 1, 2, 0),
            "num_distractors must be at least 1",
        ),
        (lambda: long_lags.temporal_order(1, 9), "length must be at least 10, got 9"),
        (lambda: long_lags.adding(1, 2, -1), "seed must be at least 0"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
