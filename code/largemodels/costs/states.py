"""Bytes of weights, gradients and optimizer state, whole and divided over devices."""

from largemodels.validation import one_of, real_number, whole_number

# Numbers a parameter that an optimizer keeps between steps.
STATES = {
    "sgd": 0,
    "momentum": 1,
    "nesterov": 1,
    "adagrad": 1,
    "rmsprop": 1,
    "adam": 2,
    "adamw": 2,
    "lion": 1,
    "muon": 1,
}


def optimizer_bytes(parameters: int, rule: str, bytes_each: float = 4) -> float:
    """Bytes of an optimizer's state: (0, 1 or 2) N numbers, by STATES.

    Counters of steps, a few bytes a tensor, are left out.
    """
    one_of("rule", rule, tuple(STATES))
    parameters = whole_number("parameters", parameters, minimum=1)
    return STATES[rule] * parameters * _bytes("bytes_each", bytes_each)


def sharded_bytes(
    parameters: float,
    devices: int,
    stage: int,
    *,
    weights: float = 2,
    gradients: float = 2,
    optimizer: float = 12,
) -> float:
    """Bytes of training state on each of several data-parallel devices, under ZeRO.

    stage 0   N (w + g + o)             every device has all, as in data parallelism
    stage 1   N (w + g + o / n)         optimizer state divided
    stage 2   N (w + (g + o) / n)       gradients too
    stage 3   N (w + g + o) / n         weights too: fully sharded data parallelism

    weights, gradients, optimizer: bytes a parameter w, g, o. The default is 16 bytes
    with Adam in mixed precision: weights and gradients in 16 bits; copy of the weights
    and two moments in 32. With gradients kept in 32 bits, gradients=4, it is 18, as in
    Megatron-LM, whose distributed optimizer is stage 1: 6 + 12 / n. Buffers of
    communication and what stage 3 gathers for a layer are left out.

    Source: Rajbhandari et al. 2020 (ZeRO), section 5 and figure 1.
    """
    stage = whole_number("stage", stage, maximum=3)
    n = whole_number("devices", devices, minimum=1)
    w = _bytes("weights", weights) / (n if stage >= 3 else 1)
    g = _bytes("gradients", gradients) / (n if stage >= 2 else 1)
    o = _bytes("optimizer", optimizer) / (n if stage >= 1 else 1)
    return real_number("parameters", parameters, 0.0, open_below=True) * (w + g + o)


def _bytes(name, value):
    return real_number(name, value, 0.0)
