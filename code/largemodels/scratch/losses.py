"""Losses: one number that says how far predictions are from what was wanted."""

import numpy as np

from largemodels import checks
from largemodels.scratch.engine import primitive
from largemodels.scratch.functional import logsumexp, softmax, softplus
from largemodels.scratch.ops import reduce_mean, reshape
from largemodels.scratch.tensor import numpy

__all__ = ["binary_cross_entropy", "cross_entropy", "mean_squared_error"]


def mean_squared_error(predictions, targets):
    """The mean over all elements of (prediction - target)^2.

    predictions, targets: floating-point, of one shape. Raises ValueError where the
    shapes differ, because (B, 1) against (B,) would broadcast to (B, B).

    Differs: torch and Keras broadcast; Keras takes (targets, predictions).
    """
    checks.same_shape("predictions", predictions.shape, "targets", targets.shape)
    checks.floating("predictions", predictions.dtype)
    checks.floating("targets", targets.dtype)
    return reduce_mean((predictions - targets) ** 2)


def cross_entropy(logits, labels):
    """The mean over examples of -ln softmax(z)_y = logsumexp(z) - z_y, in nats.

    logits: z, (B, K) floating-point; labels: y, (B,) integers from 0 to K - 1. For
    sequences (B, T, K) and (B, T): the mean over all their positions. Raises
    ValueError or TypeError where shapes, dtypes or labels are others.

    Differs: Keras takes (labels, logits), and probabilities unless from_logits=True;
    torch leaves out examples with the label -100.
    """
    labels = numpy(labels)
    checks.classes(logits.shape, labels.shape, labels.dtype)
    checks.floating("logits", logits.dtype)
    last = logits.shape[-1] - 1
    if labels.min() < 0 or labels.max() > last:
        raise ValueError(
            f"labels must be from 0 to {last}, got {labels.min()} to {labels.max()}"
        )
    return mean_surprise(reshape(logits, (-1, last + 1)), labels.ravel())


def _surprise_vjp(g, z, logits, labels):
    """(softmax(logits) - truth) g / n: what was believed, less what is."""
    truth = np.zeros(logits.shape, logits.dtype)
    truth[np.arange(len(labels)), labels] = 1
    return (softmax(logits) - truth) * (g / len(labels))


@primitive(_surprise_vjp)
def mean_surprise(logits, labels):
    """The mean of logsumexp(z) - z_y over the rows z of logits and their labels y."""
    chosen = logits[np.arange(len(labels)), labels]
    return np.mean(logsumexp(logits) - chosen)


def binary_cross_entropy(logits, targets):
    """The mean over all elements of -t ln s - (1 - t) ln(1 - s), s = sigmoid(z).

    Computed as t softplus(-z) + (1 - t) softplus(z), in nats.

    logits: z; targets: t, from 0 to 1; both floating-point, of one shape. Raises
    ValueError or TypeError where they are others.

    Differs: torch calls this form binary_cross_entropy_with_logits; its
    binary_cross_entropy, and Keras's unless from_logits=True, takes s.
    """
    checks.same_shape("logits", logits.shape, "targets", targets.shape)
    checks.floating("logits", logits.dtype)
    checks.floating("targets", targets.dtype)
    values = numpy(targets)
    if values.min() < 0 or values.max() > 1:
        raise ValueError(
            f"targets must be from 0 to 1, got {values.min()} to {values.max()}"
        )
    return reduce_mean(targets * softplus(-logits) + (1 - targets) * softplus(logits))
