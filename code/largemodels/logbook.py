"""What a training loop writes down, the same in all wings."""

import datetime
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
    patience        judgments without a lower loss after which the run has `stopped`;
                    None: it goes on
    total           how many updates there will be, where that is known
    unit            what is counted for the speed: "examples", "images" or "tokens"

    An entry of history.evaluations has "step", the number of updates made by then.
    Raises ValueError where there is an interval and nothing to judge with, or patience
    and no interval.
    """

    def __init__(
        self,
        judge=None,
        evaluate_every=None,
        progress=False,
        patience=None,
        total=None,
        unit="examples",
    ):
        if evaluate_every is not None:
            whole_number("evaluate_every", evaluate_every, minimum=1)
            if judge is None:
                raise ValueError(
                    f"evaluate_every={evaluate_every} needs validation=(inputs, labels)"
                )
        if patience is not None:
            whole_number("patience", patience, minimum=1)
            if evaluate_every is None:
                raise ValueError(f"patience={patience} needs evaluate_every")
        self.history = History()
        self.judge, self.evaluate_every = judge, evaluate_every
        self.patience = patience
        self.line = Progress(total, unit) if progress else None

    @property
    def best(self):
        """The number in history.evaluations of the lowest loss, or None."""
        losses = [_loss(entry) for entry in self.history.evaluations]
        return losses.index(min(losses)) if losses else None

    @property
    def stopped(self):
        """Whether `patience` judgments in a row have found no lower loss."""
        if self.patience is None or self.best is None:
            return False
        return len(self.history.evaluations) - 1 - self.best >= self.patience

    def write(self, step, loss, learning_rate, count=0):
        """Note one update, made at `learning_rate`, whose batch had `loss` before it.

        count is the number of examples or tokens in the batch. Returns whether the
        model was judged. Raises FloatingPointError that names the step where the loss
        is not finite.
        """
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at step {step}: try a smaller learning rate, "
                "and look for NaN among the inputs"
            )
        self.history.record(step, loss, learning_rate)
        if self.line:
            self.line.write(step + 1, loss, count)
        due = bool(self.evaluate_every) and (step + 1) % self.evaluate_every == 0
        if due:
            self._judge()
        return due

    def close(self):
        """Judge the model after the last update, unless that is done. Returns whether
        it was judged.
        """
        due = False
        if self.judge and self.history.step:
            evaluations = self.history.evaluations
            due = not evaluations or evaluations[-1]["step"] <= self.history.step[-1]
            if due:
                self._judge()
        if self.line:
            self.line.close()
        return due

    def _judge(self):
        updates = self.history.step[-1] + 1
        self.history.evaluations.append({"step": updates, **self.judge()})


def _loss(evaluation):
    """The loss of an evaluation, in which NaN is worse than anything."""
    if "loss" not in evaluation:
        raise ValueError(f'an evaluation must have a "loss", got {evaluation}')
    return math.inf if math.isnan(evaluation["loss"]) else evaluation["loss"]


class Progress:
    """One line on stderr that follows a run, rewritten five times a second at most.

    step 120/500  loss 0.4321  5,120 examples/s  0:00:07 left

    Speed and time left are means since the end of the first update, which may have
    been spent on compiling. The last line has the time that all has taken.
    """

    def __init__(self, total=None, unit="examples"):
        self.total, self.unit = total, unit
        self.started = self.printed = self.first = None
        self.count, self.line, self.width = 0, "", 0

    def write(self, done, loss, count):
        """Follow an update: so many are done, with so many examples in this one."""
        now = time.monotonic()
        if self.first is None:
            self.first, self.started = done, now
        else:
            self.count += count
        of = f"/{self.total}" if self.total else ""
        self.line = f"step {done}{of}  loss {loss:.4f}"
        if done > self.first and now > self.started:
            seconds = now - self.started
            self.line += f"  {self.count / seconds:,.0f} {self.unit}/s"
            if self.total:
                left = (self.total - done) * seconds / (done - self.first)
                self._show(now, f"{self.line}  {clock(left)} left")
                return
        self._show(now, self.line)

    def close(self):
        """Write the last line, and end it."""
        if self.first is not None:
            took = clock(time.monotonic() - self.started)
            self._show(math.inf, f"{self.line}  {took} in all", end="\n")

    def _show(self, now, line, end=""):
        if self.printed is None or now - self.printed > 0.2:
            self.printed = now
            padded = line.ljust(self.width)  # over what was longer
            self.width = len(line)
            print(f"\r{padded}", end=end, file=sys.stderr, flush=True)


def clock(seconds):
    """Hours, minutes and seconds: 0:01:23."""
    return str(datetime.timedelta(seconds=round(seconds)))
