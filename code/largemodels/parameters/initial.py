"""Initial values of a model's parameters, from one generator."""

import math
from collections.abc import Callable
from functools import singledispatch

import numpy as np

from largemodels.configs import MLPConfig
from largemodels.parameters.names import shapes
from largemodels.validation import float_type, one_of, whole_number

SCHEMES = ("he", "xavier", "lecun")

# filler(rng, name, shape) -> the initial value of one parameter, in float64
Filler = Callable[[np.random.Generator, str, tuple[int, ...]], np.ndarray]


def initial_parameters(
    config, seed: int, scheme: str | None = None, dtype: str = "float64"
) -> dict[str, np.ndarray]:
    """Initial values of a model by canonical name, from one generator.

    A transformer starts as GPT-2 did (parameters/transformer.py). Elsewhere, for a
    weight (d_in, d_out), independent entries with mean zero (None: "he"):

    "he"      w ~ Normal(0, 2 / d_in)          keeps E[x^2] through ReLU layers
    "xavier"  w ~ Uniform(-a, a), a = sqrt(6 / (d_in + d_out)); variance
              2 / (d_in + d_out), between what keeps activations and gradients
    "lecun"   w ~ Normal(0, 1 / d_in)          keeps the variance through linear layers

    The second argument of Normal is the variance. Biases are zero. Numbers are drawn
    in float64 from `np.random.default_rng(seed)` in the order of `shapes(config)` and
    then rounded to `dtype` ("float32" or "float64"): both are the same start.

    Returns a dictionary of new arrays. Raises ValueError where scheme, dtype or seed
    are wrong, TypeError where `config` is none of a model.

    Source: He et al. 2015 (arXiv 1502.01852), eq. 10; Glorot and Bengio 2010, eq. 16;
    LeCun et al. 1998, "Efficient BackProp", section 4.6, which fixes mean and variance
    and leaves the distribution open.
    Differs: "xavier" is the uniform of the paper; a normal with the same variance goes
    by the same name elsewhere. keras HeNormal and LecunNormal cut the normal off at two
    standard deviations (and widen it to the same variance). torch.nn.Linear starts with
    none of the three: its weights are Uniform(-1/sqrt(d_in), 1/sqrt(d_in)), variance
    1 / (3 d_in), and so are its biases.
    """
    expected = shapes(config)
    fill = filler(config, scheme)
    kind = float_type("dtype", dtype)
    rng = np.random.default_rng(whole_number("seed", seed))
    return {
        name: fill(rng, name, shape).astype(kind) for name, shape in expected.items()
    }


@singledispatch
def filler(config, scheme: str | None) -> Filler:
    """What draws the initial value of each parameter of a family of models.

    A family registers its own, which refuses schemes that it does not have.
    """
    raise TypeError(f"no initial values are known for {type(config).__name__}")


@filler.register
def _(config: MLPConfig, scheme: str | None) -> Filler:
    scheme = one_of("scheme", scheme or "he", SCHEMES)

    def fill(rng, name, shape):
        return np.zeros(shape) if len(shape) == 1 else _draw(rng, *shape, scheme)

    return fill


def _draw(rng, d_in, d_out, scheme):
    if scheme == "xavier":
        bound = math.sqrt(6.0 / (d_in + d_out))
        return rng.uniform(-bound, bound, (d_in, d_out))
    gain = 2.0 if scheme == "he" else 1.0
    return math.sqrt(gain / d_in) * rng.standard_normal((d_in, d_out))
