"""The TensorFlow wing: the floors as layers, models and optimizers of Keras 3."""

from largemodels.tf import (
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
