"""Training: the loop that shows batches to a model, and how it is judged."""

import sys

import numpy as np
import tensorflow as tf

from largemodels import checks, metrics
from largemodels.logbook import Logbook
from largemodels.tf.losses import cross_entropy
from largemodels.tf.tensor import numpy, tensor

__all__ = ["choose_device", "evaluate", "predict", "train", "train_step"]


def train(
    model,
    optimizer,
    inputs,
    labels,
    batches,
    *,
    loss=cross_entropy,
    schedule=None,
    validation=None,
    evaluate_every=None,
    device=None,
    progress=False,
):
    """Train a model on batches of examples. Returns the metrics.History of the run.

    inputs, labels  arrays (n, ...) and (n,), or targets that `loss` understands; they
                    are copied to the device once
    batches         index arrays; each is one update
    loss            loss(model(x), y) -> a tensor of one element
    schedule        function of the 0-based step that returns the learning rate; None:
                    the optimizer keeps its own
    validation      (inputs, labels) to evaluate on, every `evaluate_every` updates and
                    after the last
    device          where to compute, as `choose_device` takes it; None: where
                    TensorFlow likes to, a GPU if there is one
    progress        True: one line on stderr that follows the run

    The update is compiled at the first batch; a batch of another size is compiled once
    more, for all sizes. Raises FloatingPointError that names the step where a loss is
    not finite, and ValueError where inputs and labels are not equally many.
    """
    checks.examples(np.shape(inputs), np.shape(labels))
    judge = validation and (lambda: evaluate(model, *validation, loss=loss))
    logbook = Logbook(judge, evaluate_every, progress)
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    with _on(device):
        inputs, labels = tensor(inputs), tensor(labels)
        update = tf.function(_update, reduce_retracing=True)
        for step, batch in enumerate(batches):
            if schedule is not None:
                optimizer.learning_rate = schedule(step)
            x, y = tf.gather(inputs, batch), tf.gather(labels, batch)
            value = float(update(model, optimizer, x, y, loss))
            logbook.write(step, value, float(optimizer.learning_rate))
        return logbook.close()


def train_step(model, optimizer, inputs, labels, loss=cross_entropy):
    """One update on one batch of arrays. Returns its loss before the update.

    Runs operation by operation, as written; `train` compiles the same update.
    """
    return float(_update(model, optimizer, tensor(inputs), tensor(labels), loss))


def _update(model, optimizer, inputs, labels, loss):
    with tf.GradientTape() as tape:
        value = loss(model(inputs, training=True), labels)
    variables = model.trainable_variables
    optimizer.apply(tape.gradient(value, variables), variables)
    return value


def evaluate(model, inputs, labels, batch_size=256, loss=cross_entropy):
    """The mean loss of a classifier over all examples, and its accuracy.

    inputs: (n, ...); labels: (n,) integers; n >= 1. Returns
    {"loss": ..., "accuracy": ...}, from all logits at once: a mean over batches would
    give the examples of a short last batch more weight than the others.
    """
    checks.examples(np.shape(inputs), np.shape(labels))
    logits = predict(model, inputs, batch_size)
    return {
        "loss": float(loss(tensor(logits), tensor(labels))),
        "accuracy": metrics.accuracy(logits, labels),
    }


def predict(model, inputs, batch_size=256):
    """The model's outputs for all inputs as an array, computed batch by batch.

    inputs: (n, ...) with n >= 1. The model is told that it is not being trained.
    """
    checks.examples(np.shape(inputs))
    parts = [
        numpy(model(tensor(inputs[i : i + batch_size]), training=False))
        for i in range(0, len(inputs), batch_size)
    ]
    return np.concatenate(parts)


def choose_device(name=None):
    """Where to compute: "cuda", "mps" (Apple) or "cpu"; None: the first there is.

    "cuda:1" is the second of several. Raises ValueError where there is none such.
    """
    gpu = "mps" if sys.platform == "darwin" else "cuda"
    there = [gpu, "cpu"] if tf.config.list_physical_devices("GPU") else ["cpu"]
    name = there[0] if name is None else str(name)
    if name.split(":")[0] not in there:
        raise ValueError(
            f"device must be one there is ({', '.join(there)}), got {name!r}"
        )
    return name


def _on(device):
    """The context in which TensorFlow computes on a device."""
    if device is None:
        return tf.device(None)
    kind, _, number = choose_device(device).partition(":")
    return tf.device(f"/{'CPU' if kind == 'cpu' else 'GPU'}:{number or 0}")
