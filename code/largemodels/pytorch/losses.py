"""Losses: one number that says how far predictions are from what was wanted."""

from largemodels import checks
from largemodels.pytorch.functional import logsumexp, softplus

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
    return ((predictions - targets) ** 2).mean()


def cross_entropy(logits, labels):
    """The mean over examples of -ln softmax(z)_y = logsumexp(z) - z_y, in nats.

    logits: z, (B, K) floating-point; labels: y, (B,) integers from 0 to K - 1. For
    sequences (B, T, K) and (B, T): the mean over all their positions. Raises
    ValueError or TypeError where shapes or dtypes are others. A label out of range is
    refused by PyTorch: with RuntimeError on a CPU, with a failed assertion on a GPU.

    Differs: Keras takes (labels, logits), and probabilities unless from_logits=True;
    torch leaves out examples with the label -100.
    """
    checks.classes(logits.shape, labels.shape, labels.dtype)
    chosen = logits.gather(-1, labels.long()[..., None])[..., 0]
    return (logsumexp(logits) - chosen).mean()


def binary_cross_entropy(logits, targets):
    """The mean over all elements of -t ln s - (1 - t) ln(1 - s), s = sigmoid(z).

    Computed as t softplus(-z) + (1 - t) softplus(z), in nats.

    logits: z; targets: t, from 0 to 1; both floating-point, of one shape. Raises
    ValueError or TypeError where shapes or dtypes are others.

    Differs: torch calls this form binary_cross_entropy_with_logits; its
    binary_cross_entropy, and Keras's unless from_logits=True, takes s.
    """
    checks.same_shape("logits", logits.shape, "targets", targets.shape)
    checks.floating("logits", logits.dtype)
    checks.floating("targets", targets.dtype)
    return (targets * softplus(-logits) + (1 - targets) * softplus(logits)).mean()
