"""Checkpoints: what a run needs to go on, in folders that are whole or not there."""

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import numpy as np

from largemodels import parameters
from largemodels.validation import whole_number

# The files of a checkpoint; the last holds the checksums of all.
WEIGHTS, ARRAYS, STATE = "weights.safetensors", "state.safetensors", "state.json"
FORMAT = 1


class Checkpoints:
    """A folder in which a run keeps its newest checkpoints.

    folder      is made where it is not there
    every       updates between two checkpoints; None: only after the last update
    keep        how many of the newest stay, at least 1
    generators  name -> numpy.random.Generator that the run draws from, beside those of
                the model: their states are saved and put back

    A checkpoint is a folder of its own, `step-000000120`, with the weights by canonical
    name in `weights.safetensors`, which any wing loads. It is written under another
    name, flushed to the disk and then renamed: a reader, or a run after a crash, meets
    whole ones only. What is damaged later fails its checksum, and the one before is
    used, with a warning.
    """

    def __init__(self, folder, every=None, keep=2, generators=None):
        self.folder = Path(folder)
        if every is not None:
            every = whole_number("every", every, minimum=1)
        self.every, self.keep = every, whole_number("keep", keep, minimum=1)
        self.generators = dict(generators or {})

    def steps(self):
        """The numbers of updates that there are checkpoints of, the newest first."""
        found = self.folder.glob("step-*")
        return sorted((int(path.name[5:]) for path in found), reverse=True)

    def newest(self):
        """The newest in words, "step 120", or "none"."""
        return f"step {self.steps()[0]}" if self.steps() else "none"

    def path(self, step):
        """Where the checkpoint after so many updates is."""
        return self.folder / f"step-{step:09d}"

    def write(self, step, weights, state):
        """Save weights, and a structure of numbers, words and arrays.

        Older ones than `keep` allows are removed, and newer ones, which a run that went
        on from here has left behind. Raises OSError that names the folder where there
        is no room or no permission; what was there is still there then.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(dir=self.folder, prefix=".new-"))
            try:
                _write_files(fresh, step, weights, self._with_generators(state))
                if self.path(step).exists():
                    self._remove(step)
                os.rename(fresh, self.path(step))
                _flush(self.folder)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
        except OSError as error:
            raise OSError(
                error.errno,
                f"the checkpoint of step {step} could not be written to {self.folder}: "
                f"{error.strerror or error}; the last one there is {self.newest()}",
            ) from error
        ours = [number for number in self.steps() if number <= step]
        for number in {*self.steps()} - {*ours[: self.keep]}:
            self._remove(number)
        for left in [*self.folder.glob(".new-*"), *self.folder.glob(".old-*")]:
            shutil.rmtree(left, ignore_errors=True)

    def read(self):
        """(step, weights, state) of the newest checkpoint that is whole, or None.

        None where there is no checkpoint. One that is damaged is left out with a
        warning; raises ValueError where all are.
        """
        faults = []
        for step in self.steps():
            try:
                weights, state = _read_files(self.path(step), step)
            except (OSError, ValueError, KeyError, TypeError) as error:
                faults.append(f"{self.path(step).name}: {error}")
                continue
            if faults:
                warnings.warn(
                    f"damaged checkpoints were left out: {'; '.join(faults)}",
                    stacklevel=2,
                )
            self._set_generators(state)
            return step, weights, state
        if faults:
            raise ValueError(
                f"no checkpoint in {self.folder} is whole: {'; '.join(faults)}"
            )
        return None

    def _remove(self, step):
        """Take a checkpoint away in one step, and then its files."""
        old = tempfile.mkdtemp(dir=self.folder, prefix=".old-")
        os.rename(self.path(step), Path(old) / "checkpoint")
        shutil.rmtree(old, ignore_errors=True)

    def _with_generators(self, state):
        states = {k: g.bit_generator.state for k, g in self.generators.items()}
        return {**state, "generators": states}

    def _set_generators(self, state):
        saved = state["generators"]
        if set(saved) != set(self.generators):
            raise ValueError(
                f"the generators must be {sorted(saved)}, as they were saved, "
                f"got {sorted(self.generators)}"
            )
        for name, generator in self.generators.items():
            generator.bit_generator.state = saved[name]


def check_optimizer(optimizer, saved):
    """Raise ValueError unless an optimizer is of the class that was saved."""
    if type(optimizer).__name__ != saved:
        raise ValueError(
            f"the optimizer must be {saved}, as it was saved, "
            f"got {type(optimizer).__name__}"
        )


def _write_files(folder, step, weights, state):
    arrays = {}
    content = {"format": FORMAT, "step": step, "state": _pack(state, arrays)}
    parameters.save(folder / WEIGHTS, weights)
    parameters.save(folder / ARRAYS, arrays)
    content["files"] = {name: _digest(folder / name) for name in (WEIGHTS, ARRAYS)}
    text = json.dumps(content)
    with open(folder / STATE, "w", encoding="utf-8") as file:
        json.dump({"checksum": _checksum(text), "content": text}, file)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(folder, 0o777 & ~_umask())
    _flush(folder)


def _read_files(folder, step):
    saved = json.loads((folder / STATE).read_text("utf-8"))
    if _checksum(saved["content"]) != saved["checksum"]:
        raise ValueError(f"{STATE} has changed")
    content = json.loads(saved["content"])
    if (content["format"], content["step"]) != (FORMAT, step):
        raise ValueError(f"format {content['format']}, step {content['step']}")
    for name, digest in content["files"].items():
        if _digest(folder / name) != digest:
            raise ValueError(f"{name} has changed")
    arrays = parameters.load(folder / ARRAYS)
    return parameters.load(folder / WEIGHTS), _unpack(content["state"], arrays)


def _pack(value, arrays):
    """A structure as JSON has them; its arrays go into a dictionary of their own."""
    if isinstance(value, np.ndarray | np.generic):
        name = str(len(arrays))
        arrays[name] = np.asarray(value)
        return {"array": name}
    if isinstance(value, dict):
        return {"dict": [[k, _pack(v, arrays)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_pack(part, arrays) for part in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint cannot hold {type(value).__name__}, got {value!r}")


def _unpack(value, arrays):
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    if kind == "array":
        return arrays[content]
    if kind == "dict":
        return {k: _unpack(v, arrays) for k, v in content}
    return (tuple if kind == "tuple" else list)(_unpack(v, arrays) for v in content)


def _checksum(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush(folder):
    """Have the disk know the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask():
    umask = os.umask(0)
    os.umask(umask)
    return umask
