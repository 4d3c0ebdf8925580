"""Training: the loop that shows batches to a model, and how it is judged."""

import contextlib
import math

import numpy as np

from largemodels import checks, metrics
from largemodels.loop import Loop, check_options, judge_of, parts_of
from largemodels.scratch.engine import no_grad
from largemodels.scratch.losses import cross_entropy
from largemodels.scratch.optimizers import clip_gradients
from largemodels.scratch.state import RunState
from largemodels.scratch.tensor import numpy, tensor

__all__ = ["choose_device", "evaluate", "predict", "train", "train_step"]

PRECISIONS = ("float32",)


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
                    language model both are tokens (n, T)
    batches         index arrays; each is one update
    loss            loss(model(x), y) -> a tensor of one element
    schedule        function of the 0-based step that returns the learning rate; None:
                    the optimizer keeps its own
    validation      (inputs, labels), or with a batch_size, to evaluate on, every
                    `evaluate_every` updates and after the last; or a function of the
                    model that returns {"loss": ..., ...}
    device          where to compute, as `choose_device` takes it; None: where it is
    progress        True: one line on stderr that follows the run
    accumulate      in how many parts a batch is computed, one after the other: the same
                    update, with the memory of a part. A part counts as its examples do
    max_norm        the norm that all gradients together are clipped to
    precision       "float32": the model computes in float32, on copies of its weights,
                    which stay as they are, say float64, and so does the optimizer.
                    (NumPy has no bfloat16, and computes in float16 slower than in
                    either)
    patience        evaluations without a lower loss after which the run ends, with the
                    weights of the lowest
    checkpoints     largemodels.checkpoints.Checkpoints: where the run is saved. Where
                    one is there it goes on from it, as if it had never stopped: the
                    arguments, `batches` among them, are to be the same again

    Raises FloatingPointError that names the step where a loss or, with max_norm, the
    norm of the gradients is not finite; ValueError where inputs and labels are not
    equally many, or an option is wrong; what Checkpoints raises.
    """
    choose_device(device)
    check_options(accumulate, max_norm, precision, PRECISIONS)
    inputs, labels = np.asarray(inputs), np.asarray(labels)
    checks.examples(inputs.shape, labels.shape)
    loop = Loop(
        RunState(model, optimizer),
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
                optimizer.learning_rate = schedule(step)
            parts = [(inputs[i], labels[i]) for i in parts_of(batch, accumulate)]
            value = _update(model, optimizer, parts, loss, max_norm, precision, step)
            loop.write(step, value, optimizer.learning_rate, len(batch))
        return loop.close()


def train_step(model, optimizer, inputs, labels, loss=cross_entropy, max_norm=None):
    """One update on one batch of arrays. Returns its loss before the update.

    max_norm: as `train` has it, and FloatingPointError as there.
    """
    return _update(model, optimizer, [(inputs, labels)], loss, max_norm)


def _update(model, optimizer, parts, loss, max_norm=None, precision=None, step=0):
    """One update on a batch in parts, each with the weight of its examples."""
    optimizer.zero_grad()
    total, n = 0.0, sum(len(x) for x, _ in parts)
    with _rounded(model, precision):
        for x, y in parts:
            value = loss(model(_cast(x, precision)), tensor(y))
            if len(parts) > 1:
                value = value * (len(x) / n)
            value.backward()
            total += value.item()
    if max_norm is not None:
        norm = clip_gradients(model.parameters(), max_norm)
        if math.isfinite(total) and not math.isfinite(norm):
            raise FloatingPointError(f"the gradient's norm is {norm} at step {step}")
    optimizer.step()
    return total


@contextlib.contextmanager
def _rounded(model, precision):
    """Inside, the model's tensors are copies in a precision; then, its own again.

    Gradients are taken over to the model's own dtype, and so are running statistics
    that changed.
    """
    if precision is None:
        yield
        return
    tensors = list({id(x): x for _, x in model.named_state()}.values())
    own = [x.data for x in tensors]
    for x in tensors:
        x.take_over(x.data.astype(precision))
    try:
        yield
    finally:
        for x, array in zip(tensors, own, strict=True):
            if x.requires_grad:
                x.take_over(array)
                x.grad = None if x.grad is None else x.grad.astype(array.dtype)
            else:
                x.take_over(x.data.astype(array.dtype))


def _cast(x, precision):
    """An input as a tensor; numbers that are not tokens in the model's precision."""
    x = np.asarray(x)
    return tensor(x, dtype=precision if x.dtype.kind == "f" else None)


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
