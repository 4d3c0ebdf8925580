"""Parameters in safetensors files."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def save(
    path: str | os.PathLike,
    parameters: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Write parameters to a safetensors file, whole or not at all.

    The bytes go to a temporary file in the same folder, which then takes the name in
    one step: a reader, or a crash, never meets half a file. `metadata` are words to
    keep beside the arrays. Returns the path. Raises FileExistsError where the file is
    there and `overwrite` is not True, ValueError where a name or an array cannot be
    stored, TypeError where the metadata are not strings.

    Source: the safetensors format, https://github.com/huggingface/safetensors
    """
    from safetensors.numpy import save as to_bytes

    path = Path(path)
    arrays = {}
    for name, array in parameters.items():
        array = np.asarray(array)
        if not isinstance(name, str) or not name or name == "__metadata__":
            raise ValueError(f"a parameter needs a name, got {name!r}")
        if array.dtype.kind not in "fiub":
            raise ValueError(f"{name} must hold numbers, got dtype {array.dtype}")
        arrays[name] = np.array(array, order="C")
    words = dict(metadata or {})
    for key, value in words.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata must be strings, got {key!r}: {value!r}")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already; overwrite=True replaces it")
    _write_whole(path, to_bytes(arrays, metadata=words or None))
    return path


def _write_whole(path, content):
    """Replace `path` by `content` in one step."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes a file that its owner alone can read; give it the usual rights.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read parameters from a safetensors file, in the order of their names.

    Numbers in names count as numbers: layers.2 stands before layers.10. Raises
    FileNotFoundError where there is no file, ValueError that names it where it is
    damaged, cut off or no safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    path = Path(path)
    try:
        named = from_bytes(path.read_bytes())
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is no whole safetensors file: {error}") from error
    return {name: named[name] for name in sorted(named, key=_natural)}


def load_metadata(path: str | os.PathLike) -> dict[str, str]:
    """The words that `save` kept beside the arrays; {} where there are none."""
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is no whole safetensors file: {error}") from error


def _natural(name):
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
