"""The command lines: runs that resume bit by bit, and mistakes told in a sentence."""

import errno
import json
import os
import re
import signal
import time
import xml.etree.ElementTree as ET

import pytest
from largemodels import checkpoints, parameters
from largemodels.pretraining import read_log
from largemodels.pytorch import generate, pretrain

from tests.distributed import launch
from tests.distributed.conftest import SHORT, flags

MODULE = ("-m", "largemodels.pytorch.pretrain")


def words(text, out, **changes):
    options = SHORT | {"precision": "float32", "data": text, "out": out}
    return [*flags(options | {k.replace("_", "-"): v for k, v in changes.items()})]


def numbers(out):
    """What two equal runs have in common: all but the speed."""
    return [
        {k: v for k, v in line.items() if k != "tokens_per_second"}
        for line in read_log(out / "log.jsonl")
    ]


def weights(out):
    [newest, *_] = checkpoints.Checkpoints(out / "checkpoints").steps()
    path = out / "checkpoints" / f"step-{newest:09d}" / "weights.safetensors"
    return newest, {k: v.tobytes() for k, v in parameters.load(path).items()}


@pytest.fixture(scope="module")
def long_run(text, tmp_path_factory):
    """One that nobody has disturbed."""
    out = tmp_path_factory.mktemp("long") / "run"
    svg = out.parent / "loss.svg"
    status = pretrain.main([*words(text, out, steps=60), "--quiet", "--plot", str(svg)])
    assert status == 0
    return out


def test_a_run_leaves_what_it_promises(long_run):
    log = read_log(long_run / "log.jsonl")
    assert [line["step"] for line in log] == list(range(1, 61))
    assert log[-1]["loss"] < log[0]["loss"] - 0.1
    assert sum("validation_loss" in line for line in log) == 20
    assert log[-1]["tokens"] == 60 * 8 * 8
    assert weights(long_run)[0] == 60
    svg = ET.parse(long_run.parent / "loss.svg").getroot()
    lines = [element for element in svg.iter() if element.tag.endswith("polyline")]
    assert [len(line.get("points").split()) for line in lines] == [60, 20]


def test_killed_and_resumed_is_bit_identical(text, long_run, tmp_path):
    out = tmp_path / "run"
    process = launch.start(*MODULE, *words(text, out, steps=60), "--quiet")
    log, end = out / "log.jsonl", time.monotonic() + launch.LIMIT
    while not log.exists() or log.read_text().count("\n") < 11:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    assert launch.finish(process)[0] == -signal.SIGKILL
    assert weights(out)[0] < 60, "it was over before it was killed"
    assert pretrain.main(["--resume", "--out", str(out), "--quiet"]) == 0
    assert numbers(out) == numbers(long_run)
    assert weights(out) == weights(long_run)


def test_interrupted_saves_and_says_how_to_go_on(
    text, long_run, tmp_path, monkeypatch, capsys
):
    out, evaluate = tmp_path / "run", pretrain.Run.evaluate
    before = signal.getsignal(signal.SIGINT)  # in the background of a shell: ignored

    def interrupting(run):
        if run.step == 9:
            os.kill(os.getpid(), signal.SIGINT)
        return evaluate(run)

    monkeypatch.setattr(pretrain.Run, "evaluate", interrupting)
    assert pretrain.main([*words(text, out, steps=60), "--quiet"]) == 130
    assert f"step 10 of 60; go on with --resume --out {out}" in capsys.readouterr().err
    assert weights(out)[0] == 10
    assert signal.getsignal(signal.SIGINT) is before
    assert pretrain.main(["--resume", "--out", str(out), "--quiet"]) == 0
    assert weights(out) == weights(long_run)


def test_a_full_disk_leaves_the_last_checkpoint(text, tmp_path, monkeypatch, capsys):
    out, save = tmp_path / "run", parameters.save

    def full(path, *args, **kwargs):
        if (out / "checkpoints" / "step-000000004").exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return save(path, *args, **kwargs)

    monkeypatch.setattr(parameters, "save", full)
    assert pretrain.main([*words(text, out), "--quiet"]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "No space left on device" in told
    assert "the last one there is step 4" in told
    monkeypatch.undo()
    assert checkpoints.Checkpoints(out / "checkpoints").read()[0] == 4
    assert pretrain.main(["--resume", "--out", str(out), "--quiet"]) == 0


def test_flags_count_before_the_file(text, tmp_path, capsys):
    out = tmp_path / "run"
    file, data = tmp_path / "run.toml", text / "first.txt"  # one file, no folder
    file.write_text(
        f'data = "{data}"\nout = "{out}"\nsteps = 9\n[model]\npreset = "tiny"\n'
        "num_layers = 1\nd_model = 8\nnum_heads = 2\n[length]\ncontext_length = 8\n"
    )
    chosen = ["--steps", "2", "--batch-size", "2", "--tokenizer", "bpe"]
    chosen += ["--bpe-size", "300", "--optimizer", "muon", "--precision", "bfloat16"]
    assert pretrain.main(["--config", str(file), *chosen]) == 0
    kept = json.loads((out / "settings.json").read_text())
    assert (kept["steps"], kept["num_layers"], kept["d_model"]) == (2, 1, 8)
    told = capsys.readouterr().out.splitlines()
    line = r"step {}/2  loss \d\.\d{{4}}( .*)?  [\d,]+ tokens/s  \d:\d\d:\d\d left"
    assert re.fullmatch(line.format(1), told[0])
    assert re.fullmatch(line.format(2), told[-1])
    assert told[-1].endswith("  0:00:00 left")
    model, tokenizer = generate.load_run(out)
    assert tokenizer.vocab_size == 300 == model.config.vocab_size


def test_generate_writes_the_same_text_again(long_run, capsys):
    call = ["--checkpoint", str(long_run), "--prompt", "Once", "--tokens", "20"]
    for extra in ([], ["--temperature", "0"], ["--top-k", "5", "--top-p", "0.9"]):
        written = []
        for _ in range(2):
            assert generate.main([*call, *extra, "--seed", "3"]) == 0
            written.append(capsys.readouterr().out)
        assert written[0] == written[1]
        assert written[0].startswith("Once")
        assert len(written[0]) > 8
    assert generate.main([*call, "--seed", "4", "--device", "cpu"]) == 0
    other = capsys.readouterr().out
    assert generate.main([*call, "--seed", "5", "--device", "cpu"]) == 0
    assert capsys.readouterr().out != other
