"""Runs that were killed and go on end as if nothing had been, to the last bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import checkpointed_run
import numpy as np
import pytest
from checkpointed_run import EVERY, STEPS, train
from largemodels import parameters
from largemodels.checkpoints import Checkpoints
from numpy.testing import assert_array_equal
from wings import OTHERS, SCRATCH, TENSORFLOW, WINGS

wings = pytest.mark.parametrize("wing", WINGS, ids=repr)


def kill_at(wing, folder, step):
    """Start a run, and kill -9 it in an update or after it. The updates that it began.

    The updates are slow enough to be hit.
    """
    command = [
        sys.executable,
        checkpointed_run.__file__,
        wing.name,
        str(folder),
        "0.02",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    seen = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        for line in process.stdout:
            seen.append(int(line))
            if seen[-1] >= step:
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return seen


@wings
def test_a_run_that_is_killed_goes_on_bit_by_bit(wing, tmp_path):
    """At random steps, each time in another process; the last one runs to the end."""
    rng = np.random.default_rng()
    kills = 4 if wing is SCRATCH else 2
    steps = sorted(rng.choice(np.arange(1, STEPS - 2), kills, replace=False))
    folder, newest = tmp_path / "run", 0
    for step in steps:
        seen = kill_at(wing, folder, step)
        assert seen[0] == newest  # not from the beginning
        newest = max([0, *Checkpoints(folder).steps()])
        assert newest // EVERY * EVERY == newest >= seen[-1] // EVERY * EVERY
    assert newest < STEPS
    _, found = train(wing.name, folder)
    _, expected = train(wing.name, tmp_path / "whole")
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert_array_equal(found[name], array, err_msg=f"{name}, killed at {steps}")


@wings
def test_a_run_stopped_anywhere_goes_on_bit_by_bit(wing, tmp_path):
    """In one process: 13 of 30 updates, three more, and then the rest."""
    _, expected = train(wing.name, tmp_path / "whole")
    for stop in (13, 16):
        with pytest.raises(KeyboardInterrupt):
            train(wing.name, tmp_path / "run", stop=stop)
    history, found = train(wing.name, tmp_path / "run")
    assert history.step == list(range(STEPS))
    assert sorted(e["step"] for e in history.evaluations) == [6, 12, 18, 24, 30]
    for name, array in expected.items():
        assert_array_equal(found[name], array, err_msg=name)
    # A run that is finished is read, and not run again.
    again, same = train(wing.name, tmp_path / "run")
    assert again == history
    for name, array in found.items():
        assert_array_equal(same[name], array, err_msg=name)


def stopped(wing, folder, **options):
    """Hold a run that was stopped against one that was not."""
    _, expected = train(wing, folder / "whole", **options)
    with pytest.raises(KeyboardInterrupt):
        train(wing, folder / "run", stop=13, **options)
    _, found = train(wing, folder / "run", **options)
    for name, array in expected.items():
        assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("wing", OTHERS, ids=repr)
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_a_run_in_sixteen_bits_goes_on_bit_by_bit(wing, precision, tmp_path):
    """The loss is so large that its first scales overflow: they are part of the run."""
    stopped(wing.name, tmp_path, precision=precision, factor=1000.0)


def dropping():
    """An MLP whose inputs are dropped, by the seed of a layer of Keras."""
    import keras

    class Dropping(TENSORFLOW.layers.MLP):
        def __init__(self):
            super().__init__(checkpointed_run.CONFIG, seed=3)
            self.dropout = keras.layers.Dropout(0.5, seed=7)

        def call(self, x, training=False):
            return super().call(self.dropout(x, training=training))

    return Dropping()


def test_the_seeds_of_random_layers_go_on(tmp_path):
    stopped("tf", tmp_path, make=dropping)
    model, (x, _) = dropping(), checkpointed_run.data()
    first, second = (model(x, training=True).numpy() for _ in range(2))
    assert (first != second).any()  # it does act


def test_weights_load_in_every_wing(tmp_path):
    train("scratch", tmp_path)
    named = parameters.load(Checkpoints(tmp_path).path(STEPS) / "weights.safetensors")
    for wing in WINGS:
        model = wing.model(checkpointed_run.CONFIG)
        wing.layers.load_parameters(model, named)
        for name, array in wing.layers.read_parameters(model).items():
            assert_array_equal(array, named[name])


@wings
@pytest.mark.parametrize("every", [None, 7])
def test_the_newest_checkpoints_stay(wing, every, tmp_path):
    train(wing.name, tmp_path, every=every)
    expected = [30] if every is None else [30, 28]
    assert Checkpoints(tmp_path).steps() == expected
    names = {path.name for path in Path(tmp_path).iterdir()}
    assert names == {f"step-{step:09d}" for step in expected}
