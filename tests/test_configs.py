"""Configs: what they can say, what they refuse, and what they fill in."""

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from largemodels.configs import ACTIVATIONS, MLPConfig, TransformerConfig

SMALL = {
    "vocab_size": 11,
    "context_length": 13,
    "num_layers": 2,
    "d_model": 24,
    "num_heads": 4,
}


def counted(config):
    """Parameters of a model, term by term as the docstring of the config says."""
    c = config.filled
    D, F, L = c.d_model, c.d_ff, c.num_layers
    Q, KV = config.query_width, config.key_value_width
    attention = D * Q + 2 * D * KV + Q * D
    attention += c.bias * D + c.qkv_bias * (Q + 2 * KV)
    if c.positions == "relative":
        attention += D * KV + 2 * Q
    feed_forward = (3 if c.gated else 2) * D * F
    feed_forward += c.bias * (D + (2 if c.gated else 1) * F)
    norm = D * (2 if c.norm == "layer" and c.norm_bias else 1)
    norms = 2 * L + (c.norm_place == "pre")
    embeddings = c.vocab_size * D * (1 if c.tied_embeddings else 2)
    embeddings += c.context_length * D * (c.positions == "learned")
    return L * (attention + feed_forward) + norms * norm + embeddings


def gpt2(num_layers, d_model, num_heads, context_length=1024):
    return TransformerConfig(
        vocab_size=50257,
        context_length=context_length,
        num_layers=num_layers,
        d_model=d_model,
        num_heads=num_heads,
    )


def llama(num_layers, d_model, num_heads, vocab_size=32000, **changes):
    return TransformerConfig(
        **{
            "vocab_size": vocab_size,
            "context_length": 2048,
            "num_layers": num_layers,
            "d_model": d_model,
            "num_heads": num_heads,
            "gated": True,
            "norm": "rms",
            "bias": False,
            "positions": "rope",
            "tied_embeddings": False,
            "activation": "silu",
        }
        | changes
    )


# Counted with Hugging Face `transformers` in empty models of the published shapes.
EXACT = {
    "GPT-2 124M": (gpt2(12, 768, 12), 124_439_808),
    "GPT-2 355M": (gpt2(24, 1024, 16), 354_823_168),
    "GPT-2 774M": (gpt2(36, 1280, 20), 774_030_080),
    "GPT-2 1.5B": (gpt2(48, 1600, 25), 1_557_611_200),
    "GPT-3 125M": (gpt2(12, 768, 12, 2048), 125_226_240),
    "GPT-3 175B": (gpt2(96, 12288, 96, 2048), 174_604_259_328),
    "LLaMA 7B": (llama(32, 4096, 32), 6_738_415_616),
    "LLaMA 13B": (llama(40, 5120, 40), 13_015_864_320),
    "LLaMA 33B": (llama(60, 6656, 52), 32_528_943_616),
    "LLaMA 65B": (llama(80, 8192, 64), 65_285_660_672),
    "Llama 2 70B": (
        llama(80, 8192, 64, num_kv_heads=8, d_ff=28672),
        68_976_648_192,
    ),
    "Llama 3 8B": (
        llama(32, 4096, 32, 128256, num_kv_heads=8, d_ff=14336),
        8_030_261_248,
    ),
    "Llama 3 70B": (
        llama(80, 8192, 64, 128256, num_kv_heads=8, d_ff=28672),
        70_553_706_496,
    ),
    "Llama 3.1 405B": (
        llama(126, 16384, 128, 128256, num_kv_heads=8, d_ff=53248),
        405_853_388_800,
    ),
    "Llama 3.2 1B": (
        llama(16, 2048, 32, 128256, num_kv_heads=8, d_ff=8192, tied_embeddings=True),
        1_235_814_400,
    ),
    "Llama 3.2 3B": (
        llama(28, 3072, 24, 128256, num_kv_heads=8, d_ff=8192, tied_embeddings=True),
        3_212_749_824,
    ),
}


@pytest.mark.parametrize("name", EXACT)
def test_published_models_can_be_said_and_counted(name):
    config, parameters = EXACT[name]
    assert counted(config) == parameters


def test_gopher_has_its_280_billion_with_relative_positions():
    gopher = TransformerConfig(
        vocab_size=32000,
        context_length=2048,
        num_layers=80,
        d_model=16384,
        num_heads=128,
        norm="rms",
        positions="relative",
    )
    # The paper says 280B; without the matrices of the distances it would be 258B.
    assert counted(gopher) == pytest.approx(280e9, rel=0.005, abs=0)
    without = dataclasses.replace(gopher, positions="none")
    assert counted(without) == pytest.approx(258.3e9, rel=0.005, abs=0)


def test_mlp_widths_from_input_to_output():
    config = MLPConfig(d_in=784, hidden=[128, np.int64(64)], num_classes=10)
    assert config.widths == (784, 128, 64, 10)
    assert config.hidden == (128, 64)
    assert MLPConfig(d_in=5, hidden=(), num_classes=3).widths == (5, 3)


def test_configs_are_values():
    one, other = (
        MLPConfig(d_in=3, hidden=[4], num_classes=2),
        TransformerConfig(**SMALL),
    )
    assert one == MLPConfig(d_in=3, hidden=(4,), num_classes=2)
    assert len({one, other, MLPConfig(d_in=3, hidden=(4,), num_classes=2)}) == 2
    assert pickle.loads(pickle.dumps(other)) == other
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.d_in = 4
    with pytest.raises(TypeError):
        MLPConfig(3, (4,), 2)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"d_in": 0}, ValueError, "d_in must be at least 1, got 0"),
        ({"num_classes": 0}, ValueError, "num_classes must be at least 1, got 0"),
        ({"hidden": (4, 0)}, ValueError, r"hidden\[1\] must be at least 1, got 0"),
        ({"hidden": 4}, TypeError, "hidden must be a tuple of widths, got 4"),
        ({"hidden": "44"}, TypeError, "hidden must be a tuple of widths"),
        ({"hidden": (4.0,)}, TypeError, r"hidden\[0\] must be an integer, got 4.0"),
        ({"d_in": "3"}, TypeError, "d_in must be an integer"),
        ({"activation": "selu"}, ValueError, "activation must be one of relu.*'selu'"),
        ({"bias": 1}, TypeError, "bias must be True or False, got 1"),
    ],
)
def test_mlp_refuses(changes, error, message):
    with pytest.raises(error, match=message):
        MLPConfig(**{"d_in": 3, "hidden": (4,), "num_classes": 2} | changes)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"vocab_size": 0}, ValueError, "vocab_size must be at least 1, got 0"),
        ({"num_layers": -1}, ValueError, "num_layers must be at least 1, got -1"),
        ({"context_length": 1.5}, TypeError, "context_length must be an integer"),
        ({"d_model": None}, TypeError, "d_model must be an integer, got None"),
        ({"head_width": 0}, ValueError, "head_width must be at least 1, got 0"),
        ({"d_ff": 0}, ValueError, "d_ff must be at least 1, got 0"),
        (
            {"num_heads": 5},
            ValueError,
            "multiple of num_heads.*d_model=24, num_heads=5",
        ),
        ({"num_kv_heads": 3}, ValueError, "num_heads=4, num_kv_heads=3"),
        ({"num_kv_heads": 8}, ValueError, "num_heads=4, num_kv_heads=8"),
        ({"norm": "batch"}, ValueError, "norm must be one of layer, rms; got 'batch'"),
        ({"norm_place": "in"}, ValueError, "norm_place must be one of pre, post"),
        ({"norm_eps": 0.0}, ValueError, "norm_eps must be above 0, got 0"),
        (
            {"positions": "alibi"},
            ValueError,
            "positions must be one of learned.*'alibi'",
        ),
        ({"rope_base": -1}, ValueError, "rope_base must be above 0, got -1"),
        ({"activation": "swish"}, ValueError, "activation must be one of"),
        ({"gated": "yes"}, TypeError, "gated must be True or False"),
        ({"qkv_bias": 0}, TypeError, "qkv_bias must be True or False, got 0"),
        ({"norm": "rms", "norm_bias": True}, ValueError, "RMSNorm has no bias"),
        (
            {"positions": "rope", "head_width": 5},
            ValueError,
            "even head_width, got 5",
        ),
        ({"positions": "rope", "num_heads": 8}, ValueError, "even head_width, got 3"),
    ],
)
def test_transformer_refuses(changes, error, message):
    with pytest.raises(error, match=message):
        TransformerConfig(**SMALL | changes)


def test_filled_writes_what_is_derived():
    config = TransformerConfig(**SMALL)
    assert config.num_kv_heads is None
    filled = config.filled
    assert (filled.num_kv_heads, filled.head_width, filled.d_ff) == (4, 6, 96)
    assert (filled.qkv_bias, filled.norm_bias) == (True, True)
    assert filled.filled == filled
    assert None not in dataclasses.asdict(filled).values()


def test_what_is_given_is_not_derived():
    config = TransformerConfig(
        **SMALL, num_kv_heads=2, head_width=7, d_ff=50, bias=False, qkv_bias=True
    )
    filled = config.filled
    assert (filled.num_kv_heads, filled.head_width, filled.d_ff) == (2, 7, 50)
    assert (filled.bias, filled.qkv_bias, filled.norm_bias) == (False, True, False)
    assert (config.query_width, config.key_value_width) == (28, 14)


def test_rms_norm_has_no_bias_whatever_bias_says():
    assert TransformerConfig(**SMALL, norm="rms").filled.norm_bias is False


@pytest.mark.parametrize(
    ("d_model", "width"),
    [(4096, 11008), (5120, 13824), (6656, 17920), (8192, 22016)],
)
def test_gated_width_is_that_of_llama(d_model, width):
    # Touvron et al. 2023 give the models; the widths stand in their published configs.
    assert llama(1, d_model, d_model // 128).filled.d_ff == width


def test_a_changed_copy_derives_its_sizes_anew():
    wider = dataclasses.replace(TransformerConfig(**SMALL), d_model=48, num_heads=8)
    assert (wider.filled.d_ff, wider.filled.num_kv_heads) == (192, 8)


sizes = st.integers(1, 6)


@given(sizes, sizes, sizes, st.booleans(), st.sampled_from(ACTIVATIONS))
def test_every_sound_config_can_be_made_and_filled(
    groups, per_group, width, gated, act
):
    heads = groups * per_group
    config = TransformerConfig(
        vocab_size=7,
        context_length=5,
        num_layers=1,
        d_model=heads * width,
        num_heads=heads,
        num_kv_heads=groups,
        gated=gated,
        activation=act,
    )
    assert config.filled.head_width == width
    assert config.query_width == config.d_model
    assert config.query_width == per_group * config.key_value_width
    if gated:
        # 8/3 of the width rounded up: never below it, less than a multiple above.
        assert 0 <= config.filled.d_ff - (8 * config.d_model) // 3 < 256
