"""The TensorFlow wing: the floors as layers, models and optimizers of Keras 3."""

from largemodels.tf import (
    functional,
    layers,
    losses,
    optimizers,
    tensor,
    training,
)

__all__ = ["functional", "layers", "losses", "optimizers", "tensor", "training"]
