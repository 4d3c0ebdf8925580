"""Training: the loop that shows batches to a model, and how it is judged."""

import contextlib

import numpy as np
import torch

from largemodels import checks, metrics
from largemodels.logbook import Logbook
from largemodels.pytorch.losses import cross_entropy
from largemodels.pytorch.tensor import numpy, tensor

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
    schedule        function of the 0-based step that returns the learning rate of all
                    groups; None: the optimizer keeps its own
    validation      (inputs, labels) to evaluate on, every `evaluate_every` updates and
                    after the last
    device          where to compute, as `choose_device` takes it: the model moves
                    there; None: where the model is
    progress        True: one line on stderr that follows the run

    Raises FloatingPointError that names the step where a loss is not finite, and
    ValueError where inputs and labels are not equally many.
    """
    checks.examples(np.shape(inputs), np.shape(labels))
    if device is not None:
        model.to(choose_device(device))
    inputs, labels = _beside(model, inputs), _beside(model, labels)
    judge = validation and (lambda: evaluate(model, *validation, loss=loss))
    logbook = Logbook(judge, evaluate_every, progress)
    with _mode(model, training=True):
        for step, batch in enumerate(batches):
            if schedule is not None:
                for group in optimizer.param_groups:
                    group["lr"] = schedule(step)
            value = train_step(model, optimizer, inputs[batch], labels[batch], loss)
            logbook.write(step, value, optimizer.param_groups[0]["lr"])
    return logbook.close()


def train_step(model, optimizer, inputs, labels, loss=cross_entropy):
    """One update on one batch of arrays. Returns its loss before the update."""
    optimizer.zero_grad()
    value = loss(model(_beside(model, inputs)), _beside(model, labels))
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
    with _mode(model, training=False), torch.no_grad():
        parts = [
            numpy(model(_beside(model, inputs[i : i + batch_size])))
            for i in range(0, len(inputs), batch_size)
        ]
    return np.concatenate(parts)


def choose_device(name=None):
    """Where to compute: "cuda", "mps" (Apple) or "cpu"; None: the first there is.

    "cuda:1" is the second of several. Raises ValueError where there is none such.
    """
    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    if torch.cuda.is_available():
        there.insert(0, "cuda")
    name = there[0] if name is None else str(name)
    if name.split(":")[0] not in there:
        raise ValueError(
            f"device must be one there is ({', '.join(there)}), got {name!r}"
        )
    return name


def _beside(model, array):
    """An array, or a tensor, as a tensor on the device of the model's parameters."""
    x = array if isinstance(array, torch.Tensor) else tensor(array)
    return x.to(next(model.parameters()).device)


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
