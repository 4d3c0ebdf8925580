"""Reverse-mode differentiation of computations with NumPy arrays.

An operation on tensors is recorded as a node that knows its parents and, for each of
them, a vector-Jacobian product (vjp): the function that takes the gradient of the
result to the gradient of that parent. Going through the nodes backwards, and summing
where gradients meet, is backpropagation.

A vjp is written once, in operations that take arrays as well as tensors. Given arrays
it computes; given tensors it is itself recorded, and can be differentiated again.

Source: Baydin et al. 2018, "Automatic differentiation in machine learning: a survey",
JMLR 18(153).
"""

import contextlib
import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

_recording = True


@contextlib.contextmanager
def no_grad():
    """Record nothing inside: results are constants and keep nothing alive."""
    global _recording
    before, _recording = _recording, False
    try:
        yield
    finally:
        _recording = before


class Tensor:
    """An array in a computation that can be differentiated.

    data           the NumPy array; what was recorded cannot change: x.data[0] = 5 is
                   NumPy's "assignment destination is read-only"; see `assign`
    requires_grad  whether gradients with respect to it are wanted
    grad           of a leaf: what `backward` has summed, an array, or None
    parents        of a result: (parent, vjp) for each parent that requires_grad

    Tensor(array) takes the array over and makes it read-only, or copies it where it is
    a view of one that can be written to; `tensor` copies always. A view made of the
    array before is not seen: whoever writes to that still changes the tensor.
    Operators (+ - * / ** @ and indexing) and methods such as `sum` come from ops.py.
    """

    __slots__ = (
        "__weakref__",
        "arrays",
        "data",
        "grad",
        "inputs",
        "options",
        "parents",
        "requires_grad",
    )
    __array_ufunc__ = None  # array + tensor asks the tensor, not NumPy

    def __init__(self, data, requires_grad=False):
        data = np.asarray(data)
        if not (data.flags.owndata or _frozen(data)):
            data = data.copy()
        self._hold(data, requires_grad)

    @classmethod
    def holding(cls, array):
        """A constant that is this very array, a view too: for whoever gives it away."""
        made = cls.__new__(cls)
        made._hold(np.asarray(array), False)
        return made

    def _hold(self, array, requires_grad):
        array.flags.writeable = False
        self.data, self.requires_grad = array, requires_grad
        self.grad, self.parents = None, ()

    shape = property(lambda self: self.data.shape, doc="The size of each axis.")
    ndim = property(lambda self: self.data.ndim, doc="The number of axes.")
    size = property(lambda self: self.data.size, doc="The number of elements.")
    dtype = property(lambda self: self.data.dtype, doc="NumPy's type of an element.")

    def backward(self, cotangent=None):
        """Add the gradient of <cotangent, self> to .grad of every leaf.

        cotangent: array of this shape; may be left out where there is one element.
        Raises ValueError where it is missing or does not fit, or nothing was recorded.

        Differs: torch frees the graph here unless told not to; here it lives as long
        as its result, and a second call adds the same gradient again.
        """
        for node, gradient in _sweep(self, _start(self, cotangent)):
            if not node.parents:
                total = gradient if node.grad is None else node.grad + gradient
                node.grad = np.asarray(total)
                node.grad.flags.writeable = False  # another leaf may have the same

    def assign(self, array):
        """Give a leaf a new value of its shape, rounded to its dtype.

        The old array is left as it is, so that a graph recorded before stays right.
        Raises ValueError where the shape differs or this is no leaf.
        """
        if self.parents:
            raise ValueError("assign is for leaves, and this tensor was computed")
        array = np.array(array, dtype=self.dtype)
        if array.shape != self.shape:
            raise ValueError(f"the value must be {self.shape}, got {array.shape}")
        self.take_over(array)

    def take_over(self, array):
        """Give a leaf this very array, of its shape and dtype, which is made read-only.

        `assign` without a copy, for a caller that gives its array away.
        """
        array.flags.writeable = False
        self.data = array

    def detach(self):
        """The same values as a constant."""
        return Tensor.holding(self.data)

    def item(self):
        """The one element as a Python number."""
        return self.data.item()

    def __setitem__(self, index, value):
        raise TypeError(
            "a tensor cannot be changed in place: make a new one with where(), "
            "or assign() a leaf its whole value"
        )

    def __array__(self, dtype=None, copy=None):
        if self.requires_grad:
            raise TypeError(
                "a tensor with a gradient does not turn into an array by itself: "
                "say numpy(tensor)"
            )
        return np.array(self.data, dtype=dtype, copy=copy)

    def __float__(self):
        return float(self.item())

    def __bool__(self):
        return bool(self.data)

    def __len__(self):
        return len(self.data)

    def __repr__(self):
        note = ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({np.array2string(self.data, separator=', ')}{note})"

    def __reduce__(self):  # copies and pickles are leaves
        return Tensor, (self.data, self.requires_grad)


OPERATIONS = {}  # name -> operation: everything that has a derivative


def primitive(*vjps, each=None, joint=None):
    """Make a function of arrays an operation on tensors by stating its derivative.

    vjps  one for each argument that has a derivative, in order: vjp(g, z, *arguments)
          is the gradient of that argument where g is the gradient of the result z;
          None where an argument has none. It may ignore broadcasting and changes of
          dtype, which the engine undoes
    each  for any number of arguments, instead: each(i, g, z, *arguments)
    joint where one computation gives all gradients, instead: joint(g, z, *arguments)
          returns them together, one for each argument, and is called once

    Arguments may be tensors, arrays or numbers; what is given by keyword is handed to
    the vjps by keyword. Where no argument is a tensor the operation returns an array:
    this is how a vjp, written in operations, works on both.
    """

    def decorate(forward):
        @functools.wraps(forward)
        def operation(*inputs, **options):
            z = forward(*map(_raw, inputs), **options)
            if not any(isinstance(x, Tensor) for x in inputs):
                return z
            rules = [functools.partial(each, i) for i, _ in enumerate(inputs) if each]
            if joint:
                rules = [_Share(joint, i) for i, _ in enumerate(inputs)]
            return _record(Tensor.holding(z), rules or vjps, inputs, options)

        OPERATIONS[forward.__name__] = operation
        return operation

    return decorate


class _Share(NamedTuple):
    """The i-th of the gradients that `joint` returns together."""

    joint: Callable
    i: int


def _raw(x):
    """The array of a tensor; anything else as it is."""
    return x.data if isinstance(x, Tensor) else x


def _record(z, vjps, inputs, options):
    """Write on a result how it was computed, where a gradient may be asked for."""
    if _recording:
        z.parents = tuple(
            [
                (x, vjp)
                for x, vjp in zip(inputs, vjps, strict=False)
                if vjp and isinstance(x, Tensor) and x.requires_grad
            ]
        )
    if z.parents:
        z.requires_grad = True
        z.inputs, z.options = tuple([_keep(x) for x in inputs]), options
        z.arrays = tuple([_raw(x) for x in z.inputs])
    return z


def _keep(x):
    """What a node may keep of an argument: a copy of what its owner could change."""
    if isinstance(x, np.ndarray):
        return x if _frozen(x) else x.copy()
    if isinstance(x, tuple | list):
        return type(x)(map(_keep, x))
    return x


def _frozen(array):
    """Whether neither an array nor one that it is a view of can be written to."""
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return False
        array = array.base
    return array is None


def gradients(output, inputs, cotangent=None, create_graph=False):
    """The gradients of <cotangent, output> with respect to tensors, in a list.

    inputs        tensors that the output was computed from; where it does not depend
                  on one, that gradient is zero
    cotangent     of the shape of output; may be left out where that has one element
    create_graph  True: record how the gradients are computed, so that they can be
                  differentiated

    Returns tensors, and leaves every .grad as it is. Raises ValueError as `backward`
    does, and where a graph is created through a leaf that was assigned since.
    """
    start = _start(output, cotangent)
    found = {id(x): Tensor(np.zeros_like(x.data)) for x in inputs}
    for node, g in _sweep(output, start, create_graph):
        if id(node) in found:
            found[id(node)] = g if create_graph else Tensor.holding(g)
    return [found[id(x)] for x in inputs]


def _start(output, cotangent):
    """The gradient of <cotangent, output> with respect to the output, checked."""
    if not isinstance(output, Tensor) or not output.requires_grad:
        raise ValueError("nothing was recorded: the result depends on no parameter")
    if cotangent is None:
        if output.size != 1:
            raise ValueError(
                f"a result of shape {output.shape} has no gradient without a "
                "cotangent of that shape; only one with one element has"
            )
        return np.ones_like(output.data)
    cotangent = np.array(_raw(cotangent), dtype=output.dtype)
    if cotangent.shape != output.shape:
        raise ValueError(f"the cotangent must be {output.shape}, got {cotangent.shape}")
    return cotangent


def _sweep(output, start, create_graph=False):
    """Go from the output back to the leaves; yield each node with its gradient.

    A node comes after everything that was computed from it, so that its gradient is
    whole: the sum of what all of them handed back.
    """
    whole = {id(output): Tensor(start) if create_graph else start}
    for node in reversed(_topological(output)):
        g = whole.pop(id(node))
        yield node, g
        if not node.parents:
            continue
        if create_graph:
            _check_unassigned(node)
            z, arguments = node, node.inputs
        else:
            z, arguments = node.data, node.arrays
        together = None
        for parent, vjp in node.parents:
            if isinstance(vjp, _Share):
                together = together or vjp.joint(g, z, *arguments, **node.options)
                part = together[vjp.i]
            else:
                part = vjp(g, z, *arguments, **node.options)
            part = _conform(part, parent)
            before = whole.get(id(parent))
            whole[id(parent)] = part if before is None else before + part


def _topological(output):
    """Every node that the output depends on, each after its parents.

    Depth first with a stack of its own: recursion would end at a thousand operations.
    """
    order, seen, stack = [], set(), [(output, False)]
    while stack:
        node, parents_are_in = stack.pop()
        if parents_are_in:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent, _ in node.parents)
    return order


def _conform(gradient, parent):
    """Undo broadcasting, by summing what was repeated, and any change of dtype."""
    if gradient.shape != parent.shape:
        new = gradient.ndim - parent.ndim
        repeated = (
            new + axis
            for axis, size in enumerate(parent.shape)
            if size == 1 and gradient.shape[new + axis] != 1
        )
        gradient = gradient.sum((*range(new), *repeated)).reshape(parent.shape)
    if gradient.dtype != parent.dtype:
        gradient = gradient.astype(parent.dtype)
    return gradient


def _check_unassigned(node):
    """Refuse to record through a leaf whose value is no longer what was recorded."""
    for x, array in zip(node.inputs, node.arrays, strict=True):
        if isinstance(x, Tensor) and x.data is not array:
            raise ValueError(
                "a leaf was assigned after it was recorded; a derivative that is "
                "recorded too needs its value of then"
            )
