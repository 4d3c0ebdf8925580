"""Optimizers: how a gradient changes a parameter, as torch.optim.Optimizer."""

from largemodels.pytorch.optimizers.adaptive import AdaGrad, Adam, AdamW, RMSProp
from largemodels.pytorch.optimizers.clipping import clip_gradients
from largemodels.pytorch.optimizers.descent import GradientDescent, Momentum, Nesterov
from largemodels.pytorch.optimizers.direction import Lion, Muon

__all__ = [
    "AdaGrad",
    "Adam",
    "AdamW",
    "GradientDescent",
    "Lion",
    "Momentum",
    "Muon",
    "Nesterov",
    "RMSProp",
    "clip_gradients",
]
