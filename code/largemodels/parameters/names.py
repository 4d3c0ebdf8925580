"""The names and shapes of a model's parameters."""

import math
from collections.abc import Mapping
from functools import singledispatch
from itertools import pairwise

import numpy as np

from largemodels.configs import MLPConfig


@singledispatch
def shapes(config) -> dict[str, tuple[int, ...]]:
    """The names of a model's parameters in their fixed order, with their shapes.

    config: of a model in largemodels.configs. Raises TypeError where it is none.
    """
    known = ", ".join(kind.__name__ for kind in shapes.registry if kind is not object)
    raise TypeError(f"config must be one of {known}, got {type(config).__name__}")


@shapes.register
def _(config: MLPConfig) -> dict[str, tuple[int, ...]]:
    named = {}
    for i, (d_in, d_out) in enumerate(pairwise(config.widths)):
        named[f"layers.{i}.weight"] = (d_in, d_out)
        if config.bias:
            named[f"layers.{i}.bias"] = (d_out,)
    return named


def count(parameters: Mapping[str, np.ndarray]) -> int:
    """How many numbers the parameters hold together."""
    return sum(math.prod(np.shape(array)) for array in parameters.values())


def check_names(
    expected: Mapping[str, tuple[int, ...]], given: Mapping[str, np.ndarray]
) -> None:
    """Hold given parameters against the names and shapes that a model expects.

    expected  name -> shape, as `shapes(config)` returns it
    given     name -> array

    Raises ValueError that lists every missing name, every unexpected one and every
    wrong shape; returns nothing where all is well.
    """
    faults = [
        f"missing: {name} {tuple(shape)}"
        for name, shape in expected.items()
        if name not in given
    ]
    for name, array in given.items():
        shape = np.shape(array)
        if name not in expected:
            faults.append(f"unexpected: {name} {shape}")
        elif shape != tuple(expected[name]):
            faults.append(f"wrong shape: {name} {shape}, not {tuple(expected[name])}")
    if faults:
        raise ValueError("the parameters do not fit the model: " + "; ".join(faults))
