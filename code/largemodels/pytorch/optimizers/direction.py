"""Optimizers with steps of a fixed size: Lion and Muon."""

import torch

from largemodels.pytorch.optimizers.adaptive import adam, decay
from largemodels.pytorch.optimizers.base import Optimizer

# Of the polynomial a x + b x^3 + c x^5, and what keeps a zero matrix from 0 / 0.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
SMALL = 1e-7


class Lion(Optimizer):
    """Only the sign of a mean of gradients counts, and every weight moves by eta.

    w <- w - eta lambda w - eta sign(beta_1 m + (1 - beta_1) g)
    m <- beta_2 m + (1 - beta_2) g;   m = 0 at first

    params          parameters w, or groups of them; their .grad is g, and one without
                    is left alone
    learning_rate   eta, at least 0; "lr" in param_groups, as torch's schedulers expect
    beta_1, beta_2  at least 0 and below 1
    weight_decay    lambda, at least 0

    Raises ValueError or TypeError where an argument is wrong or a gradient is sparse.

    Source: Chen et al. 2023 (arXiv 2302.06675), algorithm 2.
    """

    def __init__(
        self, params, learning_rate=1e-4, beta_1=0.9, beta_2=0.99, weight_decay=0.0
    ):
        super().__init__(
            params,
            learning_rate,
            beta_1=beta_1,
            beta_2=beta_2,
            weight_decay=weight_decay,
        )

    def start(self, p, group):
        """A moment of zero."""
        return {"first_moment": torch.zeros_like(p)}

    def update(self, w, g, state, group):
        """Change one parameter and its moment."""
        m, beta_1, beta_2 = state["first_moment"], group["beta_1"], group["beta_2"]
        decay(w, group)
        w.sub_(m.mul(beta_1).add_(g, alpha=1 - beta_1).sign_(), alpha=group["lr"])
        m.mul_(beta_2).add_(g, alpha=1 - beta_2)


class Muon(Optimizer):
    """Momentum whose step is made orthogonal; AdamW for what is no matrix.

    v <- mu v + g;   w <- w - eta lambda w - 0.2 sqrt(max(n, m)) eta NS(g + mu v)

    NS is `orthogonal`: it sets all singular values near 1, so that every direction of
    an (n, m) matrix is learned at one speed. The factor gives the step the size of
    AdamW's, so that both share a rate and a decay.

    params          parameters w, or groups of them; their .grad is g, and one without
                    is left alone. A group with "orthogonalize": False has AdamW for
                    all: for embeddings and the last layer
    learning_rate   eta, at least 0; "lr" in param_groups, as torch's schedulers expect
    momentum        mu, at least 0 and below 1
    weight_decay    lambda, at least 0
    rounds          of Newton and Schulz, at least 1
    beta_1, beta_2, eps, orthogonalize   of AdamW, and whether matrices go without it

    Raises ValueError or TypeError where an argument is wrong or a gradient is sparse.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; the factor,
    Liu et al. 2025 (arXiv 2502.16982).
    Differs: torch.optim.Muon computes NS in bfloat16 and takes matrices alone; its
    factor is sqrt(max(1, n / m)) unless adjust_lr_fn="match_rms_adamw".
    """

    def __init__(
        self,
        params,
        learning_rate=0.001,
        momentum=0.95,
        weight_decay=0.1,
        rounds=5,
        beta_1=0.9,
        beta_2=0.999,
        eps=1e-8,
        orthogonalize=True,
    ):
        super().__init__(
            params,
            learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
            rounds=rounds,
            beta_1=beta_1,
            beta_2=beta_2,
            eps=eps,
            orthogonalize=orthogonalize,
        )

    def start(self, p, group):
        """A velocity of zero for a matrix, AdamW's moments for anything else."""
        if group["orthogonalize"] and p.ndim == 2:
            return {"velocity": torch.zeros_like(p)}
        zeros = {k: torch.zeros_like(p) for k in ("first_moment", "second_moment")}
        return {"step": 0, **zeros}

    def update(self, w, g, state, group):
        """Change one parameter and what is remembered of it."""
        decay(w, group)
        if "velocity" not in state:
            return adam(w, g, state, group)
        v = state["velocity"].mul_(group["momentum"]).add_(g)
        size = 0.2 * max(w.shape) ** 0.5 * group["lr"]
        ahead = g.add(v, alpha=group["momentum"])
        w.sub_(orthogonal(ahead, group["rounds"]), alpha=size)
        return None


def orthogonal(x, rounds=5):
    """A matrix with the singular vectors of x, and singular values near 1.

    X <- X / (|X| + 1e-7);   X <- a X + (b A + c A^2) X with A = X X^T, repeatedly

    x: (n, m). The odd polynomial acts on every singular value by itself, and a, b, c
    are chosen for speed: after five rounds all that were above 0.002 of |X| lie between
    0.68 and 1.21.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon
    """
    a, b, c = COEFFICIENTS
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else x.T
    x = x / (torch.linalg.norm(x) + SMALL)
    for _ in range(rounds):
        gram = x @ x.T
        polynomial = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.addmm(x, polynomial, x, beta=a)
    return x if wide else x.T
