"""What all optimizers share: options that are checked, and what is remembered."""

import math

import keras
import tensorflow as tf

from largemodels.hyperparameters import checked


class Optimizer(keras.optimizers.Optimizer):
    """Changes variables, each by the rule that a subclass writes in `update`.

    learning_rate  at least 0, or a schedule of Keras
    options        what the subclass adds, by name: kept as attributes, and in
                   `get_config`
    kwargs         what every optimizer of Keras takes

    A sparse gradient is made dense, because what is remembered changes in every row.
    Raises ValueError or TypeError where an option is wrong.
    """

    remembered = ()  # names of arrays that are kept beside each variable
    counted = False  # whether the updates of each variable are counted

    def __init__(self, learning_rate, name, options=None, **kwargs):
        if not isinstance(
            learning_rate, keras.optimizers.schedules.LearningRateSchedule
        ):
            learning_rate = checked({"learning_rate": learning_rate})["learning_rate"]
        super().__init__(learning_rate, name=name, **kwargs)
        self._options = checked(options or {})
        for key, value in self._options.items():
            setattr(self, key, value)

    def build(self, variables):
        """Create what is remembered of each variable: zeros."""
        if self.built:
            return
        super().build(variables)
        self._memory = [
            {
                name: self.add_variable_from_reference(variable, name)
                for name in self.names(variable)
            }
            for variable in variables
        ]
        self._counts = [
            self.add_variable((), dtype="int64", name=f"updates_{i}")
            for i in range(len(variables) if self.counted else 0)
        ]

    def names(self, variable):
        """What is remembered of this variable."""
        return self.remembered

    def update_step(self, gradient, variable, learning_rate):
        """Change one variable and what is remembered of it."""
        i = self._get_variable_index(variable)
        state = dict(self._memory[i])
        if self.counted:
            self._counts[i].assign_add(1)
            state["step"] = self._counts[i]
        gradient = tf.cast(tf.convert_to_tensor(gradient), variable.dtype)
        self.update(variable, gradient, state, tf.cast(learning_rate, variable.dtype))

    def update(self, w, g, state, eta):
        """Change w, and variables in state, by assignment."""
        raise NotImplementedError

    def get_config(self):
        """The arguments that make this optimizer again."""
        return {**super().get_config(), **self._options}


def correction(beta, t, dtype):
    """1 - beta^t, exact to the last digits in any dtype: -expm1(t ln beta)."""
    if beta == 0:
        return tf.ones((), dtype)
    t = tf.cast(tf.convert_to_tensor(t), dtype)
    return -tf.math.expm1(t * tf.constant(math.log(beta), dtype))
