"""Contenders that take turns: how long each takes, and the ratios within a round."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Step = Callable[[], object]
TURNS_CHECKED = 3
# Seconds in which the threads of the one before go to sleep: a pool that waits for more
# work turns in circles for some milliseconds, on a core that the next one needs.
PAUSE = 0.05


@dataclass(frozen=True)
class Row:
    """A line of the table: a ratio of times, ours over theirs, or a rate.

    label    what is compared
    ours     name of a contender
    theirs   name of another, or None: the row is a rate, amount / seconds of ours
    target   the most that the ratio may be, the least that a rate may be, or None
    amount   what a step of ours gets through, for a rate, in `unit` seconds
    """

    label: str
    ours: str
    theirs: str | None
    target: float | None = None
    amount: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class Group:
    """Contenders that are timed together, in turns.

    name, title  on the command line, and above the table
    make         sizes -> {name: function that sets a contender up}
    sizes        what the table is about; tests give smaller ones
    rows         sizes -> the lines of the table
    steps        of one contender, before it is the next one's turn
    warm         whether a step that is not timed goes before these
    collect      whether the collector runs before a turn
    why          why there are fewer steps than ten, or what else to know
    value        from what a step returned to numbers, outside the time
    rtol, atol   how far values may part; the default is that of float32
    """

    name: str
    title: str
    make: Callable[[object], dict[str, Callable[[], Step]]]
    sizes: object
    rows: Callable[[object], tuple[Row, ...]]
    steps: int = 10
    warm: bool = True
    collect: bool = False
    why: str = ""
    value: Callable[[object], object] = float
    rtol: float = 1e-4
    atol: float = 1e-6


def check_equal(group: Group, steps: dict[str, Step], turns: int = TURNS_CHECKED):
    """Raise ValueError that names two contenders whose values part in the first steps.

    All are compared with the first. These steps also compile what is compiled.
    """
    first = next(iter(steps))
    for turn in range(turns):
        values = {name: group.value(step()) for name, step in steps.items()}
        for name, value in values.items():
            expected = values[first]
            if np.shape(value) != np.shape(expected) or not np.allclose(
                value, expected, rtol=group.rtol, atol=group.atol
            ):
                raise ValueError(
                    f"{name!r} does not compute what {first!r} does: in step {turn} "
                    f"it has {_shown(value)}, not {_shown(expected)}"
                )


def race(
    group: Group, steps: dict[str, Step], rounds: int, say=None
) -> dict[str, list[float]]:
    """Seconds a step of each contender in every round; the order turns by one."""
    names = list(steps)
    times = {name: [] for name in names}
    for turn in range(rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            if group.collect:
                gc.collect()
            time.sleep(PAUSE)
            if group.warm:
                steps[name]()
            times[name].append(seconds(steps[name], group.steps))
        if say:
            say(f"{group.name}: round {turn + 1} of {rounds}")
    return times


def seconds(step: Step, count: int) -> float:
    """The mean time of a step, over a few."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def summary(row: Row, times: dict[str, list[float]]) -> dict:
    """What the table says of a row: medians, the ratio, and whether the target is met.

    The ratio is taken within a round, where what slows the machine down slows both;
    its median decides, and its 10th percentile shows the spread. For a rate, whose good
    side is the upper one, the 90th does. That tail favors ours: it is no verdict.
    """
    ours = times[row.ours]
    found = {"row": row.label, "ours": row.ours, "theirs": row.theirs}
    found["ours_ms"] = 1e3 * statistics.median(ours)
    if row.theirs is None:
        values = [row.amount / t for t in ours]
        found |= {"theirs_ms": None, "unit": row.unit, "best": percentile(values, 90)}
    else:
        theirs = times[row.theirs]
        values = [a / b for a, b in zip(ours, theirs, strict=True)]
        found["theirs_ms"] = 1e3 * statistics.median(theirs)
        found |= {"unit": "ratio", "best": percentile(values, 10)}
    middle = statistics.median(values)
    met = None
    if row.target is not None:
        met = middle >= row.target if row.theirs is None else middle <= row.target
    return found | {"median": middle, "target": row.target, "met": met}


def percentile(values: list[float], percent: float) -> float:
    """The percentile of some numbers, linear between them."""
    return float(np.percentile(values, percent))


def _shown(value):
    """A value in few words."""
    return np.array2string(np.ravel(value)[:4], precision=7)
