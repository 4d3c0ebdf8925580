"""Choosing the next token from a model's scores: equal in all wings, on the CPU."""

import numpy as np

from largemodels import checks
from largemodels.validation import real_number, truth, whole_number

__all__ = ["beginnings", "draw", "generator", "sample_distribution"]


def sample_distribution(logits, temperature=1.0, top_k=None, top_p=None):
    """The probabilities from which the next token is drawn.

    p = softmax(logits / temperature); then top_k, then top_p; what is left sums to 1

    logits       (B, V) or (V,), floating-point; -inf is a token that cannot come
    temperature  tau, at least 0; below 1 sharpens, above 1 flattens; 0 is greedy: the
                 most probable token has probability 1
    top_k        only the k most probable; None, or V and above: all
    top_p        only the fewest most probable that have probability p together, at
                 least one; from 0 to 1; None or 1: all

    Of equal logits the token with the lower number counts as more probable. Returns a
    float64 array of the same shape. Raises ValueError where an argument is out of its
    bounds, a logit is NaN or +inf, or all of a row are -inf.

    Source: top-k: Fan et al. 2018, arXiv 1805.04833, section 5; top-p: Holtzman et al.
    2020, "The curious case of neural text degeneration", arXiv 1904.09751, section 3.1.
    Differs: Hugging Face keeps all tokens that equal the k-th.
    """
    logits = np.asarray(logits, "float64")
    temperature = real_number("temperature", temperature, 0.0)
    if not logits.ndim or not logits.shape[-1]:
        raise ValueError(f"logits must be (V,) or (B, V), got {logits.shape}")
    most = logits.max(-1, keepdims=True)
    if not np.isfinite(most).all():
        raise ValueError(
            "each row of logits must have a finite greatest one, and no NaN"
        )
    order = np.argsort(-logits, -1, kind="stable")
    if temperature == 0:
        return (np.arange(logits.shape[-1]) == order[..., :1]).astype("float64")
    with np.errstate(over="ignore"):  # a tiny temperature: -inf, and probability 0
        p = np.exp((logits - most) / temperature)
    ranked = np.take_along_axis(p, order, -1)
    if top_k is not None:
        ranked[..., whole_number("top_k", top_k, minimum=1) :] = 0
    if top_p is not None:
        top_p = real_number("top_p", top_p, 0.0, 1.0)
    if top_p is not None and top_p < 1:
        share = ranked / ranked.sum(-1, keepdims=True)
        before = np.cumsum(share, -1)[..., :-1]  # what the more probable have together
        ranked[..., 1:][before >= top_p] = 0  # the most probable stays
    np.put_along_axis(p, order, ranked, -1)
    return p / p.sum(-1, keepdims=True)


def draw(probabilities, rng):
    """One index a row, drawn with its probabilities: where their running sum passes u.

    probabilities: (B, V); rng: a NumPy generator, of which one uniform number u a row
    is taken. Returns (B,) int64. An index of probability 0 is never drawn.
    """
    running = np.cumsum(probabilities, -1)
    u = rng.random(len(running)) * running[:, -1]
    return (running <= u[:, None]).sum(-1)


def generator(seed):
    """The NumPy generator of a seed, or the one that is given."""
    if isinstance(seed, np.random.Generator):
        return seed
    return np.random.default_rng(whole_number("seed", seed))


def beginnings(config, tokens, num_new, cache):
    """The sequences (B, T) that a model is to continue, as int64, checked.

    Raises ValueError or TypeError where tokens are no integers of its vocabulary, are
    none, or with a cache T + num_new is more than its context_length.
    """
    text = np.atleast_2d(np.asarray(tokens))
    checks.tokens(text.shape, text.dtype)
    if text.min() < 0 or text.max() >= config.vocab_size:
        raise ValueError(
            f"tokens must be from 0 to {config.vocab_size - 1}, "
            f"got {text.min()} to {text.max()}"
        )
    total = text.shape[1] + whole_number("num_new", num_new)
    if truth("cache", cache) and total > config.context_length:
        raise ValueError(
            f"with a cache there can be {config.context_length} tokens, and "
            f"{text.shape[1]} + {num_new} are more: see cache=False"
        )
    return text.astype("int64")
