"""Losses: values and gradients agree, and mistakes are refused in the same words."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from wings import OTHERS, SCRATCH, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)
others = pytest.mark.parametrize("wing", OTHERS, ids=repr)


def cases():
    rng = np.random.default_rng(0)
    logits = 3 * rng.normal(size=(7, 5))
    return {
        "mean_squared_error": (logits, rng.normal(size=(7, 5))),
        "binary_cross_entropy": (logits, rng.uniform(size=(7, 5))),
        "cross_entropy": (logits, rng.integers(0, 5, 7)),
    }


@others
@pytest.mark.parametrize("name", cases())
def test_values_and_gradients_agree(wing, name):
    predictions, targets = cases()[name]
    ours = wing.value(getattr(wing.losses, name), predictions, targets)
    expected = SCRATCH.value(getattr(SCRATCH.losses, name), predictions, targets)
    # A mean of at most 35 numbers near 1, each rounded a few times by 1e-16.
    assert_allclose(ours, expected, rtol=1e-14, atol=0)

    def gradient(wing):
        y = wing.tensor.tensor(targets)
        return wing.pull(
            lambda x: getattr(wing.losses, name)(x, y), np.array(-1.7), predictions
        )

    assert_allclose(gradient(wing)[0], gradient(SCRATCH)[0], rtol=1e-13, atol=1e-16)


@wings
def test_values_by_hand(wing):
    mse = wing.value(
        wing.losses.mean_squared_error, np.array([[1.0, 2.0]]), np.array([[4.0, 0.0]])
    )
    assert_allclose(mse, (9 + 4) / 2, rtol=1e-15, atol=0)
    logits = np.log(np.array([[1.0, 2.0, 5.0], [1.0, 1.0, 2.0]]))
    ce = wing.value(wing.losses.cross_entropy, logits, np.array([2, 0]))
    assert_allclose(ce, (np.log(8 / 5) + np.log(4)) / 2, rtol=1e-15, atol=0)
    bce = wing.value(
        wing.losses.binary_cross_entropy, np.log([3.0, 3.0]), np.array([1.0, 0.25])
    )
    s = 0.75
    expected = (-np.log(s) - 0.25 * np.log(s) - 0.75 * np.log(1 - s)) / 2
    assert_allclose(bce, expected, rtol=1e-15, atol=0)


@wings
def test_the_gradient_of_cross_entropy_is_belief_minus_truth(wing):
    logits, labels = cases()["cross_entropy"]
    y = wing.tensor.tensor(labels)
    [g] = wing.pull(lambda z: wing.losses.cross_entropy(z, y), np.array(1.0), logits)
    p = wing.value(wing.functional.softmax, logits)
    assert_allclose(g, (p - np.eye(5)[labels]) / 7, rtol=1e-13, atol=1e-16)


@wings
def test_a_hopeless_case_stays_finite(wing):
    loss = wing.value(
        wing.losses.cross_entropy, np.array([[1e4, 0.0, -1e4]]), np.array([2])
    )
    assert_allclose(loss, 2e4, rtol=1e-15, atol=0)
    for target in (0.0, 1.0):
        loss = wing.value(
            wing.losses.binary_cross_entropy, np.array([-1e4]), np.array([target])
        )
        assert_allclose(loss, 1e4 * target, rtol=1e-15, atol=0)


@wings
def test_binary_cross_entropy_at_a_zero_score(wing):
    """A model that starts at zero must start to move: the slope is 1/2 - t."""
    t = wing.tensor.tensor(np.array([0.0, 1.0]))
    [g] = wing.pull(
        lambda z: wing.losses.binary_cross_entropy(z, t), np.array(2.0), np.zeros(2)
    )
    assert_allclose(g, [0.5, -0.5], rtol=1e-15, atol=0)


@wings
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_labels_of_any_integer_type(wing, dtype):
    logits, labels = cases()["cross_entropy"]
    found = wing.value(wing.losses.cross_entropy, logits, labels.astype(dtype))
    expected = wing.value(wing.losses.cross_entropy, logits, labels)
    assert found == expected


ones = np.ones
MISTAKES = [
    ("mean_squared_error", ones((7, 1)), ones(7), ValueError, r"\(7, 1\) and \(7,\)"),
    ("mean_squared_error", ones((0, 3)), ones((0, 3)), ValueError, "must not be empty"),
    ("mean_squared_error", ones(3, int), ones(3), TypeError, "predictions .* int64"),
    ("mean_squared_error", ones(3), ones(3, int), TypeError, "targets .* int64"),
    ("binary_cross_entropy", ones((5, 1)), ones(5), ValueError, r"\(5, 1\) and \(5,\)"),
    ("binary_cross_entropy", ones(3), ones(3, int), TypeError, "targets .* int64"),
    ("binary_cross_entropy", ones(3, int), ones(3), TypeError, "logits .* int64"),
    ("cross_entropy", ones(3), ones(3, int), ValueError, r"must be \(B, K\)"),
    ("cross_entropy", ones((0, 3)), ones(0, int), ValueError, r"B, K >= 1"),
    ("cross_entropy", ones((2, 0)), ones(2, int), ValueError, r"B, K >= 1"),
    ("cross_entropy", ones((2, 3)), ones(2), TypeError, "integers, got float64"),
    ("cross_entropy", ones((2, 3)), ones(2, bool), TypeError, "integers, got bool"),
    ("cross_entropy", ones((2, 3)), ones(5, int), ValueError, r"got \(5,\) for"),
    ("cross_entropy", ones((2, 3)), ones((2, 3), int), ValueError, r"got \(2, 3\) for"),
    ("cross_entropy", ones((2, 3), int), ones(2, int), TypeError, "got int64"),
]


@wings
@pytest.mark.parametrize(("name", "predictions", "targets", "error", "words"), MISTAKES)
def test_mistakes_are_named(wing, name, predictions, targets, error, words):
    with pytest.raises(error, match=words):
        wing.value(getattr(wing.losses, name), predictions, targets)


def refusal(wing):
    """The error for values, which each wing leaves to its framework but scratch."""
    if wing.name == "scratch":
        return ValueError
    if wing.name == "pytorch":
        return RuntimeError
    import tensorflow as tf

    return tf.errors.InvalidArgumentError


@wings
@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_out_of_range_is_refused(wing, label):
    """Python's x[-1] is the last: -1 must not pass for class K - 1."""
    with pytest.raises(refusal(wing)):
        wing.value(wing.losses.cross_entropy, ones((2, 3)), np.array([0, label]))


def test_scratch_names_the_labels_and_targets_it_refuses():
    with pytest.raises(ValueError, match="from 0 to 2, got -1 to 1"):
        SCRATCH.value(SCRATCH.losses.cross_entropy, ones((2, 3)), np.array([1, -1]))
    with pytest.raises(ValueError, match=r"from 0 to 1, got 0.0 to 2.0"):
        SCRATCH.value(
            SCRATCH.losses.binary_cross_entropy, ones(2), np.array([0.0, 2.0])
        )
