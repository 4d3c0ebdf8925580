"""A training step of a multilayer perceptron, with momentum."""

import numpy as np
from largemodels.configs import MLPConfig
from largemodels.parameters import initial_parameters

from tools.contenders.steps import (
    keras_cross_entropy,
    keras_step,
    torch_step,
    wing_step,
)
from tools.contenders.timing import Group, Row

RATE, MOMENTUM = 0.01, 0.9
SMALL = MLPConfig(d_in=784, hidden=(128,), num_classes=10, activation="relu"), 64
LARGE = MLPConfig(d_in=784, hidden=(1024, 1024), num_classes=10, activation="relu"), 256


def contenders(sizes):
    """The wings, and the frameworks' own layers and optimizers.

    sizes: (config, examples in the batch)
    """
    config, batch = sizes
    rng = np.random.default_rng(0)
    x = rng.random((batch, config.d_in), dtype=np.float32)
    y = rng.integers(config.num_classes, size=batch)
    given = config, x, y
    found = {
        "NumPy wing": lambda: numpy_wing(*given),
        "PyTorch wing": lambda: pytorch_wing(*given),
        "torch.nn": lambda: plain_torch(*given),
    }
    for mode in ("eager", "graph"):
        found[f"TensorFlow wing, {mode}"] = lambda mode=mode: tf_wing(*given, mode)
        found[f"keras.layers, {mode}"] = lambda mode=mode: plain_keras(*given, mode)
    return found


def numpy_wing(config, x, y):
    """A step of largemodels.scratch."""
    from largemodels.scratch import layers, optimizers, training

    model = layers.MLP(config, seed=0)
    optimizer = optimizers.Momentum(model.parameters(), RATE, MOMENTUM)
    return wing_step(training, model, optimizer, x, y)


def pytorch_wing(config, x, y):
    """A step of largemodels.pytorch."""
    from largemodels.pytorch import layers, optimizers, training

    model = layers.MLP(config, seed=0)
    optimizer = optimizers.Momentum(model.parameters(), RATE, MOMENTUM)
    return wing_step(training, model, optimizer, x, y)


def tf_wing(config, x, y, mode):
    """A step of largemodels.tf: train_step as it stands, or its parts compiled."""
    from largemodels.tf import layers, losses, optimizers, training

    model = layers.MLP(config, seed=0)
    optimizer = optimizers.Momentum(RATE, MOMENTUM)
    if mode == "eager":
        return wing_step(training, model, optimizer, x, y)
    return keras_step(model, optimizer, losses.cross_entropy, x, y, mode)


def plain_torch(config, x, y):
    """A step of torch.nn and torch.optim."""
    import torch

    values = initial_parameters(config, seed=0, dtype="float32")
    stack = []
    for i, (d_in, d_out) in enumerate(pairs(config)):
        linear = torch.nn.Linear(d_in, d_out)
        weight, bias = (values[f"layers.{i}.{part}"] for part in ("weight", "bias"))
        linear.load_state_dict(
            {"weight": torch.tensor(weight.T), "bias": torch.tensor(bias)}
        )
        stack += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*stack[:-1])
    optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM)
    return torch_step(model, optimizer, torch.nn.CrossEntropyLoss(), x, y)


def plain_keras(config, x, y, mode):
    """A step of keras.layers and keras.optimizers."""
    import keras

    values = initial_parameters(config, seed=0, dtype="float32")
    widths = config.widths[1:]
    kinds = ["relu"] * (len(widths) - 1) + [None]
    dense = [
        keras.layers.Dense(d, activation=kind)
        for d, kind in zip(widths, kinds, strict=True)
    ]
    model = keras.Sequential([keras.Input((config.d_in,)), *dense])
    for i, layer in enumerate(dense):
        named = f"layers.{i}.weight", f"layers.{i}.bias"
        layer.set_weights([values[name] for name in named])
    optimizer = keras.optimizers.SGD(RATE, MOMENTUM)
    return keras_step(model, optimizer, keras_cross_entropy(), x, y, mode)


def pairs(config):
    """Inputs and outputs of each layer."""
    return list(zip(config.widths, config.widths[1:], strict=False))


def rows(sizes):
    """Each wing against the layers of its framework, NumPy's against torch.nn."""
    found = [
        Row("NumPy wing / torch.nn", "NumPy wing", "torch.nn"),
        Row("PyTorch wing / torch.nn", "PyTorch wing", "torch.nn"),
    ]
    for mode in ("eager", "graph"):
        ours, theirs = f"TensorFlow wing, {mode}", f"keras.layers, {mode}"
        found.append(Row(f"TensorFlow wing / keras, {mode}", ours, theirs))
    return tuple(found)


GROUPS = (
    Group("mlp", "MLP 784-128-10, batch 64, momentum", contenders, SMALL, rows),
    Group(
        "mlp-large",
        "MLP 784-1024-1024-10, batch 256, momentum",
        contenders,
        LARGE,
        rows,
        steps=5,
        why="five steps a turn: one takes 20 ms and more",
    ),
)
