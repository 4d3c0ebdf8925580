"""How much of the hardware's peak a training run turns into its model.

Model FLOPs utilization (MFU) counts what the model needs, forward and backward.
Hardware FLOPs utilization (HFU) counts what was done, with what was computed again. A
change that computes less for the same step raises the first and may lower the second.
"""

from largemodels.configs import TransformerConfig
from largemodels.costs.flops import step_flops
from largemodels.validation import real_number, whole_number


def token_flops(
    parameters: float,
    num_layers: int,
    query_width: int,
    context: int,
) -> float:
    """PaLM's FLOPs of training on a token: 6 N + 12 L A H T.

    query_width: A H, all query heads together. The scores are counted in full, also
    those that a causal mask hides. N is all parameters but learned positions, which no
    token is multiplied with.

    Source: Chowdhery et al. 2022 (PaLM), appendix B.
    """
    layers = whole_number("num_layers", num_layers, minimum=0)
    width = whole_number("query_width", query_width, minimum=1)
    context = whole_number("context", context, minimum=1)
    return 6.0 * _positive("parameters", parameters) + 12.0 * layers * width * context


def utilization_of_rate(
    tokens_per_second: float, flops_per_token: float, devices: int, peak: float
) -> float:
    """Observed rate over the highest possible: R flops / (devices peak), a share.

    The highest rate is that of a system which does nothing but these FLOPs, at peak.

    Source: Chowdhery et al. 2022 (PaLM), appendix B.
    """
    devices = whole_number("devices", devices, minimum=1)
    done = _positive("tokens_per_second", tokens_per_second) * _positive(
        "flops_per_token", flops_per_token
    )
    return done / (devices * _positive("peak", peak))


def step_utilization(
    config: TransformerConfig,
    batch: int,
    seconds: float,
    devices: int,
    peak: float,
    *,
    context: int | None = None,
    recompute: str = "none",
    causal: bool = False,
) -> float:
    """Share of the peak in a step that took so many seconds.

    With recompute="none" MFU, with what was recomputed HFU (see `flops.step_flops`).
    batch: sequences in the step, over all devices.
    """
    flops = step_flops(config, batch, context, causal=causal, recompute=recompute)
    devices = whole_number("devices", devices, minimum=1)
    return flops / (_positive("seconds", seconds) * devices * _positive("peak", peak))


def _positive(name, value):
    return real_number(name, value, 0.0, open_below=True)
