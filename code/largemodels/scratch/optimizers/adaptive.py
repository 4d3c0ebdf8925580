"""Optimizers that give every weight a rate of its own: AdaGrad to AdamW."""

import numpy as np

from largemodels.scratch.optimizers.base import Optimizer


class AdaGrad(Optimizer):
    """s <- s + g^2;   w <- w - eta g / (sqrt(s) + eps);   s = 0 at first.

    params         the parameters w, or groups of them; their .grad is g, and one
                   without is left alone
    learning_rate  eta, at least 0; may be set between steps
    eps            at least 0, outside the root

    Raises ValueError or TypeError where an argument is wrong.

    Source: Duchi, Hazan and Singer 2011, "Adaptive subgradient methods for online
    learning and stochastic optimization", JMLR 12 (the diagonal form).
    Differs: Keras has eps inside the root, sqrt(s + eps), and starts from s = 0.1.
    """

    def __init__(self, params, learning_rate=0.01, eps=1e-10):
        super().__init__(params, learning_rate=learning_rate, eps=eps)

    def start(self, p, group):
        """A sum of zero."""
        return {"sum": np.zeros(p.shape, p.dtype)}

    def update(self, w, g, state, group):
        """Change one parameter and its sum of squares."""
        s = state["sum"]
        s += g * g
        w -= group["learning_rate"] * g / (np.sqrt(s) + group["eps"])


class RMSProp(Optimizer):
    """v <- beta_2 v + (1 - beta_2) g^2;   w <- w - eta g / (sqrt(v) + eps).

    params         the parameters w, or groups of them; their .grad is g, and one
                   without is left alone
    learning_rate  eta, at least 0; may be set between steps
    beta_2         at least 0 and below 1; v = 0 at first
    eps            at least 0, outside the root

    Raises ValueError or TypeError where an argument is wrong.

    Source: Tieleman and Hinton 2012, "Neural Networks for Machine Learning", lecture
    6e, slide 29.
    Differs: beta_2 is alpha in torch, 0.99 by default there, and rho in Keras, which
    has eps inside the root: its 1e-7 acts like 3e-4 outside.
    """

    def __init__(self, params, learning_rate=0.001, beta_2=0.9, eps=1e-8):
        super().__init__(params, learning_rate=learning_rate, beta_2=beta_2, eps=eps)

    def start(self, p, group):
        """A mean square of zero."""
        return {"second_moment": np.zeros(p.shape, p.dtype)}

    def update(self, w, g, state, group):
        """Change one parameter and its mean square."""
        v, beta_2 = state["second_moment"], group["beta_2"]
        v *= beta_2
        v += (1 - beta_2) * g * g
        w -= group["learning_rate"] * g / (np.sqrt(v) + group["eps"])


class Adam(Optimizer):
    """The mean of the gradients over the root of the mean of their squares.

    m <- beta_1 m + (1 - beta_1) g;   v <- beta_2 v + (1 - beta_2) g^2
    w <- w - eta m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + eps);   m = v = 0

    t counts the updates of this parameter from 1 on: the mean of t gradients that
    starts at zero is too small by 1 - beta^t.

    params          the parameters w, or groups of them; their .grad is g, and one
                    without is left alone
    learning_rate   eta, at least 0; may be set between steps
    beta_1, beta_2  at least 0 and below 1
    eps             at least 0, outside the root
    weight_decay    lambda >= 0 of a penalty lambda |w|^2 / 2: g <- g + lambda w first,
                    so that it is rescaled as the gradient is

    Raises ValueError or TypeError where an argument is wrong.

    Source: Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1.
    Differs: Keras computes the form before section 2.1 of the paper, where eps is
    compared with the root of v without its correction ("epsilon hat").
    """

    def __init__(
        self,
        params,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        eps=1e-8,
        weight_decay=0.0,
    ):
        super().__init__(
            params,
            learning_rate=learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            eps=eps,
            weight_decay=weight_decay,
        )

    def start(self, p, group):
        """Two moments of zero, and no update made."""
        return {
            "step": 0,
            "first_moment": np.zeros(p.shape, p.dtype),
            "second_moment": np.zeros(p.shape, p.dtype),
        }

    def update(self, w, g, state, group):
        """Change one parameter and its moments."""
        if group["weight_decay"]:
            g = g + group["weight_decay"] * w
        adam(w, g, state, group)


def adam(w, g, state, group):
    """Adam's update of w and of the moments, without any decay."""
    m, v, t = state["first_moment"], state["second_moment"], state["step"]
    beta_1, beta_2 = group["beta_1"], group["beta_2"]
    m *= beta_1
    m += (1 - beta_1) * g
    v *= beta_2
    v += (1 - beta_2) * g * g
    root = np.sqrt(v)
    root /= (1 - beta_2**t) ** 0.5
    root += group["eps"]
    w -= group["learning_rate"] / (1 - beta_1**t) * m / root


class AdamW(Adam):
    """Adam with weight decay beside the gradient: w <- w - eta lambda w, then Adam.

    The decay is not divided by the root of the second moment: every weight shrinks by
    the same share. Arguments and errors are those of Adam, with weight_decay = lambda.

    Source: Loshchilov and Hutter 2019 (arXiv 1711.05101), algorithm 2.
    Differs: the paper's decay is lambda times the schedule without the rate alpha; here
    it is eta lambda, as in torch and Keras, whose defaults are 0.01 and 0.004.
    """

    def __init__(
        self,
        params,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        eps=1e-8,
        weight_decay=0.01,
    ):
        super().__init__(params, learning_rate, beta_1, beta_2, eps, weight_decay)

    def update(self, w, g, state, group):
        """Change one parameter and its moments."""
        decay(w, group)
        adam(w, g, state, group)


def decay(w, group):
    """Decoupled weight decay: w <- w - eta lambda w."""
    if group["weight_decay"]:
        w *= 1 - group["learning_rate"] * group["weight_decay"]
