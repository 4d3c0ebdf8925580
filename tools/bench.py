"""Time a training step of each wing against the framework's own layers and optimizer.

usage: python tools/bench.py [ROUNDS]     (25 or more)

The contenders of a row do the same: the same initial values, batch and rule, with equal
losses in the first steps. They take turns in one process, a few steps each, so that
what slows the machine down slows both. A row gives the median time of a step of each,
and the ratio of ours to theirs within a round: its median, and its 10th percentile,
which other work on the machine reaches least.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "2")  # read where NumPy is imported

import numpy as np
from largemodels.configs import MLPConfig
from largemodels.page import begin
from largemodels.parameters import initial_parameters

ROUNDS = 25
STEPS = 10  # of one contender, before it is the other's turn
RATE, MOMENTUM = 0.01, 0.9
SIZES = (
    (MLPConfig(d_in=784, hidden=(128,), num_classes=10, activation="relu"), 64),
    (MLPConfig(d_in=784, hidden=(1024, 1024), num_classes=10, activation="relu"), 256),
)
Step = Callable[[], float]


def batch_of(config: MLPConfig, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and labels for one batch, always the same."""
    rng = np.random.default_rng(0)
    inputs = rng.random((size, config.d_in), dtype=np.float32)
    return inputs, rng.integers(config.num_classes, size=size)


def numpy_wing(config: MLPConfig, x: np.ndarray, y: np.ndarray) -> Step:
    """A step of largemodels.scratch."""
    from largemodels.scratch import layers, optimizers, training

    model = layers.MLP(config, seed=0)
    optimizer = optimizers.Momentum(model.parameters(), RATE, MOMENTUM)
    return lambda: training.train_step(model, optimizer, x, y)


def pytorch_wing(config: MLPConfig, x: np.ndarray, y: np.ndarray) -> Step:
    """A step of largemodels.pytorch."""
    from largemodels.pytorch import layers, optimizers, training

    model = layers.MLP(config, seed=0)
    optimizer = optimizers.Momentum(model.parameters(), RATE, MOMENTUM)
    return lambda: training.train_step(model, optimizer, x, y)


def plain_pytorch(config: MLPConfig, x: np.ndarray, y: np.ndarray) -> Step:
    """A step of torch.nn and torch.optim."""
    import torch

    values = initial_parameters(config, seed=0, dtype="float32")
    stack = []
    for i, (d_in, d_out) in enumerate(pairs(config)):
        linear = torch.nn.Linear(d_in, d_out)
        linear.load_state_dict(
            {
                "weight": torch.tensor(values[f"layers.{i}.weight"].T),
                "bias": torch.tensor(values[f"layers.{i}.bias"]),
            }
        )
        stack += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*stack[:-1])
    optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM)
    loss = torch.nn.CrossEntropyLoss()

    def step() -> float:
        optimizer.zero_grad()
        value = loss(model(torch.from_numpy(x)), torch.from_numpy(y))
        value.backward()
        optimizer.step()
        return value.item()

    return step


def tensorflow_wing(compiled: bool):
    """A step of largemodels.tf: train_step as it stands, or its parts compiled."""

    def make(config: MLPConfig, x: np.ndarray, y: np.ndarray) -> Step:
        from largemodels.tf import layers, losses, optimizers, training

        model = layers.MLP(config, seed=0)
        optimizer = optimizers.Momentum(RATE, MOMENTUM)
        if compiled:
            return keras_step(model, optimizer, losses.cross_entropy, x, y, True)
        return lambda: training.train_step(model, optimizer, x, y)

    return make


def plain_keras(compiled: bool):
    """A step of keras.layers and keras.optimizers, by operation or compiled."""

    def make(config: MLPConfig, x: np.ndarray, y: np.ndarray) -> Step:
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
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        swapped = lambda logits, labels: loss(labels, logits)  # noqa: E731
        return keras_step(model, optimizer, swapped, x, y, compiled)

    return make


def keras_step(model, optimizer, loss, x, y, compiled: bool) -> Step:
    """The usual step of a Keras model, under a tape."""
    import tensorflow as tf

    def update(inputs, labels):
        with tf.GradientTape() as tape:
            value = loss(model(inputs, training=True), labels)
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(value, variables), variables)
        return value

    optimizer.build(model.trainable_variables)
    update = tf.function(update) if compiled else update
    return lambda: float(update(tf.constant(x), tf.constant(y)))


ROWS = (
    ("NumPy wing / torch.nn", numpy_wing, plain_pytorch),
    ("PyTorch wing / torch.nn", pytorch_wing, plain_pytorch),
    ("TensorFlow wing / keras", tensorflow_wing(False), plain_keras(False)),
    ("the same, compiled", tensorflow_wing(True), plain_keras(True)),
)


def pairs(config: MLPConfig) -> list[tuple[int, int]]:
    """Inputs and outputs of each layer."""
    return list(zip(config.widths, config.widths[1:], strict=False))


def seconds(step: Step) -> float:
    """The mean time of a step, over a few."""
    start = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - start) / STEPS


def duel(ours: Step, theirs: Step, rounds: int) -> tuple[float, float, list[float]]:
    """Median seconds of each, and the ratio in every round; they take turns.

    Raises ValueError where the two do not compute the same.
    """
    for _ in range(3):
        losses = ours(), theirs()
        if not np.isclose(*losses, rtol=1e-4, atol=1e-6):  # float32, summed otherwise
            raise ValueError(f"the contenders' losses differ: {losses}")
    times = []
    for turn in range(rounds):
        first, second = (ours, theirs) if turn % 2 == 0 else (theirs, ours)
        pair = seconds(first), seconds(second)
        times.append(pair if turn % 2 == 0 else pair[::-1])
    left, right = zip(*times, strict=True)
    ratios = [a / b for a, b in times]
    return statistics.median(left), statistics.median(right), ratios


def main(arguments: list[str]) -> int:
    """The command line. Returns the exit code."""
    rounds = int(arguments[0]) if arguments and arguments[0].isdigit() else ROUNDS
    rounds = max(rounds, ROUNDS)
    begin()
    threads = os.environ["OMP_NUM_THREADS"]
    print(f"{rounds} rounds of {STEPS} steps, float32, {threads} threads")
    for config, size in SIZES:
        x, y = batch_of(config, size)
        widths = "-".join(map(str, config.widths))
        print(f"\n{widths}, batch {size}: ms a step")
        print(f"{'':24}{'ours':>8}{'theirs':>8}{'ratio':>8}{'10th percentile':>17}")
        for name, ours, theirs in ROWS:
            left, right, ratios = duel(ours(config, x, y), theirs(config, x, y), rounds)
            low = statistics.quantiles(ratios, n=10)[0]
            middle = statistics.median(ratios)
            print(
                f"{name:24}{1e3 * left:8.2f}{1e3 * right:8.2f}{middle:8.2f}{low:17.2f}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
