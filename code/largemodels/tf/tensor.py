"""Tensors of the TensorFlow wing: in from arrays, out to arrays, and gradients."""

import keras
import numpy as np
import tensorflow as tf

from largemodels import checks
from largemodels.structures import map_structure

__all__ = ["numpy", "parameter", "tensor", "value_and_grad"]


def tensor(array, dtype=None):
    """A constant: a copy of an array, a number or a list as a tensor.

    dtype: of NumPy; None keeps the array's. Python's numbers are float64 and int64.

    Differs: tf.constant makes Python's numbers float32 and int32.
    """
    return tf.constant(np.array(_array(array), dtype=dtype))


def parameter(array, dtype=None):
    """A copy of an array as a variable that gradients are taken for.

    Raises TypeError where its numbers are not floating-point.
    """
    array = np.array(_array(array), dtype=dtype)
    checks.floating("a parameter", array.dtype)
    return tf.Variable(array)


def numpy(x):
    """The values of a tensor or variable as a new array."""
    return np.array(_array(x))


def value_and_grad(function):
    """The function that returns a function's value and its gradient.

    value_and_grad(f)(params, *args) = (f(params, *args), df/dparams)

    f       returns a tensor of one element
    params  a tensor; or lists, tuples and dictionaries of tensors, nested

    Value and gradient are tensors; the gradient has the structure of params, with
    zeros where f does not use a tensor. Raises ValueError where the value has more
    than one element or depends on none of params, TypeError where one of them is not
    floating-point.

    Differs: a GradientTape sums a value with more elements and says nothing.
    """

    def evaluate(params, *args):
        leaves = []

        def leaf(x):
            leaves.append(tf.convert_to_tensor(x))
            checks.floating("a parameter", leaves[-1].dtype)
            return leaves[-1]

        with tf.GradientTape() as tape:
            inputs = map_structure(leaf, params)
            tape.watch(leaves)
            value = function(inputs, *args)
        checks.one_element("the value to differentiate", np.shape(value))
        found = tape.gradient(value, leaves) if tf.is_tensor(value) else [None]
        if all(g is None for g in found):
            raise ValueError("nothing was recorded: the result depends on no parameter")
        grads = iter(
            tf.zeros_like(x) if g is None else tf.convert_to_tensor(g)
            for x, g in zip(leaves, found, strict=True)
        )
        return value, map_structure(lambda _: next(grads), params)

    return evaluate


def _array(x):
    if isinstance(x, tf.Tensor | tf.Variable | keras.Variable):
        return x.numpy()
    return np.asarray(x)
