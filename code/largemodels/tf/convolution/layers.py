"""Convolution and batch norm as layers, with their parameters and statistics."""

import math

import keras
import numpy as np
import tensorflow as tf

from largemodels import checks, geometry
from largemodels.parameters.vision import he_normal
from largemodels.tf.convolution.operations import batch_norm, channel_statistics, conv2d
from largemodels.validation import real_number, whole_number


@keras.saving.register_keras_serializable("largemodels")
class Conv2d(keras.layers.Layer):
    """conv2d with its weight and bias.

    x: (B, height, width, c_in); weight: (k_h, k_w, c_in / groups, c_out); bias:
    (c_out,), or None. size is (k_h, k_w), or one integer for both. The weight starts
    from Normal(0, 2 / fan_in) with the seed (He et al. 2015), the bias from 0.

    Differs: keras.layers.Conv2D starts from Glorot's uniform distribution.
    """

    def __init__(
        self,
        c_in,
        c_out,
        size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        dtype="float32",
        seed=0,
        **kwargs,
    ):
        super().__init__(dtype=dtype, **kwargs)
        checks.floating("the dtype of a layer", self.dtype)
        self.c_in, self.c_out, self.size, self.seed = c_in, c_out, size, seed
        self.options = (stride, padding, dilation, groups)
        self.use_bias = bias
        self.build()

    def build(self, input_shape=None):
        """Create weight and bias: their shapes do not wait for an input."""
        shape = geometry.kernel_shape(
            self.c_in, self.c_out, self.size, self.options[-1]
        )
        self.weight = self.add_weight(shape, initializer="zeros", name="weight")
        self.weight.assign(he_normal(np.random.default_rng(self.seed), shape))
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight((self.c_out,), initializer="zeros", name="bias")

    def call(self, x):
        """(B, height, width, c_in) -> (B, height', width', c_out)."""
        return conv2d(x, self.weight, self.bias, *self.options)

    def get_config(self):
        """The arguments that make this layer again."""
        names = ("stride", "padding", "dilation", "groups")
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in ("c_in", "c_out", "size", "seed")},
            **dict(zip(names, self.options, strict=True)),
            "bias": self.use_bias,
        }


@keras.saving.register_keras_serializable("largemodels")
class BatchNorm2d(keras.layers.Layer):
    """batch_norm with its weight, at 1, its bias, at 0, and running statistics.

    In training, the statistics are the batch's, and the running ones follow them:

        running <- (1 - momentum) running + momentum batch

    where the batch's variance is divided by n - 1 for its n numbers a channel. In
    evaluation the running ones are used. Raises ValueError where x has another number
    of channels, or in training one number a channel, which has no variance.

    Source: Ioffe and Szegedy 2015, arXiv 1502.03167, algorithm 2.
    Differs: Keras's momentum is 1 minus this one, and its variance divided by n.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        checks.floating("the dtype of a layer", self.dtype)
        self.num_features = whole_number("num_features", num_features, 1)
        self.eps = real_number("eps", eps, 0.0)
        self.momentum = real_number("momentum", momentum, 0.0, 1.0)
        self.build()

    def build(self, input_shape=None):
        """Create all four: their shapes do not wait for an input."""

        def add(name, start, trainable=True):
            shape = (self.num_features,)
            return self.add_weight(
                shape, initializer=start, name=name, trainable=trainable
            )

        self.weight, self.bias = add("weight", "ones"), add("bias", "zeros")
        self.running_mean = add("running_mean", "zeros", trainable=False)
        self.running_variance = add("running_variance", "ones", trainable=False)

    def call(self, x, training=False):
        """(..., C) -> (..., C)."""
        if not training:
            running = self.running_mean, self.running_variance
            return batch_norm(x, self.weight, self.bias, running, self.eps)
        checks.last_axis("the channels", x.shape[-1:], self.num_features)
        if geometry.numbers_a_channel(x.shape, self.num_features) is None:
            n = tf.size(x) // self.num_features  # known when the function runs
        else:
            n = math.prod(x.shape) // self.num_features
        n = tf.cast(n, x.dtype)
        mean, variance = channel_statistics(x)
        self._follow(self.running_mean, mean)
        self._follow(self.running_variance, variance * (n / (n - 1)))
        return batch_norm(x, self.weight, self.bias, (mean, variance), self.eps)

    def _follow(self, running, batch):
        batch = tf.cast(tf.stop_gradient(batch), running.dtype)
        running.assign((1 - self.momentum) * running + self.momentum * batch)

    def get_config(self):
        """The arguments that make this layer again."""
        names = ("num_features", "eps", "momentum")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
