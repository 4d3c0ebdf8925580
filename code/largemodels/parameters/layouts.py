"""How parameters lie in memory in each wing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from largemodels.validation import one_of

WINGS = ("scratch", "pytorch", "tf")


@dataclass(frozen=True)
class Layout:
    """How parameters whose name matches `pattern` lie in the wings.

    pattern  regular expression for the whole canonical name
    ndim     number of axes of the array
    axes     wing -> order in which the wing has the canonical axes (as np.transpose
             takes it); a wing that is not named has the canonical layout
    """

    pattern: str
    ndim: int
    axes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


# The linear maps of a transformer, and of its parts alone.
_MAPS = (
    r"(blocks\.\d+\.)?((attention\.)?(query|key|value|position|output)"
    r"|(feed_forward\.)?(gate|up|down))"
)

_RECURRENT = r"((recurrent\.)?(forward|backward)_layers\.\d+\.)?"

_KERNELS = r"(convolutions\.\d+|stem|blocks\.\d+\.(conv\d|projection))"
_BATCH_NORM = r"(stem_norm|blocks\.\d+\.(norm\d|projection_norm))"

# The one table of layouts. torch.nn.Linear keeps (d_out, d_in); keras.layers.Dense
# keeps (d_in, d_out) as NumPy does here.
LAYOUTS = (
    # A recurrent layer; torch.nn.LSTM keeps (gates d_hidden, d_in).
    Layout(rf"{_RECURRENT}(input|recurrent)_weight", ndim=2, axes={"pytorch": (1, 0)}),
    Layout(rf"{_RECURRENT}(candidate_)?bias", ndim=1),
    Layout(r"output\.bias", ndim=1),
    Layout(r"layers\.\d+\.weight", ndim=2, axes={"pytorch": (1, 0)}),
    Layout(r"layers\.\d+\.bias", ndim=1),
    # A convolution; torch.nn.Conv2d keeps (c_out, c_in / groups, k_h, k_w).
    Layout(rf"{_KERNELS}\.weight", ndim=4, axes={"pytorch": (3, 2, 0, 1)}),
    Layout(r"convolutions\.\d+\.bias", ndim=1),
    Layout(rf"{_BATCH_NORM}\.(weight|bias|running_mean|running_variance)", ndim=1),
    Layout(r"head\.weight", ndim=2, axes={"pytorch": (1, 0)}),
    Layout(r"head\.bias", ndim=1),
    # A transformer; an embedding has a row a token in every wing.
    Layout(r"(token|position)_embedding\.weight", ndim=2),
    Layout(rf"{_MAPS}\.weight", ndim=2, axes={"pytorch": (1, 0)}),
    Layout(rf"{_MAPS}\.bias", ndim=1),
    Layout(r"(blocks\.\d+\.)?(attention|feed_forward|final)_norm\.\w+", ndim=1),
    Layout(r"blocks\.\d+\.attention\.(token|position)_bias", ndim=2),
)


def to_wing(name: str, array: np.ndarray, wing: str) -> np.ndarray:
    """A parameter from the canonical layout in the layout of a wing.

    Always a new array in C order: training one never changes the other. Raises
    ValueError where the name has no row in LAYOUTS, the number of axes is not that
    row's, or the wing is none of "scratch", "pytorch", "tf".
    """
    axes = _axes(name, array, wing)
    return np.array(np.transpose(array, axes), order="C")


def from_wing(name: str, array: np.ndarray, wing: str) -> np.ndarray:
    """A parameter from the layout of a wing in the canonical one: undoes `to_wing`."""
    axes = _axes(name, array, wing)
    return np.array(np.transpose(array, np.argsort(axes)), order="C")


def _axes(name, array, wing):
    one_of("wing", wing, WINGS)
    for layout in LAYOUTS:
        if re.fullmatch(layout.pattern, name):
            break
    else:
        raise ValueError(f"no layout is known for a parameter named {name!r}")
    if np.ndim(array) != layout.ndim:
        raise ValueError(
            f"{name} must have {layout.ndim} axes, got the shape {np.shape(array)}"
        )
    return layout.axes.get(wing, tuple(range(layout.ndim)))
