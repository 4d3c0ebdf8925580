"""Training: the loop that shows batches to a model, and how it is judged."""

import contextlib
import math
import sys

import keras
import numpy as np
import tensorflow as tf

from largemodels import checks, metrics
from largemodels.loop import Loop, check_options, judge_of, parts_of
from largemodels.tf.losses import cross_entropy
from largemodels.tf.optimizers import clip_gradients
from largemodels.tf.state import RunState
from largemodels.tf.tensor import numpy, tensor

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
    loss            loss(model(x), y) -> a tensor of one element, compiled without
                    AutoGraph, as Keras does: an `if` on a tensor's value is refused
    schedule        function of the 0-based step that returns the learning rate; None:
                    the optimizer keeps its own
    validation      (inputs, labels), or with a batch_size, to evaluate on, every
                    `evaluate_every` updates and after the last; or a function of the
                    model that returns {"loss": ..., ...}
    device          where to compute, as `choose_device` takes it; None: where
                    TensorFlow likes to, a GPU if there is one
    progress        True: one line on stderr that follows the run
    accumulate      in how many parts a batch is computed, one after the other: the same
                    update, with the memory of a part. A part counts as its examples do
    max_norm        the norm that all gradients together are clipped to
    precision       "bfloat16" or "float16": layers compute in it (the policy
                    mixed_bfloat16 or mixed_float16 of Keras), while weights, losses and
                    the optimizer stay in float32. float16 scales the loss
                    (keras.optimizers.LossScaleOptimizer), and leaves out updates whose
                    gradients overflow
    patience        evaluations without a lower loss after which the run ends, with the
                    weights of the lowest
    checkpoints     largemodels.checkpoints.Checkpoints: where the run is saved. Where
                    one is there it goes on from it, as if it had never stopped: the
                    arguments, `batches` among them, are to be the same again

    The update is compiled at the first batch; a batch of another size is compiled once
    more, for all sizes. Raises FloatingPointError that names the step where a loss or,
    with max_norm, the norm of the gradients is not finite, which has then reached the
    weights; ValueError where inputs and labels are not equally many, or an option is
    wrong; what Checkpoints raises.
    """
    checks.examples(np.shape(inputs), np.shape(labels))
    check_options(accumulate, max_norm, precision, PRECISIONS)
    optimizer = _built(optimizer, model, precision)
    with _on(device), _policy(model, precision):
        inputs, labels = tensor(inputs), tensor(labels)
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
        update = _Update(model, optimizer, loss, max_norm, compiled=True)
        for step, batch in loop:
            if schedule is not None:
                optimizer.learning_rate = schedule(step)
            parts = parts_of(batch, accumulate)
            parts = [(tf.gather(inputs, i), tf.gather(labels, i)) for i in parts]
            value = update(parts, step)
            loop.write(step, value, float(optimizer.learning_rate), len(batch))
        return loop.close()


def train_step(model, optimizer, inputs, labels, loss=cross_entropy, max_norm=None):
    """One update on one batch of arrays. Returns its loss before the update.

    max_norm: as `train` has it, and FloatingPointError as there. Runs operation by
    operation, as written; `train` compiles the same update.
    """
    update = _Update(model, optimizer, loss, max_norm)
    return update([(tensor(inputs), tensor(labels))])


class _Update:
    """One update on a batch in parts, each with the weight of its examples."""

    def __init__(self, model, optimizer, loss, max_norm=None, compiled=False):
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.max_norm = max_norm
        if compiled:
            for name in ("whole", "gradients", "apply"):
                # AutoGraph would first rewrite each of our functions: with it the
                # first update takes three times as long.
                settings = {"reduce_retracing": True, "autograph": False}
                setattr(self, name, tf.function(getattr(self, name), **settings))

    def __call__(self, parts, step=0):
        """Change the model's variables. Returns the loss before that."""
        if len(parts) == 1:
            value, norm = self.whole(*parts[0])
        else:
            n = sum(len(x) for x, _ in parts)
            value, grads = 0.0, None
            for x, y in parts:
                part, more = self.gradients(x, y, tf.constant(len(x) / n, tf.float64))
                value = value + part
                grads = more if grads is None else _sums(grads, more)
            norm = self.apply(grads)
        value, norm = float(value), float(norm)
        scaled = isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer)
        if math.isfinite(value) and not (math.isfinite(norm) or scaled):
            raise FloatingPointError(f"the gradient's norm is {norm} at step {step}")
        return value

    def whole(self, x, y):
        """All at once: the loss, and the norm of the gradients if that is clipped."""
        value, grads = self.gradients(x, y)
        return value, self.apply(grads)

    def gradients(self, x, y, share=None):
        """The loss times a share, and its gradients, times the optimizer's scale."""
        with tf.GradientTape() as tape:
            z = self.model(x, training=True)
            if self.model.compute_dtype != self.model.variable_dtype:
                z = tf.cast(z, self.model.variable_dtype)
            value = self.loss(z, y)
            if share is not None:
                value = value * tf.cast(share, value.dtype)
            scaled = self.optimizer.scale_loss(value)
        return value, tape.gradient(scaled, self.model.trainable_variables)

    def apply(self, grads):
        """Clip, and change the variables. Returns the norm, 0 without clipping."""
        norm = tf.zeros(())
        if self.max_norm is not None:
            # A loss that is scaled has gradients that are, and so is the bound.
            scale = self.optimizer.scale_loss(tf.ones(()))
            grads, norm = _clip(grads, self.max_norm, scale)
        self.optimizer.apply(grads, self.model.trainable_variables)
        return norm


def _built(optimizer, model, precision):
    """An optimizer with its variables; for float16 in one that scales the loss."""
    if precision == "float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    return optimizer


def _clip(grads, max_norm, scale):
    grads = [None if g is None else g / tf.cast(scale, g.dtype) for g in grads]
    grads, norm = clip_gradients(grads, max_norm)
    return [None if g is None else g * tf.cast(scale, g.dtype) for g in grads], norm


def _sums(first, second):
    """Gradient by gradient; where there is none, there is none."""
    return [
        None if a is None else tf.convert_to_tensor(a) + tf.convert_to_tensor(b)
        for a, b in zip(first, second, strict=True)
    ]


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
        average.add(z, y, float(loss(tensor(z), tensor(y))))
    return average.result()


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


@contextlib.contextmanager
def _policy(model, precision):
    """Every layer computes in a precision; afterwards as before."""
    layers = list(model._flatten_layers()) if precision else []
    before = [layer.dtype_policy for layer in layers]
    for layer in layers:
        layer.dtype_policy = f"mixed_{precision}"
    try:
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy
