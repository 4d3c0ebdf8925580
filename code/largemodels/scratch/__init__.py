"""The scratch wing: NumPy alone. An autograd engine, and the floors built on it."""

from largemodels.scratch import (
    functional,
    layers,
    losses,
    optimizers,
    tensor,
    training,
)

__all__ = ["functional", "layers", "losses", "optimizers", "tensor", "training"]
