"""Optimizers: how a gradient changes a parameter."""

from largemodels.scratch.optimizers.adaptive import AdaGrad, Adam, AdamW, RMSProp
from largemodels.scratch.optimizers.clipping import clip_gradients
from largemodels.scratch.optimizers.descent import GradientDescent, Momentum, Nesterov
from largemodels.scratch.optimizers.direction import Lion, Muon

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
