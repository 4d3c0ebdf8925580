"""The state of a model and of a run: out to arrays, and in from arrays."""

import keras

from largemodels.checkpoints import check_optimizer
from largemodels.parameters import check_names, from_wing, to_wing
from largemodels.tf.tensor import numpy


def load_parameters(model, named):
    """Give a model the values of a canonical dictionary of arrays.

    Values are rounded to the model's dtype. Raises ValueError, before anything is
    changed, that lists what is missing, unexpected or of another shape.
    """
    check_names({name: p.shape for name, p in read_parameters(model).items()}, named)
    for name, variable in named_variables(model):
        variable.assign(to_wing(name, named[name], "tf"))


def read_parameters(model):
    """A model's parameters as a canonical dictionary of new arrays."""
    return {
        name: from_wing(name, numpy(variable), "tf")
        for name, variable in named_variables(model)
    }


def named_variables(model):
    """Pairs of a canonical name, such as "layers.0.weight", and a variable, in order.

    The variables of all layers, trainable or not, named by the attributes and places
    in lists where they are found. A class whose attribute has another name than the
    canonical one says so: `canonical = {"linear_maps": "layers"}`.
    """
    return [(".".join(path), variable) for path, variable in _walk(model)]


def _walk(value, path=()):
    if isinstance(value, keras.Variable):
        yield path, value
    elif isinstance(value, keras.layers.Layer):
        renamed = getattr(value, "canonical", {})
        for name, part in vars(value).items():
            if not name.startswith("_"):  # Keras's own lists of the same variables
                yield from _walk(part, (*path, renamed.get(name, name)))
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield from _walk(part, (*path, str(i)))


class RunState:
    """What a checkpoint holds of a model and its optimizer.

    Beside the weights: the variables of the optimizer, and those of the model that have
    no canonical name, the seeds of its random layers among them.
    """

    def __init__(self, model, optimizer):
        self.model, self.optimizer = model, optimizer

    def weights(self):
        """The parameters by canonical name."""
        return read_parameters(self.model)

    def load_weights(self, named):
        """Take back what `weights` returned."""
        load_parameters(self.model, named)

    def read(self):
        """Everything else, as a structure of arrays and numbers."""
        return {
            "optimizer": type(self.optimizer).__name__,
            "state": [numpy(v) for v in self.optimizer.variables],
            "others": [numpy(v) for v in self._others()],
        }

    def load(self, saved):
        """Take back what `read` returned. Raises ValueError where it does not fit."""
        check_optimizer(self.optimizer, saved["optimizer"])
        for name, variables in (
            ("state", self.optimizer.variables),
            ("others", self._others()),
        ):
            ours = [tuple(v.shape) for v in variables]
            theirs = [array.shape for array in saved[name]]
            if ours != theirs:
                raise ValueError(f"variables must have shapes {ours}, got {theirs}")
            for variable, array in zip(variables, saved[name], strict=True):
                variable.assign(array)

    def _others(self):
        named = {id(v) for _, v in named_variables(self.model)}
        return [v for v in self.model.variables if id(v) not in named]
