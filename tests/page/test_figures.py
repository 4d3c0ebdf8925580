"""The look of the figures: colors that can be told apart, and the same bytes always."""

import io
import itertools
import re
import subprocess
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from largemodels.page import figures

from tests.page import color, kernels

GROUND = {"light": "#ffffff", "dark": figures.DARK["#ffffff"]}


def on(ground, hex_color):
    """The color that stands on a ground for this one in the code."""
    if ground == "light":
        return hex_color
    return figures.DARK.get(hex_color.lower(), hex_color)


@pytest.fixture(autouse=True)
def book_style():
    mpl.use("agg")
    figures.use()
    yield
    plt.close("all")


@pytest.mark.parametrize("ground", GROUND)
@pytest.mark.parametrize("palette", ["methods", "wings", "inks"])
def test_contrast_of_every_color_on_its_ground(ground, palette):
    colors = {
        "methods": figures.METHODS,
        "wings": figures.WINGS.values(),
        "inks": [figures.INK, figures.MUTED],
    }[palette]
    least = 4.5 if palette == "inks" else 3.0  # WCAG 1.4.3 for text, 1.4.11 for lines
    for hex_color in colors:
        seen = on(ground, hex_color)
        assert color.contrast(seen, GROUND[ground]) >= least, seen


def test_contrast_is_measured_right():
    assert color.contrast("#000000", "#ffffff") == pytest.approx(21, rel=0, abs=1e-9)
    # The lightest gray that passes 4.5 on white, as accessibility checkers have it.
    assert color.contrast("#767676", "#ffffff") == pytest.approx(4.54, rel=0, abs=5e-3)


@pytest.mark.parametrize("vision", color.VISION)
@pytest.mark.parametrize("ground", GROUND)
@pytest.mark.parametrize("palette", ["methods", "wings"])
def test_colors_of_one_palette_look_apart(palette, ground, vision):
    colors = figures.METHODS if palette == "methods" else figures.WINGS.values()
    for one, other in itertools.combinations(colors, 2):
        seen = [on(ground, one), on(ground, other)]
        assert color.distance(*seen, vision) >= 14, (one, other)


def test_wings_keep_their_colors_and_methods_wear_none_of_them():
    assert figures.WINGS == {
        "scratch": "#0072B2",
        "pytorch": "#D55E00",
        "tf": "#009E73",
    }
    assert set(figures.WING_NAMES) == set(figures.WINGS)
    wings = {c.lower() for c in figures.WINGS.values()}
    methods = {c.lower() for c in figures.METHODS}
    assert not wings & (methods | set(figures.DARK) | set(figures.DARK.values()))
    assert len(methods) == len(figures.METHODS)
    assert all(key == key.lower() for key in figures.DARK)


def draw():
    """A figure with everything in it that the style draws."""
    fig, ax = figures.figure()
    x = np.arange(5)
    figures.band(ax, x, np.outer([1.0, 1.2, 1.7], x), figures.METHODS[0], "method")
    ax.plot(x, x, "o", label="points")
    ax.bar(x, x, width=0.2, color=figures.WINGS["tf"])
    ax.legend()
    ax.set(xlabel="step", ylabel="loss (nats)")
    figures.heading(ax, "A finding")
    return fig


def svg(fig):
    held = io.BytesIO()
    fig.savefig(held, format="svg", metadata={"Date": None, "Creator": None})
    return held.getvalue().decode("utf-8")


def test_the_dark_twin_knows_every_color_of_a_figure():
    known = {c.lower() for c in [*figures.METHODS, *figures.WINGS.values()]}
    known |= set(figures.DARK)
    found = set(re.findall(r"#[0-9a-fA-F]{6}\b", svg(draw())))
    assert found <= known
    assert {figures.INK, figures.MUTED, figures.GRID} <= found


def test_ground_is_transparent_and_letters_are_paths():
    text = svg(draw())
    assert "<text" not in text
    patches = re.findall(r'<g id="patch_[12]">\s*<path[^>]*?style="([^"]*)"', text)
    assert patches
    assert all("fill: none" in style for style in patches)


def test_equal_figures_are_equal_bytes():
    assert svg(draw()) == svg(draw())
    assert "<dc:date>" not in svg(draw())


def test_in_colab_the_ground_is_white(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", object())
    figures.use()
    assert mpl.rcParams["figure.facecolor"] == "white"


SHOW = """
import matplotlib.pyplot as plt
from largemodels.page import figures
fig, ax = figures.figure()
ax.plot([1, 3, 2])
figures.heading(ax, "A finding")
plt.show()
"""


def test_a_notebook_stores_the_same_svg_whoever_set_up_inline():
    begin = "from largemodels.page import begin\nbegin()"
    first = kernels.run(begin, SHOW, "%matplotlib inline\n" + SHOW)
    other = kernels.run(
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1])",
        begin,
        SHOW,
    )
    shown = [first[1], first[2], other[2]]
    assert all(len(outputs) == 1 for outputs in shown)
    data = [outputs[0]["data"] for outputs in shown]
    assert all(set(d) == {"text/plain", "image/svg+xml"} for d in data)
    assert data[0] == data[1] == data[2]
    text = data[0]["image/svg+xml"]
    assert "Matplotlib v" not in text
    assert "<dc:date>" not in text


def test_outside_ipython_only_the_style_is_set():
    source = (
        "import sys; sys.modules['IPython'] = None\n"
        "import matplotlib; matplotlib.use('agg')\n"
        "import importlib.util as u\n"
        "from pathlib import Path\n"
        f"spec = u.spec_from_file_location('figures', {figures.__file__!r})\n"
        "figures = u.module_from_spec(spec); spec.loader.exec_module(figures)\n"
        "figures.use()\n"
        "print(matplotlib.rcParams['axes.spines.top'])"
    )
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "False\n", done.stderr


def test_band_is_median_and_range():
    _, ax = figures.figure()
    curves = np.array([[0.0, 10.0], [1.0, 20.0], [5.0, 90.0]])
    line = figures.band(ax, [0, 1], curves, figures.method(1), "name")
    assert line.get_ydata().tolist() == [1.0, 20.0]
    corners = ax.collections[0].get_paths()[0].vertices
    assert corners[:, 1].min() == 0.0
    assert corners[:, 1].max() == 90.0
    assert ax.texts[0].get_text().strip() == "name"
    assert ax.texts[0].get_color() == figures.method(1)
    assert ax.texts[0].get_position() == (1, 20.0)


def test_band_of_a_central_share():
    _, ax = figures.figure()
    curves = np.arange(11.0)[:, None] * np.ones(2)
    figures.band(ax, [0, 1], curves, figures.method(0), interval=0.8)
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx(1.0, rel=0, abs=1e-12)  # one rounding of 1.0
    assert heights.max() == pytest.approx(9.0, rel=0, abs=1e-12)


@pytest.mark.parametrize(
    ("curves", "settings"),
    [
        (np.zeros(3), {}),
        (np.zeros((2, 4)), {}),
        (np.zeros((2, 3)), {"interval": 0}),
        (np.zeros((2, 3)), {"interval": 1.5}),
    ],
)
def test_band_refuses_what_is_no_set_of_curves(curves, settings):
    _, ax = figures.figure()
    with pytest.raises(ValueError, match=r"curves must be|interval is a share"):
        figures.band(ax, np.arange(3), curves, figures.INK, **settings)


def test_spread_moves_labels_apart_and_no_further():
    _, ax = figures.figure()
    x = np.arange(3)
    for end in (1.0, 1.01, 1.02, 9.0):
        figures.band(ax, x, [x * end / 2], figures.INK, str(end))
    figures.spread(ax)
    boxes = [text.get_window_extent() for text in ax.texts]
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    assert ax.texts[3].get_position()[1] == pytest.approx(9.0, rel=0, abs=1e-9)


def ticks(axis):
    """The labels within the limits of an axis, in order; the empty ones left out."""
    axis.get_figure().draw_without_rendering()
    low, high = axis.get_view_interval()
    every = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    drawn = sorted((tick.get_loc(), tick.label1.get_text()) for tick in every)
    return [text for at, text in drawn if low <= at <= high and text]


def test_powers_at_logarithmic_axes_are_plain_text():
    _, ax = figures.figure()
    ax.set(xscale="log", yscale="symlog", xlim=(1e-2, 1e2), ylim=(-20, 10))
    assert ticks(ax.xaxis) == ["10⁻²", "10⁻¹", "10⁰", "10¹", "10²"]
    assert ticks(ax.yaxis) == ["−10¹", "−10⁰", "0", "10⁰", "10¹"]
    ax.set_xscale("log", base=2)
    ax.set_xlim(0.5, 4)
    assert ticks(ax.xaxis) == ["2⁻¹", "2⁰", "2¹", "2²"]


def test_less_than_a_decade_has_labels_between_the_powers():
    _, ax = figures.figure()
    ax.set(yscale="log", ylim=(0.15, 0.55))
    found = ticks(ax.yaxis)
    assert "3×10⁻¹" in found
    assert not any("$" in label for label in found)


@pytest.mark.parametrize(("high", "between"), [(1e2, 0), (9e1, 15)])
def test_ticks_between_powers_are_drawn_where_powers_are_few(high, between):
    _, ax = figures.figure()
    ax.set(xscale="log", xlim=(1, high))
    ticks(ax.xaxis)
    at = ax.get_xticks(minor=True)
    assert np.count_nonzero((at > 1) & (at < high)) == between


def test_what_is_no_power_stays_as_it_is():
    def mathematical(x, pos=None):
        return {1: r"$\mathdefault{10^{0.50}}$", 2: "two", 3: r"$\eta^{3}$"}[x]

    plain = figures.Superscripts(mathematical)
    assert [plain(x) for x in (1, 2, 3)] == [mathematical(x) for x in (1, 2, 3)]


def test_spread_works_without_a_layout():
    _, ax = plt.subplots(layout="none")
    for end in (1.0, 1.01):
        figures.band(ax, np.arange(3), [np.arange(3) * end], figures.INK, str(end))
    figures.spread(ax)
    one, other = (text.get_window_extent() for text in ax.texts)
    assert not one.overlaps(other)


def test_methods_end_where_the_palette_ends():
    assert figures.method(4) == figures.METHODS[4]
    for i in (-1, len(figures.METHODS)):
        with pytest.raises(ValueError, match="5 colors"):
            figures.method(i)


@pytest.mark.parametrize("tick", ["1", "1,000,000,000"])
def test_headings_break_before_the_figure_ends(tick):
    fig, ax = figures.figure()
    ax.set(xlabel="step", ylabel="loss (nats)", yticks=[0, 1], yticklabels=["0", tick])
    words = "TWICE THE RATE IS HALF THE STEPS, BUT NOT HALF THE TIME " * 2
    figures.heading(ax, words)
    fig.draw_without_rendering()
    assert ax.get_title(loc="left").split() == words.split()
    title = ax._left_title.get_window_extent()
    # Pixels: the layout has made room for each line.
    assert 0 <= fig.bbox.y1 - title.y1 < 10
    assert title.x1 <= fig.bbox.x1
    assert title.x0 == pytest.approx(ax.bbox.x0, rel=0, abs=2)  # pixels


def test_headings_break_evenly():
    _, ax = figures.figure()
    figures.heading(ax, "A cached token is cheap until the cache outweighs the model")
    lines = ["A cached token is cheap until", "the cache outweighs the model"]
    assert ax.get_title(loc="left").splitlines() == lines


def test_a_word_longer_than_the_figure_stays_whole():
    fig, ax = figures.figure()
    figures.heading(ax, f"{'long' * 15} word")
    fig.draw_without_rendering()
    assert ax.get_title(loc="left") == f"{'long' * 15}\nword"


def test_arrows_run_between_boxes_and_points():
    _, ax = figures.schematic(6, 2)
    one = figures.box(ax, 1, 1, "x")
    other = figures.box(ax, 5, 1, "y", figures.method(0))
    figures.arrow(ax, one, other, "times 2", bend=0.4)
    figures.arrow(ax, (1, 0), (5, 0))
    between, words, free = ax.texts[2:]
    assert between.arrow_patch.patchA is one
    assert between.arrow_patch.patchB is other
    assert free.arrow_patch.patchA is None
    assert words.get_text() == "times 2"
    # On the curve: half way to the control point, bend * length beside the middle.
    assert words.xy == pytest.approx((3.0, 1 - 0.2 * 4), rel=0, abs=1e-12)
    assert not ax.axison
