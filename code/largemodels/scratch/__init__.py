"""The scratch wing: NumPy alone. An autograd engine, and the floors built on it."""

from largemodels.scratch import (
    attention,
    functional,
    generation,
    layers,
    losses,
    optimizers,
    recurrent,
    tensor,
    training,
    transformer,
)

__all__ = [
    "attention",
    "functional",
    "generation",
    "layers",
    "losses",
    "optimizers",
    "recurrent",
    "tensor",
    "training",
    "transformer",
]
