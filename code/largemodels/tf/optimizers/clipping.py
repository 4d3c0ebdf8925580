"""Clipping: a bound on the length of all gradients together."""

import tensorflow as tf

from largemodels.validation import real_number


def clip_gradients(gradients, max_norm, eps=1e-6):
    """Scale all gradients by one factor, so that their norm is at most max_norm.

    |g| = sqrt(sum of the squares of all elements of all gradients)
    g <- g min(1, max_norm / (|g| + eps))

    gradients  tensors, or None for one that counts as zero
    max_norm   above 0
    eps        at least 0

    Returns new gradients, and |g| before the clipping. Where that is infinite or NaN
    the gradients stay as they are, and it is for the caller to say what then; `train`
    stops. Raises ValueError or TypeError where max_norm or eps is wrong.

    Source: Pascanu, Mikolov and Bengio 2013 (arXiv 1211.5063), algorithm 1, with eps =
    0. It clips the vector of all parameters, not each of them.
    Differs: the gradients are not attributes of the variables in TensorFlow, and so are
    given and returned. tf.clip_by_global_norm makes them NaN where the norm is not
    finite, and has eps = 0; torch.nn.utils.clip_grad_norm_ makes them NaN or zero.
    """
    max_norm = real_number("max_norm", max_norm, 0.0, open_below=True)
    eps = real_number("eps", eps, 0.0)
    gradients = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
    norm = tf.linalg.global_norm(gradients)
    factor = tf.minimum(tf.ones_like(norm), max_norm / (norm + eps))
    factor = tf.where(tf.math.is_finite(norm), factor, tf.ones_like(norm))
    return [
        None if g is None else g * tf.cast(factor, g.dtype) for g in gradients
    ], norm
