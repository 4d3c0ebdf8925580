"""Optimizers: how a gradient changes a parameter."""

import numpy as np

from largemodels.scratch.engine import Tensor
from largemodels.validation import real_number

__all__ = ["GradientDescent", "Momentum"]


class GradientDescent:
    """w <- w - eta g.

    params         the parameters w; their .grad is g, and one without is left alone
    learning_rate  eta, at least 0; may be set between steps

    Raises ValueError or TypeError where a rate is negative or no parameters are given.
    """

    def __init__(self, params, learning_rate):
        self.params = list(params)
        if not self.params or not all(isinstance(p, Tensor) for p in self.params):
            raise TypeError(f"params must be tensors, at least one, got {params!r}")
        self.learning_rate = real_number("learning_rate", learning_rate, 0.0)

    def zero_grad(self):
        """Forget the gradients."""
        for p in self.params:
            p.grad = None

    def step(self):
        """Change every parameter that has a gradient."""
        for p in self.params:
            if p.grad is not None:
                p.assign(p.data - self.learning_rate * p.grad)


class Momentum(GradientDescent):
    """v <- mu v + g;   w <- w - eta v;   v = 0 at first.

    params         the parameters w; their .grad is g, and one without is left alone
    learning_rate  eta, at least 0; may be set between steps
    momentum       mu, at least 0 and below 1

    Raises ValueError or TypeError where an argument is wrong.

    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration
    methods", doi 10.1016/0041-5553(64)90137-5.
    Differs: Sutskever et al. 2013 and Keras keep v <- mu v - eta g and w <- w + v: the
    same while eta is constant; where it changes, old gradients keep their old rate.
    """

    def __init__(self, params, learning_rate, momentum=0.9):
        super().__init__(params, learning_rate)
        self.momentum = real_number("momentum", momentum, 0.0, 1.0, open_above=True)
        self.velocities = [np.zeros_like(p.data) for p in self.params]

    def step(self):
        """Change every parameter that has a gradient, and its velocity."""
        for i, p in enumerate(self.params):
            if p.grad is not None:
                self.velocities[i] = self.momentum * self.velocities[i] + p.grad
                p.assign(p.data - self.learning_rate * self.velocities[i])
