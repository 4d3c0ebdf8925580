"""Settings from a command line, and from a TOML or JSON file beside it.

What a flag says counts before what the file says, and that before the defaults. A run
that is resumed begins from the settings that it has kept.
"""

import argparse
import json
import tomllib
import types
import typing
from pathlib import Path

from largemodels.pretraining.settings import (
    HELP,
    MODEL_FIELDS,
    Settings,
    from_flat,
    known_names,
    nearest,
)

KEPT = "settings.json"  # in the folder of a run
# What a resumed run may change: it leaves the numbers as they are, or the run longer.
MAY_CHANGE = {
    "data",
    "out",
    "device",
    "parallel",
    "evaluate_every",
    "evaluate_sequences",
    "checkpoint_every",
    "keep",
    "join_timeout",
    "timeout",
}


ALLOCATOR = "can't allocate memory"  # PyTorch's own, on a CPU: a RuntimeError


def sentence(error: Exception) -> str:
    """What an error says, on one line."""
    words = str(error)
    if isinstance(error, OSError) and error.strerror:
        words = error.strerror
        if error.filename:
            words = f"{error.filename}: {words}"
    if isinstance(error, MemoryError) or ALLOCATOR in words:
        words = f"the model does not fit into memory: {words}"
    return " ".join(words.split()) or type(error).__name__


class Parser(argparse.ArgumentParser):
    """A parser whose complaint is one sentence, raised as ValueError."""

    def error(self, message):
        """Raise instead of printing and leaving."""
        raise ValueError(message)

    def read(self, arguments):
        """Parse; an unknown flag is told with the nearest known one."""
        found, unknown = self.parse_known_args(arguments)
        if unknown:
            flags = [flag for action in self._actions for flag in action.option_strings]
            word = unknown[0].partition("=")[0]
            raise ValueError(f"unknown argument {unknown[0]!r}{nearest(word, flags)}")
        return found


def read_settings(arguments) -> tuple[Settings, argparse.Namespace]:
    """The Settings that a command line asks for, and its other flags.

    arguments: a list of words. Raises ValueError, TypeError or OSError with a sentence
    where a flag, a key or a value is wrong, or a file cannot be read.
    """
    given = parser().read(arguments)
    flags = {k: v for k, v in vars(given).items() if k in known_names()}
    others = argparse.Namespace(
        **{k: v for k, v in vars(given).items() if k not in flags}
    )
    named = _read_file(others.config) if others.config else {}
    named |= flags
    if not named.get("out"):
        raise ValueError("--out must name the folder of the run")
    if others.resume:
        named = _resumed(named)
    for name in ("data", "out"):
        if not named.get(name):
            raise ValueError(f"--{name} must be given: {_help(name)}")
    return from_flat(named), others


def parser() -> Parser:
    """The flags: one for every setting, and a few that are none."""
    made = Parser(
        prog="python -m largemodels.pytorch.pretrain",
        description="Train a language model on text; alone, or started by torchrun.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("--config", default=None, metavar="FILE", help="settings in TOML or JSON")
    add("--resume", action="store_true", default=False, help="go on in --out")
    add("--plot", default=None, metavar="FILE.svg", help="draw the log at the end")
    add("--quiet", action="store_true", default=False, help="no lines on the way")
    add("--traceback", action="store_true", default=False, help="show where it failed")
    hints = typing.get_type_hints(Settings)
    for name in known_names():
        kind = MODEL_FIELDS[name].type if name in MODEL_FIELDS else hints[name]
        flag = f"--{name.replace('_', '-')}"
        add(flag, dest=name, type=_reader(name, kind), help=_help(name), metavar="X")
    return made


def _help(name):
    if name in MODEL_FIELDS:
        return "of the model: see TransformerConfig"
    return HELP[name].replace("%", "%%")


def _reader(name, kind):
    """What turns the word after a flag into a value."""
    kinds = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)

    def read(word):
        if type(None) in kinds and word.lower() == "none":
            return None
        if bool in kinds:
            if word.lower() not in ("true", "false"):
                raise argparse.ArgumentTypeError(f"must be true or false, got {word!r}")
            return word.lower() == "true"
        first = next(k for k in kinds if k is not type(None))
        try:
            return first(word)
        except ValueError:
            what = {int: "a whole number", float: "a number"}[first]
            raise argparse.ArgumentTypeError(f"must be {what}, got {word!r}") from None

    return read


def _read_file(path):
    """Settings in a file: keys with values, which may stand under headings."""
    path = Path(path)
    readers = {".toml": tomllib.loads, ".json": json.loads}
    if path.suffix not in readers:
        raise ValueError(f"a config file must end in .toml or .json, got {path}")
    try:
        content = readers[path.suffix](path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold keys with values")
    named = {}
    for key, value in content.items():
        named |= value if isinstance(value, dict) else {key: value}
    for key in named:
        if key not in known_names():
            raise ValueError(
                f"{path}: unknown setting {key!r}{nearest(key, known_names())}"
            )
    return named


def _resumed(named):
    """The settings that a run has kept, with what may be changed."""
    path = Path(named["out"]) / KEPT
    if not path.exists():
        raise FileNotFoundError(f"there is no run to resume in {named['out']}")
    kept = _read_file(path)
    for name, value in named.items():
        if name not in MAY_CHANGE and kept.get(name) != value:
            raise ValueError(
                f"{name} must stay {kept.get(name)!r} in a resumed run, got {value!r}"
            )
    return kept | named
