"""Optimizers: how a gradient changes a parameter, as torch.optim.Optimizer."""

import torch

from largemodels.validation import real_number

__all__ = ["GradientDescent", "Momentum"]


class GradientDescent(torch.optim.Optimizer):
    """w <- w - eta g.

    params         parameters w, or groups of them; their .grad is g, and one without
                   is left alone
    learning_rate  eta, at least 0; "lr" in param_groups, as torch's schedulers expect

    `step` calls a closure, where given, with gradients enabled, and returns its loss.
    Raises ValueError or TypeError where a rate is negative, no parameters are given or
    a gradient is sparse.
    """

    def __init__(self, params, learning_rate):
        rate = real_number("learning_rate", learning_rate, 0.0)
        super().__init__(params, {"lr": rate})

    @torch.no_grad()
    def step(self, closure=None):
        """Change every parameter that has a gradient."""
        loss = _call(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(_dense(p.grad), alpha=group["lr"])
        return loss


class Momentum(torch.optim.Optimizer):
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
        rate = real_number("learning_rate", learning_rate, 0.0)
        momentum = real_number("momentum", momentum, 0.0, 1.0, open_above=True)
        super().__init__(params, {"lr": rate, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        """Change every parameter that has a gradient, and its velocity."""
        loss = _call(closure)
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state[p]
                    if "velocity" not in state:
                        state["velocity"] = torch.zeros_like(p)
                    v = state["velocity"].mul_(group["momentum"]).add_(_dense(p.grad))
                    p.sub_(v, alpha=group["lr"])
        return loss


def _call(closure):
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def _dense(gradient):
    if gradient.layout != torch.strided:
        raise ValueError(f"gradients must be dense, got {gradient.layout}")
    return gradient
