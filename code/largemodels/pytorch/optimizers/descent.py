"""Gradient descent, and its two kinds of momentum."""

import torch

from largemodels.pytorch.optimizers.base import Optimizer


class GradientDescent(Optimizer):
    """w <- w - eta g.

    params         parameters w, or groups of them; their .grad is g, and one without
                   is left alone
    learning_rate  eta, at least 0; "lr" in param_groups, as torch's schedulers expect

    `step` calls a closure, where given, with gradients enabled, and returns its loss.
    Raises ValueError or TypeError where a rate is negative, no parameters are given or
    a gradient is sparse.
    """

    def __init__(self, params, learning_rate):
        super().__init__(params, learning_rate)

    def update(self, w, g, state, group):
        """Change one parameter."""
        w.sub_(g, alpha=group["lr"])


class Momentum(Optimizer):
    """v <- mu v + g;   w <- w - eta v;   v = 0 at first.

    params         parameters w, or groups of them; their .grad is g, and one without
                   is left alone
    learning_rate  eta, at least 0; "lr" in param_groups, as torch's schedulers expect
    momentum       mu, at least 0 and below 1; "momentum" in param_groups

    `step` calls a closure, where given, with gradients enabled, and returns its loss.
    Raises ValueError or TypeError where an argument is wrong or a gradient is sparse.

    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration
    methods", doi 10.1016/0041-5553(64)90137-5.
    Differs: Sutskever et al. 2013 and Keras keep v <- mu v - eta g and w <- w + v: the
    same while eta is constant; where it changes, old gradients keep their old rate.
    torch.optim.SGD(params, lr, momentum) is this one, to the last bit.
    """

    def __init__(self, params, learning_rate, momentum=0.9):
        super().__init__(params, learning_rate, momentum=momentum)

    def start(self, p, group):
        """A velocity of zero."""
        return {"velocity": torch.zeros_like(p)}

    def update(self, w, g, state, group):
        """Change one parameter and its velocity."""
        v = state["velocity"].mul_(group["momentum"]).add_(g)
        w.sub_(v, alpha=group["lr"])


class Nesterov(Momentum):
    """v <- mu v + g;   w <- w - eta (g + mu v);   v = 0 at first.

    Momentum that looks ahead: the step is the one that the next update of the velocity
    would make if the gradient stayed. Arguments and errors are those of Momentum.

    Source: Nesterov 1983, "A method of solving a convex programming problem with
    convergence rate O(1/k^2)"; as momentum, Sutskever et al. 2013.
    Differs: Sutskever et al. take the gradient at w + mu v; here w is that point.
    torch.optim.SGD(params, lr, momentum, nesterov=True) is this one, to the last bit.
    """

    def update(self, w, g, state, group):
        """Change one parameter and its velocity."""
        v = state["velocity"].mul_(group["momentum"]).add_(g)
        w.sub_(g.add(v, alpha=group["momentum"]), alpha=group["lr"])
