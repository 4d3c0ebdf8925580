"""Arithmetic, memory, time and money of training and using a model.

A FLOP is one floating-point operation: a multiplication or an addition. A multiply-add
counts as two. FLOPs are an amount of work, FLOP/s a rate.
"""

from largemodels.configs import TransformerConfig
from largemodels.costs.parameters import matrix_parameters
from largemodels.validation import one_of, real_number, whole_number

PETAFLOP_DAY = 1e15 * 24 * 60 * 60  # FLOPs: 10^15 a second, for a day
SECONDS_PER_HOUR = 3600
GB = 10**9  # bytes; a GiB is 2^30 = 1.074 GB
GIB = 2**30

# Bytes of one number.
BYTES = {
    "float64": 8,
    "float32": 4,
    "bfloat16": 2,
    "float16": 2,
    "float8": 1,
    "int8": 1,
    "int4": 0.5,
}

# Bytes a parameter while training with Adam in mixed precision; 16 in all.
# Source: Rajbhandari et al. 2020 (ZeRO), section 3.1: 2 + 2 + K, with K = 12 for Adam.
MIXED_ADAM = {
    "weights, 16 bits": 2,
    "gradients, 16 bits": 2,
    "weights, 32 bits": 4,
    "first moment": 4,
    "second moment": 4,
}


def training_flops(parameters: float, tokens: float) -> float:
    """C = 6 N D: FLOPs to train N parameters on D tokens.

    Two a parameter and token forward, four backward; attention's scores, norms and
    activations are left out. For a mixture of experts N is the active parameters.

    Source: Kaplan et al. 2020, section 2.1 (their N leaves embeddings out); Brown et
    al. 2020, appendix D (their N is all parameters).
    """
    return 6.0 * _positive("parameters", parameters) * _positive("tokens", tokens)


def inference_flops(parameters: float, tokens: float = 1) -> float:
    """2 N a token: FLOPs of the forward pass, without attention's scores."""
    return 2.0 * _positive("parameters", parameters) * _positive("tokens", tokens)


def attention_score_flops(
    config: TransformerConfig, context: int, causal: bool = True
) -> float:
    """Forward FLOPs a token of q k^T and of its product with v, over all layers.

    4 L A H S with S keys a query: S = context, or (context + 1) / 2 on average under a
    causal mask that skips what it hides.
    """
    context = whole_number("context", context, minimum=1)
    keys = (context + 1) / 2 if causal else context
    return 4.0 * config.num_layers * config.query_width * keys


def forward_flops_per_token(
    config: TransformerConfig, context: int | None = None, causal: bool = True
) -> float:
    """Forward FLOPs a token: 2 a matrix parameter, and attention's scores.

    context: tokens in the sequence (default: the config's). Additions of biases, norms,
    softmax and activations are left out; they are linear in D and far below 1 %.
    """
    context = config.context_length if context is None else context
    scores = attention_score_flops(config, context, causal)
    return 2.0 * matrix_parameters(config) + scores


def petaflop_days(flops: float) -> float:
    """FLOPs in PF-days: one is 10^15 FLOP/s for a day, 8.64e19 FLOPs."""
    return _positive("flops", flops) / PETAFLOP_DAY


def utilization(flops: float, hours: float, peak: float) -> float:
    """Share of the peak that a run turned into model FLOPs: C / (hours 3600 peak).

    hours: device hours, summed over devices. peak: FLOP/s of one device.

    Source: Chowdhery et al. 2022 (PaLM), appendix B, as "model FLOPs utilization".
    """
    seconds = _positive("hours", hours) * SECONDS_PER_HOUR
    return _positive("flops", flops) / (seconds * _positive("peak", peak))


def device_hours(flops: float, peak: float, utilization: float) -> float:
    """Hours of one device that does `utilization` of its peak FLOP/s."""
    share = real_number("utilization", utilization, 0.0, 1.0, open_below=True)
    rate = _positive("peak", peak) * share
    return _positive("flops", flops) / rate / SECONDS_PER_HOUR


def weight_bytes(parameters: float, dtype: str = "bfloat16") -> float:
    """Bytes of the weights alone; dtype is one of BYTES."""
    one_of("dtype", dtype, tuple(BYTES))
    return _positive("parameters", parameters) * BYTES[dtype]


def training_bytes(parameters: float, state: dict[str, float] | None = None) -> float:
    """Bytes of weights, gradients and optimizer state, without activations.

    state: bytes a parameter by what they hold (default MIXED_ADAM, 16 bytes in all).
    """
    state = MIXED_ADAM if state is None else state
    return _positive("parameters", parameters) * sum(state.values())


def cache_bytes(
    config: TransformerConfig, tokens: int, dtype: str = "bfloat16"
) -> float:
    """Bytes of keys and values that generation keeps: 2 L G H a token."""
    tokens = whole_number("tokens", tokens, minimum=1)
    one_of("dtype", dtype, tuple(BYTES))
    return 2 * config.num_layers * config.key_value_width * tokens * BYTES[dtype]


def tokens_per_parameter(parameters: float, tokens: float) -> float:
    """D / N, near 20 where Hoffmann et al. 2022 find training compute best spent."""
    return _positive("tokens", tokens) / _positive("parameters", parameters)


def _positive(name: str, value) -> float:
    return real_number(name, value, 0.0, open_below=True)
