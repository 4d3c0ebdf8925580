"""The engine for single numbers against micrograd, on a network for two moons."""

from functools import partial
from itertools import pairwise

import numpy as np

from tools.contenders.timing import Group, Row

RATE, DECAY = 0.1, 1e-4
SIZES = (2, 16, 16, 1), 100


def contenders(sizes):
    """The two engines under the same code, which uses what both have.

    sizes: (widths, points)
    """
    widths, count = sizes
    points, labels = moons(count)
    given = widths, points.tolist(), labels.tolist()
    return {
        "scalar engine": partial(ours, *given),
        "micrograd": partial(theirs, *given),
    }


def ours(*given):
    """A step on largemodels.scratch.scalar."""
    from largemodels.scratch.scalar import Value

    return step_of(Value, *given)


def theirs(*given):
    """A step on micrograd."""
    from micrograd.engine import Value

    return step_of(Value, *given)


def step_of(value_type, widths, points, labels):
    """The step of micrograd's demonstration: hinge loss, decay, gradient descent."""
    rng = np.random.default_rng(0)
    layers = [
        [
            (
                [value_type(w) for w in rng.uniform(-1, 1, d_in).tolist()],
                value_type(0.0),
            )
            for _ in range(d_out)
        ]
        for d_in, d_out in pairwise(widths)
    ]
    params = [p for layer in layers for ws, b in layer for p in (*ws, b)]

    def step():
        total = 0.0
        for point, label in zip(points, labels, strict=True):
            score = output(layers, point)
            total = total + (score * -label + 1.0).relu()
        total = total * (1 / len(points))
        penalty = 0.0
        for p in params:
            penalty = penalty + p * p
        total = total + penalty * DECAY
        for p in params:
            p.grad = 0.0
        total.backward()
        for p in params:
            p.data -= RATE * p.grad
        return total.data

    return step


def output(layers, inputs):
    """The network's score for one point."""
    for i, layer in enumerate(layers):
        outputs = []
        for weights, bias in layer:
            z = bias
            for w, x in zip(weights, inputs, strict=True):
                z = z + w * x
            outputs.append(z.relu() if i < len(layers) - 1 else z)
        inputs = outputs
    return inputs[0]


def moons(count):
    """Two half circles that reach into one another, and labels -1 and 1."""
    rng = np.random.default_rng(0)
    angles = np.linspace(0, np.pi, count // 2)
    upper = np.stack((np.cos(angles), np.sin(angles)), 1)
    points = np.concatenate((upper, [1.0, 0.5] - upper))
    points += 0.1 * rng.standard_normal(points.shape)
    return points, np.repeat((-1.0, 1.0), count // 2)


def rows(sizes):
    """At least as fast."""
    engine = "scalar engine"
    return (Row(f"{engine} / micrograd", engine, "micrograd", 1.0),)


GROUPS = (
    Group(
        "scalar",
        "MLP 2-16-16-1 on 100 moons, number by number",
        contenders,
        SIZES,
        rows,
        steps=1,
        warm=False,
        collect=True,
        why="one step a turn: it takes 0.5 s; the collector runs before each turn",
        rtol=1e-9,
        atol=1e-12,
    ),
)
