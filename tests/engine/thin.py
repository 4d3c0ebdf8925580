"""Thin axes for every operation of the engine: empty ones, and those of one element."""

import numpy as np

from tests.engine.cases import CASES, distinct, normal, positive

SHAPES = ((0,), (1,), (0, 3), (3, 0), (1, 3), (3, 1), ())
PAIRS = (
    ((1,), (0,)),
    ((1, 1), (5, 1)),
    ((0, 3), (1, 3)),
    ((), (7, 1)),
    ((3, 0), (3, 1)),
    ((0, 1), (1, 0)),
    ((2, 0, 3), ()),
)
EACH = ("negative", "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh", "erf")
EACH += ("absolute", "sign", "relu", "softplus", "sigmoid", "silu")
BOTH = ("add", "subtract", "multiply", "divide", "maximum", "minimum")
# (shape, axis) where something is left over of an axis, so that there is a mean
FULL = (((0, 3), 1), ((1, 3), 0), ((3, 1), 1), ((0, 1, 3), (1, 2)), ((1, 1), None))
NOTHING = np.zeros(0, int)


def each(options=None):
    return [([positive(*shape)], options or {}) for shape in SHAPES]


def over(draw, cases, **options):
    """A reduction, with what is left of the axis and without."""
    return [
        ([draw(*shape)], {"axis": axis, "keepdims": keepdims, **options})
        for shape, axis in cases
        for keepdims in (False, True)
    ]


# name -> cases, as in CASES
THIN_CASES = {
    **{name: each() for name in EACH},
    **{name: [([positive(*s) for s in pair], {}) for pair in PAIRS] for name in BOTH},
    "power": each({"p": 3}) + each({"p": 0}),
    "clip": each({"low": 0.7, "high": 1.1}),
    "gelu": each({"approximate": True}) + each({"approximate": False}),
    "astype": [*each({"dtype": "float32"}), ([positive(3, 5)], {"dtype": "float32"})],
    "where": [
        ([normal(0, 3), normal(1, 3)], {"condition": np.ones((0, 3), bool)}),
        ([normal(1), normal(1)], {"condition": np.zeros((3, 0, 1), bool)}),
        ([normal(3, 1), normal()], {"condition": np.array([[True], [False], [True]])}),
    ],
    "reduce_sum": over(normal, (*FULL, ((0, 3), 0), ((3, 0), None), ((2, 0), (0, 1)))),
    "reduce_mean": over(normal, FULL),
    "reduce_var": over(normal, (((0, 3), 1), ((1, 3), 1), ((3, 1), 1)), correction=0),
    "reduce_max": over(distinct, FULL),
    "reduce_min": over(distinct, FULL),
    "cumsum": [
        ([normal(*shape)], {"axis": axis})
        for shape, axis in (((0, 3), 0), ((0, 3), 1), ((1, 3), 0), ((3, 1), 1))
    ],
    "reshape": [
        ([normal(*shape)], {"shape": other})
        for shape, other in (((0, 3), (3, 0)), ((0, 3), -1), ((1, 3), 3), ((1,), ()))
    ],
    "transpose": [
        ([normal(*shape)], {"axes": (2, 0, 1)}) for shape in ((0, 3, 1), (1, 1, 3))
    ],
    "broadcast_to": [
        ([normal(*shape)], {"shape": other})
        for shape, other in (((1, 0), (5, 0)), ((1,), (0,)), ((1, 3), (0, 3)))
    ],
    "flip": [
        ([normal(*shape)], {"axis": axis})
        for shape, axis in (((0, 3), 0), ((0, 3), 1), ((1, 3), (0, 1)))
    ],
    "pad": [
        ([normal(*shape)], {"widths": widths, "value": 0.5})
        for shape, widths in (((0, 3), ((2, 1), (0, 0))), ((1,), ((0, 2),)))
    ],
    "concatenate": [
        ([normal(0, 3), normal(2, 3)], {"axis": 0}),
        ([normal(1, 0), normal(1, 0), normal(1, 1)], {"axis": 1}),
        ([normal(0, 3)], {"axis": -1}),
    ],
    "getitem": [
        ([normal(*shape)], {"index": index})
        for shape, index in (
            ((0, 3), (slice(None), 1)),
            ((3, 1), NOTHING),
            ((3, 0), np.array([2, 0, 2])),
            ((1, 3), 0),
            ((1, 3), (slice(0, 0), ...)),
        )
    ],
    "scatter": [
        ([normal(0, 3)], {"index": NOTHING, "shape": (5, 3)}),
        ([normal(2, 0)], {"index": np.array([1, 1]), "shape": (5, 0)}),
        ([normal(1, 1)], {"index": np.array([0]), "shape": (1, 1)}),
    ],
    "product": [
        ([normal(*x), normal(*y)], {})
        for x, y in (
            ((0, 3), (3, 5)),
            ((3, 0), (0, 5)),
            ((3, 4), (4, 0)),
            ((2, 3, 4), (4, 0)),
            ((2, 3, 0), (0, 5)),
            ((2, 0, 4), (4, 5)),
            ((0, 3, 4), (4, 5)),
            ((2, 3, 4), (2, 4, 0)),
            ((1, 1, 1), (1, 1)),
        )
    ],
    "einsum": [
        ([normal(3, 0), normal(0, 5)], {"subscripts": "ij,jk->ik"}),
        ([normal(0, 3, 1), normal(7, 0, 1)], {"subscripts": "bij,kbj->bki"}),
        ([normal(1, 1), normal(1)], {"subscripts": "ij,i->"}),
    ],
    "sliding_windows": [
        ([normal(0, 7, 5, 3)], {"sizes": (3, 2), "axis": 1}),
        ([normal(1, 3, 2, 1)], {"sizes": (3, 2), "axis": 1}),
        ([normal(1)], {"sizes": (1,)}),
    ],
    "fold": [
        ([normal(0, 3, 2, 5, 4, 3)], {"shape": (0, 7, 5, 3), "axis": 1}),
        ([normal(1, 1, 1, 3, 2, 1)], {"shape": (1, 3, 2, 1), "axis": 1}),
    ],
    "greatest": [
        ([distinct(0, 5, 7, 3)], {"window": (2, 3), "strides": (2, 1)}),
        ([distinct(1, 2, 3, 1)], {"window": (2, 3), "strides": (1, 1)}),
    ],
    "softmax": [
        ([normal(*shape)], {"axis": axis})
        for shape, axis in (((3, 0), -1), ((0, 3), -1), ((0, 3), 0), ((3, 1), 1))
    ],
    "logsumexp": over(normal, (((3, 0), -1), ((0, 3), -1), ((3, 1), 1))),
}
assert set(THIN_CASES) == set(CASES)
