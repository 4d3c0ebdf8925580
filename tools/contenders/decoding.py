"""Two hundred tokens decoded greedily, with the keys and values kept and without."""

import importlib
from functools import partial

import numpy as np
from largemodels.configs import TransformerConfig

from tools.contenders.timing import Group, Row

CONFIG = TransformerConfig(
    vocab_size=65, context_length=256, num_layers=4, d_model=128, num_heads=4
)
SIZES = CONFIG, 16, 200
WINGS = {"NumPy": "scratch", "PyTorch": "pytorch", "TensorFlow": "tf"}
KINDS = {"cache": True, "no cache": False}


def contenders(sizes):
    """Each wing's generate, with a cache and without.

    sizes: (config, tokens to begin with, tokens to add)
    """
    config, begin, count = sizes
    tokens = np.random.default_rng(0).integers(config.vocab_size, size=begin)
    return {
        f"{wing} wing, {kind}": partial(
            decode, folder, config, tokens, count, KINDS[kind]
        )
        for wing, folder in WINGS.items()
        for kind in KINDS
    }


def decode(folder, config, tokens, count, cache):
    """A step: the whole text, from the same beginning every time."""
    package = f"largemodels.{folder}"
    transformer = importlib.import_module(f"{package}.transformer")
    generation = importlib.import_module(f"{package}.generation")
    model = transformer.Transformer(config)
    options = {"temperature": 0, "cache": cache}
    return lambda: generation.generate(model, tokens, count, **options)


def rows(sizes):
    """At most half the time with a cache."""
    return tuple(
        Row(f"{wing} wing, cache / none", *(f"{wing} wing, {k}" for k in KINDS), 0.5)
        for wing in WINGS
    )


GROUPS = (
    Group(
        "decoding",
        "200 tokens decoded: the GPT above with context 256, one sequence",
        contenders,
        SIZES,
        rows,
        steps=1,
        warm=False,
        why="one text a turn: it takes 0.2 s and more. TensorFlow's has the tracing of "
        "its function in it",
        value=np.asarray,
        rtol=0.0,
        atol=0.0,
    ),
)
