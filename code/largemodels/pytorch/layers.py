"""Layers: functions that own parameters, as torch.nn.Module."""

from itertools import pairwise

import torch
from torch import nn

from largemodels import checks
from largemodels.configs import MLPConfig
from largemodels.parameters import check_names, from_wing, initial_parameters, to_wing
from largemodels.pytorch.functional import ACTIVATIONS
from largemodels.pytorch.tensor import numpy, tensor

__all__ = ["MLP", "Linear", "load_parameters", "read_parameters"]


class Linear(nn.Module):
    """y = x W^T + b.

    x: (..., d_in); W = weight: (d_out, d_in); b = bias: (d_out,), or None; y:
    (..., d_out). Starts from `initial_parameters` (He et al. 2015) with the seed.
    Raises ValueError where x has another width; torch refuses another dtype.

    Differs: torch.nn.Linear, of the same layout, starts from a uniform distribution of
    a sixth of this variance, and its bias too.
    """

    def __init__(self, d_in, d_out, bias=True, dtype="float32", seed=0):
        super().__init__()
        config = MLPConfig(d_in=d_in, hidden=(), num_classes=d_out, bias=bias)
        initial = initial_parameters(config, seed, dtype=dtype)
        self.weight = nn.Parameter(tensor(initial["layers.0.weight"].T))
        self.bias = nn.Parameter(tensor(initial["layers.0.bias"])) if bias else None

    def forward(self, x):
        """(..., d_in) -> (..., d_out)."""
        checks.last_axis("the input", x.shape, self.weight.shape[1])
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


class MLP(nn.Module):
    """A multilayer perceptron, as its MLPConfig says.

    h_0 = x;   h_i = activation(h_{i-1} W_i^T + b_i);   logits = h_last W^T + b

    x: (..., d_in); logits: (..., num_classes). Starts from
    `initial_parameters(config, seed)`, equal in all wings.
    """

    def __init__(self, config, dtype="float32", seed=0):
        super().__init__()
        self.config = config
        self.activation = ACTIVATIONS[config.activation]
        self.layers = nn.ModuleList(
            Linear(d_in, d_out, config.bias, dtype)
            for d_in, d_out in pairwise(config.widths)
        )
        load_parameters(self, initial_parameters(config, seed))

    def forward(self, x):
        """(..., d_in) -> logits (..., num_classes)."""
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


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
