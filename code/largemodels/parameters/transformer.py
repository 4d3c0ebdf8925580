"""A transformer's parameters: their names and shapes, and how GPT-2 began."""

import math

import numpy as np

from largemodels.configs import TransformerConfig
from largemodels.parameters.initial import Filler, filler
from largemodels.parameters.names import shapes
from largemodels.validation import one_of

STANDARD_DEVIATION = 0.02  # of every matrix and embedding at the start


@shapes.register
def _(config: TransformerConfig) -> dict[str, tuple[int, ...]]:
    c = config.filled
    named = {"token_embedding.weight": (c.vocab_size, c.d_model)}
    if c.positions == "learned":
        named["position_embedding.weight"] = (c.context_length, c.d_model)
    for i in range(c.num_layers):
        for name, shape in _block(c).items():
            named[f"blocks.{i}.{name}"] = shape
    if c.norm_place == "pre":
        named |= _norm("final_norm", c)
    if not c.tied_embeddings:
        named["output.weight"] = (c.d_model, c.vocab_size)
    return named


def _block(c):
    into = [("gate", c.d_model, c.d_ff)] if c.gated else []
    feed_forward = [*into, ("up", c.d_model, c.d_ff), ("down", c.d_ff, c.d_model)]
    named = _norm("attention_norm", c) | _attention(c) | _norm("feed_forward_norm", c)
    for name, d_in, d_out in feed_forward:
        named |= _linear(f"feed_forward.{name}", d_in, d_out, c.bias)
    return named


def _attention(c):
    widths = {"query": c.query_width, "key": c.key_value_width}
    widths["value"] = c.key_value_width
    named = {}
    for name, width in widths.items():
        named |= _linear(f"attention.{name}", c.d_model, width, c.qkv_bias)
    named |= _linear("attention.output", c.query_width, c.d_model, c.bias)
    if c.positions == "relative":
        named["attention.position.weight"] = (c.d_model, c.key_value_width)
        named["attention.token_bias"] = (c.num_heads, c.head_width)
        named["attention.position_bias"] = (c.num_heads, c.head_width)
    return named


def _linear(name, d_in, d_out, bias):
    named = {f"{name}.weight": (d_in, d_out)}
    return named | {f"{name}.bias": (d_out,)} if bias else named


def _norm(name, c):
    named = {f"{name}.weight": (c.d_model,)}
    return named | {f"{name}.bias": (c.d_model,)} if c.norm_bias else named


@filler.register
def _(config: TransformerConfig, scheme: str | None) -> Filler:
    """As GPT-2 began: w ~ Normal(0, 0.02^2), and norms as the identity.

    What is added to the residual stream, two maps a block, is 1 / sqrt(2 L) of that, so
    that the sum of all 2 L has the variance of one. Biases are zero, scales of norms
    one.

    Source: Radford et al. 2019, section 2.3, for the factor; the 0.02 and the embedding
    of positions as Hugging Face `GPT2PreTrainedModel` has them.
    """
    one_of("scheme", scheme or "gpt2", ("gpt2",))
    residual = STANDARD_DEVIATION / math.sqrt(2 * config.num_layers)

    def fill(rng, name, shape):
        if len(shape) == 1:
            is_scale = name.endswith("norm.weight")
            return np.ones(shape) if is_scale else np.zeros(shape)
        added = name.endswith(("attention.output.weight", "feed_forward.down.weight"))
        return (residual if added else STANDARD_DEVIATION) * rng.standard_normal(shape)

    return fill
