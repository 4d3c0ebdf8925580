"""Layers: functions that own parameters, as torch.nn.Module."""

from itertools import pairwise

import numpy as np
from torch import nn
from torch.nn import functional as F

from largemodels import checks
from largemodels.configs import MLPConfig
from largemodels.parameters import initial_parameters
from largemodels.pytorch.functional import ACTIVATIONS
from largemodels.pytorch.state import load_parameters, read_parameters
from largemodels.pytorch.tensor import tensor
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
        return F.linear(x, self.weight, self.bias)


class Embedding(nn.Module):
    """y = the rows of a table that integers name.

    ids: (...) integers from 0 to vocab_size - 1; weight: (vocab_size, d_model); y:
    (..., d_model). Starts from independent standard normal numbers with the seed.
    Raises TypeError where ids are no integers; torch raises IndexError where one names
    no row.
    """

    def __init__(self, vocab_size, d_model, dtype="float32", seed=0):
        super().__init__()
        self.weight = nn.Parameter(tensor(_table(vocab_size, d_model, seed), dtype))

    def forward(self, ids):
        """(...) -> (..., d_model)."""
        checks.integers("ids", ids.dtype)
        return nn.functional.embedding(ids, self.weight)


def _table(vocab_size, d_model, seed):
    rows = whole_number("vocab_size", vocab_size, minimum=1)
    columns = whole_number("d_model", d_model, minimum=1)
    rng = np.random.default_rng(whole_number("seed", seed))
    return rng.standard_normal((rows, columns))


class LayerNorm(nn.Module):
    """functional.layer_norm with its weight (d_model,), at 1, and bias, at 0 or None.

    x: (..., d_model); y: the same shape. Raises ValueError where x has another width.
    """

    def __init__(self, d_model, bias=True, eps=1e-5, dtype="float32"):
        super().__init__()
        ones = _ones(d_model, dtype)
        self.eps = real_number("eps", eps, 0.0)
        self.weight = nn.Parameter(tensor(ones))
        self.bias = nn.Parameter(tensor(0 * ones)) if bias else None

    def forward(self, x):
        """(..., d_model) -> (..., d_model)."""
        checks.last_axis("the input", x.shape, len(self.weight))
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class RMSNorm(nn.Module):
    """functional.rms_norm with its weight (d_model,), at 1.

    x: (..., d_model); y: the same shape. Raises ValueError where x has another width.
    """

    def __init__(self, d_model, eps=1e-5, dtype="float32"):
        super().__init__()
        self.eps = real_number("eps", eps, 0.0)
        self.weight = nn.Parameter(tensor(_ones(d_model, dtype)))

    def forward(self, x):
        """(..., d_model) -> (..., d_model)."""
        checks.last_axis("the input", x.shape, len(self.weight))
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


def _ones(d_model, dtype):
    size = whole_number("d_model", d_model, minimum=1)
    return np.ones(size, float_type("dtype", dtype))


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
