"""Tensors of the PyTorch wing: in from arrays, out to arrays, and gradients."""

import numpy as np
import torch

from largemodels import checks
from largemodels.structures import map_structure

__all__ = ["numpy", "parameter", "tensor", "value_and_grad"]


def tensor(array, dtype=None):
    """A constant: a copy of an array, a number or a list as a tensor on the CPU.

    dtype: of NumPy; None keeps the array's. Python's numbers are float64 and int64.

    Differs: torch.tensor makes Python's numbers float32.
    """
    return torch.from_numpy(np.array(_array(array), dtype=dtype))


def parameter(array, dtype=None):
    """A copy of an array as a tensor that gradients are taken for.

    Raises TypeError where its numbers are not floating-point.
    """
    array = np.array(_array(array), dtype=dtype)
    checks.floating("a parameter", array.dtype)
    return torch.from_numpy(array).requires_grad_()


def numpy(x):
    """The values of a tensor as a new array, without its history."""
    return np.array(_array(x))


def value_and_grad(function):
    """The function that returns a function's value and its gradient.

    value_and_grad(f)(params, *args) = (f(params, *args), df/dparams)

    f       returns a tensor of one element
    params  a tensor; or lists, tuples and dictionaries of tensors, nested

    Value and gradient are tensors and record nothing; the gradient has the structure
    of params, with zeros where f does not use a tensor. Raises ValueError where the
    value has more than one element or depends on none of params, TypeError where one
    of them is not floating-point.
    """

    def evaluate(params, *args):
        leaves = []

        def leaf(x):
            x = torch.as_tensor(x)
            checks.floating("a parameter", x.dtype)
            leaves.append(x.detach().requires_grad_())
            return leaves[-1]

        value = function(map_structure(leaf, params), *args)
        checks.one_element("the value to differentiate", np.shape(value))
        if not getattr(value, "requires_grad", False):
            raise ValueError("nothing was recorded: the result depends on no parameter")
        grads = iter(torch.autograd.grad(value, leaves, materialize_grads=True))
        return value.detach(), map_structure(lambda _: next(grads), params)

    return evaluate


def _array(x):
    return x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
