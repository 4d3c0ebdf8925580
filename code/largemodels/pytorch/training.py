"""Training: the loop that shows batches to a model, and how it is judged."""

import contextlib
import math

import numpy as np
import torch

from largemodels import checks, metrics
from largemodels.loop import Loop, check_options, judge_of, parts_of
from largemodels.pytorch.losses import cross_entropy
from largemodels.pytorch.optimizers import clip_gradients
from largemodels.pytorch.state import RunState
from largemodels.pytorch.tensor import numpy, tensor

__all__ = ["choose_device", "evaluate", "predict", "train", "train_step"]

PRECISIONS = ("bfloat16", "float16")


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
    accumulate=1,
    max_norm=None,
    precision=None,
    patience=None,
    checkpoints=None,
):
    """Train a model on batches of examples. Returns the metrics.History of the run.

    inputs, labels  arrays (n, ...) and (n,), or targets that `loss` understands; for a
                    language model both are tokens (n, T). They are copied to the device
                    once
    batches         index arrays; each is one update
    loss            loss(model(x), y) -> a tensor of one element
    schedule        function of the 0-based step that returns the learning rate of all
                    groups; None: the optimizer keeps its own
    validation      (inputs, labels), or with a batch_size, to evaluate on, every
                    `evaluate_every` updates and after the last; or a function of the
                    model that returns {"loss": ..., ...}
    device          where to compute, as `choose_device` takes it: the model moves
                    there; None: where the model is
    progress        True: one line on stderr that follows the run
    accumulate      in how many parts a batch is computed, one after the other: the same
                    update, with the memory of a part. A part counts as its examples do
    max_norm        the norm that all gradients together are clipped to
    precision       "bfloat16" or "float16": products are computed in it
                    (torch.autocast), while weights, gradients, losses and the optimizer
                    stay in float32. float16 scales the loss, and leaves out updates
                    whose gradients overflow
    patience        evaluations without a lower loss after which the run ends, with the
                    weights of the lowest
    checkpoints     largemodels.checkpoints.Checkpoints: where the run is saved. Where
                    one is there it goes on from it, as if it had never stopped: the
                    arguments, `batches` among them, are to be the same again

    Raises FloatingPointError that names the step where a loss or, with max_norm, the
    norm of the gradients is not finite; ValueError where inputs and labels are not
    equally many, or an option is wrong; what Checkpoints raises.
    """
    checks.examples(np.shape(inputs), np.shape(labels))
    check_options(accumulate, max_norm, precision, PRECISIONS)
    if device is not None:
        model.to(choose_device(device))
    inputs, labels = _beside(model, inputs), _beside(model, labels)
    update = _Update(model, loss, max_norm, precision)
    loop = Loop(
        RunState(model, optimizer, update.scaler),
        batches,
        inputs,
        labels,
        judge=judge_of(model, validation, evaluate, loss),
        evaluate_every=evaluate_every,
        patience=patience,
        checkpoints=checkpoints,
        progress=progress,
    )
    with _mode(model, training=True):
        for step, batch in loop:
            if schedule is not None:
                for group in optimizer.param_groups:
                    group["lr"] = schedule(step)
            parts = [(inputs[i], labels[i]) for i in parts_of(batch, accumulate)]
            value = update(optimizer, parts, step)
            loop.write(step, value, optimizer.param_groups[0]["lr"], len(batch))
        return loop.close()


def train_step(model, optimizer, inputs, labels, loss=cross_entropy, max_norm=None):
    """One update on one batch of arrays. Returns its loss before the update.

    max_norm: as `train` has it, and FloatingPointError as there.
    """
    part = _beside(model, inputs), _beside(model, labels)
    return _Update(model, loss, max_norm)(optimizer, [part])


class _Update:
    """One update on a batch in parts, each with the weight of its examples."""

    def __init__(self, model, loss, max_norm=None, precision=None):
        self.model, self.loss, self.max_norm = model, loss, max_norm
        self.kind = precision and getattr(torch, precision)
        self.device = next(model.parameters()).device.type
        # It does nothing unless it is enabled.
        enabled = precision == "float16"
        self.scaler = torch.amp.GradScaler(self.device, enabled=enabled)

    def __call__(self, optimizer, parts, step=0):
        """Change the model's parameters. Returns the loss before that."""
        optimizer.zero_grad()
        total, n = 0.0, sum(len(x) for x, _ in parts)
        for x, y in parts:
            value = self._value(x, y)
            if len(parts) > 1:
                value = value * (len(x) / n)
            self.scaler.scale(value).backward()
            total = total + value.detach()
        total = total.item()
        if self.max_norm is not None:
            self.scaler.unscale_(optimizer)
            norm = clip_gradients(self.model.parameters(), self.max_norm).item()
            overflow = self.scaler.is_enabled() or not math.isfinite(total)
            if not math.isfinite(norm) and not overflow:
                raise FloatingPointError(
                    f"the gradient's norm is {norm} at step {step}"
                )
        self.scaler.step(optimizer)
        self.scaler.update()
        return total

    def _value(self, x, y):
        if self.kind is None:
            return self.loss(self.model(x), y)
        with torch.autocast(self.device, dtype=self.kind):
            z = self.model(x)
        return self.loss(z.float(), y)


def evaluate(model, inputs, labels, batch_size=256, loss=cross_entropy):
    """The mean loss of a model over all its targets, and its accuracy.

    inputs: (n, ...); labels: (n,) integers, or (n, T) for sequences, n >= 1. Returns
    {"loss": ..., "accuracy": ...}, with the "perplexity" exp(loss) for sequences, and
    the loss alone where the targets are no integers. Batch by batch: each counts as
    many times as it has targets, so that those of a short last batch weigh the same.
    """
    checks.examples(np.shape(inputs), np.shape(labels))
    average = metrics.Average(np.ndim(labels))
    for i in range(0, len(inputs), batch_size):
        y = numpy(labels[i : i + batch_size])
        z = predict(model, inputs[i : i + batch_size], batch_size)
        average.add(z, y, loss(tensor(z), tensor(y)).item())
    return average.result()


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
