"""The look of the book's figures: colors, style, and a few helpers.

One color a wing and one a method, throughout the book. The methods' colors are those of
Paul Tol's color-blind-safe scheme "muted" that keep a contrast of 3:1 on white, without
its green, a neighbor of TensorFlow's. Nearest to a wing, for some color-blind readers,
are the fourth and the fifth: label lines directly where they meet one.

The ground is transparent. `DARK` maps a color to its twin on a dark ground; its keys
are lower-case hex, as Matplotlib writes colors into an SVG.

Source: P. Tol, Colour Schemes, technical note SRON/EPS/TN/09-002, issue 3.2, 2021.
"""

import re
import sys
import textwrap

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import Formatter, LogFormatterMathtext, NullLocator

WINGS = {"scratch": "#0072B2", "pytorch": "#D55E00", "tf": "#009E73"}
WING_NAMES = {"scratch": "NumPy", "pytorch": "PyTorch", "tf": "TensorFlow"}
METHODS = ["#332288", "#999933", "#882255", "#CC6677", "#AA4499"]

INK = "#24292f"  # text, and what stands in the foreground
MUTED = "#6a737d"  # axes, ticks, and what explains
GRID = "#d8dee4"

# Marks of the texts that are moved or broken when all else is known.
END = "_end"  # by spread()
HEADING = "_heading"  # by the layout

# What Matplotlib writes at a tick of a logarithmic axis: 0, or -2 times 10 to the -3.
POWER = re.compile(
    r"\$\\mathdefault\{(-?)(?:([\d.]+)\\times)?([\w.]+)(?:\^\{(-?\d+)\})?\}\$"
)
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

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
        "bbox_inches": None,  # the layout leaves nothing to cut off, or to add
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
    return plt.subplots(figsize=(width, height), layout=Layout(), **subplots)


class Layout(ConstrainedLayoutEngine):
    """Constrained layout that leaves nothing outside of the figure.

    Before it, logarithmic axes are made plain: powers are `Superscripts`, and where
    three of them or more are in view the ticks between them go: they say nothing more,
    and would double the time of the figure. After it, headings that are too long, which
    Matplotlib's layout does not look at, are broken once more.
    """

    def execute(self, fig):
        """Change ticks and their labels, lay out, and once more with other headings."""
        self._plain(fig)
        super().execute(fig)
        broken = [_shortened(text) for ax in fig.axes for text in ax.get_children()]
        if any(broken):
            super().execute(fig)

    def _plain(self, fig):
        for axis in (axis for ax in fig.axes for axis in (ax.xaxis, ax.yaxis)):
            if not isinstance(axis.get_major_formatter(), LogFormatterMathtext):
                continue
            axis.set_major_formatter(Superscripts(axis.get_major_formatter()))
            axis.set_minor_formatter(Superscripts(axis.get_minor_formatter()))
            low, high = sorted(axis.get_view_interval())
            powers = axis.get_majorticklocs()
            if np.count_nonzero((low <= powers) & (powers <= high)) >= 3:
                axis.set_minor_locator(NullLocator())


class Superscripts(Formatter):
    """Another formatter's powers in plain text, 10⁻³ for $10^{-3}$.

    Matplotlib would parse and set each as a formula.
    """

    def __init__(self, mathematical):
        """mathematical: a formatter that may write powers as Matplotlib's mathtext."""
        self.mathematical = mathematical

    def set_axis(self, axis):
        """Tell both which axis they write for."""
        super().set_axis(axis)
        self.mathematical.set_axis(axis)

    def set_locs(self, locs):
        """Tell both where the ticks are: some stay without a label."""
        super().set_locs(locs)
        self.mathematical.set_locs(locs)

    def __call__(self, x, pos=None):
        """The label of the tick at x; what is no power stays as it is."""
        label = self.mathematical(x, pos)
        power = POWER.fullmatch(label)
        if power is None:
            return label
        sign, times, base, exponent = power.groups()
        factor = f"{times}\N{MULTIPLICATION SIGN}" if times else ""
        raised = (exponent or "").translate(SUPERSCRIPTS)
        return self.fix_minus(f"{sign}{factor}{base}{raised}")


def heading(ax, title):
    """Say the finding above the axes, at the left, broken to the figure's width."""
    columns = int(8.6 * ax.get_figure().get_size_inches()[0])
    ax.set_title(_evenly(title, columns)).set_label(HEADING)


def _evenly(title, columns):
    """Break a title into as few lines as these columns need, as even as words allow."""
    lines = textwrap.wrap(title, columns, break_long_words=False)
    for narrower in range(columns - 1, 0, -1):
        more = textwrap.wrap(title, narrower, break_long_words=False)
        if len(more) > len(lines):
            break
        lines = more
    return "\n".join(lines)


def _shortened(text):
    """Break a heading that leaves the figure at the right. Returns whether it did."""
    if text.get_label() != HEADING:
        return False
    before, end = text.get_text(), text.get_figure().bbox.x1
    columns = max(map(len, before.splitlines()))
    while text.get_window_extent().x1 > end and columns > 1:
        columns -= 1
        text.set_text(_evenly(" ".join(before.split()), columns))
    return text.get_text() != before


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
    fig, ax = figure(width, height)
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
