"""The primitive operations, each with its derivative beside it.

They stand by kind: `elementwise` (arithmetic and functions, with broadcasting),
`movement` (shape, joining, indexing), `reductions` (sums, means, extremes, running
sums), `products` (of matrices, and einsum) and `windows` (that slide along axes). This
module has them all, and makes some of them operators and methods of tensors.

Operations take tensors, arrays and numbers, broadcast as NumPy does, and return an
array where nothing is a tensor. A loop over time needs no operation of its own:
Python's loop is recorded step by step, and `stack` joins the steps.
"""

import operator

from largemodels.scratch.elementwise import (
    absolute,
    add,
    astype,
    clip,
    cos,
    divide,
    erf,
    exp,
    expm1,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    sign,
    sin,
    sqrt,
    subtract,
    tanh,
    where,
)
from largemodels.scratch.engine import Tensor
from largemodels.scratch.movement import (
    broadcast_to,
    concatenate,
    expand_dims,
    flip,
    getitem,
    pad,
    reshape,
    scatter,
    split,
    squeeze,
    stack,
    swapaxes,
    take,
    transpose,
    tril,
    triu,
)
from largemodels.scratch.products import einsum, matmul, product
from largemodels.scratch.reductions import (
    argmax,
    cumsum,
    prod,
    reduce_max,
    reduce_mean,
    reduce_min,
    reduce_sum,
    reduce_var,
    spread,
)
from largemodels.scratch.windows import fold, sliding_windows

__all__ = [
    "absolute",
    "add",
    "argmax",
    "astype",
    "broadcast_to",
    "clip",
    "concatenate",
    "cos",
    "cumsum",
    "divide",
    "einsum",
    "erf",
    "exp",
    "expand_dims",
    "expm1",
    "flip",
    "fold",
    "getitem",
    "log",
    "log1p",
    "matmul",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "pad",
    "power",
    "prod",
    "product",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_sum",
    "reduce_var",
    "reshape",
    "scatter",
    "sign",
    "sin",
    "sliding_windows",
    "split",
    "spread",
    "sqrt",
    "squeeze",
    "stack",
    "subtract",
    "swapaxes",
    "take",
    "tanh",
    "transpose",
    "tril",
    "triu",
    "where",
]

for _name, _operation in {
    "add": add,
    "sub": subtract,
    "mul": multiply,
    "truediv": divide,
    "matmul": matmul,
}.items():
    setattr(Tensor, f"__{_name}__", _operation)
    setattr(Tensor, f"__r{_name}__", lambda y, x, f=_operation: f(x, y))


def _compare(symbol):
    """A comparison has no derivative and gives a Boolean array."""
    return lambda x, y: symbol(x.data, y.data if isinstance(y, Tensor) else y)


for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", _compare(getattr(operator, _name)))

Tensor.__hash__ = object.__hash__
Tensor.__neg__ = negative
Tensor.__pow__ = power
Tensor.__abs__ = absolute
Tensor.__getitem__ = getitem
Tensor.sum, Tensor.mean, Tensor.var = reduce_sum, reduce_mean, reduce_var
Tensor.max, Tensor.min = reduce_max, reduce_min
Tensor.reshape, Tensor.astype, Tensor.swapaxes = reshape, astype, swapaxes
Tensor.transpose = transpose
Tensor.T = property(lambda x: transpose(x, tuple(range(x.ndim))[::-1]))
