"""Training: the loop that shows batches to a model, and how it is judged."""

import contextlib

import numpy as np

from largemodels import checks, metrics
from largemodels.logbook import Logbook
from largemodels.scratch.engine import no_grad
from largemodels.scratch.losses import cross_entropy
from largemodels.scratch.tensor import numpy, tensor

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

    inputs, labels  arrays (n, ...) and (n,), or targets that `loss` understands
    batches         index arrays; each is one update
    loss            loss(model(x), y) -> a tensor of one element
    schedule        function of the 0-based step that returns the learning rate; None:
                    the optimizer keeps its own
    validation      (inputs, labels) to evaluate on, every `evaluate_every` updates and
                    after the last
    device          where to compute, as `choose_device` takes it; None: where it is
    progress        True: one line on stderr that follows the run

    Raises FloatingPointError that names the step where a loss is not finite, and
    ValueError where inputs and labels are not equally many.
    """
    choose_device(device)
    inputs, labels = np.asarray(inputs), np.asarray(labels)
    checks.examples(inputs.shape, labels.shape)
    judge = validation and (lambda: evaluate(model, *validation, loss=loss))
    logbook = Logbook(judge, evaluate_every, progress)
    with _mode(model, training=True):
        for step, batch in enumerate(batches):
            if schedule is not None:
                optimizer.learning_rate = schedule(step)
            value = train_step(model, optimizer, inputs[batch], labels[batch], loss)
            logbook.write(step, value, optimizer.learning_rate)
    return logbook.close()


def train_step(model, optimizer, inputs, labels, loss=cross_entropy):
    """One update on one batch of arrays. Returns its loss before the update."""
    optimizer.zero_grad()
    value = loss(model(tensor(inputs)), tensor(labels))
    value.backward()
    optimizer.step()
    return value.item()


def evaluate(model, inputs, labels, batch_size=256, loss=cross_entropy):
    """The mean loss of a classifier over all examples, and its accuracy.

    inputs: (n, ...); labels: (n,) integers; n >= 1. Returns
    {"loss": ..., "accuracy": ...}, from all logits at once: a mean over batches would
    give the examples of a short last batch more weight than the others.
    """
    checks.examples(np.shape(inputs), np.shape(labels))
    logits = predict(model, inputs, batch_size)
    return {
        "loss": loss(tensor(logits), tensor(labels)).item(),
        "accuracy": metrics.accuracy(logits, labels),
    }


def predict(model, inputs, batch_size=256):
    """The model's outputs for all inputs as an array, computed batch by batch.

    inputs: (n, ...) with n >= 1. The model is in evaluation mode meanwhile.
    """
    checks.examples(np.shape(inputs))
    with _mode(model, training=False), no_grad():
        parts = [
            numpy(model(tensor(inputs[i : i + batch_size])))
            for i in range(0, len(inputs), batch_size)
        ]
    return np.concatenate(parts)


def choose_device(name=None):
    """Where to compute: "cpu", all that NumPy has.

    Raises ValueError where another is asked for.
    """
    if name not in (None, "cpu"):
        raise ValueError(f"device must be one there is (cpu), got {name!r}")
    return "cpu"


@contextlib.contextmanager
def _mode(model, training):
    """In training or evaluation mode; afterwards every module is as it was."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode
