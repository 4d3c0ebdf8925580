"""Optimizers: how a gradient changes a parameter, as keras.optimizers.Optimizer.

They work in `model.compile(optimizer=...)` and by `apply(gradients, variables)`. Keras
keeps the learning rate in its floatx, float32 unless set: for float64 to the last digit
call keras.config.set_floatx("float64") before one is made.

Keras has no groups of parameters: `exclude_from_weight_decay` leaves variables out of
the decay, and keras.optimizers.MultiOptimizer gives some variables another optimizer.
"""

from largemodels.tf.optimizers.adaptive import AdaGrad, Adam, AdamW, RMSProp
from largemodels.tf.optimizers.clipping import clip_gradients
from largemodels.tf.optimizers.descent import GradientDescent, Momentum, Nesterov
from largemodels.tf.optimizers.direction import Lion, Muon

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
