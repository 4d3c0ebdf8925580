"""Parameters by canonical name: initial values, layouts of the wings, files.

A model's parameters are a flat dictionary from names to NumPy arrays in one layout,
NumPy's: a linear map is y = x @ weight + bias. Every wing reads and writes this
dictionary, so that a model trained in one continues in another. Names do not change:

    layers.0.weight  (d_in, d_out)    the linear maps of an MLP, from the input to the
    layers.0.bias    (d_out,)         logits; without biases, only the weights
    layers.1.weight  ...

    token_embedding.weight          (V, D)      a transformer's embedding
    position_embedding.weight       (T, D)      where positions are learned
    blocks.0.attention_norm.weight  (D,)        and .bias; a norm's scale and bias
    blocks.0.attention.query.weight (D, A H)    and .bias; likewise key, value, output
    blocks.0.feed_forward_norm.weight
    blocks.0.feed_forward.up.weight (D, F)      and gate, where gated; down (F, D)
    blocks.1.attention_norm.weight  ...
    final_norm.weight               (D,)        where the norms stand before the parts
    output.weight                   (D, V)      where it is not the embedding

    recurrent.forward_layers.0.input_weight      (d_in, gates d_hidden)   one layer of a
    recurrent.forward_layers.0.recurrent_weight  (d_hidden, gates d_hidden)   recurrent
    recurrent.forward_layers.0.bias              (gates d_hidden,)            network
    recurrent.forward_layers.0.candidate_bias    (d_hidden,)    of a GRU
    recurrent.backward_layers.0.input_weight     ...            where bidirectional
    output.weight                                (d_hidden, num_classes)    and .bias

    convolutions.0.weight   (k_h, k_w, c_in / groups, c_out)   of LeNet, and .bias; its
                            linear maps are layers.0 and so on, as in an MLP
    stem.weight             (3, 3, channels, width)   of ResNet, without bias
    stem_norm.weight        (width,)   and .bias, .running_mean, .running_variance
    blocks.0.conv1.weight   and norm1, conv2, norm2; projection and projection_norm,
                            where the shortcut has one
    head.weight             (channels, num_classes)   and .bias
"""

from largemodels.parameters import huggingface, recurrent, transformer, vision
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
    "huggingface",
    "initial_parameters",
    "load",
    "load_metadata",
    "recurrent",
    "save",
    "shapes",
    "to_wing",
    "transformer",
    "vision",
]
