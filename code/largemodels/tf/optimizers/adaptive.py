"""Optimizers that give every weight a rate of its own: AdaGrad to AdamW."""

import keras
import tensorflow as tf

from largemodels.tf.optimizers.base import Optimizer, correction


@keras.saving.register_keras_serializable("largemodels")
class AdaGrad(Optimizer):
    """s <- s + g^2;   w <- w - eta g / (sqrt(s) + eps);   s = 0 at first.

    learning_rate  eta, at least 0, or a schedule of Keras; may be set between steps
    eps            at least 0, outside the root
    kwargs         what every optimizer of Keras takes

    Raises ValueError or TypeError where an argument is wrong.

    Source: Duchi, Hazan and Singer 2011, "Adaptive subgradient methods for online
    learning and stochastic optimization", JMLR 12 (the diagonal form).
    Differs: Keras has eps inside the root, sqrt(s + eps), and starts from s = 0.1.
    """

    remembered = ("sum",)

    def __init__(self, learning_rate=0.01, eps=1e-10, name="adagrad", **kwargs):
        super().__init__(learning_rate, name, {"eps": eps}, **kwargs)

    def update(self, w, g, state, eta):
        """Change one variable and its sum of squares."""
        s = state["sum"]
        s.assign_add(g * g)
        w.assign_sub(eta * g / (tf.sqrt(s) + self.eps))


@keras.saving.register_keras_serializable("largemodels")
class RMSProp(Optimizer):
    """v <- beta_2 v + (1 - beta_2) g^2;   w <- w - eta g / (sqrt(v) + eps).

    learning_rate  eta, at least 0, or a schedule of Keras; may be set between steps
    beta_2         at least 0 and below 1; v = 0 at first
    eps            at least 0, outside the root
    kwargs         what every optimizer of Keras takes

    Raises ValueError or TypeError where an argument is wrong.

    Source: Tieleman and Hinton 2012, "Neural Networks for Machine Learning", lecture
    6e, slide 29.
    Differs: beta_2 is alpha in torch, 0.99 by default there, and rho in Keras, which
    has eps inside the root: its 1e-7 acts like 3e-4 outside.
    """

    remembered = ("second_moment",)

    def __init__(
        self, learning_rate=0.001, beta_2=0.9, eps=1e-8, name="rmsprop", **kwargs
    ):
        super().__init__(learning_rate, name, {"beta_2": beta_2, "eps": eps}, **kwargs)

    def update(self, w, g, state, eta):
        """Change one variable and its mean square."""
        v = state["second_moment"]
        v.assign(self.beta_2 * v + (1 - self.beta_2) * g * g)
        w.assign_sub(eta * g / (tf.sqrt(v) + self.eps))


@keras.saving.register_keras_serializable("largemodels")
class Adam(Optimizer):
    """The mean of the gradients over the root of the mean of their squares.

    m <- beta_1 m + (1 - beta_1) g;   v <- beta_2 v + (1 - beta_2) g^2
    w <- w - eta m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + eps);   m = v = 0

    t counts the updates of this variable from 1 on: the mean of t gradients that starts
    at zero is too small by 1 - beta^t.

    learning_rate   eta, at least 0, or a schedule of Keras; may be set between steps
    beta_1, beta_2  at least 0 and below 1
    eps             at least 0, outside the root
    weight_decay    lambda >= 0 of a penalty lambda |w|^2 / 2: g <- g + lambda w first,
                    so that it is rescaled as the gradient is; not for variables that
                    `exclude_from_weight_decay` names
    kwargs          what every optimizer of Keras takes

    Raises ValueError or TypeError where an argument is wrong.

    Source: Kingma and Ba 2015 (arXiv 1412.6980), algorithm 1.
    Differs: keras.optimizers.Adam computes the form before section 2.1 of the paper,
    where eps is compared with the root of v without its correction ("epsilon hat"); its
    weight_decay is that of AdamW.
    """

    remembered = ("first_moment", "second_moment")
    counted = True

    def __init__(
        self,
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        eps=1e-8,
        weight_decay=0.0,
        name="adam",
        **kwargs,
    ):
        options = {"beta_1": beta_1, "beta_2": beta_2, "eps": eps}
        options["weight_decay"] = weight_decay
        super().__init__(learning_rate, name, options, **kwargs)

    def _apply_weight_decay(self, variables):
        """Keras's own, before every step, is that of AdamW."""

    def update(self, w, g, state, eta):
        """Change one variable and its moments."""
        if self.weight_decay and self._use_weight_decay(w):
            g += self.weight_decay * w
        adam(self, w, g, state, eta)


def adam(options, w, g, state, eta):
    """Adam's update of w and of the moments, without any decay."""
    m, v, t = state["first_moment"], state["second_moment"], state["step"]
    beta_1, beta_2 = options.beta_1, options.beta_2
    m.assign(beta_1 * m + (1 - beta_1) * g)
    v.assign(beta_2 * v + (1 - beta_2) * g * g)
    root = tf.sqrt(v) / tf.sqrt(correction(beta_2, t, w.dtype)) + options.eps
    w.assign_sub(eta / correction(beta_1, t, w.dtype) * m / root)


@keras.saving.register_keras_serializable("largemodels")
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
        learning_rate=0.001,
        beta_1=0.9,
        beta_2=0.999,
        eps=1e-8,
        weight_decay=0.01,
        name="adamw",
        **kwargs,
    ):
        super().__init__(
            learning_rate, beta_1, beta_2, eps, weight_decay, name, **kwargs
        )

    def update(self, w, g, state, eta):
        """Change one variable and its moments."""
        decay(self, w, eta)
        adam(self, w, g, state, eta)


def decay(options, w, eta):
    """Decoupled weight decay: w <- w - eta lambda w, but for what is excluded."""
    if options.weight_decay and options._use_weight_decay(w):
        w.assign_sub(eta * options.weight_decay * w)
