"""The configs of two convolutional networks: LeNet, and the residual ResNet."""

from dataclasses import dataclass

from largemodels import geometry
from largemodels.configs.perceptron import ACTIVATIONS, store
from largemodels.validation import one_of, real_number, whole_number

POOLINGS = ("max", "average")
SHORTCUTS = ("identity", "projection")


@dataclass(frozen=True, kw_only=True)
class LeNetConfig:
    """LeNet-5, modernized: convolutions with pooling, then linear maps.

    h = pool(activation(conv(h))) for each of `channels`;   h = flatten(h);
    h = activation(h W + b) for each of `hidden`;   logits = h W + b

    image_shape   (height, width, channels) of the images
    num_classes   number of logits
    channels      what each convolution puts out, first to last
    kernel_size   of every convolution, one integer or two
    paddings      of each convolution: an integer, "valid" or "same"; one of these
                  stands for all
    pooling       "max" or "average", by windows side by side
    pool_size     of those windows, one integer or two
    hidden        widths of the linear maps between, first to last
    activation    one of ACTIVATIONS, after every map but the last

    Flattening goes by height, width, channels in every wing. With the sizes that stand
    here, 61,706 parameters. For images of 8 x 8: kernel_size=3, paddings="same".
    Raises ValueError or TypeError with the rule and the value where parts do not fit.

    Source: LeCun et al. 1998, "Gradient-based learning applied to document
    recognition", section II.B.
    Differs: there, pooling has a weight and a bias for each channel and an activation,
    the second convolution sees only some of the channels, the activation is a scaled
    tanh, and the last layer measures distances to drawn letters. The images there are
    32 x 32; a first padding of "same" gives 28 x 28 the same sizes from there on.
    """

    image_shape: tuple[int, int, int] = (28, 28, 1)
    num_classes: int = 10
    channels: tuple[int, ...] = (6, 16)
    kernel_size: int | tuple[int, int] = 5
    paddings: int | str | tuple[int | str, ...] = ("same", "valid")
    pooling: str = "max"
    pool_size: int | tuple[int, int] = 2
    hidden: tuple[int, ...] = (120, 84)
    activation: str = "relu"

    def __post_init__(self):
        _store_image(self)
        store(self, "channels", _widths("channels", self.channels))
        if not self.channels:
            raise ValueError("channels must name at least one convolution, got ()")
        store(self, "hidden", _widths("hidden", self.hidden))
        for name in ("kernel_size", "pool_size"):
            store(self, name, geometry.pair(name, getattr(self, name)))
        paddings = self.paddings
        if not isinstance(paddings, tuple | list):
            paddings = (paddings,) * len(self.channels)
        if len(paddings) != len(self.channels):
            raise ValueError(
                f"paddings must be one for each convolution, got {paddings!r}"
            )
        store(self, "paddings", tuple(paddings))
        one_of("pooling", self.pooling, POOLINGS)
        one_of("activation", self.activation, ACTIVATIONS)
        _ = self.widths  # raises where an image becomes too small

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths from the flattened image to the output."""
        sizes, one = self.image_shape[:2], (1, 1)
        for padding in self.paddings:
            added = geometry.borders(padding, sizes, self.kernel_size, one)
            sizes = _after(sizes, self.kernel_size, one, added)
            geometry.borders(0, sizes, self.pool_size, self.pool_size)
            sizes = _after(sizes, self.pool_size, self.pool_size, ((0, 0), (0, 0)))
        flat = sizes[0] * sizes[1] * self.channels[-1]
        return (flat, *self.hidden, self.num_classes)


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """A residual network for small images: He et al.'s for CIFAR-10.

    h = activation(norm(conv(x)));   for each of 3 n blocks

        h = activation(norm(conv(activation(norm(conv(h))))) + shortcut(h))

    then the mean over the image, and a linear map to the logits. Convolutions are
    3 x 3 without bias; a third of the blocks has `width` channels, the next twice as
    many and half the height and width, and so the last.

    image_shape    (height, width, channels) of the images
    num_classes    number of logits
    depth          layers with weights along the way: 6 n + 2
    width          channels of the first third
    shortcut       where the size changes. "identity": every second row and column, and
                   zeros for the new channels; no parameters. "projection": a 1 x 1
                   convolution of stride 2, and a norm
    activation     one of ACTIVATIONS
    norm_eps       the small number inside the norm's root (no unit)
    norm_momentum  what a new batch counts in the running statistics, from 0 to 1

    ResNet-20 has 269,722 parameters that are trained. Raises ValueError or TypeError
    with the rule and the value where parts do not fit.

    Source: He et al. 2016, "Deep residual learning for image recognition", section 4.2;
    "identity" is option A there, "projection" option B.
    """

    image_shape: tuple[int, int, int] = (32, 32, 3)
    num_classes: int = 10
    depth: int = 20
    width: int = 16
    shortcut: str = "identity"
    activation: str = "relu"
    norm_eps: float = 1e-5
    norm_momentum: float = 0.1

    def __post_init__(self):
        _store_image(self)
        depth = whole_number("depth", self.depth, 8)
        if depth % 6 != 2:
            raise ValueError(f"depth must be 6 n + 2, got {depth}")
        store(self, "depth", depth)
        store(self, "width", whole_number("width", self.width, 1))
        one_of("shortcut", self.shortcut, SHORTCUTS)
        one_of("activation", self.activation, ACTIVATIONS)
        eps = real_number("norm_eps", self.norm_eps, 0.0, open_below=True)
        store(self, "norm_eps", eps)
        momentum = real_number("norm_momentum", self.norm_momentum, 0.0, 1.0)
        store(self, "norm_momentum", momentum)

    @property
    def blocks(self) -> list[tuple[int, int, int]]:
        """(channels in, channels out, stride) of each block."""
        n = (self.depth - 2) // 6
        widths = [self.width * 2**i for i in range(3) for _ in range(n)]
        before = [self.width, *widths[:-1]]
        return [(a, b, 1 if a == b else 2) for a, b in zip(before, widths, strict=True)]


def _store_image(config):
    """Check and store image_shape and num_classes."""
    shape = _widths("image_shape", config.image_shape)
    if len(shape) != 3:
        raise ValueError(f"image_shape must be (height, width, channels), got {shape}")
    store(config, "image_shape", shape)
    store(config, "num_classes", whole_number("num_classes", config.num_classes, 1))


def _widths(name, values):
    """A tuple of positive integers."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a tuple of integers, got {values!r}")
    return tuple(whole_number(f"{name}[{i}]", v, 1) for i, v in enumerate(values))


def _after(sizes, window, strides, added):
    """Height and width after windows of some size and stride."""
    return tuple(
        (n + before + after - k) // s + 1
        for n, k, s, (before, after) in zip(sizes, window, strides, added, strict=True)
    )
