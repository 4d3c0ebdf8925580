"""Exact parameter counts from a config, by part.

A parameter is a number that training sets. Counts are Python integers, so nothing is
rounded. Letters as everywhere in the book: V vocabulary, T context, L layers, D model
width, A query heads, G key/value heads, H head width, F feed-forward width.
"""

from itertools import pairwise

from largemodels.configs import MLPConfig, TransformerConfig
from largemodels.validation import whole_number


def count_parameters(config: MLPConfig | TransformerConfig) -> dict[str, int]:
    """Parameters of a model by part, and their sum under "total".

    MLPConfig: the parts are the canonical names `layers.0.weight`, `layers.0.bias`, ...
    TransformerConfig: `tokens` (embedding), `positions`, `attention`, `feed_forward`,
    `norms`, `output`; a part that the model lacks counts 0. A tied output map counts
    once, under `tokens`. Raises TypeError for anything else.
    """
    if isinstance(config, MLPConfig):
        parts = _mlp(config)
    elif isinstance(config, TransformerConfig):
        parts = _transformer(config)
    else:
        raise TypeError(
            f"config must be an MLPConfig or a TransformerConfig, got {config!r}"
        )
    return {**parts, "total": sum(parts.values())}


def _mlp(config: MLPConfig) -> dict[str, int]:
    """sum over layers of d_in d_out + d_out."""
    parts = {}
    for i, (d_in, d_out) in enumerate(pairwise(config.widths)):
        parts[f"layers.{i}.weight"] = d_in * d_out
        if config.bias:
            parts[f"layers.{i}.bias"] = d_out
    return parts


def _transformer(config: TransformerConfig) -> dict[str, int]:
    """N = V D + positions + L (attention + feed-forward) + norms + output."""
    V, T, L, D = (
        config.vocab_size,
        config.context_length,
        config.num_layers,
        config.d_model,
    )
    return {
        "tokens": V * D,
        "positions": T * D if config.positions == "learned" else 0,
        "attention": L * attention_parameters(config),
        "feed_forward": L * feed_forward_parameters(config),
        "norms": norm_parameters(config),
        "output": 0 if config.tied_embeddings else D * V,
    }


def attention_parameters(config: TransformerConfig) -> int:
    """Parameters of one block's attention.

    matrices  W_Q (D, A H), W_K and W_V (D, G H), W_O (A H, D)
              = 2 D A H + 2 D G H,   which is 4 D^2 where A H = G H = D
    biases    A H + 2 G H (as qkv_bias says) and D (as bias says)
    relative  W_{k,R} (D, G H), u and v (A, H) each: D G H + 2 A H more

    Source: Vaswani et al. 2017, section 3.2; relative: Dai et al. 2019, section 3.3.
    """
    config = config.filled
    D, AH, GH = config.d_model, config.query_width, config.key_value_width
    count = 2 * D * AH + 2 * D * GH
    if config.qkv_bias:
        count += AH + 2 * GH
    if config.bias:
        count += D
    if config.positions == "relative":
        count += D * GH + 2 * AH
    return count


def feed_forward_parameters(config: TransformerConfig) -> int:
    """Parameters of one block's feed-forward network.

    plain  W_1 (D, F), W_2 (F, D), biases F + D:        2 D F + F + D
    gated  W_1 and W_3 (D, F), W_2 (F, D), 2 F + D:     3 D F + 2 F + D

    Source: Vaswani et al. 2017, eq. 2; gated: Shazeer 2020, eq. 6.
    """
    config = config.filled
    D, F = config.d_model, config.d_ff
    maps_in = 2 if config.gated else 1
    return (maps_in + 1) * D * F + (maps_in * F + D if config.bias else 0)


def norm_parameters(config: TransformerConfig) -> int:
    """Parameters of all norms: 2 L + 1 of them before the blocks' parts, 2 L after.

    Each has a scale (D,), and a LayerNorm with norm_bias a bias (D,) as well.
    """
    config = config.filled
    norms = 2 * config.num_layers + (1 if config.norm_place == "pre" else 0)
    return norms * config.d_model * (2 if config.norm_bias else 1)


def matrix_parameters(config: TransformerConfig) -> int:
    """Parameters that a token is multiplied with: every matrix of blocks and output.

    Embeddings are looked up, not multiplied; biases and norms are vectors. A tied
    output map is multiplied, and so counts V D here although it adds no parameters.
    This is the N for which 2 N are the forward FLOPs a token, without attention's
    scores.
    """
    config = config.filled
    D, F = config.d_model, config.d_ff
    attention = 2 * D * (config.query_width + config.key_value_width)
    if config.positions == "relative":
        attention += D * config.key_value_width
    feed_forward = (3 if config.gated else 2) * D * F
    return config.num_layers * (attention + feed_forward) + D * config.vocab_size


def mixture_parameters(
    config: TransformerConfig, num_experts: int, experts_per_token: int
) -> tuple[int, int]:
    """(total, active) when every feed-forward network becomes a mixture of experts.

    Each block holds num_experts copies of its feed-forward network and a router
    (D, num_experts) without bias; a token passes through experts_per_token of them.
    Raises ValueError where a token is to use more experts than there are.

    Source: Jiang et al. 2024 (Mixtral), section 2.1.
    """
    num_experts = whole_number("num_experts", num_experts, minimum=1)
    used = whole_number(
        "experts_per_token", experts_per_token, minimum=1, maximum=num_experts
    )
    dense = count_parameters(config)["total"]
    expert = config.num_layers * feed_forward_parameters(config)
    router = config.num_layers * config.d_model * num_experts
    total = dense + (num_experts - 1) * expert + router
    active = dense + (used - 1) * expert + router
    return total, active
