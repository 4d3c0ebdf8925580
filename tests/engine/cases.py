"""Arguments for every operation of the engine, on which its derivatives are tried."""

import numpy as np
import pytest
from largemodels.scratch import functional, ops
from largemodels.scratch.engine import OPERATIONS

# The files whose operations must have a case here; those of a layer are tried with it.
ROOMS = ("elementwise", "movement", "products", "reductions", "windows", "functional")
HERE = {f"largemodels.scratch.{room}" for room in ROOMS}

rng = np.random.default_rng(0)


def normal(*shape):
    """Away from 0 by at least 0.1, where |x|, sign and relu bend."""
    x = rng.normal(size=shape)
    return x + 0.1 * np.sign(x)


def positive(*shape):
    return rng.uniform(0.5, 2, shape)


def distinct(*shape):
    """Differences of at least 0.1: which is the greatest does not hang on e."""
    return rng.permutation(np.prod(shape)).reshape(shape) / 10


MASK = rng.random((3, 1, 7)) < 0.5
ROWS = np.array([[0, 2, 2], [1, 0, 2]])

# name -> cases: arrays to differentiate, and options that are not
CASES = {
    "add": [([normal(3, 5), normal(5)], {}), ([normal(3, 1), normal(2, 1, 5)], {})],
    "subtract": [([normal(3, 5), normal(1, 5)], {}), ([normal(), normal(3)], {})],
    "multiply": [([normal(3, 5), normal(5)], {}), ([normal(3, 1), normal(1, 5)], {})],
    "divide": [([normal(3, 5), positive(3, 1)], {}), ([normal(5), positive(3, 5)], {})],
    "negative": [([normal(3, 5)], {})],
    "power": [
        ([positive(3, 5)], {"p": p}) for p in (3, -2, 0.5, 1, 0, -1.5, np.float64(2))
    ],
    "exp": [([normal(3, 5)], {})],
    "expm1": [([normal(3, 5)], {})],
    "log": [([positive(3, 5)], {})],
    "log1p": [([positive(3, 5)], {})],
    "sqrt": [([positive(3, 5)], {})],
    "sin": [([normal(3, 5)], {})],
    "cos": [([normal(3, 5)], {})],
    "tanh": [([normal(3, 5)], {})],
    "erf": [([normal(3, 5)], {})],
    "absolute": [([normal(3, 5)], {})],
    "sign": [([normal(3, 5)], {})],
    "maximum": [
        ([normal(3, 5), np.zeros(5)], {}),
        ([normal(3, 1), normal(5) / 99], {}),
    ],
    "minimum": [
        ([normal(3, 5), np.zeros(5)], {}),
        ([normal(3, 1), normal(5) / 99], {}),
    ],
    "clip": [
        ([distinct(3, 5) - 0.72], {"low": -0.5, "high": 0.3}),
        ([distinct(3, 5) - 0.72], {"low": None, "high": 0.0}),
    ],
    "where": [([normal(3, 5, 7), normal(5, 1)], {"condition": MASK})],
    "astype": [([normal(3, 5)], {"dtype": "float64"})],
    "reduce_sum": [
        ([normal(3, 5, 7)], {"axis": axis, "keepdims": keepdims})
        for axis in (None, 0, -1, (0, 2), (1, -1))
        for keepdims in (False, True)
    ],
    "reduce_mean": [
        ([normal(3, 5, 7)], {"axis": axis, "keepdims": keepdims})
        for axis in (None, 1, (0, -1))
        for keepdims in (False, True)
    ],
    "reduce_var": [
        ([normal(3, 5, 7)], {"axis": axis, "keepdims": keepdims, "correction": c})
        for axis, keepdims, c in ((None, False, 0), (1, True, 1), ((0, -1), False, 2))
    ],
    "cumsum": [([normal(3, 5, 7)], {"axis": axis}) for axis in (0, 1, -1)],
    "reduce_min": [
        ([distinct(3, 5, 7)], {"axis": axis, "keepdims": keepdims})
        for axis, keepdims in ((None, False), (1, True), ((0, -1), False))
    ],
    "reduce_max": [
        ([distinct(3, 5, 7)], {"axis": axis, "keepdims": keepdims})
        for axis in (None, 1, -1, (0, 2))
        for keepdims in (False, True)
    ],
    "reshape": [([normal(3, 5, 7)], {"shape": s}) for s in ((15, 7), -1, (7, 5, 3))],
    "transpose": [([normal(3, 5, 7)], {"axes": a}) for a in ((2, 0, 1), (0, 2, 1))],
    "broadcast_to": [([normal(5, 1)], {"shape": (3, 5, 7)})],
    "flip": [([normal(3, 5, 7)], {"axis": axis}) for axis in (1, (0, -1))],
    "pad": [
        ([normal(3, 5)], {"widths": ((2, 1), (0, 7)), "value": -1.5}),
        ([normal(3)], {"widths": ((0, 0),)}),
    ],
    "concatenate": [
        ([normal(3, 5)], {"axis": 0}),
        ([normal(3, 2), normal(3, 5), normal(3, 1)], {"axis": 1}),
        ([normal(3, 2, 7), normal(3, 5, 7)], {"axis": -2}),
    ],
    "getitem": [
        ([normal(3, 5, 7)], {"index": index})
        for index in (
            1,
            (0, slice(1, 4)),
            (..., None, 2),
            ROWS,
            (ROWS, 1),
            MASK[:, 0, 0],
            (slice(None), ROWS % 2),
            (ROWS, slice(1, 4), -1),
            ([0, 0], [-1, 4]),
        )
    ],
    "scatter": [
        ([normal(2, 3, 5)], {"index": ROWS, "shape": (3, 5)}),
        ([normal(2, 7)], {"index": (1, slice(2, 4)), "shape": (3, 5, 7)}),
        ([normal(3, 2, 3)], {"index": (slice(None), ROWS), "shape": (3, 5)}),
    ],
    "product": [
        ([normal(3, 5), normal(5, 7)], {}),
        ([normal(2, 3, 5), normal(5, 7)], {}),
        ([normal(3, 5), normal(2, 5, 7)], {}),
        ([normal(2, 1, 3, 5), normal(1, 11, 5, 7)], {}),
    ],
    "einsum": [
        ([normal(3, 5), normal(5, 7)], {"subscripts": "ij,jk->ik"}),
        ([normal(2, 3, 5), normal(7, 2, 5)], {"subscripts": "bij,kbj->bki"}),
        ([normal(3, 5), normal(7)], {"subscripts": "ij,k"}),
        ([normal(3, 5, 7)], {"subscripts": "i j k -> ki"}),
        ([normal(3, 5), normal(3)], {"subscripts": "ij,i->"}),
        ([normal(2, 3), normal(3, 5), normal(5, 2)], {"subscripts": "ab,bc,ca->b"}),
        ([normal(3, 1), normal(5, 2)], {"subscripts": "ij,jk->ik"}),
    ],
    "sliding_windows": [
        ([normal(7)], {"sizes": (3,)}),
        ([normal(2, 7, 5, 3)], {"sizes": (3, 2), "axis": 1}),
        ([normal(11, 7)], {"sizes": (2, 3), "strides": (3, 2), "dilations": (4, 1)}),
        ([normal(3, 11)], {"sizes": (2,), "axis": -1, "strides": 2, "dilations": 3}),
    ],
    "fold": [
        ([normal(5, 3)], {"shape": (7,)}),
        (
            [normal(2, 3, 3, 3, 2, 3)],
            {"shape": (2, 7, 5, 3), "axis": 1, "strides": (2, 1), "dilations": (1, 2)},
        ),
    ],
    "greatest": [
        ([distinct(2, 5, 7, 3)], {"window": (2, 3), "strides": (2, 1)}),
        ([distinct(1, 3, 5, 2)], {"window": (1, 2), "strides": (1, 2)}),
    ],
    "relu": [([normal(3, 5)], {})],
    "softplus": [([normal(3, 5)], {})],
    "sigmoid": [([normal(3, 5)], {})],
    "silu": [([normal(3, 5)], {})],
    "gelu": [([normal(3, 5)], {"approximate": a}) for a in (True, False)],
    "softmax": [([normal(3, 5, 7)], {"axis": axis}) for axis in (-1, 0, 1)],
    "logsumexp": [
        ([normal(3, 5, 7)], {"axis": axis, "keepdims": keepdims})
        for axis in (-1, 0, 1)
        for keepdims in (False, True)
    ],
}
EACH = [
    pytest.param(name, *case, id=f"{name}-{i}")
    for name, cases in CASES.items()
    for i, case in enumerate(cases)
]


def apply(name, arrays, options):
    """The operation, with what is no keyword of it in its place."""
    if name == "where":
        return OPERATIONS[name](options["condition"], *arrays)
    if name == "einsum":
        return OPERATIONS[name](options["subscripts"], *arrays)
    return OPERATIONS[name](*arrays, **options)


def here(operations):
    """The names of those operations that are defined in the files of the engine."""
    assert {functional.__name__, ops.exp.__module__} <= HERE
    return {name for name, f in operations.items() if f.__module__ in HERE}
