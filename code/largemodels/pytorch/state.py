"""The state of a model and of a run: out to arrays, and in from arrays."""

import numpy as np
import torch

from largemodels.checkpoints import check_optimizer
from largemodels.parameters import check_names, from_wing, to_wing
from largemodels.pytorch.tensor import numpy, tensor
from largemodels.structures import map_structure


@torch.no_grad()
def load_parameters(model, named):
    """Give a model the values of a canonical dictionary of arrays.

    Values are rounded to the model's dtype. Raises ValueError, before anything is
    changed, that lists what is missing, unexpected or of another shape.
    """
    check_names({name: p.shape for name, p in read_parameters(model).items()}, named)
    for name, p in model.state_dict(keep_vars=True).items():
        p.copy_(tensor(to_wing(name, named[name], "pytorch")))


def read_parameters(model):
    """A model's parameters as a canonical dictionary of new arrays."""
    return {
        name: from_wing(name, numpy(p), "pytorch")
        for name, p in model.state_dict(keep_vars=True).items()
    }


class RunState:
    """What a checkpoint holds of a model, its optimizer and its gradient scaler.

    Beside the weights: what they remember, and the state of torch's generators, of the
    CPU and of every CUDA device.
    """

    def __init__(self, model, optimizer, scaler):
        self.model, self.optimizer, self.scaler = model, optimizer, scaler

    def weights(self):
        """The parameters by canonical name."""
        return read_parameters(self.model)

    def load_weights(self, named):
        """Take back what `weights` returned."""
        load_parameters(self.model, named)

    def read(self):
        """Everything else, as a structure of arrays and numbers."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {
            "optimizer": type(self.optimizer).__name__,
            "state": map_structure(_array, self.optimizer.state_dict()),
            "scaler": map_structure(_array, self.scaler.state_dict()),
            "random": [numpy(state) for state in (torch.get_rng_state(), *cuda)],
        }

    def load(self, saved):
        """Take back what `read` returned. Raises ValueError where it does not fit."""
        check_optimizer(self.optimizer, saved["optimizer"])
        self.optimizer.load_state_dict(map_structure(_tensor, saved["state"]))
        self.scaler.load_state_dict(saved["scaler"])
        cpu, *cuda = map(_tensor, saved["random"])
        torch.set_rng_state(cpu)
        if torch.cuda.is_available() and len(cuda) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(cuda)


def _array(x):
    return numpy(x) if isinstance(x, torch.Tensor) else x


def _tensor(x):
    return tensor(x) if isinstance(x, np.ndarray) else x
