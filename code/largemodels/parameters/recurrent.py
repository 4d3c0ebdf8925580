"""A recurrent network's parameters: their names and shapes, and how they begin."""

import math

import numpy as np

from largemodels.configs.recurrent import GATES, RecurrentConfig
from largemodels.parameters.initial import Filler, filler
from largemodels.parameters.names import shapes
from largemodels.validation import one_of


@shapes.register
def _(config: RecurrentConfig) -> dict[str, tuple[int, ...]]:
    named = {}
    if config.vocab_size is not None:
        named["token_embedding.weight"] = (config.vocab_size, config.step_width)
    for direction in config.directions:
        for i in range(config.num_layers):
            d_in = config.output_width if i else config.step_width
            for name, shape in _layer(config, d_in).items():
                named[f"recurrent.{direction}.{i}.{name}"] = shape
    named["output.weight"] = (config.output_width, config.num_classes)
    if config.bias:
        named["output.bias"] = (config.num_classes,)
    return named


def _layer(config, d_in):
    """The parameters of one layer in one direction."""
    width = GATES[config.cell] * config.d_hidden
    named = {
        "input_weight": (d_in, width),
        "recurrent_weight": (config.d_hidden, width),
    }
    if config.bias:
        named["bias"] = (width,)
        if config.cell == "gru":
            named["candidate_bias"] = (config.d_hidden,)
    return named


@filler.register
def _(config: RecurrentConfig, scheme: str | None) -> Filler:
    """Recurrent blocks orthogonal, the others uniform, the forget gate's bias its own.

    For each gate's block of the input weights, (d_in, H), and for the output map:

        w ~ Uniform(-a, a), a = sqrt(6 / (d_in + H))

    Each gate's block of the recurrent weights, (H, H), is a random rotation or
    reflection, evenly distributed: at first no product of many of them grows or
    shrinks. An embedding is standard normal. Biases are zero, but that of the forget
    gate is `forget_bias`.

    Source: Glorot and Bengio 2010, eq. 16; Saxe et al. 2014, "Exact solutions to the
    nonlinear dynamics of learning in deep linear neural networks", section 3; Gers et
    al. 2000 and Jozefowicz et al. 2015 for the forget gate.
    Differs: torch starts all of them from Uniform(-1/sqrt(H), 1/sqrt(H)). Keras takes
    the blocks of all gates for one matrix, for the bound and for the rotation.
    """
    one_of("scheme", scheme or "orthogonal", ("orthogonal",))
    gates, width = GATES[config.cell], config.d_hidden

    def fill(rng, name, shape):
        part = name.rpartition(".")[2]
        if name == "token_embedding.weight":
            return rng.standard_normal(shape)
        if part == "recurrent_weight":
            return np.hstack([_rotation(rng, width) for _ in range(gates)])
        if len(shape) == 2:
            blocks = gates if part == "input_weight" else 1
            bound = math.sqrt(6.0 / (shape[0] + shape[1] // blocks))
            return rng.uniform(-bound, bound, shape)
        start = np.zeros(shape)
        if config.cell == "lstm" and part == "bias" and name != "output.bias":
            start[width : 2 * width] = config.forget_bias  # i, f, g, o
        return start

    return fill


def _rotation(rng, size):
    """A random orthogonal matrix, evenly distributed (Mezzadri 2007)."""
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    return q * np.sign(np.diag(r))
