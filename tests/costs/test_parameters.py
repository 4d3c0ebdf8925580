"""Counts are exact: against known totals, against frameworks, part by part."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from largemodels.configs import MLPConfig, TransformerConfig
from largemodels.costs.models import MODELS, llama_config
from largemodels.costs.parameters import (
    attention_parameters,
    count_parameters,
    feed_forward_parameters,
    matrix_parameters,
    mixture_parameters,
    norm_parameters,
)
from largemodels.parameters import count, initial_parameters
from largemodels.pretraining import PRESETS

# Counted by an outside library from models built empty at their published shapes
# (Hugging Face transformers on the meta device).
KNOWN = {
    "GPT-2 small": 124_439_808,
    "GPT-2 medium": 354_823_168,
    "GPT-2 large": 774_030_080,
    "GPT-2 XL": 1_557_611_200,
    "GPT-3 Small": 125_226_240,
    "GPT-3 Medium": 355_871_744,
    "GPT-3 Large": 760_300_032,
    "GPT-3 XL": 1_315_723_264,
    "GPT-3 2.7B": 2_651_553_280,
    "GPT-3 6.7B": 6_658_404_352,
    "GPT-3 13B": 12_853_386_240,
    "GPT-3 175B": 174_604_259_328,
    "LLaMA 7B": 6_738_415_616,
    "LLaMA 13B": 13_015_864_320,
    "LLaMA 33B": 32_528_943_616,
    "LLaMA 65B": 65_285_660_672,
    "Llama 2 7B": 6_738_415_616,
    "Llama 2 13B": 13_015_864_320,
    "Llama 2 70B": 68_976_648_192,
    "Llama 3 8B": 8_030_261_248,
    "Llama 3 70B": 70_553_706_496,
    "Llama 3 405B": 405_853_388_800,
}


@pytest.mark.parametrize("name", KNOWN)
def test_published_models_count_as_the_outside_library_counts(name):
    assert MODELS[name].counted == KNOWN[name]


PYTHIA = {  # layers, width, heads, vocabulary with its padding
    70_426_624: (6, 512, 8, 50_304),
    162_322_944: (12, 768, 12, 50_304),
    405_334_016: (24, 1024, 16, 50_304),
    1_011_781_632: (16, 2048, 8, 50_304),
    1_414_647_808: (24, 2048, 16, 50_304),
    2_775_208_960: (32, 2560, 32, 50_304),
    6_857_302_016: (32, 4096, 32, 50_432),
    11_846_072_320: (36, 5120, 40, 50_688),
}


@pytest.mark.parametrize("expected", PYTHIA)
def test_pythia_counts_as_the_outside_library_counts(expected):
    num_layers, d_model, num_heads, vocab_size = PYTHIA[expected]
    config = TransformerConfig(
        vocab_size=vocab_size,
        context_length=2048,
        num_layers=num_layers,
        d_model=d_model,
        num_heads=num_heads,
        positions="rope",
        tied_embeddings=False,
    )
    assert count_parameters(config)["total"] == expected


PRESET_COUNTS = {
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "llama-7b": 6_738_415_616,
}


@pytest.mark.parametrize("name", PRESET_COUNTS)
def test_presets_are_the_models_of_their_names(name):
    """With the vocabularies of the published models."""
    vocab_size = 32_000 if name == "llama-7b" else 50_257
    config = TransformerConfig(**PRESETS[name], vocab_size=vocab_size)
    assert count_parameters(config)["total"] == PRESET_COUNTS[name]


def test_models_of_other_families_count_as_the_outside_library_counts():
    mistral = llama_config(32, 4_096, 32, 8, 14_336)
    assert count_parameters(mistral)["total"] == 7_241_732_096
    total, active = mixture_parameters(mistral, 8, 2)
    assert total == 46_702_792_704
    assert active == 12_879_925_248
    llama_3_2_1b = dataclasses.replace(
        llama_config(16, 2_048, 32, 8, 8_192, vocab_size=128_256),
        tied_embeddings=True,
    )
    assert count_parameters(llama_3_2_1b)["total"] == 1_235_814_400


def as_modules(config):
    """The model's parameters as torch modules that hold no memory, by part."""
    c = config.filled
    nn = torch.nn
    heads, groups = c.num_heads * c.head_width, c.num_kv_heads * c.head_width

    def linear(d_in, d_out, bias):
        return nn.Linear(d_in, d_out, bias=bias, device="meta")

    def norm():
        if c.norm == "rms":
            return nn.RMSNorm(c.d_model, device="meta")
        return nn.LayerNorm(c.d_model, bias=c.norm_bias, device="meta")

    parts = {
        "tokens": [nn.Embedding(c.vocab_size, c.d_model, device="meta")],
        "positions": [],
        "attention": [],
        "feed_forward": [],
        "norms": [norm()] if c.norm_place == "pre" else [],
        "output": [],
    }
    if c.positions == "learned":
        parts["positions"].append(
            nn.Embedding(c.context_length, c.d_model, device="meta")
        )
    if not c.tied_embeddings:
        parts["output"].append(linear(c.d_model, c.vocab_size, False))
    for _ in range(c.num_layers):
        parts["attention"] += [
            linear(c.d_model, heads, c.qkv_bias),
            linear(c.d_model, groups, c.qkv_bias),
            linear(c.d_model, groups, c.qkv_bias),
            linear(heads, c.d_model, c.bias),
        ]
        if c.positions == "relative":
            parts["attention"] += [
                linear(c.d_model, groups, False),
                nn.Embedding(2, heads, device="meta"),
            ]
        parts["feed_forward"] += [
            linear(c.d_model, c.d_ff, c.bias) for _ in range(1 + c.gated)
        ]
        parts["feed_forward"].append(linear(c.d_ff, c.d_model, c.bias))
        parts["norms"] += [norm(), norm()]
    return parts


def numel(modules):
    return sum(p.numel() for module in modules for p in module.parameters())


@st.composite
def transformer_configs(draw):
    groups = draw(st.integers(1, 3))
    norm = draw(st.sampled_from(["layer", "rms"]))
    return TransformerConfig(
        vocab_size=draw(st.sampled_from([101, 257])),
        context_length=draw(st.sampled_from([13, 29])),
        num_layers=draw(st.integers(1, 3)),
        d_model=draw(st.sampled_from([31, 43])),
        num_heads=groups * draw(st.integers(1, 3)),
        num_kv_heads=groups,
        head_width=draw(st.sampled_from([2, 6])),
        d_ff=draw(st.sampled_from([None, 53])),
        gated=draw(st.booleans()),
        norm=norm,
        norm_place=draw(st.sampled_from(["pre", "post"])),
        bias=draw(st.booleans()),
        qkv_bias=draw(st.sampled_from([None, True, False])),
        norm_bias=None if norm == "rms" else draw(st.sampled_from([None, True, False])),
        positions=draw(
            st.sampled_from(["learned", "sinusoidal", "rope", "relative", "none"])
        ),
        tied_embeddings=draw(st.booleans()),
    )


@given(transformer_configs())
@settings(max_examples=80, deadline=None, derandomize=True)
def test_every_part_counts_as_torch_modules_of_these_shapes(config):
    counted = count_parameters(config)
    for part, modules in as_modules(config).items():
        assert counted[part] == numel(modules), part
    assert counted["total"] == sum(n for part, n in counted.items() if part != "total")


@given(transformer_configs())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_matrices_are_all_two_dimensional_parameters_that_multiply(config):
    modules = as_modules(config)
    matrices = sum(
        p.numel()
        for part in ("attention", "feed_forward")
        for module in modules[part]
        if isinstance(module, torch.nn.Linear)
        for p in module.parameters()
        if p.ndim == 2
    )
    vocabulary = config.vocab_size * config.d_model
    assert matrix_parameters(config) == matrices + vocabulary


def test_gpt2_shape_follows_the_closed_form():
    config = MODELS["GPT-2 small"].config
    V, T, L, D = 50_257, 1_024, 12, 768
    assert attention_parameters(config) == 4 * D**2 + 4 * D
    assert feed_forward_parameters(config) == 8 * D**2 + 5 * D
    assert norm_parameters(config) == (2 * L + 1) * 2 * D
    assert count_parameters(config)["total"] == (
        V * D + T * D + L * (12 * D**2 + 13 * D) + 2 * D
    )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("hidden", [(), (128,), (7, 11, 13)])
def test_mlp_parts_are_the_canonical_parameters(hidden, bias):
    config = MLPConfig(d_in=784, hidden=hidden, num_classes=10, bias=bias)
    counted = count_parameters(config)
    parameters = initial_parameters(config, seed=0)
    assert counted.pop("total") == count(parameters)
    assert counted == {name: array.size for name, array in parameters.items()}


def test_classic_mlp_has_101770_parameters():
    config = MLPConfig(d_in=784, hidden=(128,), num_classes=10)
    assert count_parameters(config)["total"] == 101_770


def test_counts_are_python_integers():
    counted = count_parameters(MODELS["GPT-3 175B"].config)
    assert all(type(value) is int for value in counted.values())


def test_mixture_with_one_expert_adds_only_its_router():
    config = llama_config(2, 16, 2)
    dense = count_parameters(config)["total"]
    assert mixture_parameters(config, 1, 1) == (dense + 2 * 16, dense + 2 * 16)


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match="MLPConfig or a TransformerConfig"):
        count_parameters({"d_model": 768})
    with pytest.raises(ValueError, match="experts_per_token must be at most 8, got 9"):
        mixture_parameters(llama_config(2, 16, 2), 8, 9)
    with pytest.raises(ValueError, match="num_experts must be at least 1"):
        mixture_parameters(llama_config(2, 16, 2), 0, 1)
