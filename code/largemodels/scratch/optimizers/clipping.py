"""Clipping: a bound on the length of all gradients together."""

import math

import numpy as np

from largemodels.validation import real_number


def clip_gradients(params, max_norm, eps=1e-6):
    """Scale all gradients by one factor, so that their norm is at most max_norm.

    |g| = sqrt(sum of the squares of all elements of all gradients)
    g <- g min(1, max_norm / (|g| + eps))

    params    tensors; one without a gradient counts as zero
    max_norm  above 0
    eps       at least 0

    Returns |g| before the clipping, a number. Where it is infinite or NaN the gradients
    stay as they are, and it is for the caller to say what then; `train` stops. Raises
    ValueError or TypeError where max_norm or eps is wrong.

    Source: Pascanu, Mikolov and Bengio 2013 (arXiv 1211.5063), algorithm 1, with eps =
    0. It clips the vector of all parameters, not each of them.
    Differs: torch.nn.utils.clip_grad_norm_ makes all gradients NaN or zero where the
    norm is not finite; tf.clip_by_global_norm makes them NaN and has eps = 0.
    """
    max_norm = real_number("max_norm", max_norm, 0.0, open_below=True)
    eps = real_number("eps", eps, 0.0)
    params = [p for p in params if p.grad is not None]
    with np.errstate(over="ignore", invalid="ignore"):
        norm = math.sqrt(sum(float(np.vdot(p.grad, p.grad)) for p in params))
    if math.isfinite(norm) and norm + eps > max_norm:
        for p in params:
            p.grad = p.grad * p.dtype.type(max_norm / (norm + eps))
    return norm
