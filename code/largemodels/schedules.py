"""Learning rates as pure functions of the step.

Each function here returns a schedule: `schedule(step) -> float`, the rate of the update
with that number. Steps count from 0: `schedule(0)` is the rate of the first update, and
a run of `total` updates has the steps 0 .. total - 1. A schedule keeps no state: a
resumed run, a plot and a test ask the same function. Steps are whole numbers from 0 on;
anything else raises ValueError or TypeError.
"""

import math
from collections.abc import Callable, Sequence

from largemodels.validation import real_number, whole_number

Schedule = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """The same rate at every step: eta_k = rate."""
    rate = _rate(rate)
    return _schedule(lambda step: rate)


def inverse_time(rate: float, decay: float) -> Schedule:
    """eta_k = rate / (1 + decay k).

    decay is at least 0, a share a step. The sum of the rates diverges and the sum of
    their squares does not, as stochastic gradient descent needs to reach the optimum.

    Source: Robbins and Monro 1951, "A Stochastic Approximation Method" (conditions on
    the rates).
    """
    rate = _rate(rate)
    decay = real_number("decay", decay, 0.0)
    return _schedule(lambda step: rate / (1 + decay * step))


def inverse_sqrt(rate: float) -> Schedule:
    """eta_k = rate / sqrt(k + 1): the first update has `rate`, the fourth half of it.

    Differs: the schedule of Vaswani et al. 2017, eq. 3, multiplies this by a linear
    warm-up and by d_model^-0.5; `warmup(inverse_sqrt(rate), steps)` has its shape.
    """
    rate = _rate(rate)
    return _schedule(lambda step: rate / math.sqrt(step + 1))


def step_decay(rate: float, every: int, factor: float) -> Schedule:
    """eta_k = rate factor^floor(k / every).

    The first `every` updates have `rate`, the next ones rate times `factor` (above 0,
    at most 1), and so on.
    """
    rate = _rate(rate)
    every = whole_number("every", every, minimum=1)
    factor = real_number("factor", factor, 0.0, 1.0, open_below=True)
    return _schedule(lambda step: rate * factor ** (step // every))


def exponential(rate: float, decay: float) -> Schedule:
    """eta_k = rate decay^k, with `decay` above 0 and at most 1, a factor a step.

    Differs: elsewhere `decay` is the c of rate exp(-c k), a rate and not a factor.
    """
    rate = _rate(rate)
    decay = real_number("decay", decay, 0.0, 1.0, open_below=True)
    return _schedule(lambda step: rate * decay**step)


def piecewise(boundaries: Sequence[int], rates: Sequence[float]) -> Schedule:
    """Rates that hold between boundaries.

    eta_k = rates[i] for boundaries[i - 1] <= k < boundaries[i]

    boundaries  steps at which the rate changes, increasing and at least 1; the update
                with that number is the first with the next rate
    rates       one more than boundaries

    Differs: keras PiecewiseConstantDecay uses the old rate at the boundary itself.
    """
    boundaries = tuple(
        whole_number(f"boundaries[{i}]", at, minimum=1)
        for i, at in enumerate(boundaries)
    )
    rates = tuple(_rate(rate, f"rates[{i}]") for i, rate in enumerate(rates))
    if list(boundaries) != sorted(set(boundaries)):
        raise ValueError(f"boundaries must increase, got {boundaries}")
    if len(rates) != len(boundaries) + 1:
        raise ValueError(
            "there must be one rate more than boundaries, got "
            f"{len(rates)} rates and {len(boundaries)} boundaries"
        )
    return _schedule(lambda step: rates[sum(step >= at for at in boundaries)])


def cosine(rate: float, total: int, final: float = 0.0) -> Schedule:
    """Half a cosine from `rate` at step 0 to `final` at step `total`, then `final`.

    eta_k = final + (rate - final) (1 + cos(pi k / total)) / 2   for k < total

    The last of `total` updates, k = total - 1, is one step short of `final`, so that it
    is not spent on a rate of zero.

    Source: Loshchilov and Hutter 2017 (arXiv 1608.03983), without the restarts.
    """
    rate, total, final = _decline(rate, total, final)

    def at(step):
        if step >= total:
            return final
        return final + (rate - final) * (1 + math.cos(math.pi * step / total)) / 2

    return _schedule(at)


def linear(rate: float, total: int, final: float = 0.0) -> Schedule:
    """A straight line from `rate` at step 0 to `final` at step `total`, then `final`.

    eta_k = rate + (final - rate) k / total   for k < total

    As with `cosine`, the last of `total` updates is one step short of `final`.
    """
    rate, total, final = _decline(rate, total, final)

    def at(step):
        return final if step >= total else rate + (final - rate) * step / total

    return _schedule(at)


def stable_decay(
    rate: float, total: int, decay_steps: int, final: float = 0.0
) -> Schedule:
    """`rate`, and over the last `decay_steps` updates a line down to `final`.

    eta_k = rate                                                for k < s
    eta_k = rate + (final - rate) (k - s) / decay_steps         for s <= k < total

    with s = total - decay_steps, then `final`

    With `warmup`, the warm-up, stable and decay (WSD) of language models: a run goes on
    from before its decay for as long as one likes. decay_steps: 1 to total. As with
    `linear`, the last update is one step short of `final`.

    Source: Hu et al. 2024 (arXiv 2404.06395).
    Differs: there the decay is a function f that is left open, and exponential in their
    runs; a line is usual since.
    """
    total = whole_number("total", total, minimum=1)
    decay_steps = whole_number("decay_steps", decay_steps, minimum=1, maximum=total)
    line, start = linear(rate, decay_steps, final), total - decay_steps
    return _schedule(lambda step: line(max(step - start, 0)))


def warmup(schedule: Schedule, steps: int) -> Schedule:
    """A linear rise over the first `steps` updates, as a factor on any schedule.

    eta_k = schedule(k) min(1, (k + 1) / steps)

    The first update has 1/steps of the rate, never zero; update number `steps` - 1 (the
    last of the rise) has all of it. The schedule itself runs on from step 0 and is not
    moved. 0 steps change nothing.
    """
    if not callable(schedule):
        raise TypeError(f"schedule must be a function of the step, got {schedule!r}")
    steps = whole_number("steps", steps)
    return _schedule(
        lambda step: schedule(step) * (1.0 if step >= steps else (step + 1) / steps)
    )


def _schedule(function):
    """A schedule that checks its step and returns a float."""

    def schedule(step: int) -> float:
        return float(function(whole_number("step", step)))

    return schedule


def _rate(rate, name="rate"):
    """A learning rate: finite and at least 0."""
    return real_number(name, rate, 0.0)


def _decline(rate, total, final):
    return (
        _rate(rate),
        whole_number("total", total, minimum=1),
        _rate(final, "final"),
    )
