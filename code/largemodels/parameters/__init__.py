"""Parameters by canonical name: initial values, layouts of the wings, files.

A model's parameters are a flat dictionary from names to NumPy arrays in one layout,
NumPy's: a linear map is y = x @ weight + bias. Every wing reads and writes this
dictionary, so that a model trained in one continues in another. Names do not change:

    layers.0.weight  (d_in, d_out)    the linear maps of an MLP, from the input to the
    layers.0.bias    (d_out,)         logits; without biases, only the weights
    layers.1.weight  ...
"""

from largemodels.parameters.files import load, load_metadata, save
from largemodels.parameters.initial import SCHEMES, initial_parameters
from largemodels.parameters.layouts import LAYOUTS, WINGS, Layout, from_wing, to_wing
from largemodels.parameters.names import check_names, count, shapes

__all__ = [
    "LAYOUTS",
    "SCHEMES",
    "WINGS",
    "Layout",
    "check_names",
    "count",
    "from_wing",
    "initial_parameters",
    "load",
    "load_metadata",
    "save",
    "shapes",
    "to_wing",
]
