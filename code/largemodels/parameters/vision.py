"""Convolutional networks' parameters: their names and shapes, and how they begin."""

import math
from itertools import pairwise

import numpy as np

from largemodels.configs.vision import LeNetConfig, ResNetConfig
from largemodels.parameters.initial import Filler, filler
from largemodels.parameters.names import shapes
from largemodels.validation import one_of


@shapes.register
def _(config: LeNetConfig) -> dict[str, tuple[int, ...]]:
    named = {}
    before = (config.image_shape[2], *config.channels)
    for i, (c_in, c_out) in enumerate(pairwise(before)):
        named[f"convolutions.{i}.weight"] = (*config.kernel_size, c_in, c_out)
        named[f"convolutions.{i}.bias"] = (c_out,)
    for i, (d_in, d_out) in enumerate(pairwise(config.widths)):
        named[f"layers.{i}.weight"] = (d_in, d_out)
        named[f"layers.{i}.bias"] = (d_out,)
    return named


@shapes.register
def _(config: ResNetConfig) -> dict[str, tuple[int, ...]]:
    named = {"stem.weight": (3, 3, config.image_shape[2], config.width)}
    named |= _norm("stem_norm", config.width)
    for i, (c_in, c_out, stride) in enumerate(config.blocks):
        block = f"blocks.{i}"
        named[f"{block}.conv1.weight"] = (3, 3, c_in, c_out)
        named |= _norm(f"{block}.norm1", c_out)
        named[f"{block}.conv2.weight"] = (3, 3, c_out, c_out)
        named |= _norm(f"{block}.norm2", c_out)
        if stride > 1 and config.shortcut == "projection":
            named[f"{block}.projection.weight"] = (1, 1, c_in, c_out)
            named |= _norm(f"{block}.projection_norm", c_out)
    named["head.weight"] = (config.blocks[-1][1], config.num_classes)
    named["head.bias"] = (config.num_classes,)
    return named


def _norm(name, width):
    parts = ("weight", "bias", "running_mean", "running_variance")
    return {f"{name}.{part}": (width,) for part in parts}


def he_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """w ~ Normal(0, 2 / fan_in); fan_in: all axes but the last, which is the outputs.

    Source: He et al. 2015, arXiv 1502.01852, eq. 10.
    """
    return math.sqrt(2.0 / math.prod(shape[:-1])) * rng.standard_normal(shape)


def _fill(rng, name, shape):
    if name.endswith("running_variance") or (len(shape) == 1 and ".weight" in name):
        return np.ones(shape)  # the scale of a norm is called its weight
    return np.zeros(shape) if len(shape) == 1 else he_normal(rng, shape)


@filler.register
def _(config: LeNetConfig, scheme: str | None) -> Filler:
    one_of("scheme", scheme or "he", ("he",))
    return _fill


@filler.register
def _(config: ResNetConfig, scheme: str | None) -> Filler:
    one_of("scheme", scheme or "he", ("he",))
    return _fill
