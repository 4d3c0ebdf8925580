"""A training step of LeNet, with momentum."""

from functools import partial

import numpy as np
from largemodels.configs import LeNetConfig
from largemodels.parameters import initial_parameters

from tools.contenders.steps import (
    keras_cross_entropy,
    keras_step,
    torch_step,
    wing_step,
)
from tools.contenders.timing import Group, Row

RATE, MOMENTUM = 0.01, 0.9
SIZES = LeNetConfig(), 256
MODES = ("eager", "graph")


def contenders(sizes):
    """The wings, and the frameworks' own layers and optimizers.

    sizes: (config, images in the batch)
    """
    config, batch = sizes
    rng = np.random.default_rng(0)
    x = rng.random((batch, *config.image_shape), dtype=np.float32)
    y = rng.integers(config.num_classes, size=batch)
    # Channels first, with plain strides: a channel of one, left as transpose has it,
    # would pass for channels last, and take another kernel.
    first = x.transpose(0, 3, 1, 2).copy()
    found = {
        "PyTorch wing": partial(pytorch_wing, config, first, y),
        "torch.nn": partial(plain_torch, config, first, y),
        "NumPy wing": partial(numpy_wing, config, x, y),
    }
    for mode in MODES:
        found[f"TensorFlow wing, {mode}"] = partial(tf_wing, config, x, y, mode)
        found[f"keras.layers, {mode}"] = partial(plain_keras, config, x, y, mode)
    return found


def numpy_wing(config, x, y):
    """A step of largemodels.scratch."""
    from largemodels.scratch import convolution, optimizers, training

    model = convolution.LeNet(config)
    optimizer = optimizers.Momentum(model.parameters(), RATE, MOMENTUM)
    return wing_step(training, model, optimizer, x, y)


def pytorch_wing(config, x, y):
    """A step of largemodels.pytorch."""
    from largemodels.pytorch import convolution, optimizers, training

    model = convolution.LeNet(config)
    optimizer = optimizers.Momentum(model.parameters(), RATE, MOMENTUM)
    return wing_step(training, model, optimizer, x, y)


def tf_wing(config, x, y, mode):
    """A step of largemodels.tf: train_step as it stands, or its parts compiled."""
    from largemodels.tf import convolution, losses, optimizers, training

    model = convolution.LeNet(config)
    optimizer = optimizers.Momentum(RATE, MOMENTUM)
    if mode == "eager":
        return wing_step(training, model, optimizer, x, y)
    return keras_step(model, optimizer, losses.cross_entropy, x, y, mode)


def plain_torch(config, x, y):
    """A step of torch.nn and torch.optim.

    Its images become rows channels first, ours channels last: the rows of the first
    linear map are in another order.
    """
    import torch
    from torch import nn

    values = initial_parameters(config, seed=0, dtype="float32")
    padded = {"same": "same", "valid": 0}
    c_in, stack = config.image_shape[2], []
    for i, (c_out, padding) in enumerate(
        zip(config.channels, config.paddings, strict=True)
    ):
        kernel = values[f"convolutions.{i}.weight"].transpose(3, 2, 0, 1)
        convolution = nn.Conv2d(
            c_in, c_out, config.kernel_size, padding=padded[padding]
        )
        filled(convolution, kernel, values[f"convolutions.{i}.bias"])
        stack += [convolution, nn.ReLU(), nn.MaxPool2d(config.pool_size)]
        c_in = c_out
    stack.append(nn.Flatten())
    for i, (d_in, d_out) in enumerate(
        zip(config.widths, config.widths[1:], strict=False)
    ):
        weight = values[f"layers.{i}.weight"]
        if i == 0:
            side = round((d_in // c_in) ** 0.5)
            weight = weight.reshape(side, side, c_in, d_out)
            weight = weight.transpose(2, 0, 1, 3).reshape(d_in, d_out)
        linear = filled(nn.Linear(d_in, d_out), weight.T, values[f"layers.{i}.bias"])
        stack += [linear, nn.ReLU()]
    model = nn.Sequential(*stack[:-1])
    optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM)
    return torch_step(model, optimizer, nn.CrossEntropyLoss(), x, y)


def filled(layer, weight, bias):
    """A layer of torch.nn with these arrays for its weight and bias."""
    import torch

    arrays = {"weight": weight, "bias": bias}
    layer.load_state_dict({n: torch.tensor(a.copy()) for n, a in arrays.items()})
    return layer


def plain_keras(config, x, y, mode):
    """A step of keras.layers and keras.optimizers."""
    import keras
    from keras import layers

    values = initial_parameters(config, seed=0, dtype="float32")
    stack = [keras.Input(config.image_shape)]
    for c_out, padding in zip(config.channels, config.paddings, strict=True):
        stack.append(
            layers.Conv2D(c_out, config.kernel_size, padding=padding, activation="relu")
        )
        stack.append(layers.MaxPooling2D(config.pool_size))
    stack.append(layers.Flatten())
    stack += [layers.Dense(width, activation="relu") for width in config.hidden]
    model = keras.Sequential([*stack, layers.Dense(config.num_classes)])
    model.set_weights(list(values.values()))
    optimizer = keras.optimizers.SGD(RATE, MOMENTUM)
    return keras_step(model, optimizer, keras_cross_entropy(), x, y, mode)


def rows(sizes):
    """Each wing against the layers of its framework, NumPy's against torch.nn."""
    found = [
        Row("PyTorch wing / torch.nn", "PyTorch wing", "torch.nn"),
        Row("NumPy wing / torch.nn", "NumPy wing", "torch.nn"),
    ]
    for mode in MODES:
        ours, theirs = f"TensorFlow wing, {mode}", f"keras.layers, {mode}"
        found.append(Row(f"TensorFlow wing / keras, {mode}", ours, theirs))
    return tuple(found)


GROUPS = (
    Group(
        "lenet",
        "LeNet step: 28 x 28 images, batch 256, momentum",
        contenders,
        SIZES,
        rows,
        steps=3,
        why="three steps a turn: NumPy takes 0.1 s for each",
    ),
)
