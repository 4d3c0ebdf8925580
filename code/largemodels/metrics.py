"""What is measured: accuracy and its relatives, intervals, the history of a run."""

import math
from dataclasses import dataclass, field

import numpy as np

from largemodels.validation import real_number, whole_number


def accuracy(logits_or_classes, labels) -> float:
    """The share of examples whose predicted class is the label, in [0, 1].

    logits_or_classes  (B, K) scores, of which the highest is the prediction (the first
                       of equal ones), or (B,) integer classes
    labels             (B,) integers

    A row of scores with a NaN predicts nothing and counts as wrong. Raises ValueError
    where the shapes do not fit or there is no example, TypeError where classes or
    labels are no integers.
    """
    labels = _classes("labels", labels)
    given = np.asarray(logits_or_classes)
    if given.ndim == 2:
        if given.shape[1] == 0:
            raise ValueError(f"logits need at least one class, got {given.shape}")
        unknown = np.isnan(given).any(axis=1)
        predicted = np.where(unknown, -1, np.argmax(given, axis=1))
    else:
        predicted = _classes("classes", given)
    _check_equally_many(predicted, labels)
    return float(np.mean(predicted == labels))


class Average:
    """Loss and accuracy of a model over all targets, batch by batch.

    ndim  axes of the targets: integers (n,) or, for sequences, (n, T) are classes;
          anything else has a loss and no accuracy

    A batch counts as many times as it has targets: the mean over all of them.
    """

    def __init__(self, ndim: int):
        self.ndim, self.count = ndim, 0
        self.sums: dict[str, float] = {"loss": 0.0}

    def add(self, outputs, targets, loss: float) -> None:
        """A batch: outputs (n, ...), targets, and their mean loss."""
        count = np.size(targets)
        self.count += count
        self.sums["loss"] += count * loss
        if np.asarray(targets).dtype.kind in "iu":
            outputs = np.reshape(outputs, (count, -1)) if self.ndim > 1 else outputs
            right = accuracy(outputs, np.ravel(targets))
            self.sums["accuracy"] = self.sums.get("accuracy", 0.0) + count * right

    def result(self) -> dict[str, float]:
        """The means, and for sequences the perplexity."""
        means = {name: total / self.count for name, total in self.sums.items()}
        if self.ndim > 1 and "accuracy" in means and means["loss"] >= 0:
            means["perplexity"] = perplexity(means["loss"])
        return means


def confusion(predicted, labels, num_classes: int) -> np.ndarray:
    """How often class i was taken for class j: entry [i, j], int64, (K, K).

    predicted, labels: (B,) integers from 0 to num_classes - 1. Rows are labels, columns
    predictions. Raises ValueError where a class is out of range or the shapes differ.

    Differs: some texts have rows and columns the other way round.
    """
    num_classes = whole_number("num_classes", num_classes, minimum=1)
    predicted = _classes("predicted", predicted)
    labels = _classes("labels", labels)
    _check_equally_many(predicted, labels)
    for name, classes in (("predicted", predicted), ("labels", labels)):
        if classes.min() < 0 or classes.max() >= num_classes:
            raise ValueError(
                f"{name} must be from 0 to {num_classes - 1}, got "
                f"{classes.min()} to {classes.max()}"
            )
    flat = np.bincount(num_classes * labels + predicted, minlength=num_classes**2)
    return flat.reshape(num_classes, num_classes).astype(np.int64)


def recall(confusion) -> np.ndarray:
    """Of the examples of each class, the share that was found: (K,).

    recall_i = C[i, i] / sum_j C[i, j]; NaN for a class without examples.
    Differs: scikit-learn gives 0 there, with a warning.
    """
    table = _table(confusion)
    return _ratio(np.diag(table), table.sum(axis=1))


def precision(confusion) -> np.ndarray:
    """Of the predictions of each class, the share that was right: (K,).

    precision_j = C[j, j] / sum_i C[i, j]; NaN for a class that was never predicted.
    Differs: scikit-learn gives 0 there, with a warning.
    """
    table = _table(confusion)
    return _ratio(np.diag(table), table.sum(axis=0))


def f1(confusion) -> np.ndarray:
    """The harmonic mean of precision and recall of each class: (K,).

    F1_i = 2 C[i, i] / (sum_j C[i, j] + sum_j C[j, i]); NaN for a class that neither
    occurs nor is predicted.
    """
    table = _table(confusion)
    return _ratio(2 * np.diag(table), table.sum(axis=0) + table.sum(axis=1))


def perplexity(loss: float) -> float:
    """exp(loss), for a mean cross-entropy in nats a token.

    The number of equally likely tokens that would be as hard to guess; infinite where
    exp overflows. Raises ValueError for a negative loss or NaN.
    """
    loss = float(loss)
    if not loss >= 0:
        raise ValueError(f"a cross-entropy must be at least 0, got {loss}")
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval: mean, low, high, from n values.

    As text, "97.4 ± 0.3": half the width rounded to one significant digit, the mean to
    the same place. An interval that is not symmetric at that place is written with its
    ends, "0.97 [0.95, 0.98]". The format "%" gives percent: f"{interval:%}" is
    "97.4% ± 0.3%".
    """

    mean: float
    low: float
    high: float
    n: int

    def __post_init__(self):
        if not self.low <= self.mean <= self.high:
            raise ValueError(
                "an interval needs low <= mean <= high, got "
                f"{self.low}, {self.mean}, {self.high}"
            )

    @property
    def half(self) -> float:
        """Half the width: (high - low) / 2."""
        return (self.high - self.low) / 2

    def __str__(self):
        return format(self, "")

    def __format__(self, spec):
        if spec not in ("", "%"):
            raise ValueError(f"the format of an Interval is '' or '%', got {spec!r}")
        scale, unit = (100.0, "%") if spec else (1.0, "")
        half = scale * self.half
        if not math.isfinite(half) or half == 0:
            return f"{scale * self.mean:g}{unit} ± {half:g}{unit}"
        place = _place(half)
        mean, low, high = (
            _at_place(scale * value, place)
            for value in (self.mean, self.low, self.high)
        )
        down = _at_place(scale * (self.mean - self.low), place)
        up = _at_place(scale * (self.high - self.mean), place)
        # The sides of 2.6 ± 1.5 are 1.5 and, by rounding, a little less.
        rounding = 4 * math.ulp(max(abs(self.low), abs(self.high)))
        lopsided = abs(self.low + self.high - 2 * self.mean) > rounding
        if lopsided and down != up:
            return f"{mean}{unit} [{low}{unit}, {high}{unit}]"
        return f"{mean}{unit} ± {_at_place(half, place)}{unit}"


def _place(value):
    """Decimal place of the one significant digit of a positive number: 0.3 -> 1."""
    # In the "e" format the digit is rounded first: 0.96 is 1e+00, not 9.6e-01.
    return -int(f"{value:.0e}".split("e")[1])


def _at_place(value, place):
    """A number as text, rounded to a decimal place; place -1 rounds to tens."""
    return f"{round(value, place) + 0.0:.{max(place, 0)}f}"


def mean_interval(values, confidence: float = 0.95) -> Interval:
    """The mean of independent values with Student's interval.

    mean ± t s / sqrt(n), s^2 = sum (x - mean)^2 / (n - 1), t the quantile
    (1 + confidence) / 2 of Student's distribution with n - 1 degrees of freedom

    values: at least two finite numbers, say one accuracy a seed. Exact where they are
    normal. Raises ValueError otherwise.

    Source: Student 1908, "The Probable Error of a Mean", Biometrika 6.
    """
    from scipy.special import stdtrit

    values = _finite("values", values)
    if len(values) < 2:
        raise ValueError(f"an interval needs at least 2 values, got {len(values)}")
    confidence = _confidence(confidence)
    mean = float(np.mean(values))
    spread = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    half = float(stdtrit(len(values) - 1, (1 + confidence) / 2)) * spread
    return Interval(mean, mean - half, mean + half, len(values))


def difference_interval(a, b, confidence: float = 0.95) -> Interval:
    """The mean of a - b with its interval, paired: a[i] and b[i] share a seed.

    `mean_interval` of the differences. What both share (the split, the start, the
    order of the batches) cancels, so the interval is narrower than that of two
    independent means. Raises ValueError where the two are not equally many.
    """
    a, b = _finite("a", a), _finite("b", b)
    if a.shape != b.shape:
        raise ValueError(
            f"a and b must be paired, got {len(a)} values and {len(b)} values"
        )
    return mean_interval(a - b, confidence)


def proportion_interval(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """A proportion with Wilson's score interval.

    center = (p + z^2 / 2n) / (1 + z^2 / n), p = successes / n, z the normal quantile
    half   = z sqrt(p (1 - p) / n + z^2 / 4n^2) / (1 + z^2 / n)

    `mean` is p itself, and the interval lies unevenly about it, towards 1/2. It stays
    in [0, 1] and does not shrink to nothing at p = 0 or 1. Raises ValueError unless
    0 <= successes <= n and n >= 1.

    Source: Wilson 1927, "Probable Inference, the Law of Succession, and Statistical
    Inference", Journal of the American Statistical Association 22.
    """
    from scipy.special import ndtri

    n = whole_number("n", n, minimum=1)
    successes = whole_number("successes", successes, maximum=n)
    z = float(ndtri((1 + _confidence(confidence)) / 2))
    p = successes / n
    shrink = 1 + z * z / n
    center = (p + z * z / (2 * n)) / shrink
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / shrink
    # At p = 0 and 1 an end is p exactly; rounding must not put it beside.
    low = 0.0 if successes == 0 else min(center - half, p)
    high = 1.0 if successes == n else max(center + half, p)
    return Interval(p, low, high, n)


@dataclass
class History:
    """What a training run wrote down.

    step           0-based number of each update
    loss           loss of its batch before the update
    learning_rate  the rate it was made with
    evaluations    dictionaries, each with "step" and what was measured then
    """

    step: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    evaluations: list[dict[str, float]] = field(default_factory=list)

    def record(self, step: int, loss: float, learning_rate: float) -> None:
        """Append one update."""
        self.step.append(int(step))
        self.loss.append(float(loss))
        self.learning_rate.append(float(learning_rate))

    def as_arrays(self) -> dict[str, np.ndarray]:
        """Everything as arrays: "step" (int64), "loss" and "learning_rate" (float64).

        Of the evaluations, "evaluation_step" (int64) and one "evaluation_<name>"
        (float64) for each name that occurs in them, NaN where one lacks it.
        """
        arrays = {
            "step": np.array(self.step, dtype=np.int64),
            "loss": np.array(self.loss, dtype=np.float64),
            "learning_rate": np.array(self.learning_rate, dtype=np.float64),
            "evaluation_step": np.array(
                [entry["step"] for entry in self.evaluations], dtype=np.int64
            ),
        }
        names = {name: None for entry in self.evaluations for name in entry}
        for name in names:
            if name != "step":
                arrays[f"evaluation_{name}"] = np.array(
                    [entry.get(name, math.nan) for entry in self.evaluations],
                    dtype=np.float64,
                )
        return arrays


def _classes(name, values):
    values = np.asarray(values)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"{name} must be one class an example, got {values.shape}")
    if values.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got dtype {values.dtype}")
    return values.astype(np.int64)


def _check_equally_many(predicted, labels):
    if predicted.shape != labels.shape:
        raise ValueError(
            "there must be one label for each prediction, got "
            f"{len(predicted)} predictions and {len(labels)} labels"
        )


def _table(confusion):
    table = np.asarray(confusion)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.size == 0:
        raise ValueError(f"a confusion table must be square, got {table.shape}")
    if (table < 0).any():
        raise ValueError(f"a confusion table holds counts, got {table.min()}")
    return table


def _ratio(above, below):
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def _finite(name, values):
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"{name} must be a list of numbers, got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite, got {values.tolist()}")
    return values


def _confidence(confidence):
    return real_number(
        "confidence", confidence, 0.0, 1.0, open_below=True, open_above=True
    )
