"""What a training loop writes down, the same in all wings."""

import math
import sys
import time

from largemodels.metrics import History
from largemodels.validation import whole_number


class Logbook:
    """Keeps the History of a run; judges the model at intervals and at the end.

    judge           function of nothing that returns {"loss": ..., ...}, or None
    evaluate_every  updates between two judgments; None: only after the last update
    progress        True: one line on stderr that follows the run

    An entry of history.evaluations has "step", the number of updates made by then.
    Raises ValueError where there is an interval and nothing to judge with.
    """

    def __init__(self, judge=None, evaluate_every=None, progress=False):
        if evaluate_every is not None:
            whole_number("evaluate_every", evaluate_every, minimum=1)
            if judge is None:
                raise ValueError(
                    f"evaluate_every={evaluate_every} needs validation=(inputs, labels)"
                )
        self.history = History()
        self.judge, self.evaluate_every = judge, evaluate_every
        self.progress, self.printed = progress, -math.inf

    def write(self, step, loss, learning_rate):
        """Note one update, made at `learning_rate`, whose batch had `loss` before it.

        Raises FloatingPointError that names the step where the loss is not finite.
        """
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {step}: try a smaller learning rate, "
                "and look for NaN among the inputs"
            )
        self.history.record(step, loss, learning_rate)
        self._show()
        if self.evaluate_every and (step + 1) % self.evaluate_every == 0:
            self._judge()

    def close(self):
        """Judge the model after the last update. Returns the History."""
        if self.judge and self.history.step:
            evaluations = self.history.evaluations
            if not evaluations or evaluations[-1]["step"] <= self.history.step[-1]:
                self._judge()
        self._show(last=True)
        return self.history

    def _judge(self):
        updates = self.history.step[-1] + 1
        self.history.evaluations.append({"step": updates, **self.judge()})

    def _show(self, last=False):
        """Rewrite the progress line, five times a second at most."""
        if not self.progress or not self.history.step:
            return
        now = time.monotonic()
        if last or now - self.printed > 0.2:
            self.printed = now
            line = f"\rstep {self.history.step[-1]}  loss {self.history.loss[-1]:.4f}"
            print(line, end="\n" if last else "", file=sys.stderr, flush=True)
