"""The geometry of windows on images, written once for all wings; no framework.

Sizes are pairs (height, width). Borders are ((top, bottom), (left, right)).
"""

import math

import numpy as np

from largemodels.validation import whole_number

PADDINGS = ("valid", "same")


def pair(name: str, value, minimum: int = 1) -> tuple[int, int]:
    """A pair of integers; one integer stands for both."""
    values = value if isinstance(value, tuple | list) else (value, value)
    if len(values) != 2:
        raise ValueError(f"{name} must be one integer or two, got {value!r}")
    first, second = (whole_number(name, v, minimum) for v in values)
    return first, second


def borders(padding, sizes, window, strides, dilations=(1, 1)):
    """How many pixels are added around an image of some size.

    padding  one integer, or two, for height and width: as many on either side.
             "valid": none. "same": so many that there are ceil(size / stride) windows,
             the odd one after the end

    Raises ValueError or TypeError where the padding is none of these, or where a
    window does not fit into the padded image. A size that is not known yet is None;
    there "same" gives 0, and whoever pads by it must do so himself.

    Differs: torch allows "same" only where the stride is 1.
    """
    if isinstance(padding, str) and padding not in PADDINGS:
        raise ValueError(
            f"padding must be one integer, two, or one of {', '.join(PADDINGS)}; "
            f"got {padding!r}"
        )
    spans = [d * (k - 1) + 1 for k, d in zip(window, dilations, strict=True)]
    if padding == "same":
        whole = [
            max((-(-n // s) - 1) * s + span - n, 0) if n else 0
            for n, s, span in zip(sizes, strides, spans, strict=True)
        ]
        added = tuple((p // 2, p - p // 2) for p in whole)
    else:
        added = tuple(
            (p, p) for p in pair("padding", 0 if padding == "valid" else padding, 0)
        )
    for n, span, (before, after) in zip(sizes, spans, added, strict=True):
        if n is not None and n + before + after < span:
            raise ValueError(
                f"a window of {tuple(spans)} must fit into the padded image, "
                f"got {tuple(sizes)} and padding {padding!r}"
            )
    return added


def windows(sizes, window, stride, padding):
    """Window, strides and borders of a pooling, checked.

    stride: None is the window's size. Raises ValueError or TypeError as `borders`
    does, and where the padding is more than half a window: a window on nothing but
    padding has no greatest element.
    """
    window = pair("size", window)
    strides = window if stride is None else pair("stride", stride)
    added = borders(padding, sizes, window, strides)
    if padding != "same" and any(
        2 * before > k for (before, _), k in zip(added, window, strict=True)
    ):
        raise ValueError(
            f"padding must be at most half of the window {window}, got {padding!r}"
        )
    return window, strides, added


def convolution(image_shape, weight_shape, stride, padding, dilation, groups):
    """Strides, borders and dilations of a convolution, checked.

    image_shape: (B, height, width, C); weight_shape: (k_h, k_w, C / groups, outputs).
    Raises ValueError or TypeError with the rule where something does not fit.
    """
    image_shape, weight_shape = tuple(image_shape), tuple(weight_shape)
    if len(weight_shape) != 4 or 0 in weight_shape:
        raise ValueError(
            "a convolution's weight must have four axes, none empty: two of the "
            f"window, inputs, outputs; got {weight_shape} in this order"
        )
    groups = whole_number("groups", groups, 1)
    *window, c_in, c_out = weight_shape
    if c_out % groups:
        raise ValueError(f"the outputs must be a multiple of {groups}, got {c_out}")
    sizes = images(image_shape, c_in * groups)
    strides, dilations = pair("stride", stride), pair("dilation", dilation)
    return strides, borders(padding, sizes, window, strides, dilations), dilations


def kernel_shape(c_in, c_out, size, groups=1) -> tuple[int, int, int, int]:
    """The shape (k_h, k_w, c_in / groups, c_out) of a convolution's weight, checked."""
    groups = whole_number("groups", groups, 1)
    c_in, c_out = whole_number("c_in", c_in, 1), whole_number("c_out", c_out, 1)
    if c_in % groups or c_out % groups:
        raise ValueError(
            f"c_in and c_out must be multiples of groups, got {c_in}, {c_out} and "
            f"{groups}"
        )
    return (*pair("size", size), c_in // groups, c_out)


def numbers_a_channel(shape, channels: int) -> int | None:
    """How many numbers of images there are for each channel; None where not known.

    Raises ValueError where it is one: a batch norm cannot train on that.
    """
    if None in tuple(shape):
        return None
    count = math.prod(shape) // channels
    if count < 2:
        raise ValueError(
            "batch norm trains on at least two numbers a channel, got images of the "
            f"shape {tuple(shape)}"
        )
    return count


def images(shape, channels: int | None = None) -> tuple[int, int]:
    """Height and width of images (B, height, width, C), with so many channels.

    Raises ValueError where the shape is another. Other wings than NumPy's hand their
    shape over in this order.
    """
    shape = tuple(shape)
    if len(shape) != 4 or channels not in (None, shape[3]):
        wanted = "C" if channels is None else channels
        raise ValueError(
            f"images must be (B, height, width, {wanted}), got {shape} in this order"
        )
    return shape[1], shape[2]


def convolution_matrix(
    weight, image_shape, stride=1, padding=0, dilation=1, groups=1
) -> np.ndarray:
    """The matrix M of a convolution without bias: flatten(z) = M flatten(x).

    M has a row for every output and a column for every input, both counted in the
    order (height, width, channels). A weight stands in it once for every place of the
    window, and all else is 0: a linear map whose weights are shared and constrained. A
    block of M is constant along its diagonals, doubly block Toeplitz, at stride 1.

    weight: (k_h, k_w, C / groups, outputs); image_shape: (height, width, C). Returns
    (height' width' outputs, height width C).
    """
    weight = np.asarray(weight)
    shape = (1, *image_shape)
    strides, added, dilations = convolution(
        shape, weight.shape, stride, padding, dilation, groups
    )
    k_h, k_w, c_in, c_out = weight.shape
    height, width, channels = image_shape
    counts = [
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, p, k, s, d in zip(
            (height, width), added, (k_h, k_w), strides, dilations, strict=True
        )
    ]
    m = np.zeros((*counts, c_out, height, width, channels), weight.dtype)
    for p, q, i, j in np.ndindex(*counts, k_h, k_w):
        y = strides[0] * p + dilations[0] * i - added[0][0]
        x = strides[1] * q + dilations[1] * j - added[1][0]
        if 0 <= y < height and 0 <= x < width:
            for group in range(groups):
                inputs = slice(group * c_in, (group + 1) * c_in)
                outputs = slice(group * c_out // groups, (group + 1) * c_out // groups)
                m[p, q, outputs, y, x, inputs] = weight[i, j, :, outputs].T
    return m.reshape(counts[0] * counts[1] * c_out, height * width * channels)
