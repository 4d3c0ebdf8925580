"""The part of a training loop that knows no framework: order, notes, checkpoints."""

import operator
import zlib

import numpy as np

from largemodels.logbook import Logbook
from largemodels.validation import one_of, real_number, whole_number


class Loop:
    """Goes through the batches of a run, from where its last checkpoint left it.

        for step, batch in loop:
            ...
            loop.write(step, loss, learning_rate, len(batch))
        history = loop.close()

    state        what is saved: `weights()` and `read()` return it, as a canonical
                 dictionary and as a structure of arrays and numbers; `load_weights` and
                 `load` take it back
    batches      index arrays, in an order that is the same again when a run goes on
    inputs       an array or tensor; with four axes they are images, for the speed
    labels       an array or tensor: integers (n, T) are tokens, and count as such for
                 the speed; what is neither is counted as examples
    checkpoints  checkpoints.Checkpoints, or None
    patience     judgments without a lower loss after which the run ends, with the
                 weights of the lowest; None: it ends with its batches
    others       as the Logbook takes them

    Raises ValueError where a run that goes on has other batches than before.
    """

    def __init__(self, state, batches, inputs, labels, *, checkpoints=None, **options):
        total = operator.length_hint(batches, 0) or None
        unit, self.each = "images" if len(inputs.shape) == 4 else "examples", 1
        if len(labels.shape) == 2 and "int" in str(labels.dtype):
            unit, self.each = "tokens", labels.shape[1]
        self.logbook = Logbook(total=total, unit=unit, **options)
        self.state, self.batches, self.checkpoints = state, batches, checkpoints
        self.best_weights, self.order, self.unsaved = None, 0, False

    def __iter__(self):
        start, order = self._resume() if self.checkpoints else (0, 0)
        step = -1
        for step, batch in enumerate(self.batches):
            if step == start and self.order != order:
                raise ValueError(_OTHER_ORDER.format(start))
            if step >= start and self.logbook.stopped:
                return
            if self.checkpoints:
                indices = np.ascontiguousarray(batch, dtype=np.int64)
                self.order = zlib.crc32(indices, self.order)
            if step >= start:
                yield step, batch
                self._after(step + 1)
        if step + 1 < start or (step + 1 == start and self.order != order):
            raise ValueError(_OTHER_ORDER.format(start))

    def write(self, step, loss, learning_rate, examples):
        """Note an update on so many examples, as Logbook.write does."""
        if self.logbook.write(step, loss, learning_rate, examples * self.each):
            self._keep_best()

    def close(self):
        """Judge, save and take back the best weights. Returns the History."""
        if self.logbook.close():
            self._keep_best()
            self.unsaved = True
        if self.checkpoints and self.unsaved and self.logbook.history.step:
            self._save(self.logbook.history.step[-1] + 1)
        if self.best_weights is not None:
            self.state.load_weights(self.best_weights)
        return self.logbook.history

    def _after(self, updates):
        self.unsaved = True
        every = self.checkpoints and self.checkpoints.every
        if every and updates % every == 0:
            self._save(updates)

    def _keep_best(self):
        log = self.logbook
        if log.patience and log.best == len(log.history.evaluations) - 1:
            self.best_weights = self.state.weights()

    def _save(self, updates):
        history = self.logbook.history
        state = {
            "run": self.state.read(),
            "history": {
                "loss": np.array(history.loss),
                "learning_rate": np.array(history.learning_rate),
                "evaluations": history.evaluations,
            },
            "order": self.order,
            "best_weights": self.best_weights,
        }
        self.checkpoints.write(updates, self.state.weights(), state)
        self.unsaved = False

    def _resume(self):
        """Take back the newest checkpoint. Returns its step and its order."""
        found = self.checkpoints.read()
        if found is None:
            return 0, 0
        step, weights, saved = found
        self.state.load_weights(weights)
        self.state.load(saved["run"])
        history = self.logbook.history
        history.step[:] = range(step)
        history.loss[:] = saved["history"]["loss"].tolist()
        history.learning_rate[:] = saved["history"]["learning_rate"].tolist()
        history.evaluations[:] = saved["history"]["evaluations"]
        self.best_weights = saved["best_weights"]
        return step, saved["order"]


_OTHER_ORDER = (
    "the batches before step {} are others than those that the checkpoint was trained "
    "on: give the same order again, or another folder"
)


def judge_of(model, validation, evaluate, loss):
    """What a loop calls to judge the model, a function of nothing, or None.

    validation  None; a function of the model; or arguments of the wing's own
                `evaluate`, after the model and before the loss
    """
    if validation is None:
        return None
    if callable(validation):
        return lambda: validation(model)
    return lambda: evaluate(model, *validation, loss=loss)


def parts_of(batch, accumulate):
    """A batch of indices in equal parts, at most `accumulate`, none of them empty."""
    parts = np.array_split(np.asarray(batch), accumulate) if accumulate > 1 else [batch]
    return [part for part in parts if len(part)]


def check_options(accumulate, max_norm, precision, precisions):
    """Hold options of a training loop to their rules; raise ValueError or TypeError."""
    whole_number("accumulate", accumulate, minimum=1)
    if max_norm is not None:
        real_number("max_norm", max_norm, 0.0, open_below=True)
    if precision is not None:
        one_of("precision", precision, precisions)
