"""Two networks of convolutions, as their configs say: LeNet and ResNet."""

from itertools import pairwise

from torch import nn
from torch.nn import functional as F

from largemodels.parameters import initial_parameters
from largemodels.pytorch.convolution.layers import BatchNorm2d, Conv2d
from largemodels.pytorch.convolution.operations import (
    average_pool2d,
    global_average_pool2d,
    max_pool2d,
)
from largemodels.pytorch.functional import ACTIVATIONS
from largemodels.pytorch.layers import Linear, load_parameters


class LeNet(nn.Module):
    """A convolutional network, as its LeNetConfig says.

    x: (B, channels, height, width); logits: (B, num_classes). Starts from
    `initial_parameters(config, seed)`, equal in all wings.
    """

    def __init__(self, config, dtype="float32", seed=0):
        super().__init__()
        self.config = config
        self.activation = ACTIVATIONS[config.activation]
        self.pool = max_pool2d if config.pooling == "max" else average_pool2d
        c_in = (config.image_shape[2], *config.channels)
        self.convolutions = nn.ModuleList(
            Conv2d(*pair, config.kernel_size, padding=padding, dtype=dtype)
            for pair, padding in zip(pairwise(c_in), config.paddings, strict=True)
        )
        self.layers = nn.ModuleList(
            Linear(*pair, dtype=dtype) for pair in pairwise(config.widths)
        )
        load_parameters(self, initial_parameters(config, seed))

    def forward(self, x):
        """(B, channels, height, width) -> logits (B, num_classes)."""
        for convolution in self.convolutions:
            x = self.pool(self.activation(convolution(x)), self.config.pool_size)
        x = x.permute(0, 2, 3, 1).flatten(1)  # channels last, as in the other wings
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


class ResNet(nn.Module):
    """A residual network, as its ResNetConfig says.

    x: (B, channels, height, width); logits: (B, num_classes). Starts from
    `initial_parameters(config, seed)`, equal in all wings.
    """

    def __init__(self, config, dtype="float32", seed=0):
        super().__init__()
        self.config = config
        self.activation = ACTIVATIONS[config.activation]
        self.stem = _conv3(config.image_shape[2], config.width, 1, dtype)
        self.stem_norm = _norm(config, config.width, dtype)
        self.blocks = nn.ModuleList(
            _Block(config, *sizes, dtype) for sizes in config.blocks
        )
        self.head = Linear(config.blocks[-1][1], config.num_classes, dtype=dtype)
        load_parameters(self, initial_parameters(config, seed))

    def forward(self, x):
        """(B, channels, height, width) -> logits (B, num_classes)."""
        x = self.activation(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        return self.head(global_average_pool2d(x))


class _Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, config, c_in, c_out, stride, dtype):
        super().__init__()
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

    def forward(self, x):
        h = self.activation(self.norm1(self.conv1(x)))
        h = self.norm2(self.conv2(h))
        return self.activation(h + self.shortcut(x))

    def shortcut(self, x):
        """x itself, or made smaller, with more channels."""
        if self.projection is not None:
            return self.projection_norm(self.projection(x))
        if self.stride == 1:
            return x
        x = x[:, :, :: self.stride, :: self.stride]
        return F.pad(x, (0, 0, 0, 0, 0, self.new_channels))


def _conv3(c_in, c_out, stride, dtype):
    return Conv2d(c_in, c_out, 3, stride, padding=1, bias=False, dtype=dtype)


def _norm(config, width, dtype):
    return BatchNorm2d(width, config.norm_eps, config.norm_momentum, dtype)
