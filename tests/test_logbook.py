"""The line that follows a run: steps, loss, speed, time left."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from largemodels import logbook
from largemodels.loop import Loop


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets: clock.now, in seconds."""
    hands = SimpleNamespace(now=0.0)
    fake = SimpleNamespace(monotonic=lambda: hands.now)
    monkeypatch.setattr(logbook, "time", fake)
    return hands


def shown(capsys):
    """What stands on the line: the writings since the last look, without padding."""
    text = capsys.readouterr().err
    return [part.rstrip(" ") for part in text.split("\r")[1:]]


def test_speed_and_time_left_are_means_since_the_first_update(clock, capsys):
    line = logbook.Progress(total=10, unit="examples")
    for step, seconds in enumerate(
        (5.0, 7.0, 9.0, 13.0)
    ):  # compiling takes the first 5
        clock.now = seconds
        line.write(step + 1, 0.5 - step / 10, 100)
    assert shown(capsys) == [
        "step 1/10  loss 0.5000",
        "step 2/10  loss 0.4000  50 examples/s  0:00:16 left",
        "step 3/10  loss 0.3000  50 examples/s  0:00:14 left",
        "step 4/10  loss 0.2000  38 examples/s  0:00:16 left",
    ]
    clock.now = 3605.0
    line.close()
    assert shown(capsys) == ["step 4/10  loss 0.2000  38 examples/s  1:00:00 in all\n"]


def test_it_is_rewritten_five_times_a_second_at_most(clock, capsys):
    line = logbook.Progress(unit="tokens")
    for step in range(41):
        clock.now = step / 20
        line.write(step + 1, 1.0, 25_000)
    written = shown(capsys)
    assert 9 <= len(written) <= 11
    assert re.fullmatch(r"step \d+  loss 1\.0000  500,000 tokens/s", written[-1])


def test_a_shorter_line_covers_a_longer_one(clock, capsys):
    line = logbook.Progress(total=3)
    for step in (1, 2, 3):
        clock.now = 10.0**6 * step
        line.write(step, 10.0 ** (8 - 4 * step), 1)
    *_, before, last = capsys.readouterr().err.split("\r")
    assert len(before) == len(last)


@pytest.mark.parametrize(
    ("inputs", "labels", "expected"),
    [
        ((6, 4), np.zeros(6, int), "2 examples/s"),
        ((6, 5, 5, 1), np.zeros(6, int), "2 images/s"),
        ((6, 7), np.zeros((6, 7), int), "14 tokens/s"),
        ((6, 7), np.zeros((6, 7)), "2 examples/s"),
    ],
)
def test_what_is_counted_depends_on_the_data(inputs, labels, expected, clock, capsys):
    batches = [np.arange(2), np.arange(2, 4), np.arange(4, 6)]
    loop = Loop(None, batches, np.zeros(inputs), labels, progress=True)
    for step, batch in loop:
        clock.now += 1.0
        loop.write(step, 1.0, 0.1, len(batch))
    loop.close()
    assert f"step 3/3  loss 1.0000  {expected}  0:00:02 in all\n" in shown(capsys)
