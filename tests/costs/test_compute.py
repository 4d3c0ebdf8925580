"""FLOPs, bytes and hours, against counters and worked examples."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from largemodels.configs import TransformerConfig
from largemodels.costs import compute
from largemodels.costs.hardware import DEVICES
from largemodels.costs.models import MODELS
from largemodels.costs.parameters import matrix_parameters
from torch.utils.flop_counter import FlopCounterMode

EXACT = {"rel": 1e-12, "abs": 0}  # a few roundings in float64


def test_a_linear_stack_costs_two_four_and_six_flops_a_parameter():
    """What a counter inside the framework sees, forward and backward."""
    batch, widths = 7, (11, 13, 17, 19)
    net = torch.nn.Sequential(*[torch.nn.Linear(a, b) for a, b in pairwise(widths)])
    matrices = sum(p.numel() for p in net.parameters() if p.ndim == 2)
    inputs = torch.randn(batch, widths[0], requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        output = net(inputs)
        forward = counter.get_total_flops()
        output.sum().backward()
    assert forward == compute.inference_flops(matrices, batch)
    assert counter.get_total_flops() == compute.training_flops(matrices, batch)


def naive_forward(config, ids):
    """A decoder with explicit attention, of which a counter sees every product."""
    c = config.filled
    D, A, G, H = c.d_model, c.num_heads, c.num_kv_heads, c.head_width
    T = len(ids)
    x = torch.randn(T, D)
    for _ in range(c.num_layers):
        q = (x @ torch.randn(D, A * H)).view(T, A, H).transpose(0, 1)
        k = (x @ torch.randn(D, G * H)).view(T, G, H).transpose(0, 1)
        v = (x @ torch.randn(D, G * H)).view(T, G, H).transpose(0, 1)
        k, v = (z.repeat_interleave(A // G, 0) for z in (k, v))
        scores = torch.bmm(q, k.transpose(1, 2))
        mixed = torch.bmm(scores.softmax(-1), v).transpose(0, 1).reshape(T, A * H)
        x = mixed @ torch.randn(A * H, D)
        inner = x @ torch.randn(D, c.d_ff)
        if c.gated:
            inner = inner * (x @ torch.randn(D, c.d_ff))
        x = inner @ torch.randn(c.d_ff, D)
    return x @ torch.randn(D, c.vocab_size)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize(("heads", "groups"), [(6, 6), (6, 2)])
def test_forward_flops_are_what_a_counter_sees(gated, heads, groups):
    config = TransformerConfig(
        vocab_size=101,
        context_length=13,
        num_layers=3,
        d_model=31,
        num_heads=heads,
        num_kv_heads=groups,
        head_width=5,
        d_ff=43,
        gated=gated,
    )
    with FlopCounterMode(display=False) as counter:
        naive_forward(config, torch.zeros(13))
    per_token = compute.forward_flops_per_token(config, 13, causal=False)
    assert counter.get_total_flops() == 13 * per_token


def test_a_well_known_forward_pass():
    """The sizing notebook of nanoGPT counts 291,648,307,200 for GPT-2, T = 1024."""
    config = MODELS["GPT-2 small"].config
    flops = compute.forward_flops_per_token(config, causal=False)
    assert 1_024 * flops == 291_648_307_200


def test_causal_masks_halve_the_scores():
    config = MODELS["GPT-2 small"].config
    full = compute.attention_score_flops(config, 1_024, causal=False)
    half = compute.attention_score_flops(config, 1_024)
    assert half / full == pytest.approx(1_025 / 2_048, **EXACT)
    # the mean over queries of the keys that each may see
    keys = np.arange(1, 1_025).mean()
    assert half == pytest.approx(4 * 12 * 768 * keys, **EXACT)


def test_two_n_misses_only_the_scores():
    config = MODELS["GPT-3 175B"].config
    with_scores = compute.forward_flops_per_token(config)
    without = compute.inference_flops(matrix_parameters(config))
    assert with_scores - without == compute.attention_score_flops(config, 2_048)


def test_a_petaflop_day():
    assert compute.petaflop_days(8.64e19) == pytest.approx(1, **EXACT)
    assert round(compute.petaflop_days(3.14e23), -1) == 3630


def test_hours_and_utilization_are_inverse():
    hours = compute.device_hours(5.48e23, 312e12, 0.4)
    assert compute.utilization(5.48e23, hours, 312e12) == pytest.approx(0.4, **EXACT)
    # 6 x 70e9 x 15e12 on 1,024 H100s at half their peak: 144 days (a course's example)
    hours = compute.device_hours(compute.training_flops(70e9, 15e12), 989e12, 0.5)
    assert round(hours / 1_024 / 24) == 144


def test_memory_of_zero():
    """The worked examples of the ZeRO paper: 7.5B parameters 120 GB, 1.5B 24 GB."""
    assert sum(compute.MIXED_ADAM.values()) == 16
    assert compute.training_bytes(7.5e9) / compute.GB == pytest.approx(120, **EXACT)
    assert compute.training_bytes(1.5e9) / compute.GB == pytest.approx(24, **EXACT)


def test_weights_in_each_format():
    assert compute.weight_bytes(7e9, "float32") == 28e9
    assert compute.weight_bytes(7e9) == 14e9
    assert compute.weight_bytes(7e9, "int4") == 3.5e9
    for name in ("float64", "float32", "float16", "int8"):
        assert compute.BYTES[name] == np.dtype(name).itemsize
    assert compute.BYTES["bfloat16"] == torch.bfloat16.itemsize


def test_cache_of_grouped_queries_is_smaller():
    config = MODELS["Llama 3 70B"].config
    assert compute.cache_bytes(config, 1) == 2 * 80 * 8 * 128 * 2
    # int8, a token: 160 kB (a public book's worked answer)
    assert compute.cache_bytes(config, 1, "int8") == 163_840


def test_tokens_per_parameter():
    assert compute.tokens_per_parameter(70e9, 1.4e12) == pytest.approx(20, **EXACT)


def test_devices_are_ordered_and_plausible():
    years = [device.year for device in DEVICES.values()]
    assert years == sorted(years)
    for name, device in DEVICES.items():
        assert device.name == name
        assert device.source
        # FLOPs that one byte of memory traffic must pay for: between 100 and 400
        assert 100 < device.peak / device.bandwidth < 400


@pytest.mark.parametrize(
    "call",
    [
        lambda: compute.training_flops(0, 1),
        lambda: compute.training_flops(1, -1),
        lambda: compute.inference_flops(float("nan")),
        lambda: compute.utilization(1, 0, 1),
        lambda: compute.device_hours(1, 1, 1.5),
        lambda: compute.device_hours(1, 1, 0),
        lambda: compute.weight_bytes(1, "float128"),
        lambda: compute.attention_score_flops(MODELS["GPT-2 small"].config, 0),
        lambda: compute.cache_bytes(MODELS["GPT-2 small"].config, 0),
    ],
)
def test_impossible_amounts_are_refused(call):
    with pytest.raises(ValueError, match=r"must be|finite"):
        call()
