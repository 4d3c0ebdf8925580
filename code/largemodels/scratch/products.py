"""Products of matrices, and sums of products over named indices."""

import numpy as np

from largemodels.scratch.engine import primitive
from largemodels.scratch.movement import broadcast_to, getitem, reshape, rows, swapaxes


def matmul(x, y):
    """z = x y: (..., n, m) times (..., m, k) gives (..., n, k); a vector is (m,).

    Raises ValueError where the shapes do not fit.
    """
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError(f"@ needs at least one axis, got {x.shape} and {y.shape}")
    if y.ndim == 1:
        return getitem(matmul(x, reshape(y, (-1, 1))), (..., 0))
    if x.ndim == 1:
        return getitem(matmul(reshape(x, (1, -1)), y), (..., 0, slice(None)))
    return product(x, y)


@primitive(
    lambda g, z, x, y: product(g, swapaxes(y, -1, -2)),
    lambda g, z, x, y: _transposed_product(x, g, y.ndim),
)
def product(x, y):
    """z = x y for matrices, stacked along the axes before the last two."""
    if y.ndim == 2 and x.ndim > 2 and x.shape[-1] == y.shape[0]:
        z = np.matmul(rows(x), y)  # one product, not many small
        return z.reshape(*x.shape[:-1], y.shape[1])
    return np.matmul(x, y)


def _transposed_product(x, g, ndim):
    """x^T g; where one matrix met a stack, one product over the rows of all."""
    if ndim == 2 and x.ndim > 2:
        x, g = rows(x), rows(g)
    return product(swapaxes(x, -1, -2), g)


@primitive(each=lambda i, g, z, *arguments: _to_operand(i, g, *arguments))
def einsum(subscripts, *operands):
    """Sums of products, as np.einsum takes them: einsum("bti,bsi->bts", q, k).

    Every index that is not after the arrow is summed over; without an arrow, those
    that stand twice are. Raises ValueError for an index that stands twice in one
    operand ("ii"), and for dots: neither is needed here.
    """
    _terms(subscripts, len(operands))
    return np.einsum(subscripts, *operands, optimize=len(operands) > 1)


def _terms(subscripts, count):
    """The indices of each operand, and of the result."""
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != count:
        raise ValueError(f"{subscripts!r} must name {count} operands")
    if any(len(set(term)) < len(term) or "." in term for term in (*terms, out)):
        raise ValueError(
            f"every index of an operand must be a letter of its own, got {subscripts!r}"
        )
    if not arrow:
        every = "".join(terms)
        out = "".join(sorted(i for i in set(every) if every.count(i) == 1))
    return terms, out


def _to_operand(i, g, subscripts, *operands):
    """The gradient of an operand: g takes its place among the others.

    An index that only this operand has was summed over; its gradient is the same all
    along that axis.
    """
    terms, out = _terms(subscripts, len(operands))
    others = [term for j, term in enumerate(terms, 1) if j != i]
    arrays = [array for j, array in enumerate(operands, 1) if j != i]
    mine, x = terms[i - 1], operands[i - 1]
    shared = "".join(index for index in mine if index in "".join([out, *others]))
    part = einsum(",".join([out, *others]) + "->" + shared, g, *arrays)
    sizes = dict(zip(shared, part.shape, strict=True))
    part = reshape(part, tuple(sizes.get(index, 1) for index in mine))
    return broadcast_to(part, np.broadcast_shapes(part.shape, x.shape))
