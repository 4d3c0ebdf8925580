"""Frozen descriptions of models: one config builds the same model in any wing.

A config holds sizes and choices and no numbers that training changes. It is checked
when it is made, so that whatever reads one can rely on it.
"""

from largemodels.configs.perceptron import ACTIVATIONS, MLPConfig
from largemodels.configs.recurrent import RecurrentConfig
from largemodels.configs.transformer import TransformerConfig
from largemodels.configs.vision import LeNetConfig, ResNetConfig

__all__ = [
    "ACTIVATIONS",
    "LeNetConfig",
    "MLPConfig",
    "RecurrentConfig",
    "ResNetConfig",
    "TransformerConfig",
]
