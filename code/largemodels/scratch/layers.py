"""Layers: functions that own parameters."""

from itertools import pairwise

from largemodels import checks
from largemodels.configs import MLPConfig
from largemodels.parameters import check_names, from_wing, initial_parameters, to_wing
from largemodels.scratch.engine import Tensor
from largemodels.scratch.functional import ACTIVATIONS
from largemodels.scratch.tensor import numpy, parameter

__all__ = ["MLP", "Linear", "load_parameters", "read_parameters"]


class Module:
    """Something with parameters: its own tensors, and those of modules it has.

    They are found among the attributes, and in lists there. `training` says whether
    the model is being trained, for layers that behave differently then.
    """

    training = True

    def __call__(self, *args):
        return self.forward(*args)

    def named_parameters(self):
        """Pairs of a name, such as "layers.0.weight", and a tensor, in order."""
        return [
            (".".join(path), value)
            for path, value in _walk(self)
            if isinstance(value, Tensor) and value.requires_grad
        ]

    def named_state(self):
        """All tensors that a model is saved with: parameters, and running statistics.

        A layer keeps a statistic as an attribute that is a constant tensor.
        """
        return [
            (".".join(path), value)
            for path, value in _walk(self)
            if isinstance(value, Tensor)
        ]

    def parameters(self):
        """All parameters, each once."""
        return list({id(p): p for _, p in self.named_parameters()}.values())

    def modules(self):
        """This module and all below it."""
        return [value for _, value in _walk(self) if isinstance(value, Module)]

    def train(self, mode=True):
        """Set `training` here and below. Returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        """Say that the model is being used, not trained. Returns the module."""
        return self.train(False)


def _walk(value, path=()):
    """Pairs of a path and a value, for the value itself and all that it has."""
    yield path, value
    if isinstance(value, Module):
        parts = vars(value).items()
    elif isinstance(value, list):
        parts = enumerate(value)
    else:
        return
    for name, part in parts:
        yield from _walk(part, (*path, str(name)))


class Linear(Module):
    """y = x W + b.

    x: (..., d_in); W = weight: (d_in, d_out); b = bias: (d_out,), or None; y:
    (..., d_out). Starts from `initial_parameters` (He et al. 2015) with the seed.
    Raises ValueError or TypeError where x has another width or dtype than W.

    Differs: torch keeps W transposed, and NumPy alone would turn a float64 input and
    float32 weights into a float64 output.
    """

    def __init__(self, d_in, d_out, bias=True, dtype="float32", seed=0):
        config = MLPConfig(d_in=d_in, hidden=(), num_classes=d_out, bias=bias)
        initial = initial_parameters(config, seed, dtype=dtype)
        self.weight = parameter(initial["layers.0.weight"])
        self.bias = parameter(initial["layers.0.bias"]) if bias else None

    def forward(self, x):
        """(..., d_in) -> (..., d_out)."""
        checks.last_axis("the input", x.shape, self.weight.shape[0])
        checks.same_dtype("the input", x.dtype, "the weight", self.weight.dtype)
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


class MLP(Module):
    """A multilayer perceptron, as its MLPConfig says.

    h_0 = x;   h_i = activation(h_{i-1} W_i + b_i);   logits = h_last W + b

    x: (..., d_in); logits: (..., num_classes). Starts from
    `initial_parameters(config, seed)`, equal in all wings.
    """

    def __init__(self, config, dtype="float32", seed=0):
        self.config = config
        self.activation = ACTIVATIONS[config.activation]
        self.layers = [
            Linear(d_in, d_out, config.bias, dtype)
            for d_in, d_out in pairwise(config.widths)
        ]
        load_parameters(self, initial_parameters(config, seed))

    def forward(self, x):
        """(..., d_in) -> logits (..., num_classes)."""
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation(layer(x))
        return last(x)


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
