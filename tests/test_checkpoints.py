"""Checkpoints: whole or not there, the newest kept, damage found, no room reported."""

import errno
import json
import os
import resource

import numpy as np
import pytest
from largemodels import parameters
from largemodels.checkpoints import Checkpoints
from numpy.testing import assert_array_equal

WEIGHTS = {"layers.0.weight": np.arange(6.0).reshape(2, 3)}


def state(step):
    return {
        "array": np.full(4, step, "float32"),
        "scalar": np.int64(step),
        "nested": [1, (2.5, None, True), {"a": "b", 3: float("inf")}],
        "big": 2**100,
    }


def written(folder, *steps, keep=9):
    checkpoints = Checkpoints(folder, keep=keep)
    for step in steps:
        checkpoints.write(step, {k: v + step for k, v in WEIGHTS.items()}, state(step))
    return checkpoints


def test_what_is_written_is_read(tmp_path):
    assert Checkpoints(tmp_path / "none").read() is None
    checkpoints = written(tmp_path / "a" / "b", 3, 12)
    step, weights, found = checkpoints.read()
    assert step == 12
    assert_array_equal(weights["layers.0.weight"], WEIGHTS["layers.0.weight"] + 12)
    assert found["array"].dtype == np.float32
    assert_array_equal(found["array"], np.full(4, 12))
    assert found["scalar"] == 12
    assert found["nested"] == state(12)["nested"]
    assert isinstance(found["nested"][1], tuple)
    assert found["big"] == 2**100


def test_generators_go_on(tmp_path):
    rng = np.random.default_rng(0)
    checkpoints = Checkpoints(tmp_path, generators={"noise": rng})
    rng.random(5)
    checkpoints.write(1, WEIGHTS, {})
    expected = rng.random(5)
    other = np.random.default_rng(1)
    Checkpoints(tmp_path, generators={"noise": other}).read()
    assert_array_equal(other.random(5), expected)
    with pytest.raises(ValueError, match=r"must be \['noise'\].*, got \[\]"):
        Checkpoints(tmp_path).read()


def test_the_newest_are_kept_and_abandoned_ones_go(tmp_path):
    checkpoints = written(tmp_path, 1, 2, 3, 4, keep=2)
    assert checkpoints.steps() == [4, 3]
    written(tmp_path, 2, keep=2)  # a run that went on from step 1
    assert checkpoints.steps() == [2]
    written(tmp_path, 2, keep=2)  # and once more
    assert checkpoints.steps() == [2]
    (tmp_path / ".new-of-a-process-that-was-killed").mkdir()
    written(tmp_path, 5, keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000005"]


def damage(path, how):
    if how == "gone":
        path.unlink()
    elif how == "cut":
        os.truncate(path, path.stat().st_size // 2)
    else:  # one bit, at the end: among the numbers
        content = bytearray(path.read_bytes())
        content[-3] ^= 1
        path.write_bytes(content)


@pytest.mark.parametrize("how", ["gone", "cut", "bit"])
@pytest.mark.parametrize(
    "name", ["weights.safetensors", "state.safetensors", "state.json"]
)
def test_a_damaged_one_is_left_out(tmp_path, name, how):
    checkpoints = written(tmp_path, 1, 2)
    damage(checkpoints.path(2) / name, how)
    with pytest.warns(UserWarning, match="step-000000002"):
        assert checkpoints.read()[0] == 1
    damage(checkpoints.path(1) / name, how)
    with pytest.raises(ValueError, match=r"no checkpoint in .* is whole: .*000000001"):
        checkpoints.read()
    written(tmp_path, 2)
    assert checkpoints.steps()[0] == 2
    with np.errstate(all="raise"):
        assert checkpoints.read()[0] == 2


def test_a_number_that_was_changed_by_hand_is_found(tmp_path):
    path = written(tmp_path, 1).path(1) / "state.json"
    saved = json.loads(path.read_text())
    saved["content"] = saved["content"].replace("2.5", "3.5")
    path.write_text(json.dumps(saved))
    with pytest.raises(ValueError, match=r"state\.json has changed"):
        Checkpoints(tmp_path).read()


def test_no_room_is_said_and_the_last_one_stays(tmp_path):
    """Files may have 2,000 bytes here: what write() meets is as on a full disk."""
    checkpoints = written(tmp_path, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    big = {"layers.0.weight": np.zeros((50, 50))}
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
        with pytest.raises(OSError, match=r"step 2 could not .* there is step 1") as e:
            checkpoints.write(2, big, state(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert e.value.errno == errno.EFBIG
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000001"]
    assert checkpoints.read()[0] == 1


def test_a_full_disk_at_the_last_moment(tmp_path, monkeypatch):
    """fsync reports it, when all seemed to be written."""
    checkpoints = written(tmp_path, 1)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"step 2 .*No space left on device") as e:
        checkpoints.write(2, WEIGHTS, state(2))
    assert e.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert checkpoints.read()[0] == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_in_place_of_the_folder_is_said(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(OSError, match="step 1 could not be written to"):
        written(tmp_path / "run", 1)


def test_weights_are_a_safetensors_file(tmp_path):
    path = written(tmp_path, 1).path(1) / "weights.safetensors"
    assert_array_equal(
        parameters.load(path)["layers.0.weight"], WEIGHTS["layers.0.weight"] + 1
    )


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"every": 0}, ValueError, "every must be at least 1, got 0"),
        ({"keep": 0}, ValueError, "keep must be at least 1, got 0"),
        ({"every": 2.5}, TypeError, "every must be an integer, got 2.5"),
    ],
)
def test_mistakes_are_named(tmp_path, options, error, words):
    with pytest.raises(error, match=words):
        Checkpoints(tmp_path, **options)


def test_what_cannot_be_saved_is_named(tmp_path):
    with pytest.raises(TypeError, match="a checkpoint cannot hold set, got"):
        Checkpoints(tmp_path).write(1, WEIGHTS, {"a": {1, 2}})
    assert list(tmp_path.iterdir()) == []
