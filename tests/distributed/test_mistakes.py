"""A mistake is one clear sentence on stderr and a status that is not zero."""

import json
import time
from types import SimpleNamespace

import numpy as np
import pytest
from largemodels.configs import TransformerConfig
from largemodels.pretraining import Corpus, draw, read_documents, read_log
from largemodels.pytorch import distributed, generate, pretrain
from largemodels.pytorch.transformer import Transformer

from tests.distributed import launch
from tests.distributed.conftest import SHORT, flags


def told(capsys, main, words):
    """The status of a command line, and its sentence."""
    status = main([*map(str, words)])
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    return status, err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "--batchsize 3",
            "unknown argument '--batchsize'; did you mean '--batch-size'",
        ),
        ("--steps many", "--steps: must be a whole number, got 'many'"),
        ("--steps 0", "steps must be at least 1, got 0"),
        ("--bias maybe", "must be true or false, got 'maybe'"),
        ("--preset gpt", "got 'gpt'; did you mean 'gpt2'?"),
        ("--optimizer adamww", "did you mean 'adamw'?"),
        ("--parallel both", "parallel must be one of ddp, fsdp, tp; got 'both'"),
        ("--num-heads 3", "d_model must be a multiple of num_heads"),
        ("--batch-size 9", "batch_size must be a multiple of accumulate, got 9 and 2"),
        ("--learning-rate nan", "learning_rate must be finite, got nan"),
        ("--out=", "--out must name the folder"),
        ("--config nowhere.toml", "nowhere.toml: No such file"),
        ("--resume", "there is no run to resume"),
    ],
)
def test_wrong_settings(text, tmp_path, capsys, words, sentence):
    common = [*flags(SHORT), "--data", text, "--out", tmp_path / "run"]
    status, err = told(capsys, pretrain.main, [*common, *words.split()])
    assert status == 2
    assert sentence in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("learning_rat = 1", "unknown setting 'learning_rat'; did you mean 'learning_"),
        ("[model]\nnum_layer = 1", "unknown setting 'num_layer'; did you mean 'num_l"),
        ("steps = ", "cannot be read"),
        ('steps = "9"', "steps must be an integer, got '9'"),
    ],
)
def test_wrong_files(tmp_path, capsys, content, sentence):
    path = tmp_path / "run.toml"
    path.write_text(content)
    words = ["--config", path, "--data", tmp_path, "--out", tmp_path / "run"]
    status, err = told(capsys, pretrain.main, words)
    assert (status, sentence in err) == (2, True), err


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": "nowhere"}, "there are no data at nowhere"),
        ({"batch-size": 5000}, "batch_size must be at most the"),
        ({"context-length": 100_000}, "the data are too short"),
        ({"device": "abacus"}, "device must be one there is"),
        ({"learning-rate": 1e300}, "try a smaller learning rate"),
        (
            {"tokenizer": "words"},
            "tokenizer must be bytes, characters, bpe or the path",
        ),
    ],
)
def test_what_shows_later(text, tmp_path, capsys, changes, sentence):
    options = SHORT | {"data": text, "out": tmp_path / "run"} | changes
    status, err = told(capsys, pretrain.main, [*flags(options), "--quiet"])
    assert (status, sentence in err) == (1, True), err


def test_a_run_is_not_overwritten_or_changed(text, tmp_path, capsys):
    options = SHORT | {"data": text, "out": tmp_path / "run", "steps": 2}
    words = [*flags(options), "--quiet"]
    assert pretrain.main(words) == 0
    status, err = told(capsys, pretrain.main, words)
    assert (status, "holds a run already" in err) == (1, True)
    status, err = told(capsys, pretrain.main, [*words, "--resume", "--seed", "1"])
    assert (status, "seed must stay 0 in a resumed run, got 1" in err) == (2, True)


def test_bytes_that_are_no_text(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_bytes(b"ab\xffcd")
    (tmp_path / "data" / ".hidden").write_bytes(b"\xff")
    words = ["--data", tmp_path / "data", "--out", tmp_path / "run"]
    status, err = told(capsys, pretrain.main, words)
    assert status == 1
    assert "a.txt is no UTF-8 text: byte 2 is 0xff" in err


@pytest.mark.parametrize("rank", [0, 1])
def test_a_missing_rank_is_named_in_seconds(text, tmp_path, capsys, monkeypatch, rank):
    [port] = launch.free_ports(1)
    place = {"RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port}
    for name, value in (place | {"MASTER_ADDR": "127.0.0.1"}).items():
        monkeypatch.setenv(name, str(value))
    options = SHORT | {"data": text, "out": tmp_path / "run", "join-timeout": 0.3}
    started = time.monotonic()
    status, err = told(capsys, pretrain.main, flags(options))
    assert time.monotonic() - started < 20
    assert status == 1
    expected = ["rank 1 of 2 did not come within 0.3 s", "nobody listens at 127.0.0.1"]
    assert expected[rank] in err


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"RANK": ""}, "RANK must be set where WORLD_SIZE, MASTER_ADDR, MASTER_PORT"),
        ({"RANK": "2"}, "RANK must be a whole number, 0 to 1, got '2'"),
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE must be a whole number, at least 1"),
        ({"MASTER_PORT": "99999"}, "MASTER_PORT must be a whole number, 1 to 65535"),
        ({"LOCAL_RANK": "-1"}, "LOCAL_RANK must be a whole number, at least 0"),
    ],
)
def test_wrong_places(changes, sentence):
    given = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1"}
    assert distributed.find_place(given).rank == 1
    assert distributed.find_place({}).first
    with pytest.raises(distributed.DistributedError, match=sentence):
        distributed.find_place(given | changes)


@pytest.mark.parametrize(
    ("sizes", "name"),
    [((5, 5, 12), "num_heads"), ((4, 1, 12), "num_kv_heads"), ((4, 4, 9), "d_ff")],
)
def test_heads_that_cannot_be_shared_out(sizes, name):
    heads, kv_heads, d_ff = sizes
    shape = {"vocab_size": 3, "context_length": 2, "num_layers": 1, "head_width": 2}
    heads = {"num_heads": heads, "num_kv_heads": kv_heads, "d_ff": d_ff}
    model = Transformer(TransformerConfig(d_model=8, **shape, **heads))
    with pytest.raises(ValueError, match=f"{name} must be a multiple of the 2 process"):
        distributed.split_heads(model, SimpleNamespace(size=lambda: 2))


def test_generate_without_a_run(tmp_path, capsys):
    status, err = told(capsys, generate.main, ["--checkpoint", tmp_path])
    assert (status, "there is no run in" in err) == (1, True)
    status, err = told(capsys, generate.main, ["--checkpoint", tmp_path, "--topk", "3"])
    assert (status, "did you mean '--top-k'?" in err) == (1, True)


def test_documents_corpus_and_log(text, tmp_path):
    names = [name for name, _ in read_documents(text)]
    assert names == ["first.txt", "second.md"]
    corpus = Corpus(np.arange(40), 3, 0.25)
    assert (corpus.border, corpus.num_training, corpus.num_validation) == (30, 9, 3)
    inputs, targets = corpus.validation([1])
    assert inputs.tolist() == [[33, 34, 35]]
    assert targets.tolist() == [[34, 35, 36]]
    assert corpus.training([8])[1].max() < corpus.border
    log = tmp_path / "log.jsonl"
    log.write_text('{"step": 1, "tokens": 2, "loss": 3.0}\n{"step": 2, "tok')
    assert [line["step"] for line in read_log(log)] == [1]
    with pytest.raises(ValueError, match="no losses"):
        draw([{"step": 1, "tokens": 2}], tmp_path / "a.svg")
    log.write_text("nothing\n" + json.dumps({"step": 1}) + "\n")
    with pytest.raises(ValueError, match=r"log\.jsonl:1 is no line of a log"):
        read_log(log)
