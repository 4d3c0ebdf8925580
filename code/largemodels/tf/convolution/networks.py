"""Two networks of convolutions, as their configs say: LeNet and ResNet."""

from dataclasses import asdict
from itertools import pairwise
from typing import ClassVar

import keras
import tensorflow as tf

from largemodels.configs import LeNetConfig, ResNetConfig
from largemodels.parameters import initial_parameters
from largemodels.tf.convolution.layers import BatchNorm2d, Conv2d
from largemodels.tf.convolution.operations import (
    average_pool2d,
    global_average_pool2d,
    max_pool2d,
)
from largemodels.tf.functional import ACTIVATIONS
from largemodels.tf.layers import Linear, load_parameters


class _ConfiguredModel(keras.Model):
    """A model that its config describes."""

    configs: ClassVar = {"LeNet": LeNetConfig, "ResNet": ResNetConfig}

    def __init__(self, config, dtype, seed, **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        self.config, self.seed = config, seed
        self.activation = ACTIVATIONS[config.activation]

    def start(self):
        """The last step of making it: initial values."""
        self.built = True
        load_parameters(self, initial_parameters(self.config, self.seed))

    def get_config(self):
        """The arguments that make this model again."""
        config = asdict(self.config)
        return {**super().get_config(), "config": config, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        """The model that `get_config` describes."""
        kind = cls.configs[cls.__name__]
        return cls(**{**config, "config": kind(**config["config"])})


@keras.saving.register_keras_serializable("largemodels")
class LeNet(_ConfiguredModel):
    """A convolutional network, as its LeNetConfig says.

    x: (B, height, width, channels); logits: (B, num_classes). Starts from
    `initial_parameters(config, seed)`, equal in all wings.
    """

    canonical: ClassVar = {"linear_maps": "layers"}  # Keras itself has a `layers`

    def __init__(self, config, dtype="float32", seed=0, **kwargs):
        super().__init__(config, dtype, seed, **kwargs)
        self.pool = max_pool2d if config.pooling == "max" else average_pool2d
        c_in = (config.image_shape[2], *config.channels)
        self.convolutions = [
            Conv2d(*pair, config.kernel_size, padding=padding, dtype=dtype)
            for pair, padding in zip(pairwise(c_in), config.paddings, strict=True)
        ]
        self.linear_maps = [
            Linear(*pair, dtype=dtype) for pair in pairwise(config.widths)
        ]
        self.start()

    def call(self, x):
        """(B, height, width, channels) -> logits (B, num_classes)."""
        for convolution in self.convolutions:
            x = self.pool(self.activation(convolution(x)), self.config.pool_size)
        x = tf.reshape(x, (-1, self.config.widths[0]))
        *hidden, last = self.linear_maps
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


@keras.saving.register_keras_serializable("largemodels")
class ResNet(_ConfiguredModel):
    """A residual network, as its ResNetConfig says.

    x: (B, height, width, channels); logits: (B, num_classes). Starts from
    `initial_parameters(config, seed)`, equal in all wings.
    """

    def __init__(self, config, dtype="float32", seed=0, **kwargs):
        super().__init__(config, dtype, seed, **kwargs)
        self.stem = _conv3(config.image_shape[2], config.width, 1, dtype)
        self.stem_norm = _norm(config, config.width, dtype)
        self.blocks = [_Block(config, *sizes, dtype) for sizes in config.blocks]
        self.head = Linear(config.blocks[-1][1], config.num_classes, dtype=dtype)
        self.start()

    def call(self, x, training=False):
        """(B, height, width, channels) -> logits (B, num_classes)."""
        x = self.activation(self.stem_norm(self.stem(x), training=training))
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(global_average_pool2d(x))


class _Block(keras.layers.Layer):
    """Two convolutions beside a shortcut."""

    def __init__(self, config, c_in, c_out, stride, dtype):
        super().__init__(dtype=dtype)
        self.activation = ACTIVATIONS[config.activation]
        self.new_channels, self.stride = c_out - c_in, stride
        self.conv1 = _conv3(c_in, c_out, stride, dtype)
        self.norm1 = _norm(config, c_out, dtype)
        self.conv2 = _conv3(c_out, c_out, 1, dtype)
        self.norm2 = _norm(config, c_out, dtype)
        self.projection = None
        if stride > 1 and config.shortcut == "projection":
            self.projection = Conv2d(c_in, c_out, 1, stride, bias=False, dtype=dtype)
            self.projection_norm = _norm(config, c_out, dtype)
        self.built = True

    def call(self, x, training=False):
        h = self.activation(self.norm1(self.conv1(x), training=training))
        h = self.norm2(self.conv2(h), training=training)
        return self.activation(h + self.shortcut(x, training))

    def shortcut(self, x, training):
        """x itself, or made smaller, with more channels."""
        if self.projection is not None:
            return self.projection_norm(self.projection(x), training=training)
        if self.stride == 1:
            return x
        x = x[:, :: self.stride, :: self.stride]
        return tf.pad(x, ((0, 0), (0, 0), (0, 0), (0, self.new_channels)))


def _conv3(c_in, c_out, stride, dtype):
    return Conv2d(c_in, c_out, 3, stride, padding=1, bias=False, dtype=dtype)


def _norm(config, width, dtype):
    return BatchNorm2d(width, config.norm_eps, config.norm_momentum, dtype)
