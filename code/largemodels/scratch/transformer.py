"""Transformers: blocks of attention and feed-forward networks, one upon another."""

from largemodels import checks
from largemodels.parameters import initial_parameters
from largemodels.scratch.attention import (
    KVCache,
    MultiHeadAttention,
    rotary,
    sinusoidal,
)
from largemodels.scratch.functional import ACTIVATIONS
from largemodels.scratch.fused import linear
from largemodels.scratch.layers import (
    Embedding,
    LayerNorm,
    Linear,
    Module,
    RMSNorm,
    load_parameters,
)

__all__ = ["Block", "FeedForward", "Transformer"]


class FeedForward(Module):
    """The network that every position goes through alone, as a TransformerConfig says.

    y = act(x W_up + b_up) W_down + b_down
    y = (act(x W_gate + b_gate) * (x W_up + b_up)) W_down + b_down   where gated

    x: (..., D); y: (..., D). Gated with activation "silu" it is SwiGLU.

    Source: Vaswani et al. 2017, eq. 2; gated: Shazeer 2020, arXiv 2002.05202, eq. 6.
    """

    def __init__(self, config, dtype="float32"):
        c = config.filled
        self.activation = ACTIVATIONS[c.activation]
        self.gate = Linear(c.d_model, c.d_ff, c.bias, dtype) if c.gated else None
        self.up = Linear(c.d_model, c.d_ff, c.bias, dtype)
        self.down = Linear(c.d_ff, c.d_model, c.bias, dtype)

    def forward(self, x):
        """(..., D) -> (..., D)."""
        if self.gate is None:
            return self.down(self.activation(self.up(x)))
        return self.down(self.activation(self.gate(x)) * self.up(x))


class Block(Module):
    """Attention, then a feed-forward network, each added to what comes in.

    x <- x + attention(norm(x));  x <- x + feed_forward(norm(x))   norm_place "pre"
    x <- norm(x + attention(x));  x <- norm(x + feed_forward(x))   norm_place "post"

    x: (B, T, D), in and out. No position attends to a later one.

    Source: Vaswani et al. 2017, section 3.1; "pre": Radford et al. 2019, section 2.3.
    """

    def __init__(self, config, dtype="float32"):
        c = config.filled
        self.norm_first = c.norm_place == "pre"
        self.attention_norm = _norm(c, dtype)
        self.attention = MultiHeadAttention(
            c.d_model,
            c.num_heads,
            c.num_kv_heads,
            c.head_width,
            c.bias,
            c.qkv_bias,
            dtype,
        )
        self.feed_forward_norm = _norm(c, dtype)
        self.feed_forward = FeedForward(c, dtype)

    def forward(self, x, rotation=None, cache=None, position=None):
        """(B, T, D) -> (B, T, D); the others as MultiHeadAttention takes them."""
        others = {"attention_mask": "causal", "rotation": rotation}
        others |= {"cache": cache, "position": position}
        if self.norm_first:
            x = x + self.attention(self.attention_norm(x), **others)
            return x + self.feed_forward(self.feed_forward_norm(x))
        x = self.attention_norm(x + self.attention(x, **others))
        return self.feed_forward_norm(x + self.feed_forward(x))


class Transformer(Module):
    """A decoder-only language model, as its TransformerConfig says: GPT-2, LLaMA, ...

    x = embedding of the tokens (+ of their positions);  x <- block(x), L times
    logits = norm(x) W,   W the embedding transposed where tied

    tokens: (B, T) integers below vocab_size, T at most context_length; logits:
    (B, T, vocab_size), those at position t for the token at t + 1. Starts from
    `initial_parameters(config, seed)`, equal in all wings. Raises ValueError where
    positions are "relative", which no wing computes, or tokens do not fit.

    Source: Radford et al. 2019, "Language models are unsupervised multitask learners",
    section 2.3; Touvron et al. 2023, "LLaMA", arXiv 2302.13971, section 2.2.
    """

    def __init__(self, config, dtype="float32", seed=0):
        self.config, c = config, checks.buildable(config.filled)
        size = c.context_length
        self.token_embedding = Embedding(c.vocab_size, c.d_model, dtype)
        self.position_embedding = None
        if c.positions == "learned":
            self.position_embedding = Embedding(size, c.d_model, dtype)
        self.blocks = [Block(c, dtype) for _ in range(c.num_layers)]
        self.final_norm = _norm(c, dtype) if c.norm_place == "pre" else None
        self.output = None
        if not c.tied_embeddings:
            self.output = Linear(c.d_model, c.vocab_size, False, dtype)
        if c.positions == "rope":
            angles = rotary(range(size), c.head_width, c.rope_base)
            self.cos, self.sin = (table.astype(dtype) for table in angles)
        elif c.positions == "sinusoidal":
            self.waves = sinusoidal(size, c.d_model).astype(dtype)
        load_parameters(self, initial_parameters(config, seed))

    def forward(self, tokens, cache=None):
        """(B, T) -> logits (B, T, vocab_size).

        cache: of `new_cache`; the tokens come after those that it has seen
        """
        checks.tokens(tokens.shape, tokens.dtype)
        start = cache[0].length if cache else 0
        end = start + tokens.shape[1]
        checks.positions(start, tokens.shape[1], self.config.context_length)
        x = self.token_embedding(tokens)
        rotation = None
        if self.config.positions == "learned":
            x = x + self.position_embedding.weight[start:end]
        elif self.config.positions == "sinusoidal":
            x = x + self.waves[start:end]
        elif self.config.positions == "rope":
            rotation = self.cos[start:end], self.sin[start:end]
        for i, block in enumerate(self.blocks):
            kept = cache[i] if cache else None
            x = block(x, rotation=rotation, cache=kept, position=start)
        if self.final_norm is not None:
            x = self.final_norm(x)
        if self.output is None:
            return linear(x, self.token_embedding.weight.T, None)
        return self.output(x)

    def new_cache(self, batch, capacity=None):
        """An empty KVCache for each block.

        capacity: most positions that they hold; None: context_length.
        """
        c, dtype = self.config.filled, self.token_embedding.weight.dtype
        room = c.context_length if capacity is None else capacity
        sizes = batch, c.num_kv_heads, room, c.head_width
        return [KVCache(*sizes, dtype) for _ in self.blocks]


def _norm(c, dtype):
    if c.norm == "rms":
        return RMSNorm(c.d_model, c.norm_eps, dtype)
    return LayerNorm(c.d_model, c.norm_bias, c.norm_eps, dtype)
