"""The PyTorch wing: the floors as modules of torch.nn and optimizers of torch.optim."""

from largemodels.pytorch import (
    functional,
    layers,
    losses,
    optimizers,
    tensor,
    training,
)

__all__ = ["functional", "layers", "losses", "optimizers", "tensor", "training"]
