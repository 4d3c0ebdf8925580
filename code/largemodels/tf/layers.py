"""Layers: functions that own parameters, as keras.layers.Layer and keras.Model."""

from dataclasses import asdict
from itertools import pairwise
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from largemodels import checks
from largemodels.configs import MLPConfig
from largemodels.parameters import initial_parameters
from largemodels.tf.functional import ACTIVATIONS, layer_norm, rms_norm
from largemodels.tf.state import load_parameters, read_parameters
from largemodels.tf.state import named_variables as named_variables
from largemodels.validation import real_number, whole_number

__all__ = [
    "MLP",
    "Embedding",
    "LayerNorm",
    "Linear",
    "RMSNorm",
    "load_parameters",
    "read_parameters",
]


@keras.saving.register_keras_serializable("largemodels")
class Linear(keras.layers.Layer):
    """y = x W + b.

    x: (..., d_in); W = weight: (d_in, d_out); b = bias: (d_out,), or None; y:
    (..., d_out). Starts from `initial_parameters` (He et al. 2015) with the seed.
    Raises ValueError where x has another width.

    Differs: keras.layers.Dense starts from Glorot's uniform distribution. Like every
    Keras layer this one rounds its input to its own dtype, where torch refuses.
    """

    def __init__(self, d_in, d_out, bias=True, dtype="float32", seed=0, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        checks.floating("the dtype of a layer", self.dtype)
        self.d_in, self.d_out, self.use_bias, self.seed = d_in, d_out, bias, seed
        self.build()

    def build(self, input_shape=None):
        """Create weight and bias: their shapes do not wait for an input."""
        config = MLPConfig(
            d_in=self.d_in, hidden=(), num_classes=self.d_out, bias=self.use_bias
        )
        initial = initial_parameters(config, self.seed)
        self.weight = self._variable("weight", initial["layers.0.weight"])
        self.bias = None
        if self.use_bias:
            self.bias = self._variable("bias", initial["layers.0.bias"])

    def _variable(self, name, value):
        variable = self.add_weight(value.shape, initializer="zeros", name=name)
        variable.assign(value)
        return variable

    def call(self, x):
        """(..., d_in) -> (..., d_out)."""
        checks.last_axis("the input", x.shape, self.d_in)
        y = x @ self.weight
        return y if self.bias is None else y + self.bias

    def get_config(self):
        """The arguments that make this layer again."""
        sizes = {"d_in": self.d_in, "d_out": self.d_out, "bias": self.use_bias}
        return {**super().get_config(), **sizes, "seed": self.seed}


@keras.saving.register_keras_serializable("largemodels")
class Embedding(keras.layers.Layer):
    """y = the rows of a table that integers name.

    ids: (...) integers from 0 to vocab_size - 1; weight: (vocab_size, d_model); y:
    (..., d_model). Starts from independent standard normal numbers with the seed.
    Raises TypeError where ids are no integers. Where one names no row, TensorFlow
    raises InvalidArgumentError on a CPU; on a GPU, and compiled by XLA, it does not.
    """

    def __init__(self, vocab_size, d_model, dtype="float32", seed=0, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        checks.floating("the dtype of a layer", self.dtype)
        self.vocab_size, self.d_model, self.seed = vocab_size, d_model, seed
        self.build()

    def build(self, input_shape=None):
        """Create the table: its shape does not wait for an input."""
        table = _table(self.vocab_size, self.d_model, self.seed)
        self.weight = self.add_weight(table.shape, initializer="zeros", name="weight")
        self.weight.assign(table)

    def call(self, ids):
        """(...) -> (..., d_model)."""
        checks.integers("ids", ids.dtype)
        return tf.gather(self.weight, ids)

    def get_config(self):
        """The arguments that make this layer again."""
        sizes = {"vocab_size": self.vocab_size, "d_model": self.d_model}
        return {**super().get_config(), **sizes, "seed": self.seed}


def _table(vocab_size, d_model, seed):
    rows = whole_number("vocab_size", vocab_size, minimum=1)
    columns = whole_number("d_model", d_model, minimum=1)
    rng = np.random.default_rng(whole_number("seed", seed))
    return rng.standard_normal((rows, columns))


@keras.saving.register_keras_serializable("largemodels")
class LayerNorm(keras.layers.Layer):
    """functional.layer_norm with its weight (d_model,), at 1, and bias, at 0 or None.

    x: (..., d_model); y: the same shape. Raises ValueError where x has another width.
    """

    def __init__(self, d_model, bias=True, eps=1e-5, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        checks.floating("the dtype of a layer", self.dtype)
        self.d_model = whole_number("d_model", d_model, minimum=1)
        self.use_bias, self.eps = bias, real_number("eps", eps, 0.0)
        self.build()

    def build(self, input_shape=None):
        """Create weight and bias: their shapes do not wait for an input."""
        shape = (self.d_model,)
        self.weight = self.add_weight(shape, initializer="ones", name="weight")
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(shape, initializer="zeros", name="bias")

    def call(self, x):
        """(..., d_model) -> (..., d_model)."""
        return layer_norm(x, self.weight, self.bias, self.eps)

    def get_config(self):
        """The arguments that make this layer again."""
        sizes = {"d_model": self.d_model, "bias": self.use_bias, "eps": self.eps}
        return {**super().get_config(), **sizes}


@keras.saving.register_keras_serializable("largemodels")
class RMSNorm(keras.layers.Layer):
    """functional.rms_norm with its weight (d_model,), at 1.

    x: (..., d_model); y: the same shape. Raises ValueError where x has another width.
    """

    def __init__(self, d_model, eps=1e-5, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        checks.floating("the dtype of a layer", self.dtype)
        self.d_model = whole_number("d_model", d_model, minimum=1)
        self.eps = real_number("eps", eps, 0.0)
        self.build()

    def build(self, input_shape=None):
        """Create the weight: its shape does not wait for an input."""
        shape = (self.d_model,)
        self.weight = self.add_weight(shape, initializer="ones", name="weight")

    def call(self, x):
        """(..., d_model) -> (..., d_model)."""
        return rms_norm(x, self.weight, self.eps)

    def get_config(self):
        """The arguments that make this layer again."""
        sizes = {"d_model": self.d_model, "eps": self.eps}
        return {**super().get_config(), **sizes}


@keras.saving.register_keras_serializable("largemodels")
class MLP(keras.Model):
    """A multilayer perceptron, as its MLPConfig says.

    h_0 = x;   h_i = activation(h_{i-1} W_i + b_i);   logits = h_last W + b

    x: (..., d_in); logits: (..., num_classes). Starts from
    `initial_parameters(config, seed)`, equal in all wings.
    """

    canonical: ClassVar = {"linear_maps": "layers"}  # Keras itself has a `layers`

    def __init__(self, config, dtype="float32", seed=0, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.config, self.seed = config, seed
        self.activation = ACTIVATIONS[config.activation]
        self.linear_maps = [
            Linear(d_in, d_out, config.bias, dtype)
            for d_in, d_out in pairwise(config.widths)
        ]
        self.built = True
        load_parameters(self, initial_parameters(config, seed))

    def call(self, x):
        """(..., d_in) -> logits (..., num_classes)."""
        *hidden, last = self.linear_maps
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)

    def get_config(self):
        """The arguments that make this model again."""
        return {
            **super().get_config(),
            "config": asdict(self.config),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config):
        """The model that `get_config` describes."""
        return cls(**{**config, "config": MLPConfig(**config["config"])})
