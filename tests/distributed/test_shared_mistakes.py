"""What goes wrong in a run of two processes is told once, and leaves the run whole."""

import errno
import os
import re

import pytest
from largemodels import checkpoints
from largemodels.pretraining import log as run_log
from largemodels.pretraining import read_log
from largemodels.pytorch import pretrain

from tests.distributed import launch
from tests.distributed.conftest import SHORT, flags

MODULE = ("-m", "largemodels.pytorch.pretrain")
# A process whose disk is full for files of one name, once a checkpoint is there.
FULL = """
import builtins, errno, os, sys
from pathlib import Path
from largemodels import parameters
from largemodels.pretraining import log
from largemodels.pytorch import pretrain

out, place = Path(sys.argv[1]), sys.argv[2]
there = out / "checkpoints" / "step-000000002"
error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
save = parameters.save

def full_open(path, *arguments, **named):
    if place == "log" and there.exists():
        raise error
    return builtins.open(path, *arguments, **named)

def full_save(path, *arguments, **named):
    if place == "checkpoint" and there.exists():
        raise error
    return save(path, *arguments, **named)

log.open, parameters.save = full_open, full_save
sys.exit(pretrain.main(sys.argv[3:]))
"""


def ours(err):
    """The lines that the program itself wrote; torchrun adds a report of its own."""
    return re.findall(r"^pretrain: .*$", err, re.M)


def run_of_two(text, out, *script, **changes):
    """A run under torchrun: (exit status, the program's lines on stderr)."""
    options = SHORT | {"data": text, "out": out} | changes
    process = launch.torchrun(2, *script, *flags(options), "--quiet")
    status, _, err = launch.finish(process)
    return status, ours(err)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batch-size": 6}, "batch"),
        ({"learning-rate": 1e300}, "try a smaller learning rate"),
    ],
)
def test_a_mistake_of_all_is_told_once(text, tmp_path, changes, sentence):
    status, told = run_of_two(text, tmp_path / "run", *MODULE, **changes)
    assert status != 0
    assert len(told) == 1, told
    assert sentence in told[0]


@pytest.mark.parametrize("place", ["log", "checkpoint"])
def test_a_full_disk_is_told_once_and_the_checkpoint_stays(text, tmp_path, place):
    script, out = tmp_path / "full.py", tmp_path / "run"
    script.write_text(FULL)
    status, told = run_of_two(text, out, script, out, place)
    assert status != 0
    assert len(told) == 1, told
    assert "No space left on device" in told[0]
    assert re.search(r"the last (checkpoint|one) there is step 2$", told[0]), told
    assert checkpoints.Checkpoints(out / "checkpoints").read()[0] == 2
    assert pretrain.main(["--resume", "--out", str(out), "--quiet"]) == 0
    assert [line["step"] for line in read_log(out / "log.jsonl")] == list(range(1, 7))


def test_a_log_that_cannot_be_written_is_named(text, tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"

    def full(path, *arguments, **named):
        if (out / "checkpoints" / "step-000000004").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return open(path, *arguments, **named)

    monkeypatch.setattr(run_log, "open", full, raising=False)
    options = SHORT | {"data": text, "out": out}
    assert pretrain.main([*flags(options), "--quiet"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"{out / 'log.jsonl'}: No space left on device" in told
    assert told.endswith("the last checkpoint there is step 4\n")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 7.28 TiB for an array"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 8 TB"),
    ],
)
def test_a_model_that_is_too_large_is_told(text, tmp_path, monkeypatch, capsys, error):
    def refuse(*arguments):
        raise error

    monkeypatch.setattr(pretrain, "Transformer", refuse)
    options = SHORT | {"data": text, "out": tmp_path / "run"}
    assert pretrain.main(flags(options)) == 1
    told = capsys.readouterr().err
    assert told.startswith("pretrain: the model does not fit into memory: ")
    assert told.count("\n") == 1


def test_other_errors_keep_their_traceback(text, tmp_path, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(pretrain, "Transformer", fail)
    options = SHORT | {"data": text, "out": tmp_path / "run"}
    with pytest.raises(RuntimeError, match="a fault of ours"):
        pretrain.main(flags(options))
