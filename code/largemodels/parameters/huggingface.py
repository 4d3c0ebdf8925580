"""Parameters in and out of Hugging Face's GPT-2 and LLaMA: names, layouts and files.

Their dictionaries hold arrays under the names of `transformers`, as `state_dict` and
model.safetensors have them. GPT-2 keeps maps as y = x @ weight + bias, like the
canonical layout, with query, key and value in one; LLaMA keeps y = weight @ x.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from largemodels.configs import TransformerConfig
from largemodels.parameters.files import load
from largemodels.parameters.names import check_names, shapes

# canonical name -> theirs; {} is the number of a block in both
GPT2 = {
    "token_embedding": "wte",
    "position_embedding": "wpe",
    "blocks.{}.attention_norm": "h.{}.ln_1",
    "blocks.{}.attention.query": "h.{}.attn.c_attn",
    "blocks.{}.attention.key": "h.{}.attn.c_attn",
    "blocks.{}.attention.value": "h.{}.attn.c_attn",
    "blocks.{}.attention.output": "h.{}.attn.c_proj",
    "blocks.{}.feed_forward_norm": "h.{}.ln_2",
    "blocks.{}.feed_forward.up": "h.{}.mlp.c_fc",
    "blocks.{}.feed_forward.down": "h.{}.mlp.c_proj",
    "final_norm": "ln_f",
    "output": "lm_head",
}
LLAMA = {
    "token_embedding": "model.embed_tokens",
    "blocks.{}.attention_norm": "model.layers.{}.input_layernorm",
    "blocks.{}.attention.query": "model.layers.{}.self_attn.q_proj",
    "blocks.{}.attention.key": "model.layers.{}.self_attn.k_proj",
    "blocks.{}.attention.value": "model.layers.{}.self_attn.v_proj",
    "blocks.{}.attention.output": "model.layers.{}.self_attn.o_proj",
    "blocks.{}.feed_forward_norm": "model.layers.{}.post_attention_layernorm",
    "blocks.{}.feed_forward.gate": "model.layers.{}.mlp.gate_proj",
    "blocks.{}.feed_forward.up": "model.layers.{}.mlp.up_proj",
    "blocks.{}.feed_forward.down": "model.layers.{}.mlp.down_proj",
    "final_norm": "model.norm",
    "output": "lm_head",
}
TOGETHER = ("query", "key", "value")  # the thirds of GPT-2's c_attn
# What files of either may hold besides parameters: masks and wavelengths.
CONSTANTS = re.compile(r".*\.(attn\.(masked_)?bias|rotary_emb\.inv_freq)")
ACTIVATIONS = {"gelu_new": "gelu", "gelu_pytorch_tanh": "gelu"}
ACTIVATIONS |= {"silu": "silu", "relu": "relu"}


def to_gpt2(named: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A canonical dictionary under the names of `GPT2LMHeadModel`.

    Raises ValueError where a name is none of GPT-2's.
    """
    theirs, parts = {}, {}
    for name, array in named.items():
        other = _translated(name, GPT2)
        if ".attn.c_attn." in other:
            parts.setdefault(other, []).append(array)
        elif other.startswith("lm_head"):
            theirs[other] = array.T.copy()
        else:
            theirs[f"transformer.{other}"] = array.copy()
    for other, arrays in parts.items():
        theirs[f"transformer.{other}"] = np.concatenate(arrays, -1)
    return _with_output(theirs, "transformer.wte.weight")


def from_gpt2(
    config: TransformerConfig, theirs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The canonical dictionary of a config from the names of `GPT2LMHeadModel`.

    The prefix "transformer." may be missing, as in the published files. Raises
    ValueError that lists what is missing, unexpected or of another shape.
    """
    theirs = {n.removeprefix("transformer."): a for n, a in _parameters(theirs).items()}

    def take(name, other):
        array = theirs[other]
        role = name.split(".")[-2]
        if role in TOGETHER and array.shape[-1] % 3 == 0:
            array = np.split(array, 3, -1)[TOGETHER.index(role)]
        return array.T if other == "lm_head.weight" else array

    return _gathered(config, theirs, GPT2, take)


def to_llama(named: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A canonical dictionary under the names of `LlamaForCausalLM`.

    Raises ValueError where a name is none of LLaMA's.
    """
    theirs = {_translated(n, LLAMA): _turned(n, array) for n, array in named.items()}
    return _with_output(theirs, "model.embed_tokens.weight")


def from_llama(
    config: TransformerConfig, theirs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The canonical dictionary of a config from the names of `LlamaForCausalLM`.

    Raises ValueError that lists what is missing, unexpected or of another shape.
    """
    theirs = _parameters(theirs)
    return _gathered(
        config, theirs, LLAMA, lambda name, other: _turned(name, theirs[other])
    )


def neighbors_to_halves(array: np.ndarray, num_heads: int) -> np.ndarray:
    """Reorder the columns of a query or key map for rotary positions by halves.

    array: (..., num_heads H), the canonical weight or bias of a map whose positions
    turn neighbors, columns 2 i and 2 i + 1 of each head, as the paper and Meta's own
    files have it. In the result the same two stand at i and i + H / 2, as here and in
    Hugging Face's files: attention comes out equal. Raises ValueError where the columns
    are not those of so many heads of even width.

    Source: Su et al. 2021, "RoFormer", arXiv 2104.09864, eq. 34.
    """
    shape, columns = np.shape(array), np.shape(array)[-1]
    if num_heads < 1 or columns % (2 * num_heads):
        raise ValueError(
            f"the columns must be {num_heads} heads of even width, got {columns}"
        )
    pairs = np.reshape(array, (*shape[:-1], num_heads, -1, 2))
    return np.ascontiguousarray(np.swapaxes(pairs, -1, -2)).reshape(shape)


def load_pretrained(
    folder: str | os.PathLike,
) -> tuple[TransformerConfig, dict[str, np.ndarray]]:
    """The config and the canonical parameters of a GPT-2 or LLaMA in a folder.

    It holds what `save_pretrained` writes: config.json, and model.safetensors or its
    parts with model.safetensors.index.json. Raises FileNotFoundError that names what
    is not there, ValueError where a file is damaged or of another kind of model.
    """
    folder = Path(folder)
    settings = _json(folder / "config.json")
    config = config_from(settings)
    index = folder / "model.safetensors.index.json"
    parts = ["model.safetensors"]
    if index.exists():
        parts = sorted(set(_json(index).get("weight_map", {}).values()))
    theirs = {}
    for part in parts:
        theirs |= load(folder / part)
    convert = from_gpt2 if settings["model_type"] == "gpt2" else from_llama
    return config, convert(config, theirs)


def config_from(settings: Mapping) -> TransformerConfig:
    """The config of a model that a config.json describes.

    Raises ValueError where it is no GPT-2 or LLaMA, or has a part that the wings lack.
    """
    kinds = {"gpt2": _gpt2_config, "llama": _llama_config}
    kind = settings.get("model_type")
    if kind not in kinds:
        raise ValueError(f"model_type must be gpt2 or llama, got {kind!r}")
    try:
        return kinds[kind](settings)
    except KeyError as error:
        raise ValueError(f"config.json lacks {error.args[0]!r}") from None


def _gpt2_config(settings):
    for name in ("scale_attn_by_inverse_layer_idx", "add_cross_attention"):
        _without(settings, name, False)
    _without(settings, "scale_attn_weights", True)
    return TransformerConfig(
        vocab_size=settings["vocab_size"],
        context_length=settings["n_positions"],
        num_layers=settings["n_layer"],
        d_model=settings["n_embd"],
        num_heads=settings["n_head"],
        d_ff=settings.get("n_inner"),
        activation=_activation(settings.get("activation_function", "gelu_new")),
        norm_eps=settings.get("layer_norm_epsilon", 1e-5),
        tied_embeddings=settings.get("tie_word_embeddings", True),
    )


def _llama_config(settings):
    rope = settings.get("rope_parameters") or settings.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise ValueError(f"rotary positions of type {kind!r} are not supported")
    bias = settings.get("mlp_bias", False)
    return TransformerConfig(
        vocab_size=settings["vocab_size"],
        context_length=settings["max_position_embeddings"],
        num_layers=settings["num_hidden_layers"],
        d_model=settings["hidden_size"],
        num_heads=settings["num_attention_heads"],
        num_kv_heads=settings.get("num_key_value_heads"),
        head_width=settings.get("head_dim"),
        d_ff=settings["intermediate_size"],
        gated=True,
        activation=_activation(settings.get("hidden_act", "silu")),
        norm="rms",
        norm_eps=settings.get("rms_norm_eps", 1e-6),
        bias=_without(settings, "attention_bias", bias),
        positions="rope",
        rope_base=rope.get("rope_theta", settings.get("rope_theta", 10000.0)),
        tied_embeddings=settings.get("tie_word_embeddings", False),
    )


def _without(settings, name, expected):
    if settings.get(name, expected) != expected:
        raise ValueError(f"{name}={settings[name]!r} is not supported")
    return expected


def _activation(theirs):
    if theirs not in ACTIVATIONS:
        raise ValueError(f"the activation {theirs!r} is not supported")
    return ACTIVATIONS[theirs]


def _json(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}") from None
    except ValueError as error:
        raise ValueError(f"{path} is no JSON file: {error}") from None


def _parameters(theirs):
    """What is no constant; a name that occurs with and without a mask is kept."""
    return {n: np.asarray(a) for n, a in theirs.items() if not CONSTANTS.fullmatch(n)}


def _translated(name, table):
    """Their name of a canonical one."""
    stem, _, kind = name.rpartition(".")
    number = re.search(r"\d+", stem)
    pattern = re.sub(r"\d+", "{}", stem, count=1)
    if pattern not in table:
        raise ValueError(f"a model of this family has no {name}")
    return f"{table[pattern].format(number and number[0])}.{kind}"


def _gathered(config, theirs, table, take):
    """The canonical dictionary; take(canonical name, their name) gives an array."""
    expected = shapes(config)
    names = {name: _translated(name, table) for name in expected}
    found = {n: np.array(take(n, o)) for n, o in names.items() if o in theirs}
    left = {o: a for o, a in theirs.items() if o not in names.values()}
    if config.tied_embeddings:
        left.pop("lm_head.weight", None)
    check_names(expected, found | left)
    return found


def _turned(name, array):
    """LLaMA keeps a map transposed; embeddings, norms and biases are as they are."""
    is_map = np.ndim(array) == 2 and not name.startswith("token_embedding")
    return np.array(np.transpose(array) if is_map else array, order="C")


def _with_output(theirs, embedding):
    """With the output map, which is the embedding where it is tied."""
    return {"lm_head.weight": theirs[embedding], **theirs}
