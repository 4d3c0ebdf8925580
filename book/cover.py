"""Draw the figure of the front page: change the seed, change the framework.

Nine training runs of one small network on real digits: three seeds (initial weights
and order of the examples) in each of the three wings. The figure is a map of the
training loss on the plane through the three networks that the seeds lead to. Writes
_static/cover.svg, its dark twin, and cover.json: the map, and the numbers that stand in
the caption.

usage: python book/cover.py
"""

import importlib
import json
import re
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
from largemodels.configs import MLPConfig
from largemodels.data import digits
from largemodels.data.batches import batches
from largemodels.page.figures import STYLE, WINGS
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Circle

FOLDER = Path(__file__).resolve().parent
CONFIG = MLPConfig(d_in=64, hidden=(32,), num_classes=10)
SEEDS = (1, 2, 3)
# Rate and momentum are exact in float32 too, as which Keras keeps them in any case.
STEPS, BATCH, RATE, MOMENTUM = 400, 64, 0.125, 0.875
GRID = 75  # points of the map along each axis
# Measured: 1e-14. Another machine's matrix product may round in another order, and 400
# steps may carry that further; a wrong line of code is off by more than this at once.
FRAMEWORKS_APART = 1e-12
# The ground, and the shades of the loss from the highest to the lowest.
LIGHT = ("#fffefb", ["#f7f5fb", "#d9d4ec", "#a79fd2", "#6b5fb0", "#332288"])
DARK = ("#121212", ["#1a1922", "#2d2a48", "#4f4787", "#8a7fd0", "#d5ccff"])


def train(wing, seed, data, steps=STEPS):
    """The parameters of one run in one wing, by canonical name, in float64."""
    parts = ("layers", "optimizers", "training")
    layers, optimizers, training = (
        importlib.import_module(f"largemodels.{wing}.{part}") for part in parts
    )
    model = layers.MLP(CONFIG, dtype="float64", seed=seed)
    weights = () if wing == "tf" else (model.parameters(),)
    optimizer = optimizers.Momentum(*weights, RATE, MOMENTUM)
    order = batches(len(data.train_inputs), BATCH, seed=seed, steps=steps)
    training.train(model, optimizer, data.train_inputs, data.train_labels, order)
    return layers.read_parameters(model)


def flat(named):
    """All parameters of a network as one vector of N numbers."""
    return np.concatenate([array.ravel() for array in named.values()])


def judge(vector, inputs, labels):
    """(loss, accuracy) of the network with these weights, by the NumPy wing."""
    scratch = importlib.import_module("largemodels.scratch.training")
    layers = importlib.import_module("largemodels.scratch.layers")
    model = layers.MLP(CONFIG, dtype="float64")
    named, place = {}, 0
    for name, array in layers.read_parameters(model).items():
        named[name] = vector[place : place + array.size].reshape(array.shape)
        place += array.size
    layers.load_parameters(model, named)
    result = scratch.evaluate(model, inputs, labels, batch_size=len(inputs))
    return result["loss"], result["accuracy"]


def plane(corners):
    """Origin, orthonormal axes (2, N) and coordinates (3, 2) of a plane through three.

    The origin is the middle of the three vectors; the first axis runs from the first
    to the second.
    """
    middle = np.mean(corners, axis=0)
    across, up = corners[1] - corners[0], corners[2] - corners[0]
    first = across / np.linalg.norm(across)
    up = up - (up @ first) * first
    axes = np.stack([first, up / np.linalg.norm(up)])
    return middle, axes, (np.array(corners) - middle) @ axes.T


def landscape(middle, axes, radius, data, grid=GRID):
    """Coordinates (grid,) and training loss (grid, grid) on a square of the plane."""
    ticks = np.linspace(-radius, radius, grid)
    examples = data.train_inputs, data.train_labels
    loss = [
        [
            judge(middle + x * axes[0] + y * axes[1], *examples)[0]
            if np.hypot(x, y) < 1.06 * radius
            else np.nan  # outside the disc that is drawn
            for x in ticks
        ]
        for y in ticks
    ]
    return ticks, np.array(loss)


def numbers(runs, data):
    """What the caption says, computed: raw values, and the words for them.

    runs: (wing, seed) -> vector of parameters. Raises RuntimeError where the frameworks
    do not lead to the same network.
    """
    train, test = (
        (data.train_inputs, data.train_labels),
        (data.test_inputs, data.test_labels),
    )
    ends = [runs["scratch", seed] for seed in SEEDS]
    pairs = list(combinations(ends, 2))
    raw = {
        "seeds_apart": [float(np.linalg.norm(a - b)) for a, b in pairs],
        "frameworks_apart": max(
            float(np.linalg.norm(run - runs["scratch", seed]))
            for (_, seed), run in runs.items()
        ),
        "points": plane(ends)[2].tolist(),
        "losses": [judge(end, *train)[0] for end in ends],
        "accuracy": [judge(end, *test)[1] for end in ends],
        "halfway": [judge((a + b) / 2, *test)[1] for a, b in pairs],
    }
    if raw["frameworks_apart"] > FRAMEWORKS_APART:
        raise RuntimeError(f"the frameworks are {raw['frameworks_apart']} apart")
    words = {
        "parameters": f"{ends[0].size:,}",
        "accuracy": span(raw["accuracy"]),
        "halfway": span(raw["halfway"]),
        "seeds": f"{min(raw['seeds_apart']):.0f}",
    }
    return {"raw": raw, "words": words}


def span(shares):
    """The least and the largest of some shares, in whole percent."""
    low, high = (f"{100 * share:.0f}" for share in (min(shares), max(shares)))
    return f"{low} to {high} %"


def draw(ticks, loss, points, look):
    """The map as a matplotlib Figure. look: one of LIGHT and DARK."""
    ground, shades = look
    radius = ticks[-1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 5.6), layout="none")
        ax = figure.add_axes((0, 0, 1, 1))
        disc = Circle((0, 0), 0.985 * radius, transform=ax.transData)
        levels = np.geomspace(np.nanmin(loss) * 0.999, np.nanmax(loss) * 1.001, 26)
        settings = {"levels": levels, "norm": LogNorm(levels[0], levels[-1])}
        shade = LinearSegmentedColormap.from_list("loss", shades[::-1])
        drawn = [
            ax.contourf(ticks, ticks, loss, cmap=shade, **settings),
            ax.contour(ticks, ticks, loss, colors=[ground], linewidths=0.7, **settings),
        ]
        for contours in drawn:
            contours.set_clip_path(disc)
        for point in points:
            mark(ax, point, ground)
        ax.set(xlim=(-radius, radius), ylim=(-radius, radius), aspect="equal")
        ax.set_axis_off()
    return figure


def mark(ax, point, ground):
    """Three rings around one point, one for each wing, that fit into one another."""
    for size, color in zip((20, 14.5, 9), WINGS.values(), strict=True):
        ax.plot(*point, "o", ms=size, mfc=ground, mec=color, mew=2.6)


def save(figure, path):
    """Write the figure as SVG, with coordinates to a tenth of a point."""
    with mpl.rc_context(STYLE):
        figure.savefig(path, metadata={"Date": None, "Creator": None}, transparent=True)
    text = re.sub(r"-?\d+\.\d{2,}", lambda m: f"{float(m[0]):.1f}", path.read_text())
    path.write_text(text)


def rounded(loss):
    """The map as it is stored and drawn: four digits, None outside the disc."""
    return [[None if np.isnan(v) else float(f"{v:.3e}") for v in row] for row in loss]


def pictures(facts):
    """Both figures, light and dark, drawn from what is stored."""
    loss = np.array(facts["map"], dtype=float)
    ticks = np.linspace(-facts["radius"], facts["radius"], len(loss))
    points = facts["raw"]["points"]
    looks = {"cover": LIGHT, "cover-dark": DARK}
    return {name: draw(ticks, loss, points, look) for name, look in looks.items()}


def main():
    """Compute and write everything."""
    data = digits.load(seed=0, dtype="float64")
    runs = {(w, s): flat(train(w, s, data)) for w in WINGS for s in SEEDS}
    middle, axes, points = plane([runs["scratch", seed] for seed in SEEDS])
    facts = numbers(runs, data)
    facts["radius"] = float(f"{1.75 * np.linalg.norm(points, axis=1).max():.2f}")
    facts["map"] = rounded(landscape(middle, axes, facts["radius"], data)[1])
    FOLDER.joinpath("cover.json").write_text(json.dumps(facts) + "\n")
    for name, figure in pictures(facts).items():
        save(figure, FOLDER / "_static" / f"{name}.svg")
    print(json.dumps(facts["words"], indent=1))


if __name__ == "__main__":
    main()
