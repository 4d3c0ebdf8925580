"""Optimizers: how a gradient changes a parameter, as keras.optimizers.Optimizer.

They work in `model.compile(optimizer=...)` and by `apply(gradients, variables)`. Keras
keeps the learning rate in its floatx, float32 unless set: for float64 to the last digit
call keras.config.set_floatx("float64") before one is made.
"""

import keras
import tensorflow as tf

from largemodels.validation import real_number

__all__ = ["GradientDescent", "Momentum"]


@keras.saving.register_keras_serializable("largemodels")
class GradientDescent(keras.optimizers.Optimizer):
    """w <- w - eta g.

    learning_rate  eta, at least 0, or a schedule of Keras; may be set between steps
    kwargs         what every optimizer of Keras takes

    Raises ValueError or TypeError where the rate is negative or no number.
    """

    def __init__(self, learning_rate, name="gradient_descent", **kwargs):
        super().__init__(_rate(learning_rate), name=name, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        """Change one variable."""
        eta = tf.cast(learning_rate, variable.dtype)
        variable.assign_sub(eta * gradient)


@keras.saving.register_keras_serializable("largemodels")
class Momentum(keras.optimizers.Optimizer):
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

    def __init__(self, learning_rate, momentum=0.9, name="momentum", **kwargs):
        super().__init__(_rate(learning_rate), name=name, **kwargs)
        self.momentum = real_number("momentum", momentum, 0.0, 1.0, open_above=True)

    def build(self, variables):
        """Create a velocity for each variable."""
        if not self.built:
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        """Change one variable and its velocity."""
        v = self.velocities[self._get_variable_index(variable)]
        v.assign(self.momentum * v + gradient)
        eta = tf.cast(learning_rate, variable.dtype)
        variable.assign_sub(eta * v)

    def get_config(self):
        """The arguments that make this optimizer again."""
        return {**super().get_config(), "momentum": self.momentum}


def _rate(learning_rate):
    if isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        return learning_rate
    return real_number("learning_rate", learning_rate, 0.0)
