"""The state of a model and of a run: out to arrays, and in from arrays."""

import numpy as np

from largemodels.checkpoints import check_optimizer
from largemodels.parameters import check_names, from_wing, to_wing
from largemodels.scratch.tensor import numpy


def load_parameters(model, named):
    """Give a model the values of a canonical dictionary of arrays.

    Values are rounded to the model's dtype. Raises ValueError, before anything is
    changed, that lists what is missing, unexpected or of another shape.
    """
    check_names({name: p.shape for name, p in read_parameters(model).items()}, named)
    for name, p in model.named_state():
        p.assign(to_wing(name, named[name], "scratch"))


def read_parameters(model):
    """A model's parameters as a canonical dictionary of new arrays."""
    return {
        name: from_wing(name, numpy(p), "scratch") for name, p in model.named_state()
    }


class RunState:
    """What a checkpoint holds of a model and its optimizer.

    Beside the weights: what the optimizer remembers, and the random generators
    (numpy.random.Generator) that are attributes of modules.
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
            "state": self.optimizer.state_dict(),
            "random": [g.bit_generator.state for g in self._generators()],
        }

    def load(self, saved):
        """Take back what `read` returned. Raises ValueError where it does not fit."""
        check_optimizer(self.optimizer, saved["optimizer"])
        self.optimizer.load_state_dict(saved["state"])
        for generator, state in zip(self._generators(), saved["random"], strict=True):
            generator.bit_generator.state = state

    def _generators(self):
        found = [
            value
            for module in self.model.modules()
            for value in vars(module).values()
            if isinstance(value, np.random.Generator)
        ]
        return list({id(g): g for g in found}.values())
