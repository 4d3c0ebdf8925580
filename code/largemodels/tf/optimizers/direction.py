"""Optimizers with steps of a fixed size: Lion and Muon."""

import re

import keras
import tensorflow as tf

from largemodels.tf.optimizers.adaptive import adam, decay
from largemodels.tf.optimizers.base import Optimizer

# Of the polynomial a x + b x^3 + c x^5, and what keeps a zero matrix from 0 / 0.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
SMALL = 1e-7


@keras.saving.register_keras_serializable("largemodels")
class Lion(Optimizer):
    """Only the sign of a mean of gradients counts, and every weight moves by eta.

    w <- w - eta lambda w - eta sign(beta_1 m + (1 - beta_1) g)
    m <- beta_2 m + (1 - beta_2) g;   m = 0 at first

    learning_rate   eta, at least 0, or a schedule of Keras; may be set between steps
    beta_1, beta_2  at least 0 and below 1
    weight_decay    lambda, at least 0; not for variables that
                    `exclude_from_weight_decay` names
    kwargs          what every optimizer of Keras takes

    Raises ValueError or TypeError where an argument is wrong.

    Source: Chen et al. 2023 (arXiv 2302.06675), algorithm 2.
    """

    remembered = ("first_moment",)

    def __init__(
        self,
        learning_rate=1e-4,
        beta_1=0.9,
        beta_2=0.99,
        weight_decay=0.0,
        name="lion",
        **kwargs,
    ):
        options = {"beta_1": beta_1, "beta_2": beta_2, "weight_decay": weight_decay}
        super().__init__(learning_rate, name, options, **kwargs)

    def _apply_weight_decay(self, variables):
        """Keras's own, before every step: `update` does it."""

    def update(self, w, g, state, eta):
        """Change one variable and its moment."""
        m = state["first_moment"]
        decay(self, w, eta)
        w.assign_sub(eta * tf.sign(self.beta_1 * m + (1 - self.beta_1) * g))
        m.assign(self.beta_2 * m + (1 - self.beta_2) * g)


@keras.saving.register_keras_serializable("largemodels")
class Muon(Optimizer):
    """Momentum whose step is made orthogonal; AdamW for what is no matrix.

    v <- mu v + g;   w <- w - eta lambda w - 0.2 sqrt(max(n, m)) eta NS(g + mu v)

    NS is `orthogonal`: it sets all singular values near 1, so that every direction of
    an (n, m) matrix is learned at one speed. The factor gives the step the size of
    AdamW's, so that both share a rate and a decay.

    learning_rate   eta, at least 0, or a schedule of Keras; may be set between steps
    momentum        mu, at least 0 and below 1
    weight_decay    lambda, at least 0; not for variables that
                    `exclude_from_weight_decay` names
    rounds          of Newton and Schulz, at least 1
    beta_1, beta_2, eps, orthogonalize   of AdamW, and whether matrices go without it,
                    but for those that `exclude_from_orthogonalization` names
    kwargs          what every optimizer of Keras takes

    Raises ValueError or TypeError where an argument is wrong.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; the factor,
    Liu et al. 2025 (arXiv 2502.16982).
    Differs: keras.optimizers.Muon has v <- mu v + g too, but the AdamW of its own with
    "epsilon hat", and a decay of its own for it.
    """

    counted = True

    def __init__(
        self,
        learning_rate=0.001,
        momentum=0.95,
        weight_decay=0.1,
        rounds=5,
        beta_1=0.9,
        beta_2=0.999,
        eps=1e-8,
        orthogonalize=True,
        name="muon",
        **kwargs,
    ):
        options = {"momentum": momentum, "weight_decay": weight_decay}
        options |= {"beta_1": beta_1, "beta_2": beta_2, "eps": eps}
        super().__init__(
            learning_rate,
            name,
            {**options, "rounds": rounds, "orthogonalize": orthogonalize},
            **kwargs,
        )
        self._excluded = ([], ())

    def exclude_from_orthogonalization(self, var_list=None, var_names=None):
        """Have AdamW for these variables: for embeddings and the last layer.

        var_list   variables
        var_names  regular expressions; a variable is meant whose path has a match

        To be called before the optimizer is built, like exclude_from_weight_decay;
        raises ValueError after that.
        """
        if self.built:
            raise ValueError("exclude_from_orthogonalization comes before the building")
        self._excluded = ([id(v) for v in var_list or ()], tuple(var_names or ()))

    def names(self, variable):
        """A velocity for a matrix, AdamW's moments for anything else."""
        ids, patterns = self._excluded
        path = getattr(variable, "path", variable.name)
        excluded = id(variable) in ids or any(re.search(p, path) for p in patterns)
        if self.orthogonalize and len(variable.shape) == 2 and not excluded:
            return ("velocity",)
        return ("first_moment", "second_moment")

    def _apply_weight_decay(self, variables):
        """Keras's own, before every step: `update` does it."""

    def update(self, w, g, state, eta):
        """Change one variable and what is remembered of it."""
        decay(self, w, eta)
        if "velocity" not in state:
            return adam(self, w, g, state, eta)
        v, mu = state["velocity"], self.momentum
        v.assign(mu * v + g)
        size = 0.2 * max(w.shape) ** 0.5 * eta
        w.assign_sub(size * orthogonal(g + mu * v, self.rounds))
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
    x = x if wide else tf.transpose(x)
    x = x / (tf.norm(x) + SMALL)
    for _ in range(rounds):
        gram = tf.matmul(x, x, transpose_b=True)
        x = a * x + (b * gram + c * (gram @ gram)) @ x
    return x if wide else tf.transpose(x)
