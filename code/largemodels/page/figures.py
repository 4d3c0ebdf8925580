"""The look of the book's figures: colors, style, and a few helpers.

One color a wing and one a method, throughout the book. The methods' colors are those of
Paul Tol's color-blind-safe scheme "muted" that keep a contrast of 3:1 on white, without
its green, a neighbor of TensorFlow's. Nearest to a wing, for some color-blind readers,
are the fourth and the fifth: label lines directly where they meet one.

The ground is transparent. `DARK` maps a color to its twin on a dark ground; its keys
are lower-case hex, as Matplotlib writes colors into an SVG.

Source: P. Tol, Colour Schemes, technical note SRON/EPS/TN/09-002, issue 3.2, 2021.
"""

import sys
import textwrap

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyBboxPatch

WINGS = {"scratch": "#0072B2", "pytorch": "#D55E00", "tf": "#009E73"}
WING_NAMES = {"scratch": "NumPy", "pytorch": "PyTorch", "tf": "TensorFlow"}
METHODS = ["#332288", "#999933", "#882255", "#CC6677", "#AA4499"]

INK = "#24292f"  # text, and what stands in the foreground
MUTED = "#6a737d"  # axes, ticks, and what explains
GRID = "#d8dee4"

END = "_end"  # marks the labels that spread() may move

DARK = {
    "#000000": "#e6e8eb",
    INK: "#e6e8eb",
    MUTED: "#a0a8b1",
    GRID: "#3a4048",
    "#ffffff": "#121212",
    METHODS[0].lower(): "#c3adeb",
    METHODS[2].lower(): "#f5a3c0",
}

# A figure of 4.8 inches is 460 pixels wide; a phone of 375 pixels draws it at 0.75 of
# its size or more, so that 11 points (14.7 pixels) are still 11 pixels there.
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 12,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": mpl.cycler(color=METHODS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "figure.figsize": (4.8, 3.6),
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "patch.edgecolor": INK,
    "savefig.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "largemodels",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 11,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 11,
}


def use():
    """Set the style, and in a notebook a deterministic SVG; harmless anywhere else.

    The inline backend keeps these settings when `%matplotlib inline` is run again.
    """
    mpl.rcParams.update(STYLE)
    if "google.colab" in sys.modules:  # its dark theme puts no light ground under
        mpl.rcParams.update({"figure.facecolor": "white", "savefig.facecolor": "white"})
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not hasattr(shell, "kernel"):
        return
    from matplotlib_inline.config import InlineBackend

    shell.run_line_magic("matplotlib", "inline")
    inline = InlineBackend.instance(parent=shell)
    inline.rc = {}
    inline.figure_formats = {"svg"}
    inline.print_figure_kwargs = {
        "bbox_inches": "tight",
        "metadata": {"Date": None, "Creator": None},
    }
    mpl.rcParams.update(STYLE)


def method(i):
    """The color of the i-th method (from 0). Raises ValueError beyond the palette."""
    if not 0 <= i < len(METHODS):
        raise ValueError(f"methods have {len(METHODS)} colors (0 to 4), got i={i}")
    return METHODS[i]


def figure(width=4.8, height=3.6, **subplots):
    """A figure of the book: like plt.subplots(**subplots), in inches."""
    return plt.subplots(figsize=(width, height), **subplots)


def heading(ax, title):
    """Say the finding above the axes, at the left, broken to the figure's width."""
    columns = int(8.6 * ax.get_figure().get_size_inches()[0])
    ax.set_title(textwrap.fill(title, columns))


def band(ax, x, curves, color, label=None, interval=None):
    """Draw the median over seeds and the band between the least and the largest.

    x: (n,)   curves: (seeds, n), one row a seed. interval: a share such as 0.8 draws
    that central part of the seeds instead of all. label stands at the line's right end;
    where several meet there, call `spread(ax)` when the axes are set.
    """
    curves = np.asarray(curves, dtype=float)
    x = np.asarray(x)
    if curves.ndim != 2 or curves.shape[1:] != x.shape:
        raise ValueError(
            f"curves must be (seeds, n) and x (n,), got {curves.shape} and {x.shape}"
        )
    if interval is not None and not 0 < interval <= 1:
        raise ValueError(f"interval is a share between 0 and 1, got {interval}")
    outside = 0 if interval is None else (1 - interval) / 2
    low, middle, high = np.quantile(curves, [outside, 0.5, 1 - outside], axis=0)
    ax.fill_between(x, low, high, color=color, alpha=0.25, linewidth=0)
    (line,) = ax.plot(x, middle, color=color)
    if label is not None:
        note(ax, x[-1], middle[-1], f" {label}", color, label=END)
    return line


def note(ax, x, y, text, color=INK, **text_settings):
    """Label a place in the data directly, in the color of what stands there."""
    settings = {"ha": "left", "va": "center", **text_settings}
    return ax.text(x, y, text, color=color, **settings)


def spread(ax):
    """Move the labels at the ends of bands apart, up and down, until each can be read.

    Call it after the limits and scales of the axes are set.
    """
    ax.get_figure().draw_without_rendering()
    ends = [text for text in ax.texts if text.get_label() == END]
    ends.sort(key=lambda text: ax.transData.transform(text.get_position())[1])
    places = np.array([ax.transData.transform(text.get_position()) for text in ends])
    line = max((text.get_window_extent().height for text in ends), default=0) * 1.1
    for _ in range(100 * len(ends)):
        short = line - np.diff(places[:, 1])
        if (short < 0.01 * line).all():
            break
        lower = int(short.argmax())
        places[lower, 1] -= short[lower] / 2
        places[lower + 1, 1] += short[lower] / 2
    for text, place in zip(ends, places, strict=True):
        text.set_position(ax.transData.inverted().transform(place))


def schematic(width=4.8, height=3.6):
    """A figure for a drawing: no axes, x from 0 to width and y from 0 to height."""
    fig, ax = plt.subplots(figsize=(width, height))
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    ax.set_axis_off()
    return fig, ax


def box(ax, x, y, text, color=INK, width=1.1, height=0.5):
    """A rounded box around a text, its middle at (x, y), to be joined by arrows."""
    patch = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.1",
        facecolor="none",
        edgecolor=color,
        linewidth=1.4,
    )
    ax.add_patch(patch)
    ax.text(x, y, text, color=color, ha="center", va="center")
    return patch


def arrow(ax, start, end, text=None, color=MUTED, bend=0.0):
    """An arrow from start to end: boxes, or points (x, y). text stands at its middle.

    Between two boxes it runs from edge to edge. bend curves it (0 is straight).
    """
    ends = {"start": start, "end": end}
    middles = {side: _middle(thing) for side, thing in ends.items()}
    patches = {
        {"start": "patchA", "end": "patchB"}[side]: thing
        for side, thing in ends.items()
        if isinstance(thing, FancyBboxPatch)
    }
    ax.annotate(
        "",
        xy=middles["end"],
        xytext=middles["start"],
        arrowprops={
            "arrowstyle": "-|>",
            "color": color,
            "linewidth": 1.3,
            "shrinkA": 2,
            "shrinkB": 2,
            "connectionstyle": f"arc3,rad={bend}",
            **patches,
        },
    )
    if text is not None:
        (x0, y0), (x1, y1) = middles.values()
        aside = bend / 2  # the middle of the curve lies half way to its control point
        at = ((x0 + x1) / 2 + aside * (y1 - y0), (y0 + y1) / 2 - aside * (x1 - x0))
        ax.annotate(
            text,
            at,
            xytext=(0, 4),
            textcoords="offset points",
            color=color,
            fontsize=11,
            ha="center",
            va="bottom",
        )


def _middle(thing):
    if isinstance(thing, FancyBboxPatch):
        return (
            thing.get_x() + thing.get_width() / 2,
            thing.get_y() + thing.get_height() / 2,
        )
    return thing
