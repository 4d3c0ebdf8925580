"""Convolution, pooling and batch norm, and two networks of them: LeNet and ResNet."""

from largemodels.scratch.convolution.layers import BatchNorm2d, Conv2d
from largemodels.scratch.convolution.networks import LeNet, ResNet
from largemodels.scratch.convolution.operations import (
    average_pool2d,
    batch_norm,
    conv2d,
    global_average_pool2d,
    max_pool2d,
)

__all__ = [
    "BatchNorm2d",
    "Conv2d",
    "LeNet",
    "ResNet",
    "average_pool2d",
    "batch_norm",
    "conv2d",
    "global_average_pool2d",
    "max_pool2d",
]
