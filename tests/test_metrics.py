"""Metrics against scikit-learn and SciPy, intervals against their own promise."""

import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import example, given
from hypothesis import strategies as st
from largemodels import metrics
from largemodels.metrics import Interval

# Ratios of counts are one division in both libraries: a few roundings.
EXACT = {"rtol": 1e-14, "atol": 0}

classes = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1)
finite = st.floats(-1e3, 1e3)


@given(classes)
def test_counts_are_those_of_scikit_learn(pairs):
    predicted, labels = (np.array(column) for column in zip(*pairs, strict=True))
    table = metrics.confusion(predicted, labels, 5)
    assert table.dtype == np.int64
    expected = sklearn.metrics.confusion_matrix(labels, predicted, labels=range(5))
    assert np.array_equal(table, expected)
    assert metrics.accuracy(predicted, labels) == sklearn.metrics.accuracy_score(
        labels, predicted
    )


@given(classes)
def test_rates_are_those_of_scikit_learn(pairs):
    predicted, labels = (np.array(column) for column in zip(*pairs, strict=True))
    table = metrics.confusion(predicted, labels, 5)
    ours = metrics.precision(table), metrics.recall(table), metrics.f1(table)
    theirs = sklearn.metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(5), zero_division=np.nan
    )
    for one, other in zip(ours[:2], theirs[:2], strict=True):
        np.testing.assert_allclose(one, other, **EXACT)
    # Where precision or recall is undefined scikit-learn's F1 is 0; ours is undefined
    # only where the class neither occurs nor is predicted.
    absent = table.sum(axis=0) + table.sum(axis=1) == 0
    assert np.array_equal(np.isnan(ours[2]), absent)
    np.testing.assert_allclose(ours[2][~absent], theirs[2][~absent], **EXACT)


def test_confusion_has_labels_in_rows():
    table = metrics.confusion(predicted=[2, 2, 0], labels=[1, 2, 0], num_classes=3)
    assert table.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]
    # Class 1 was never predicted and never found; class 2 was found, half rightly.
    assert metrics.recall(table).tolist() == [1, 0, 1]
    precision = metrics.precision(table)
    assert precision[[0, 2]].tolist() == [1, 0.5]
    assert math.isnan(precision[1])


def test_accuracy_of_logits_takes_the_highest_and_the_first_of_equals():
    logits = np.array([[1.0, 3.0, 2.0], [0.0, 0.0, 0.0], [5.0, 1.0, 9.0]])
    assert metrics.accuracy(logits, np.array([1, 0, 0])) == 2 / 3


def test_a_row_with_nan_is_wrong_whatever_the_label():
    logits = np.array([[np.nan, 0.0], [0.0, np.nan], [0.0, 1.0]])
    assert metrics.accuracy(logits, [0, 1, 1]) == 1 / 3
    assert metrics.accuracy(logits, [1, 0, 1]) == 1 / 3


@pytest.mark.parametrize(
    ("given", "labels", "error", "message"),
    [
        (np.zeros((3, 2)), [0, 1], ValueError, "3 predictions and 2 labels"),
        ([0, 1], [[0], [1]], ValueError, r"labels must be one class .* \(2, 1\)"),
        ([], [], ValueError, r"labels must be one class an example, got \(0,\)"),
        (np.zeros((2, 0)), [0, 1], ValueError, r"at least one class, got \(2, 0\)"),
        (np.zeros((2, 2, 2)), [0, 1], ValueError, "classes must be one class"),
        ([0.0, 1.0], [0, 1], TypeError, "classes must be integers, got dtype float64"),
        (np.zeros((2, 2)), [0.0, 1.0], TypeError, "labels must be integers"),
    ],
)
def test_accuracy_refuses(given, labels, error, message):
    with pytest.raises(error, match=message):
        metrics.accuracy(given, labels)


def test_confusion_refuses_classes_out_of_range():
    with pytest.raises(ValueError, match="predicted must be from 0 to 2, got 0 to 3"):
        metrics.confusion([0, 3], [0, 1], 3)
    with pytest.raises(ValueError, match="labels must be from 0 to 2, got -1 to 0"):
        metrics.confusion([0, 1], [0, -1], 3)
    for rate in (metrics.recall, metrics.precision, metrics.f1):
        with pytest.raises(ValueError, match=r"square, got \(2, 3\)"):
            rate(np.zeros((2, 3)))
        with pytest.raises(ValueError, match="holds counts, got -1"):
            rate([[1, -1], [0, 0]])


def test_perplexity():
    assert metrics.perplexity(math.log(50257)) == pytest.approx(50257, rel=1e-13, abs=0)
    assert metrics.perplexity(0.0) == 1.0
    assert metrics.perplexity(1e4) == math.inf
    for wrong in (-0.1, math.nan):
        with pytest.raises(ValueError, match="must be at least 0, got"):
            metrics.perplexity(wrong)


@given(st.lists(finite, min_size=2, max_size=20), st.floats(0.5, 0.999))
def test_mean_interval_is_that_of_scipy(values, confidence):
    ours = metrics.mean_interval(values, confidence)
    spread = scipy.stats.sem(values)
    if spread == 0:
        assert ours.half == 0
        return
    low, high = scipy.stats.t.interval(
        confidence, len(values) - 1, loc=np.mean(values), scale=spread
    )
    # The two quantile functions agree to about 1e-9; the scale is that of the ends.
    scale = max(abs(low), abs(high), 1.0)
    assert ours.low == pytest.approx(low, rel=0, abs=1e-8 * scale)
    assert ours.high == pytest.approx(high, rel=0, abs=1e-8 * scale)
    assert ours.n == len(values)


@given(st.integers(1, 2000), st.floats(0, 1), st.floats(0.5, 0.999))
def test_proportion_interval_is_that_of_scipy(n, share, confidence):
    successes = round(share * n)
    ours = metrics.proportion_interval(successes, n, confidence)
    theirs = scipy.stats.binomtest(successes, n).proportion_ci(confidence, "wilson")
    # Two ways to write one formula, in numbers near 1; SciPy rounds the end at p = 0.
    assert ours.low == pytest.approx(theirs.low, rel=0, abs=1e-12)
    assert ours.high == pytest.approx(theirs.high, rel=0, abs=1e-12)
    assert 0 <= ours.low <= ours.mean <= ours.high <= 1
    assert ours.mean == successes / n


def test_student_covers_as_often_as_it_says():
    values = np.random.default_rng(0).standard_normal((2000, 5))
    hits = sum(
        (interval := metrics.mean_interval(row, 0.9)).low <= 0 <= interval.high
        for row in values
    )
    # Binomial(2000, 0.9) has a standard deviation of 13.4: four of them. A normal
    # quantile in place of Student's would cover 0.82, that is 1650.
    assert abs(hits - 1800) < 54


def test_pairing_takes_out_what_is_shared():
    rng = np.random.default_rng(0)
    shared = rng.normal(0, 10, 30)
    a, b = shared + 1 + rng.normal(0, 0.1, 30), shared + rng.normal(0, 0.1, 30)
    paired = metrics.difference_interval(a, b)
    assert paired == metrics.mean_interval(a - b)
    assert paired.low > 0.9
    assert paired.half < metrics.mean_interval(a).half / 20


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: metrics.mean_interval([1.0]), ValueError, "at least 2 values, got 1"),
        (lambda: metrics.mean_interval([1, math.nan]), ValueError, "must be finite"),
        (lambda: metrics.mean_interval([[1, 2]]), ValueError, r"got \(1, 2\)"),
        (lambda: metrics.mean_interval([1, 2], 1), ValueError, "below 1, got 1"),
        (lambda: metrics.mean_interval([1, 2], 0), ValueError, "above 0, got 0"),
        (
            lambda: metrics.difference_interval([1, 2], [1]),
            ValueError,
            "2 values and 1",
        ),
        (lambda: metrics.proportion_interval(3, 2), ValueError, "at most 2, got 3"),
        (lambda: metrics.proportion_interval(0, 0), ValueError, "n must be at least 1"),
        (
            lambda: metrics.proportion_interval(0.5, 2),
            TypeError,
            "successes must be an",
        ),
        (lambda: Interval(2.0, 0.0, 1.0, 3), ValueError, "low <= mean <= high"),
        (lambda: Interval(math.nan, 0.0, 1.0, 3), ValueError, "low <= mean <= high"),
    ],
)
def test_intervals_refuse(make, error, message):
    with pytest.raises(error, match=message):
        make()


def around(mean, half):
    return Interval(mean, mean - half, mean + half, 5)


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (around(97.432, 0.31), "97.4 ± 0.3"),
        (around(97.432, 0.96), "97 ± 1"),
        (around(97.432, 0.94), "97.4 ± 0.9"),
        (around(1234.0, 23.0), "1230 ± 20"),
        (around(0.00012345, 0.0000056), "0.000123 ± 0.000006"),
        (around(-0.001, 0.3), "0.0 ± 0.3"),
        (around(2.345, 0.0), "2.345 ± 0"),
        (Interval(1.5, -math.inf, math.inf, 2), "1.5 ± inf"),
        (Interval(0.97, 0.947, 0.984, 360), "0.97 [0.95, 0.98]"),
        (Interval(0.0, 0.0, 0.28, 10), "0.0 [0.0, 0.3]"),
    ],
)
def test_an_interval_is_written_to_one_digit_of_its_half(interval, text):
    assert str(interval) == f"{interval}" == text


def test_percent():
    assert f"{around(0.97432, 0.0031):%}" == "97.4% ± 0.3%"
    assert f"{Interval(0.97, 0.947, 0.984, 360):%}" == "97% [95%, 98%]"
    with pytest.raises(
        ValueError, match=r"format of an Interval is '' or '%', got '\.2f'"
    ):
        format(around(1.0, 0.1), ".2f")


@given(finite, st.floats(1e-6, 1e3))
@example(2.6, 1.5)
def test_the_written_interval_is_the_rounded_one(mean, half):
    written_mean, written_half = map(float, str(around(mean, half)).split(" ± "))
    place = 10 ** math.floor(math.log10(written_half))
    # One digit: the written half is 1 to 9 times its place, and both numbers are off
    # by at most half a place (and the rounding of low and high, 1e-12).
    assert abs(written_half - half) <= 0.5 * place * (1 + 1e-9) + 1e-12
    assert abs(written_mean - mean) <= 0.5 * place * (1 + 1e-9) + 1e-12


def test_history_as_arrays():
    history = metrics.History()
    history.record(0, np.float32(2.5), 0.1)
    history.record(1, 1.5, 0.05)
    history.evaluations.append({"step": 0, "loss": 2.4})
    history.evaluations.append({"step": 2, "loss": 1.4, "accuracy": 0.5})
    arrays = history.as_arrays()
    assert arrays["step"].tolist() == [0, 1]
    assert arrays["loss"].tolist() == [2.5, 1.5]
    assert arrays["learning_rate"].tolist() == [0.1, 0.05]
    assert arrays["evaluation_step"].tolist() == [0, 2]
    assert arrays["evaluation_loss"].tolist() == [2.4, 1.4]
    assert math.isnan(arrays["evaluation_accuracy"][0])
    assert arrays["evaluation_accuracy"][1] == 0.5
    assert arrays["step"].dtype == arrays["evaluation_step"].dtype == np.int64


def test_an_empty_history_has_empty_arrays_of_its_own():
    one, other = metrics.History(), metrics.History()
    one.record(0, 1.0, 0.1)
    assert other.step == []
    assert {name: len(array) for name, array in other.as_arrays().items()} == {
        "step": 0,
        "loss": 0,
        "learning_rate": 0,
        "evaluation_step": 0,
    }
