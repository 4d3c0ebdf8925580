"""Generation: a language model writes on, token by token."""

import numpy as np
import tensorflow as tf

from largemodels.sampling import (
    beginnings,
    draw,
    generator,
    sample_distribution,
)
from largemodels.tf.tensor import numpy, tensor

__all__ = ["generate"]

COMPILED = 32  # new tokens from which on compiling a step pays


def generate(
    model,
    tokens,
    num_new,
    temperature=1.0,
    top_k=None,
    top_p=None,
    seed=0,
    cache=True,
    stop=None,
):
    """Let a Transformer continue sequences of tokens.

    Each new token is drawn from sampling.sample_distribution of the last logits, and
    becomes the input of the next step.

    tokens       (B, T) or (T,) integers, the beginnings, T >= 1
    num_new      how many tokens to add to each
    temperature, top_k, top_p  as sampling.sample_distribution takes them; temperature 0
                 takes the most probable
    seed         of the NumPy generator that draws, or the generator itself; the same
                 seed gives the same text in all wings
    cache        True: keys and values are kept, and a step computes one position.
                 False: a step computes all; where they are more than the model's
                 context_length, the last ones, so that the text may go on for ever
    stop         a token that ends a sequence; after it come copies of it. Generation
                 ends where all sequences have ended

    Returns an int64 array (B, T + n) or (T + n,), n at most num_new. Raises ValueError
    or TypeError where an argument is wrong, or with a cache T + num_new goes beyond
    context_length: what has been computed for a position holds for that one alone.
    """
    text, rng = beginnings(model.config, tokens, num_new, cache), generator(seed)
    kept = model.new_cache(len(text)) if cache else None
    step = _step(model, kept, num_new >= COMPILED)
    most = model.config.context_length
    new, ended = text, np.zeros(len(text), bool)
    for _ in range(num_new):
        shown = tensor(new if cache else text[:, -most:])
        p = sample_distribution(numpy(step(shown)), temperature, top_k, top_p)
        chosen = p.argmax(-1) if temperature == 0 else draw(p, rng)
        if stop is not None:
            chosen = np.where(ended, stop, chosen)
            ended |= chosen == stop
        new = chosen[:, None]
        text = np.concatenate((text, new), 1)
        if ended.all():
            break
    return text[0] if np.ndim(tokens) == 1 else text


def _step(model, kept, compiled):
    """The function from tokens (B, T) to the logits of the last position."""

    def step(shown):
        return model(shown, cache=kept)[:, -1]

    if not compiled:
        return step
    signature = [tf.TensorSpec((None, None), tf.int64)]
    return tf.function(step, input_signature=signature, autograph=False)
