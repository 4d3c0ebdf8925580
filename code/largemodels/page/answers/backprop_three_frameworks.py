"""References for the exercises of One network, three frameworks."""

from itertools import pairwise

import numpy as np

from largemodels.page.answers import Known, reference


@reference(
    "mlp-count",
    cases=[((784, 128, 10),), ((64, 32, 10),), ((1, 1),), ((3, 5, 7, 11),)],
    hint="Each layer has a weight for every pair of input and output, and a bias for "
    "every output.",
    rtol=0,
    atol=0,
)
def mlp_count(widths):
    """Weights and biases of a perceptron."""
    return sum(d_in * d_out + d_out for d_in, d_out in pairwise(widths))


def _layers(rng):
    """Batches of prime sizes, a single example, and a single unit."""
    sizes = [(7, 5, 3), (1, 5, 3), (11, 2, 1), (4, 1, 6)]
    return [
        (rng.normal(size=(b, i)), rng.normal(size=(i, o)), rng.normal(size=(b, o)))
        for b, i, o in sizes
    ]


@reference(
    "linear-backward",
    cases=_layers,
    hint="Let the shapes decide: each gradient has the shape of what it belongs to, "
    "and the bias collects over the rows.",
    rtol=1e-9,
    atol=1e-12,
)
def linear_backward(x, weight, g):
    """The gradients for x, weight and bias."""
    return (
        np.einsum("bo,io->bi", g, weight),
        np.einsum("bi,bo->io", x, g),
        np.einsum("bo->o", g),
    )


def _states(rng):
    """Two layers, one, twelve (so that 10 and 2 must be sorted), and square weights."""
    widths = [(5, 3, 2), (4, 7), tuple(range(2, 15)), (3, 3, 3)]
    cases = []
    for sizes in widths:
        state = {}
        for layer, (d_in, d_out) in enumerate(pairwise(sizes)):
            state[f"{2 * layer}.weight"] = rng.normal(size=(d_out, d_in))
            state[f"{2 * layer}.bias"] = rng.normal(size=d_out)
        cases.append((state,))
    return cases


@reference(
    "to-canonical",
    cases=_states,
    hint="Number the layers 0, 1, 2 … in the order of the numbers in the names (sorted "
    "as numbers), and remember that torch keeps a weight as (outputs, inputs).",
    rtol=0,
    atol=0,
)
def to_canonical(state):
    """Canonical names and layouts."""
    places = sorted({int(key.partition(".")[0]) for key in state})
    number = {place: layer for layer, place in enumerate(places)}
    named = {}
    for key, array in state.items():
        place, _, kind = key.partition(".")
        name = f"layers.{number[int(place)]}.{kind}"
        named[name] = np.swapaxes(array, 0, 1) if kind == "weight" else array
    return named


@reference(
    "doubled-softmax-floor",
    cases=[(2,), (10,), (3,), (1000,), (100_000,)],
    hint="The best scores are those of a certain and right network: which numbers does "
    "the second softmax then receive?",
    rtol=1e-9,
    atol=1e-12,
)
def doubled_softmax_floor(num_classes):
    """The loss at p = (1, 0, ..., 0)."""
    return np.log(np.e + num_classes - 1) - 1


def _functions(rng):
    """Smooth functions with known derivatives, at random places."""
    a, b = rng.normal(size=5), rng.normal(size=5)
    w, v = rng.normal(size=5), rng.normal(size=5)
    m, u = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    wave = Known(
        "sin(b @ w)",
        lambda w: np.sin(b @ w),
        lambda w, v: np.cos(b @ w) * (b @ v),
    )
    return [
        (Known("a @ w", lambda w: a @ w, lambda w, v: a @ v), w, v),
        (Known("sum(w^3)", lambda w: (w**3).sum(), lambda w, v: 3 * (w**2) @ v), w, v),
        (wave, w, v),
        (
            Known("sum(m m)", lambda m: (m * m).sum(), lambda m, u: 2 * (m * u).sum()),
            m,
            u,
        ),
    ]


@reference(
    "directional-derivative",
    cases=_functions,
    hint="A forward difference loses half of the digits; take a point on either side "
    "of w, and mind the size of the step.",
    rtol=1e-8,
    atol=1e-8,
)
def directional_derivative(f, w, v):
    """The exact derivative."""
    return f.truth(w, v)
