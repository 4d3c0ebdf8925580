"""Backpropagation for single numbers: an engine that can be read in one sitting.

An operation remembers the numbers that it was given and, for each, the derivative of
its result with respect to it. The chain rule then needs only products and sums.
"""

import math


class Value:
    """A number in a computation, and the derivative of the result with respect to it.

    data     the number
    grad     of what `backward` was called on, with respect to this one
    parents  (number that this one was computed from, local derivative) pairs
    """

    __slots__ = ("data", "grad", "parents")

    def __init__(self, data, parents=()):
        self.data = data
        self.grad = 0.0
        self.parents = parents

    def backward(self):
        """Find the derivative of this number with respect to all it was computed from.

        A number passes its own on, times the local one, when all its uses have added
        theirs. What was computed begins at 0; what was given sums over calls.
        """
        uses, stack = {}, [self]
        while stack:
            for parent, _ in stack.pop().parents:
                if parent not in uses:
                    uses[parent] = 0
                    stack.append(parent)
                    if parent.parents:
                        parent.grad = 0.0
                uses[parent] += 1
        self.grad = 1.0
        stack.append(self)
        while stack:
            value = stack.pop()
            for parent, slope in value.parents:
                parent.grad += slope * value.grad
                uses[parent] -= 1
                if not uses[parent]:
                    stack.append(parent)

    def __add__(self, other):
        if isinstance(other, Value):
            return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))
        return Value(self.data + other, ((self, 1.0),))

    def __mul__(self, other):
        if isinstance(other, Value):
            parents = (self, other.data), (other, self.data)
            return Value(self.data * other.data, parents)
        return Value(self.data * other, ((self, other),))

    def __pow__(self, p):
        slope = p * self.data ** (p - 1) if p else 0.0
        return Value(self.data**p, ((self, slope),))

    def exp(self):
        """e^x, which is its own derivative."""
        return Value(z := math.exp(self.data), ((self, z),))

    def log(self):
        """The natural logarithm of x, with derivative 1 / x."""
        return Value(math.log(self.data), ((self, 1 / self.data),))

    def tanh(self):
        """The hyperbolic tangent z, with derivative 1 - z^2."""
        return Value(z := math.tanh(self.data), ((self, 1 - z * z),))

    def relu(self):
        """max(x, 0), with derivative 1 above 0, and 0 below and at 0."""
        slope = 1.0 if self.data > 0 else 0.0
        return Value(self.data if slope else 0.0, ((self, slope),))

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -other

    def __truediv__(self, other):
        return self * other**-1

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other

    __radd__, __rmul__ = __add__, __mul__

    def __repr__(self):
        return f"Value({self.data:g}, grad={self.grad:g})"
