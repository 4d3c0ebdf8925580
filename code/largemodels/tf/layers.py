"""Layers: functions that own parameters, as keras.layers.Layer and keras.Model."""

from dataclasses import asdict
from itertools import pairwise
from typing import ClassVar

import keras

from largemodels import checks
from largemodels.configs import MLPConfig
from largemodels.parameters import check_names, from_wing, initial_parameters, to_wing
from largemodels.tf.functional import ACTIVATIONS
from largemodels.tf.tensor import numpy

__all__ = ["MLP", "Linear", "load_parameters", "read_parameters"]


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


def load_parameters(model, named):
    """Give a model the values of a canonical dictionary of arrays.

    Values are rounded to the model's dtype. Raises ValueError, before anything is
    changed, that lists what is missing, unexpected or of another shape.
    """
    check_names({name: p.shape for name, p in read_parameters(model).items()}, named)
    for name, variable in named_variables(model):
        variable.assign(to_wing(name, named[name], "tf"))


def read_parameters(model):
    """A model's parameters as a canonical dictionary of new arrays."""
    return {
        name: from_wing(name, numpy(variable), "tf")
        for name, variable in named_variables(model)
    }


def named_variables(model):
    """Pairs of a canonical name, such as "layers.0.weight", and a variable, in order.

    The variables of all layers, trainable or not, named by the attributes and places
    in lists where they are found. A class whose attribute has another name than the
    canonical one says so: `canonical = {"linear_maps": "layers"}`.
    """
    return [(".".join(path), variable) for path, variable in _walk(model)]


def _walk(value, path=()):
    if isinstance(value, keras.Variable):
        yield path, value
    elif isinstance(value, keras.layers.Layer):
        renamed = getattr(value, "canonical", {})
        for name, part in vars(value).items():
            if not name.startswith("_"):  # Keras's own lists of the same variables
                yield from _walk(part, (*path, renamed.get(name, name)))
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from _walk(part, (*path, str(i)))
