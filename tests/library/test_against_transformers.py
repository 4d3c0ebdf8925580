"""GPT-2 and LLaMA as Hugging Face has them: random weights, nothing is downloaded."""

import json

import numpy as np
import pytest
import torch
from largemodels import parameters
from largemodels.parameters import huggingface
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from transformers.models.llama import modeling_llama
from wings import WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)

V, T, EPS = 13, 7, 1e-3
NO_TOKENS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}


def gpt2(**options):
    drops = {f"{name}_pdrop": 0.0 for name in ("resid", "embd", "attn")}
    sizes = {"n_layer": 2, "n_embd": 12, "n_head": 3, "vocab_size": V}
    return filled(
        GPT2LMHeadModel(
            GPT2Config(n_positions=T, **sizes, **drops, **NO_TOKENS, **options)
        )
    )


def llama(**options):
    sizes = {"hidden_size": 12, "intermediate_size": 5, "num_hidden_layers": 2}
    sizes |= {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 4}
    sizes |= {"vocab_size": V, "max_position_embeddings": T}
    sizes |= {"rms_norm_eps": EPS}
    return filled(LlamaForCausalLM(LlamaConfig(**{**sizes, **NO_TOKENS, **options})))


@torch.no_grad()
def filled(model):
    """In float64, with parameters that are all different, biases and norms too."""
    generator = torch.Generator().manual_seed(0)
    model = model.double()
    for p in model.parameters():
        p.copy_(torch.randn(p.shape, generator=generator, dtype=p.dtype) / 2)
    return model


MODELS = {
    "gpt2": gpt2,
    "gpt2-untied": lambda: gpt2(tie_word_embeddings=False, n_inner=5),
    "llama": llama,
    "llama-tied": lambda: llama(tie_word_embeddings=True, rope_theta=50.0),
    "llama-biased": lambda: llama(
        attention_bias=True, mlp_bias=True, num_key_value_heads=6
    ),
}


def converters(model):
    kind = "gpt2" if isinstance(model, GPT2LMHeadModel) else "llama"
    return (getattr(huggingface, f"{way}_{kind}") for way in ("from", "to"))


def arrays(named):
    return {name: tensor.detach().numpy().copy() for name, tensor in named.items()}


@pytest.fixture
def exact(monkeypatch):
    """LLaMA's angles and norms are rounded to float32, in any dtype: undo that."""

    def forward(self, x, position_ids):
        base = self.config.rope_parameters["rope_theta"]
        cos, sin = WINGS[1].attention.rotary(position_ids[0], 4, base)
        return torch.cat((cos, cos), -1)[None], torch.cat((sin, sin), -1)[None]

    def norm(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, True) + EPS)

    monkeypatch.setattr(modeling_llama.LlamaRotaryEmbedding, "forward", forward)
    monkeypatch.setattr(modeling_llama.LlamaRMSNorm, "forward", norm)


def theirs(model, x, y):
    """Logits, and the gradients of the mean cross-entropy under their names."""
    logits = model(torch.tensor(x)).logits
    loss = torch.nn.functional.cross_entropy(logits.transpose(1, 2), torch.tensor(y))
    loss.backward()
    return logits.detach(), {n: p.grad for n, p in model.named_parameters()}


def agree(wing, name, of_logits, of_gradients):
    """Hold logits and gradients against theirs, to some (rtol, atol) each."""
    model = MODELS[name]()
    config = huggingface.config_from(model.config.to_dict())
    back, _ = converters(model)
    ours = wing.transformer.Transformer(config, "float64")
    wing.layers.load_parameters(ours, back(config, arrays(model.state_dict())))
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, V, (2, 3, T))
    logits, gradients = theirs(model, x, y)
    rtol, atol = of_logits
    assert_allclose(wing.value(ours, x), logits, rtol=rtol, atol=atol)
    expected = back(config, arrays(gradients))  # gradients lie as parameters do
    _, found = wing.gradients(ours, x, y)
    assert list(found) == list(expected)
    rtol, atol = of_gradients
    for parameter, gradient in expected.items():
        assert_allclose(found[parameter], gradient, rtol=rtol, atol=atol)


@wings
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.usefixtures("exact")
def test_logits_and_all_gradients_are_theirs(wing, name):
    # Sums of a few dozen products of numbers near 1, through two blocks.
    agree(wing, name, (1e-11, 1e-12), (1e-10, 1e-12))


@wings
@pytest.mark.parametrize("name", [name for name in MODELS if "llama" in name])
def test_llama_as_it_stands_is_ours_in_float32(wing, name):
    """With angles and norms of their own, which none of ours took the place of."""
    # Angles to 6e-8 of at most 6, and norms, in two blocks with numbers near 10.
    agree(wing, name, (1e-5, 2e-5), (1e-5, 2e-5))


@pytest.mark.parametrize("name", MODELS)
def test_there_and_back_is_the_same(name):
    model = MODELS[name]()
    config = huggingface.config_from(model.config.to_dict())
    back, there = converters(model)
    state = arrays(model.state_dict())
    named = back(config, state)
    parameters.check_names(parameters.shapes(config), named)
    again = there(named)
    assert set(again) == set(state)
    for other, array in state.items():
        assert_array_equal(again[other], array)
        assert not np.shares_memory(again[other], array)


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_folder_is_read(name, tmp_path):
    model = MODELS[name]()
    model.save_pretrained(tmp_path)
    config, named = huggingface.load_pretrained(tmp_path)
    back, _ = converters(model)
    assert config == huggingface.config_from(model.config.to_dict())
    for parameter, array in back(config, arrays(model.state_dict())).items():
        assert_array_equal(named[parameter], array)


def test_a_folder_in_parts_without_prefix_and_with_masks(tmp_path):
    """As GPT-2 was published, and as large models are."""
    model = gpt2()
    state = {
        n.removeprefix("transformer."): a
        for n, a in arrays(model.state_dict()).items()
        if n != "lm_head.weight"
    }
    state["h.0.attn.bias"] = np.ones((1, 1, T, T))
    names = sorted(state)
    parts = {"one.safetensors": names[::2], "two.safetensors": names[1::2]}
    for part, held in parts.items():
        save_file({n: np.ascontiguousarray(state[n]) for n in held}, tmp_path / part)
    weight_map = {n: part for part, held in parts.items() for n in held}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": weight_map}))
    settings = model.config.to_dict()
    (tmp_path / "config.json").write_text(json.dumps(settings))
    config, named = huggingface.load_pretrained(tmp_path)
    expected = huggingface.from_gpt2(config, arrays(model.state_dict()))
    for parameter, array in expected.items():
        assert_array_equal(named[parameter], array)
    (tmp_path / "two.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"two\.safetensors"):
        huggingface.load_pretrained(tmp_path)


def test_what_does_not_fit_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*config\.json"):
        huggingface.load_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="is no JSON file"):
        huggingface.load_pretrained(tmp_path)
    model = gpt2()
    config = huggingface.config_from(model.config.to_dict())
    state = arrays(model.state_dict())
    state["transformer.extra.weight"] = state.pop("transformer.ln_f.bias")
    state["transformer.wpe.weight"] = state["transformer.wpe.weight"][:3]
    with pytest.raises(ValueError) as caught:
        huggingface.from_gpt2(config, state)
    for words in (
        "missing: final_norm.bias (12,)",
        "unexpected: extra.weight (12,)",
        "wrong shape: position_embedding.weight (3, 12), not (7, 12)",
    ):
        assert words in str(caught.value)
    with pytest.raises(ValueError, match=r"has no blocks\.0\.feed_forward\.gate"):
        huggingface.to_gpt2({"blocks.0.feed_forward.gate.weight": np.zeros((2, 2))})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "bert"}, "must be gpt2 or llama, got 'bert'"),
        ({"activation_function": "swish9"}, "the activation 'swish9' is not supported"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
    ],
)
def test_other_models_are_refused(change, words):
    settings = {**gpt2().config.to_dict(), **change}
    with pytest.raises(ValueError, match=words):
        huggingface.config_from(settings)
    del settings["model_type"]
    with pytest.raises(ValueError, match="must be gpt2 or llama, got None"):
        huggingface.config_from(settings)
    with pytest.raises(ValueError, match="lacks 'vocab_size'"):
        huggingface.config_from({"model_type": "llama"})
    scaled = {**llama().config.to_dict(), "rope_parameters": {"rope_type": "llama3"}}
    with pytest.raises(ValueError, match="of type 'llama3' are not supported"):
        huggingface.config_from(scaled)


def test_neighbors_become_halves():
    """Scores of neighbors that turn equal those of halves, columns reordered."""
    heads, H = 2, 6
    rng = np.random.default_rng(0)
    x, query, key = (rng.normal(size=s) for s in ((5, 7), (7, 12), (7, 12)))
    angle = np.arange(5)[:, None] * 10000.0 ** (-2 * np.arange(H // 2) / H)

    def scores(q, k, pairs):
        turned = []
        for weight in (q, k):
            split = (x @ weight).reshape(5, heads, H)
            first, second = pairs(split)
            turned.append((first + 1j * second) * np.exp(1j * angle)[:, None])
        return np.einsum("tai,sai->ats", turned[0], turned[1].conj()).real

    by_neighbors = scores(query, key, lambda z: (z[..., ::2], z[..., 1::2]))
    query, key = (huggingface.neighbors_to_halves(w, heads) for w in (query, key))
    by_halves = scores(query, key, lambda z: (z[..., :3], z[..., 3:]))
    assert_allclose(by_halves, by_neighbors, rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="2 heads of even width, got 10"):
        huggingface.neighbors_to_halves(np.zeros((3, 10)), 2)
