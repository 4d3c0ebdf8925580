"""Gradient descent, and its two kinds of momentum."""

import keras

from largemodels.tf.optimizers.base import Optimizer


@keras.saving.register_keras_serializable("largemodels")
class GradientDescent(Optimizer):
    """w <- w - eta g.

    learning_rate  eta, at least 0, or a schedule of Keras; may be set between steps
    kwargs         what every optimizer of Keras takes

    Raises ValueError or TypeError where the rate is negative or no number.
    """

    def __init__(self, learning_rate, name="gradient_descent", **kwargs):
        super().__init__(learning_rate, name, **kwargs)

    def update(self, w, g, state, eta):
        """Change one variable."""
        w.assign_sub(eta * g)


@keras.saving.register_keras_serializable("largemodels")
class Momentum(Optimizer):
    """v <- mu v + g;   w <- w - eta v;   v = 0 at first.

    learning_rate  eta, at least 0, or a schedule of Keras; may be set between steps
    momentum       mu, at least 0 and below 1
    kwargs         what every optimizer of Keras takes

    A sparse gradient is made dense, because every row of v moves in every step. Raises
    ValueError or TypeError where an argument is wrong.

    Source: Polyak 1964, "Some methods of speeding up the convergence of iteration
    methods", doi 10.1016/0041-5553(64)90137-5.
    Differs: Sutskever et al. 2013 and Keras keep v <- mu v - eta g and w <- w + v: the
    same while eta is constant; where it changes, old gradients keep their old rate.
    """

    remembered = ("velocity",)

    def __init__(self, learning_rate, momentum=0.9, name="momentum", **kwargs):
        super().__init__(learning_rate, name, {"momentum": momentum}, **kwargs)

    def update(self, w, g, state, eta):
        """Change one variable and its velocity."""
        v = state["velocity"]
        v.assign(self.momentum * v + g)
        w.assign_sub(eta * v)


@keras.saving.register_keras_serializable("largemodels")
class Nesterov(Momentum):
    """v <- mu v + g;   w <- w - eta (g + mu v);   v = 0 at first.

    Momentum that looks ahead: the step is the one that the next update of the velocity
    would make if the gradient stayed. Arguments and errors are those of Momentum.

    Source: Nesterov 1983, "A method of solving a convex programming problem with
    convergence rate O(1/k^2)"; as momentum, Sutskever et al. 2013.
    Differs: Sutskever et al. take the gradient at w + mu v; here w is that point, as in
    torch.optim.SGD(nesterov=True). Keras folds the rate into the velocity.
    """

    def __init__(self, learning_rate, momentum=0.9, name="nesterov", **kwargs):
        super().__init__(learning_rate, momentum, name, **kwargs)

    def update(self, w, g, state, eta):
        """Change one variable and its velocity."""
        v = state["velocity"]
        v.assign(self.momentum * v + g)
        w.assign_sub(eta * (g + self.momentum * v))
