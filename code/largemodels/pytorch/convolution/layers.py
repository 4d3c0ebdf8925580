"""Convolution and batch norm as layers, with their parameters and statistics."""

import numpy as np
import torch
from torch import nn

from largemodels import checks, geometry
from largemodels.parameters.vision import he_normal
from largemodels.pytorch.convolution.operations import (
    batch_norm,
    channel_statistics,
    conv2d,
)
from largemodels.pytorch.tensor import tensor
from largemodels.validation import real_number, whole_number


class Conv2d(nn.Module):
    """conv2d with its weight and bias.

    x: (B, c_in, height, width); weight: (c_out, c_in / groups, k_h, k_w); bias:
    (c_out,), or None. size is (k_h, k_w), or one integer for both. The weight starts
    from Normal(0, 2 / fan_in) with the seed (He et al. 2015), the bias from 0.

    Differs: torch.nn.Conv2d starts from a uniform distribution of a sixth of this
    variance, and its bias too.
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
    ):
        super().__init__()
        shape = geometry.kernel_shape(c_in, c_out, size, groups)
        start = he_normal(np.random.default_rng(seed), shape).astype(dtype)
        self.weight = nn.Parameter(tensor(start.transpose(3, 2, 0, 1).copy()))
        self.bias = nn.Parameter(tensor(np.zeros(c_out, dtype))) if bias else None
        self.options = (stride, padding, dilation, groups)

    def forward(self, x):
        """(B, c_in, height, width) -> (B, c_out, height', width')."""
        return conv2d(x, self.weight, self.bias, *self.options)


class BatchNorm2d(nn.Module):
    """batch_norm with its weight, at 1, its bias, at 0, and running statistics.

    In training, the statistics are the batch's, and the running ones follow them:

        running <- (1 - momentum) running + momentum batch

    where the batch's variance is divided by n - 1 for its n numbers a channel. In
    evaluation the running ones are used. Raises ValueError where x has another number
    of channels, or in training one number a channel, which has no variance.

    Source: Ioffe and Szegedy 2015, arXiv 1502.03167, algorithm 2.
    Differs: Keras's momentum is 1 minus this one, and its variance divided by n.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1, dtype="float32"):
        super().__init__()
        width = whole_number("num_features", num_features, 1)
        self.eps = real_number("eps", eps, 0.0)
        self.momentum = real_number("momentum", momentum, 0.0, 1.0)
        self.weight = nn.Parameter(tensor(np.ones(width, dtype)))
        self.bias = nn.Parameter(tensor(np.zeros(width, dtype)))
        self.register_buffer("running_mean", tensor(np.zeros(width, dtype)))
        self.register_buffer("running_variance", tensor(np.ones(width, dtype)))

    def forward(self, x):
        """(B, C, ...) -> (B, C, ...)."""
        if not self.training:
            running = self.running_mean, self.running_variance
            return batch_norm(x, self.weight, self.bias, running, self.eps)
        checks.last_axis("the channels", x.shape[1:2], self.weight.shape[0])
        n = geometry.numbers_a_channel(x.shape, self.weight.shape[0])
        mean, variance = channel_statistics(x)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_variance.lerp_(variance * (n / (n - 1)), self.momentum)
        return batch_norm(x, self.weight, self.bias, (mean, variance), self.eps)
