"""A training step of an LSTM layer: every state is pulled to a number it is given."""

from functools import partial

import numpy as np
from largemodels.configs import RecurrentConfig
from largemodels.parameters import initial_parameters

from tools.contenders.steps import keras_step, torch_step
from tools.contenders.timing import Group, Row

RATE, MOMENTUM = 0.1, 0.9
SIZES = {"batch": 32, "steps": 32, "d_in": 64, "d_hidden": 128}
MODES = ("graph", "XLA")


def contenders(sizes):
    """The wings' RecurrentLayer, torch.nn.LSTM, and keras.layers.LSTM."""
    rng = np.random.default_rng(0)
    batch, steps, d_in, d_hidden = sizes.values()
    x = rng.standard_normal((batch, steps, d_in), dtype=np.float32)
    y = rng.standard_normal((batch, steps, d_hidden), dtype=np.float32)
    found = {
        "PyTorch wing": partial(pytorch_wing, x, y),
        "torch.nn.LSTM": partial(plain_torch, x, y),
        "NumPy wing": partial(numpy_wing, x, y),
    }
    for mode in MODES:
        found[f"TensorFlow wing, {mode}"] = partial(tf_wing, x, y, mode)
        found[f"keras.layers.LSTM, {mode}"] = partial(plain_keras, x, y, mode)
    return found


def numpy_wing(x, y):
    """A step of largemodels.scratch."""
    from largemodels.scratch import losses, optimizers, recurrent, tensor

    layer = recurrent.RecurrentLayer(x.shape[-1], y.shape[-1])
    optimizer = optimizers.Momentum(layer.parameters(), RATE, MOMENTUM)

    def step():
        optimizer.zero_grad()
        outputs, _ = layer(tensor.tensor(x))
        value = losses.mean_squared_error(outputs, tensor.tensor(y))
        value.backward()
        optimizer.step()
        return value.item()

    return step


def pytorch_wing(x, y):
    """A step of largemodels.pytorch."""
    from largemodels.pytorch import losses, optimizers, recurrent

    layer = recurrent.RecurrentLayer(x.shape[-1], y.shape[-1])
    optimizer = optimizers.Momentum(layer.parameters(), RATE, MOMENTUM)
    return torch_step(layer, optimizer, of_outputs(losses.mean_squared_error), x, y)


def tf_wing(x, y, mode):
    """A step of largemodels.tf, compiled."""
    from largemodels.tf import losses, optimizers, recurrent

    layer = recurrent.RecurrentLayer(x.shape[-1], y.shape[-1])
    optimizer = optimizers.Momentum(RATE, MOMENTUM)
    loss = of_outputs(losses.mean_squared_error)
    return keras_step(layer, optimizer, loss, x, y, mode)


def plain_torch(x, y):
    """A step of torch.nn.LSTM, whose second bias stays at zero: ours has one."""
    import torch

    layer = torch.nn.LSTM(x.shape[-1], y.shape[-1], batch_first=True)
    weight, recurrent, bias = values(x, y)
    arrays = {"weight_ih_l0": weight.T, "weight_hh_l0": recurrent.T}
    arrays |= {"bias_ih_l0": bias, "bias_hh_l0": np.zeros_like(bias)}
    layer.load_state_dict({n: torch.tensor(a.copy()) for n, a in arrays.items()})
    layer.bias_hh_l0.requires_grad_(False)
    trained = [p for p in layer.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, RATE, MOMENTUM)
    return torch_step(layer, optimizer, of_outputs(torch.nn.MSELoss()), x, y)


def plain_keras(x, y, mode):
    """A step of keras.layers.LSTM, whose gates stand in our order: i, f, g, o."""
    import keras

    layer = keras.layers.LSTM(y.shape[-1], return_sequences=True, use_cudnn=False)
    layer.build(x.shape)
    layer.set_weights(values(x, y))
    optimizer = keras.optimizers.SGD(RATE, MOMENTUM)
    mse = keras.losses.MeanSquaredError()
    return keras_step(layer, optimizer, lambda a, b: mse(b, a), x, y, mode)


def values(x, y):
    """The three arrays that all start from: input, recurrent, bias."""
    config = RecurrentConfig(d_in=x.shape[-1], d_hidden=y.shape[-1], num_classes=1)
    named = initial_parameters(config, seed=0, dtype="float32")
    parts = ("input_weight", "recurrent_weight", "bias")
    return [named[f"recurrent.forward_layers.0.{part}"] for part in parts]


def of_outputs(loss):
    """A loss of the first of the two that a recurrent layer returns."""
    return lambda found, targets: loss(found[0], targets)


def rows(sizes):
    """Each wing against the layer of its framework, NumPy's against torch.nn."""
    theirs = "torch.nn.LSTM"
    found = [
        Row(f"PyTorch wing / {theirs}", "PyTorch wing", theirs),
        Row(f"NumPy wing / {theirs}", "NumPy wing", theirs),
    ]
    for mode in MODES:
        ours, keras = f"TensorFlow wing, {mode}", f"keras.layers.LSTM, {mode}"
        found.append(Row(f"TensorFlow wing / keras, {mode}", ours, keras))
    return tuple(found)


GROUPS = (
    Group(
        "lstm",
        "LSTM step: batch 32, 32 steps, 64 -> 128, momentum",
        contenders,
        SIZES,
        rows,
        steps=5,
        why="five steps a turn: one takes 10 ms and more",
    ),
)
