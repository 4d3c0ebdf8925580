"""Layers: functions that own parameters."""

from itertools import pairwise

import numpy as np

from largemodels import checks
from largemodels.configs import MLPConfig
from largemodels.parameters import initial_parameters
from largemodels.scratch.engine import Tensor
from largemodels.scratch.functional import ACTIVATIONS, layer_norm, rms_norm
from largemodels.scratch.fused import gather, linear
from largemodels.scratch.state import load_parameters, read_parameters
from largemodels.scratch.tensor import numpy, parameter
from largemodels.validation import float_type, real_number, whole_number

__all__ = [
    "MLP",
    "Embedding",
    "LayerNorm",
    "Linear",
    "RMSNorm",
    "load_parameters",
    "read_parameters",
]


class Module:
    """Something with parameters: its own tensors, and those of modules it has.

    They are found among the attributes, and in lists there. `training` says whether
    the model is being trained, for layers that behave differently then.
    """

    training = True

    def __call__(self, *args, **options):
        return self.forward(*args, **options)

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
        return linear(x, self.weight, self.bias)


class Embedding(Module):
    """y = the rows of a table that integers name.

    ids: (...) integers from 0 to vocab_size - 1; weight: (vocab_size, d_model); y:
    (..., d_model). Starts from independent standard normal numbers with the seed.
    Raises TypeError where ids are no integers, ValueError where one names no row.
    """

    def __init__(self, vocab_size, d_model, dtype="float32", seed=0):
        self.weight = parameter(_table(vocab_size, d_model, seed), dtype)

    def forward(self, ids):
        """(...) -> (..., d_model)."""
        ids = numpy(ids)
        checks.integers("ids", ids.dtype)
        last = self.weight.shape[0] - 1
        if ids.size and (ids.min() < 0 or ids.max() > last):
            raise ValueError(
                f"ids must be from 0 to {last}, got {ids.min()} to {ids.max()}"
            )
        return gather(ids, self.weight)


def _table(vocab_size, d_model, seed):
    rows = whole_number("vocab_size", vocab_size, minimum=1)
    columns = whole_number("d_model", d_model, minimum=1)
    rng = np.random.default_rng(whole_number("seed", seed))
    return rng.standard_normal((rows, columns))


class LayerNorm(Module):
    """functional.layer_norm with its weight (d_model,), at 1, and bias, at 0 or None.

    x: (..., d_model); y: the same shape. Raises ValueError where x has another width.
    """

    def __init__(self, d_model, bias=True, eps=1e-5, dtype="float32"):
        ones = _ones(d_model, dtype)
        self.eps = real_number("eps", eps, 0.0)
        self.weight = parameter(ones)
        self.bias = parameter(0 * ones) if bias else None

    def forward(self, x):
        """(..., d_model) -> (..., d_model)."""
        return layer_norm(x, self.weight, self.bias, self.eps)


class RMSNorm(Module):
    """functional.rms_norm with its weight (d_model,), at 1.

    x: (..., d_model); y: the same shape. Raises ValueError where x has another width.
    """

    def __init__(self, d_model, eps=1e-5, dtype="float32"):
        self.eps = real_number("eps", eps, 0.0)
        self.weight = parameter(_ones(d_model, dtype))

    def forward(self, x):
        """(..., d_model) -> (..., d_model)."""
        return rms_norm(x, self.weight, self.eps)


def _ones(d_model, dtype):
    size = whole_number("d_model", d_model, minimum=1)
    return np.ones(size, float_type("dtype", dtype))


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
