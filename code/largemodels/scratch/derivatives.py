"""Derivatives of derivatives, and derivatives checked against the function itself."""

import numpy as np

from largemodels.scratch.engine import Tensor, gradients
from largemodels.scratch.tensor import numpy, parameter
from largemodels.validation import one_of, real_number

METHODS = ("central", "complex")


def hessian_vector_product(function, x, vector):
    """H v for the Hessian H of a function at x: the gradient of <grad f(x), v>.

    function   takes one tensor and returns one of one element
    x, vector  arrays or constants of one shape

    Returns a tensor of that shape. It costs about as much as four evaluations of f,
    whatever the size of x, and never forms H. Raises ValueError where the shapes
    differ or the function does not depend on x.

    Source: Pearlmutter 1994, "Fast exact multiplication by the Hessian", Neural
    Computation 6(1).
    """
    leaf = parameter(numpy(x))
    [slope] = gradients(function(leaf), [leaf], create_graph=True)
    if not slope.requires_grad:  # of a linear function
        return Tensor(np.zeros_like(leaf.data))
    [product] = gradients(slope, [leaf], vector)
    return product


def gradcheck(
    function, *arrays, method="central", step=None, rtol=1e-6, atol=1e-8, seed=0
):
    """Whether a function's gradients are those that its values imply. Returns True.

    For a random cotangent g and, for each argument x in turn, a random direction v,

        <v, J^T g>  must be  <g, (f(x + e v) - f(x - e v)) / 2e>     "central"
                    or       <g, Im f(x + i e v) / e>                "complex"

    One pair of evaluations an argument, whatever its size; and a gradient that is
    wrong anywhere is found, unless its error is at right angles to v.

    function  takes tensors and returns one tensor
    arrays    its arguments, float64
    step      e; None: 6e-6 (the cube root of the rounding error, where it and the
              error of the difference, e^2, are in balance), and 1e-100 for "complex",
              which subtracts nothing and has no rounding to balance. "complex" is for
              analytic functions: no absolute values, no maxima
    rtol, atol  the two may differ by atol + rtol times the difference quotient
    seed      of the directions and the cotangent

    Raises AssertionError with the numbers of every argument where one of them fails,
    ValueError or TypeError where an argument is wrong.

    Source: Squire and Trapp 1998, "Using complex variables to estimate derivatives of
    real functions", SIAM Review 40(1), for "complex".
    Differs: torch.autograd.gradcheck compares every element of the Jacobian matrix
    unless fast_mode=True.
    """
    one_of("method", method, METHODS)
    default = 1e-100 if method == "complex" else 6e-6
    step = real_number("step", default if step is None else step, 0.0, open_below=True)
    for i, array in enumerate(arrays):
        if np.asarray(array).dtype != np.float64:
            kind = np.asarray(array).dtype
            raise TypeError(f"argument {i} must be float64, got {kind}")
    rng = np.random.default_rng(seed)
    leaves = [Tensor(np.array(a), requires_grad=True) for a in arrays]
    value = function(*leaves)
    g = rng.normal(size=value.shape)
    found = gradients(value, leaves, g)
    lines, wrong = [], False
    for i, (leaf, gradient) in enumerate(zip(leaves, found, strict=True)):
        v = rng.normal(size=leaf.shape)
        ours = float(np.sum(v * gradient.data))
        theirs = _quotient(function, leaves, i, step * v, g, method) / step
        fits = abs(ours - theirs) <= atol + rtol * abs(theirs)
        wrong |= not fits  # also where one is NaN
        lines.append(
            f"argument {i} {leaf.shape}: gradient {ours:.10g}, "
            f"difference quotient {theirs:.10g}: {'right' if fits else 'WRONG'}"
        )
    if wrong:
        raise AssertionError("the gradient is wrong:\n" + "\n".join(lines))
    return True


def _quotient(function, leaves, i, move, g, method):
    """<g, the change of f> where argument i moves one step, not yet divided by it."""

    def at(shifted):
        arguments = [leaf.detach() for leaf in leaves]
        arguments[i] = Tensor(shifted)
        return numpy(function(*arguments))

    x = leaves[i].data
    if method == "complex":
        return float(np.sum(g * at(x + 1j * move).imag))
    return float(np.sum(g * (at(x + move) - at(x - move)))) / 2
