"""The contenders of `make bench` do the same work, or are not compared."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from largemodels.configs import LeNetConfig, MLPConfig, TransformerConfig

from tools import bench
from tools.contenders import tokenizing
from tools.contenders.timing import Group, Row, check_equal, percentile, race, summary

ROOT = Path(__file__).resolve().parent.parent
GPT = TransformerConfig(
    vocab_size=13, context_length=7, num_layers=1, d_model=6, num_heads=2
)
MLP = MLPConfig(d_in=5, hidden=(7,), num_classes=3, activation="relu"), 11
LENET = LeNetConfig(
    image_shape=(12, 12, 1), channels=(2, 3), kernel_size=3, hidden=(5,)
)
TINY = {
    "gpt": (GPT, 3),
    "scalar": ((2, 3, 1), 6),
    "lenet": (LENET, 5),
    "lstm": {"batch": 3, "steps": 5, "d_in": 2, "d_hidden": 7},
    "adamw": GPT,
    "sgd": GPT,
    "bpe-training": tokenizing.SMALL,
    "bpe-encoding": tokenizing.SMALL,
    "decoding": (GPT, 2, 4),
    "mlp": MLP,
    "mlp-large": MLP,
}
# The same functions under XLA stay, and compiling takes most of the time.
COMPILED_TWICE = {"gpt": "graph", "lstm": "graph"}


def tiny(name):
    group, left_out = bench.GROUPS[name], COMPILED_TWICE.get(name, "none")

    def make(sizes):
        made = group.make(sizes)
        return {n: f for n, f in made.items() if not n.endswith(f", {left_out}")}

    def rows(sizes):
        kept = make(sizes)
        return [row for row in group.rows(sizes) if row.ours in kept]

    return dataclasses.replace(group, make=make, rows=rows, sizes=TINY[name], steps=1)


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch):
    monkeypatch.setattr("tools.contenders.timing.PAUSE", 0.0)


def made(steps, rows=()):
    """A group of contenders that count, with the steps given."""
    return Group("made", "Made up", lambda _: steps, None, lambda _: rows, warm=False)


def test_every_part_has_tiny_sizes():
    assert TINY.keys() == bench.GROUPS.keys()


@pytest.mark.parametrize("name", [name for name in TINY if name != "mlp-large"])
def test_the_contenders_of_a_part_do_the_same(name):
    group = tiny(name)
    rows = bench.run(group, rounds=1)
    assert len(rows) == len(group.rows(group.sizes))
    assert min(min(row["ours_ms"], row["median"], row["best"]) for row in rows) > 0


@pytest.mark.parametrize("name", TINY)
def test_every_contender_stands_in_a_row(name):
    group = bench.GROUPS[name]
    rows = group.rows(TINY[name])
    contenders = {side for row in rows for side in (row.ours, row.theirs)} - {None}
    assert contenders == {*group.make(TINY[name])}


def test_contenders_that_differ_are_refused():
    steps = {"ours": lambda: 1.0, "theirs": lambda: 1.001}
    with pytest.raises(ValueError, match="'theirs' does not compute what 'ours' does"):
        check_equal(made(steps), steps)


def test_contenders_that_part_in_the_third_step_are_refused():
    values = iter([1.0, 1.0, 2.0])
    steps = {"ours": lambda: 1.0, "theirs": lambda: next(values)}
    with pytest.raises(ValueError, match="in step 2"):
        check_equal(made(steps), steps)


def test_values_of_another_shape_are_refused():
    steps = {"ours": lambda: [1.0], "theirs": lambda: [1.0, 1.0]}
    group = dataclasses.replace(made(steps), value=np.asarray)
    with pytest.raises(ValueError, match="does not compute"):
        check_equal(group, steps)


def test_they_take_turns(monkeypatch):
    order = []
    monkeypatch.setattr(
        "tools.contenders.timing.seconds", lambda step, count: order.append(step) or 1.0
    )
    times = race(made({}), {"a": "a", "b": "b", "c": "c"}, rounds=3)
    assert "".join(order) == "abcbcacab"
    assert times == {name: [1.0] * 3 for name in "abc"}


def test_a_ratio_is_ours_over_theirs():
    row = Row("label", "a", "b", target=1.5)
    found = summary(row, {"a": [3.0, 3.0, 4.0], "b": [2.0, 1.0, 4.0]})
    assert (found["ours_ms"], found["theirs_ms"]) == (3000.0, 2000.0)
    assert found["median"] == 1.5  # of 1.5, 3 and 1
    assert found["best"] == pytest.approx(1.1, rel=1e-12, abs=0)
    assert found["met"] is True
    over = dataclasses.replace(row, target=1.49)
    assert summary(over, {"a": [3.0], "b": [2.0]})["met"] is False
    none = dataclasses.replace(row, target=None)
    assert summary(none, {"a": [3.0], "b": [2.0]})["met"] is None


def test_a_rate_is_amount_over_time():
    row = Row("label", "a", None, target=2.0, amount=6.0, unit="MB/s")
    found = summary(row, {"a": [2.0, 3.0, 6.0]})
    assert (found["median"], found["met"], found["unit"]) == (2.0, True, "MB/s")
    assert found["best"] == pytest.approx(2.8, rel=1e-12, abs=0)
    slow = summary(dataclasses.replace(row, target=2.1), {"a": [3.0]})
    assert slow["met"] is False


@pytest.mark.parametrize(("percent", "expected"), [(0, 0.0), (10, 1.0), (25, 2.5)])
def test_percentile(percent, expected):
    values = list(map(float, range(10, -1, -1)))
    assert percentile(values, percent) == pytest.approx(expected, rel=1e-12, abs=0)


RATIO = summary(Row("wing / library", "a", "b", 2.5), {"a": [3.0], "b": [1.0]})
RATE = summary(Row("rate", "a", None, 1, 6.0, "MB/s"), {"a": [3.0]})


def test_the_table_says_what_was_missed():
    assert bench.cells(RATIO)[3:] == ("3.00", "3.00", "at most 2.5: not met")
    assert bench.cells(RATE)[2:] == ("", "2.00 MB/s", "2.00 MB/s", "at least 1: met")


def record():
    group = {"name": "made", "title": "Made up", "steps": 2, "why": ""}
    conditions = bench.conditions(["gpt", "--write"], 25)
    return {"groups": [{**group, "conditions": conditions, "rows": [RATIO, RATE]}]}


def test_a_run_is_written_with_its_conditions(tmp_path):
    bench.store(record(), tmp_path / "runs")
    text = (tmp_path / "runs" / "bench.json").read_text("utf-8")
    (kept,) = json.loads(text)["groups"]
    assert kept == record()["groups"][0] | {"conditions": kept["conditions"]}
    expected = {"command", "date", "processor", "threads", "rounds", "versions"}
    assert expected <= kept["conditions"].keys()
    assert kept["conditions"]["command"] == "python tools/bench.py gpt --write"
    lines = (tmp_path / "runs" / "bench.md").read_text("utf-8").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert rows[2].startswith("| wing / library | 3000.00 | 1000.00 | 3.00 |")
    assert {row.count("|") for row in rows} == {7}


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    for name in ("bench.json", "bench.md"):
        (tmp_path / name).write_text("before")

    def full(path, text, encoding):
        with path.open("w") as file:
            file.write(text[:9])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        bench.store(record(), tmp_path)
    monkeypatch.undo()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == dict.fromkeys(
        ("bench.json", "bench.md"), "before"
    )


def test_a_miss_does_not_fail_the_run(tmp_path, monkeypatch, capsys):
    steps = {"ours": lambda: lambda: 1.0, "theirs": lambda: lambda: 1.0}
    group = made(steps, (Row("label", "ours", "theirs", target=0.0),))
    monkeypatch.setattr(bench, "GROUPS", {"made": group})
    monkeypatch.setattr(bench, "RUNS", tmp_path)
    assert bench.main(["made", "--write"]) == 0
    assert "at most 0: not met" in capsys.readouterr().out
    assert "not met" in (tmp_path / "bench.md").read_text("utf-8")


def test_a_part_takes_the_place_of_its_own_table_alone(tmp_path, monkeypatch):
    steps = {"ours": lambda: lambda: 1.0, "theirs": lambda: lambda: 1.0}
    group = made(steps, (Row("label", "ours", "theirs"),))
    named = {n: dataclasses.replace(group, name=n) for n in ("first", "second")}
    monkeypatch.setattr(bench, "GROUPS", named)
    monkeypatch.setattr(bench, "RUNS", tmp_path)

    def commands():
        kept = json.loads((tmp_path / "bench.json").read_text("utf-8"))["groups"]
        return {g["name"]: g["conditions"]["command"].split()[2] for g in kept}

    bench.main(["second", "--write"])
    bench.main(["first", "--write"])
    assert list(commands().items()) == [("first", "first"), ("second", "second")]
    bench.main(["second", "first", "--write"])
    assert commands() == {"first": "second", "second": "second"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["gtp"], f"named 'gtp'; there are {', '.join(TINY)}"), (["--rounds", "3"], "25")],
)
def test_a_wrong_argument_is_one_sentence(arguments, words):
    with pytest.raises(SystemExit) as caught:
        bench.main(arguments)
    assert words in caught.value.code
    assert "\n" not in caught.value.code


def test_it_runs_as_a_file():
    command = [sys.executable, "tools/bench.py", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "gpt, scalar" in done.stdout
