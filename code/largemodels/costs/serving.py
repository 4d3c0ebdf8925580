"""What generating a token costs: FLOPs, bytes, and the time below which none comes."""

from largemodels.configs import TransformerConfig
from largemodels.costs.compute import (
    BYTES,
    attention_score_flops,
    cache_bytes,
    forward_flops_per_token,
    weight_bytes,
)
from largemodels.costs.hardware import Device
from largemodels.costs.parameters import count_parameters
from largemodels.costs.roofline import shortest_time
from largemodels.validation import one_of, truth, whole_number


def decode_flops(
    config: TransformerConfig, position: int, cached: bool = True
) -> float:
    """FLOPs of the next token after `position` - 1 others.

    cached      2 N + 4 L A H t: one row through the matrices, and its scores with the
                t keys so far, its own among them
    not cached  t (2 N + 4 L A H t): everything before is computed anew, all pairs of
                positions counted

    N: the parameters of the matrices. Without a cache a text of T tokens costs about
    T / 2 times as much where the matrices dominate.
    """
    t = whole_number("position", position, minimum=1)
    if truth("cached", cached):
        matrices = forward_flops_per_token(config, 1) - attention_score_flops(config, 1)
        return matrices + attention_score_flops(config, t, causal=False)
    return t * forward_flops_per_token(config, t, causal=False)


def decode_bytes(
    config: TransformerConfig,
    position: int,
    sequences: int = 1,
    weights: str = "bfloat16",
    cache: str = "bfloat16",
) -> float:
    """Bytes read for the next token of each of several sequences.

    N bytes + sequences 2 L G H t bytes: the weights once for all, each cache once.
    weights, cache: their formats, names in compute.BYTES.
    """
    one_of("weights", weights, tuple(BYTES))
    n = whole_number("sequences", sequences, minimum=1)
    whole = weight_bytes(count_parameters(config)["total"], weights)
    return whole + n * cache_bytes(config, position, cache)


def decode_time(
    config: TransformerConfig,
    device: Device,
    position: int,
    sequences: int = 1,
    weights: str = "bfloat16",
    cache: str = "bfloat16",
) -> float:
    """Seconds below which no step of decoding gets on one device, by its roofline."""
    flops = sequences * decode_flops(config, position)
    moved = decode_bytes(config, position, sequences, weights, cache)
    return shortest_time(device, flops, moved)
