"""The PyTorch wing: the floors as modules of torch.nn and optimizers of torch.optim."""

from largemodels.pytorch import (
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
