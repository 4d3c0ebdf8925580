"""Gradient descent, and its two kinds of momentum."""

import numpy as np

from largemodels.scratch.optimizers.base import Optimizer


class GradientDescent(Optimizer):
    """w <- w - eta g.

    params         the parameters w, or groups of them; their .grad is g, and one
                   without is left alone
    learning_rate  eta, at least 0; may be set between steps

    Raises ValueError or TypeError where a rate is negative or no parameters are given.
    """

    def __init__(self, params, learning_rate):
        super().__init__(params, learning_rate=learning_rate)

    def update(self, w, g, state, group):
        """Change one parameter."""
        w -= group["learning_rate"] * g


class Momentum(Optimizer):
    """v <- mu v + g;   w <- w - eta v;   v = 0 at first.

    params         the parameters w, or groups of them; their .grad is g, and one
                   without is left alone
    learning_rate  eta, at least 0; may be set between steps
    momentum       mu, at least 0 and below 1

    Raises ValueError or TypeError where an argument is wrong.

    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration
    methods", doi 10.1016/0041-5553(64)90137-5.
    Differs: Sutskever et al. 2013 and Keras keep v <- mu v - eta g and w <- w + v: the
    same while eta is constant; where it changes, old gradients keep their old rate.
    """

    def __init__(self, params, learning_rate, momentum=0.9):
        super().__init__(params, learning_rate=learning_rate, momentum=momentum)

    def start(self, p, group):
        """A velocity of zero."""
        return {"velocity": np.zeros(p.shape, p.dtype)}

    def update(self, w, g, state, group):
        """Change one parameter and its velocity."""
        v = state["velocity"]
        v *= group["momentum"]
        v += g
        w -= group["learning_rate"] * v


class Nesterov(Momentum):
    """v <- mu v + g;   w <- w - eta (g + mu v);   v = 0 at first.

    Momentum that looks ahead: the step is the one that the next update of the velocity
    would make if the gradient stayed. Arguments and errors are those of Momentum.

    Source: Nesterov 1983, "A method of solving a convex programming problem with
    convergence rate O(1/k^2)"; as momentum, Sutskever et al. 2013.
    Differs: Sutskever et al. take the gradient at w + mu v; here w is that point, as in
    torch.optim.SGD(nesterov=True). Keras folds the rate into the velocity.
    """

    def update(self, w, g, state, group):
        """Change one parameter and its velocity."""
        v, mu = state["velocity"], group["momentum"]
        v *= mu
        v += g
        w -= group["learning_rate"] * (g + mu * v)
