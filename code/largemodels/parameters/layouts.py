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


# The one table of layouts. torch.nn.Linear keeps (d_out, d_in); keras.layers.Dense
# keeps (d_in, d_out) as NumPy does here.
LAYOUTS = (
    Layout(r"layers\.\d+\.weight", ndim=2, axes={"pytorch": (1, 0)}),
    Layout(r"layers\.\d+\.bias", ndim=1),
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
