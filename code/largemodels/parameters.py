"""Parameters by canonical name: initial values, layouts of the wings, files.

A model's parameters are a flat dictionary from names to NumPy arrays in one layout,
NumPy's: a linear map is y = x @ weight + bias. Every wing reads and writes this
dictionary, so that a model trained in one continues in another. Names do not change:

    layers.0.weight  (d_in, d_out)    the linear maps of an MLP, from the input to the
    layers.0.bias    (d_out,)         logits; without biases, only the weights
    layers.1.weight  ...
"""

import math
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from largemodels.configs import MLPConfig
from largemodels.validation import float_type, one_of, whole_number

WINGS = ("scratch", "pytorch", "tf")
SCHEMES = ("he", "xavier", "lecun")


@dataclass(frozen=True)
class Layout:
    """How parameters whose name matches `pattern` lie in the wings.

    pattern  regular expression for the whole canonical name
    ndim     number of axes of the array
    axes     wing -> order in which the wing has the canonical axes (as np.transpose
             takes it); a wing that is not named has the canonical layout
    """

    pattern: str
    ndim: int
    axes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


# The one table of layouts. torch.nn.Linear keeps (d_out, d_in); keras.layers.Dense
# keeps (d_in, d_out) as NumPy does here.
LAYOUTS = (
    Layout(r"layers\.\d+\.weight", ndim=2, axes={"pytorch": (1, 0)}),
    Layout(r"layers\.\d+\.bias", ndim=1),
)


def shapes(config: MLPConfig) -> dict[str, tuple[int, ...]]:
    """The names of a model's parameters in their fixed order, with their shapes.

    Raises TypeError where `config` is no MLPConfig.
    """
    if not isinstance(config, MLPConfig):
        raise TypeError(f"config must be an MLPConfig, got {type(config).__name__}")
    named = {}
    for i, (d_in, d_out) in enumerate(
        zip(config.widths, config.widths[1:], strict=False)
    ):
        named[f"layers.{i}.weight"] = (d_in, d_out)
        if config.bias:
            named[f"layers.{i}.bias"] = (d_out,)
    return named


def initial_parameters(
    config: MLPConfig, seed: int, scheme: str = "he", dtype: str = "float64"
) -> dict[str, np.ndarray]:
    """Initial values of a model by canonical name, from one generator.

    For a weight (d_in, d_out), independent entries with mean zero:

    "he"      w ~ Normal(0, 2 / d_in)          keeps E[x^2] through ReLU layers
    "xavier"  w ~ Uniform(-a, a), a = sqrt(6 / (d_in + d_out)); variance
              2 / (d_in + d_out), between what keeps activations and gradients
    "lecun"   w ~ Normal(0, 1 / d_in)          keeps the variance through linear layers

    The second argument of Normal is the variance. Biases are zero. Numbers are drawn
    in float64 from `np.random.default_rng(seed)` in the order of `shapes(config)` and
    then rounded to `dtype` ("float32" or "float64"): both are the same start.

    Returns a dictionary of new arrays. Raises ValueError where scheme, dtype or seed
    are wrong, TypeError where `config` is no MLPConfig.

    Source: He et al. 2015 (arXiv 1502.01852), eq. 10; Glorot and Bengio 2010, eq. 16;
    LeCun et al. 1998, "Efficient BackProp", section 4.6, which fixes mean and variance
    and leaves the distribution open.
    Differs: "xavier" is the uniform of the paper; a normal with the same variance goes
    by the same name elsewhere. keras HeNormal and LecunNormal cut the normal off at two
    standard deviations (and widen it to the same variance). torch.nn.Linear starts with
    none of the three: its weights are Uniform(-1/sqrt(d_in), 1/sqrt(d_in)), variance
    1 / (3 d_in), and so are its biases.
    """
    one_of("scheme", scheme, SCHEMES)
    kind = float_type("dtype", dtype)
    rng = np.random.default_rng(whole_number("seed", seed))
    named = {}
    for name, shape in shapes(config).items():
        if len(shape) == 1:
            named[name] = np.zeros(shape, kind)
        else:
            named[name] = _draw(rng, *shape, scheme).astype(kind)
    return named


def _draw(rng, d_in, d_out, scheme):
    if scheme == "xavier":
        bound = math.sqrt(6.0 / (d_in + d_out))
        return rng.uniform(-bound, bound, (d_in, d_out))
    gain = 2.0 if scheme == "he" else 1.0
    return math.sqrt(gain / d_in) * rng.standard_normal((d_in, d_out))


def to_wing(name: str, array: np.ndarray, wing: str) -> np.ndarray:
    """A parameter from the canonical layout in the layout of a wing.

    Always a new array in C order: training one never changes the other. Raises
    ValueError where the name has no row in LAYOUTS, the number of axes is not that
    row's, or the wing is none of "scratch", "pytorch", "tf".
    """
    axes = _axes(name, array, wing)
    return np.array(np.transpose(array, axes), order="C")


def from_wing(name: str, array: np.ndarray, wing: str) -> np.ndarray:
    """A parameter from the layout of a wing in the canonical one: undoes `to_wing`."""
    axes = _axes(name, array, wing)
    return np.array(np.transpose(array, np.argsort(axes)), order="C")


def _axes(name, array, wing):
    one_of("wing", wing, WINGS)
    for layout in LAYOUTS:
        if re.fullmatch(layout.pattern, name):
            break
    else:
        raise ValueError(f"no layout is known for a parameter named {name!r}")
    if np.ndim(array) != layout.ndim:
        raise ValueError(
            f"{name} must have {layout.ndim} axes, got the shape {np.shape(array)}"
        )
    return layout.axes.get(wing, tuple(range(layout.ndim)))


def count(parameters: Mapping[str, np.ndarray]) -> int:
    """How many numbers the parameters hold together."""
    return sum(math.prod(np.shape(array)) for array in parameters.values())


def check_names(
    expected: Mapping[str, tuple[int, ...]], given: Mapping[str, np.ndarray]
) -> None:
    """Hold given parameters against the names and shapes that a model expects.

    expected  name -> shape, as `shapes(config)` returns it
    given     name -> array

    Raises ValueError that lists every missing name, every unexpected one and every
    wrong shape; returns nothing where all is well.
    """
    faults = [
        f"missing: {name} {tuple(shape)}"
        for name, shape in expected.items()
        if name not in given
    ]
    for name, array in given.items():
        shape = np.shape(array)
        if name not in expected:
            faults.append(f"unexpected: {name} {shape}")
        elif shape != tuple(expected[name]):
            faults.append(f"wrong shape: {name} {shape}, not {tuple(expected[name])}")
    if faults:
        raise ValueError("the parameters do not fit the model: " + "; ".join(faults))


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
