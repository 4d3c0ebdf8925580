"""References for the exercises of Gradients, Jacobians and the chain rule."""

import numpy as np

from largemodels.page.answers import Known, reference


def _broadcasts(rng):
    """Axes missing, of size 1, both, none; a number; an axis without elements."""
    pairs = [
        ((5, 3), (3,)),
        ((5, 3), (5, 1)),
        ((7, 5, 3), (5, 1)),
        ((7, 5, 3), (1, 1, 3)),
        ((5, 3), (5, 3)),
        ((5, 3), ()),
        ((1, 3), (1, 3)),
        ((0, 3), (3,)),
    ]
    return [(rng.normal(size=large), small) for large, small in pairs]


@reference(
    "unbroadcast",
    cases=_broadcasts,
    hint="Every entry of x was used as often as it was repeated. Which axes were made "
    "new, and which were stretched from size 1? The result has the shape of x.",
    rtol=1e-9,
    atol=1e-12,
)
def unbroadcast(g, shape):
    """Sum over what was repeated, by counting where each entry went."""
    places = np.broadcast_to(
        np.arange(np.prod(shape, dtype=int)).reshape(shape), g.shape
    )
    total = np.zeros(np.prod(shape, dtype=int))
    np.add.at(total, places.ravel(), g.ravel())
    return total.reshape(shape)


def _norms(rng):
    """Batches of prime sizes, one row, one column, a large eps."""
    sizes = [(7, 5, 1e-6), (1, 11, 1e-5), (5, 1, 0.3), (3, 13, 1.0)]
    return [
        (rng.normal(size=(b, n)), rng.normal(size=n), eps, rng.normal(size=(b, n)))
        for b, n, eps in sizes
    ]


@reference(
    "rms-norm-vjp",
    cases=_norms,
    hint="The root mean square depends on every entry of its row, so each entry acts "
    "in two ways. And the weight serves all rows.",
    rtol=1e-9,
    atol=1e-12,
)
def rms_norm_vjp(x, w, eps, g):
    """Through the Jacobian of each row, written out."""
    rows, width = x.shape
    x_bar, w_bar = np.zeros((rows, width)), np.zeros(width)
    for b in range(rows):
        r = np.sqrt(np.mean(x[b] ** 2) + eps)
        jacobian = np.diag(w / r) - np.outer(w * x[b], x[b]) / (width * r**3)
        x_bar[b] = jacobian.T @ g[b]
        w_bar += g[b] * x[b] / r
    return x_bar, w_bar


def _functions(rng):
    """Vectors, matrices and single numbers; gradients of very different size."""
    a, m = rng.normal(size=5), rng.normal(size=(3, 2))
    slow = Known(
        "the sum of exp(1e-6 x)",
        lambda x: np.exp(1e-6 * x).sum(),
        lambda x: 1e-6 * np.exp(1e-6 * x),
    )
    return [
        (
            Known("sin(a @ x)", lambda x: np.sin(a @ x), lambda x: np.cos(a @ x) * a),
            rng.normal(size=5),
        ),
        (
            Known("sum(m x^3)", lambda x: (x**3 * m).sum(), lambda x: 3 * x**2 * m),
            rng.normal(size=(3, 2)),
        ),
        (slow, a),
        (
            Known("sum(x^2) / 2", lambda x: (x**2).sum() / 2, lambda x: x),
            1e6 * rng.normal(size=(1, 4)),
        ),
        (Known("log(x)", lambda x: np.log(x), lambda x: 1 / x), np.array(0.3)),
    ]


@reference(
    "complex-gradient",
    cases=_functions,
    hint="A step in the imaginary direction, for one entry at a time, and small enough "
    "that its square is below all rounding. A real array cannot hold it.",
    rtol=1e-13,
    atol=0,
)
def complex_gradient(f, x):
    """The exact gradient."""
    return f.truth(x)


@reference(
    "jacobian-order",
    cases=[
        ((3, 5),),
        ((7, 5, 3),),
        ((10, 100, 5, 50),),
        ((512, 512, 2, 512, 512),),
        ((40, 20, 30, 10, 30),),
        ((1, 9, 8, 7, 6, 5),),
        ((5, 6, 7, 8, 9, 1),),
    ],
    hint="Some product is carried out last, and joins two parts of the chain. If that "
    "place were known, what would be left to do? A single layer needs no product.",
    rtol=0,
    atol=0,
)
def fewest(sizes):
    """By trying every place for the last product."""
    sizes = tuple(int(size) for size in sizes)
    return min(
        (
            fewest(sizes[: k + 1]) + fewest(sizes[k:]) + sizes[0] * sizes[k] * sizes[-1]
            for k in range(1, len(sizes) - 1)
        ),
        default=0,
    )
