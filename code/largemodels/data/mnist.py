"""MNIST: 70,000 handwritten digits of 28 by 28, downloaded once and verified.

Y. LeCun, C. Cortes and C. J. C. Burges; LeCun et al. 1998, "Gradient-Based Learning
Applied to Document Recognition". 60,000 images to learn from and 10,000 to be judged
by, from other writers. Paper is 0 and ink up to 255.

Two forms are read: mnist.npz as Keras has it (one file, what is downloaded), and the
four original files in IDX format, where someone has them. Compressed ones are held
against their checksums; of ones that were unpacked, form, number and range are checked.
"""

import gzip
import hashlib
import math
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from largemodels.data.downloads import ChecksumError, data_folder, fetch
from largemodels.data.split import Split
from largemodels.validation import float_type, truth

NUM_CLASSES = 10
SIDE = 28
# What np.load and zipfile raise for a file that is no sound archive of arrays.
DAMAGED = (ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
COUNTS = {"train": 60_000, "t10k": 10_000}

URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
# Source: keras/src/datasets/mnist.py of Keras 3.15.
SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

# SHA-256 of the original files. Source: TensorFlow Datasets,
# tensorflow_datasets/url_checksums/mnist.txt at commit 31f1255.
IDX_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}


def load(
    folder: str | os.PathLike | None = None,
    download: bool = False,
    *,
    images: bool = False,
    dtype: str = "float32",
) -> Split:
    """MNIST as a Split: 60,000 training and 10,000 test examples in the file's order.

    folder    where the files are; None: `downloads.data_folder()`
    download  True: fetch mnist.npz (11 MB) where neither form is there
    images    False: inputs (n, 784), row after row; True: (n, 28, 28)
    dtype     of the inputs, "float32" or "float64"

    Inputs are pixels divided by 255, in [0, 1]; labels int64, 0 to 9. Raises
    FileNotFoundError, with the address and the folder, where there is no file and
    `download` is False; ValueError or ChecksumError where a file is damaged.
    """
    truth("images", images)
    kind = float_type("dtype", dtype)
    folder = data_folder() if folder is None else Path(folder).expanduser()
    parts = _from_idx(folder) if not (folder / "mnist.npz").exists() else None
    if parts is None:
        path = fetch(URL, sha256=SHA256, folder=folder, download=download)
        parts = read_npz(path)
    arrays = []
    for (part, count), (pixels, labels) in zip(COUNTS.items(), parts, strict=True):
        _check(f"MNIST's {part} part", pixels, labels)
        if len(pixels) != count:
            raise ValueError(
                f"MNIST's {part} part has {count} images, got {len(pixels)}"
            )
        shape = (count, SIDE, SIDE) if images else (count, SIDE * SIDE)
        inputs = pixels.reshape(shape).astype(kind)
        inputs /= 255
        arrays += [inputs, labels.astype(np.int64)]
    return Split(*arrays)


def read_npz(path: str | os.PathLike) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """((train images, labels), (test images, labels)) of a mnist.npz, as uint8.

    Nothing in the file is executed. Raises ValueError that names the file where it is
    damaged or has other arrays.
    """
    names = ("x_train", "y_train", "x_test", "y_test")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            x_train, y_train, x_test, y_test = (arrays[name] for name in names)
    except DAMAGED as error:
        raise ValueError(f"{path} is no mnist.npz: {error}") from error
    return (x_train, y_train), (x_test, y_test)


def read_idx(path: str | os.PathLike) -> np.ndarray:
    """The array of bytes in a file of the IDX format, plain or compressed with gzip.

    Two bytes 0, a byte for the type (8: unsigned bytes, the only one here), a byte for
    the number of axes, their sizes as big-endian 32-bit integers, then the numbers, the
    last axis fastest. Raises ValueError that names the file where a part of this does
    not hold or the file is longer or shorter than the sizes say.

    Source: the format's description on http://yann.lecun.com/exdb/mnist/
    """
    content = Path(path).read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is damaged: {error}") from error
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError(
            f"{path} is no IDX file of bytes: it should begin with 00 00 08 and begins "
            f"with {content[:4].hex(' ')}"
        )
    axes = content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError(f"{path} ends inside its header of {start} bytes")
    shape = [
        int.from_bytes(content[4 * i : 4 * i + 4], "big") for i in range(1, axes + 1)
    ]
    if len(content) - start != math.prod(shape):
        raise ValueError(
            f"{path} should have {math.prod(shape)} bytes after its header, for the "
            f"shape {tuple(shape)}, got {len(content) - start}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _from_idx(folder):
    """Both parts from the four original files, or None where one is missing."""
    found = {name: _find_idx(folder, name) for name in IDX_SHA256}
    if None in found.values():
        return None
    for name, path in found.items():
        if path.suffix == ".gz":
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            if digest != IDX_SHA256[name]:
                raise ChecksumError(
                    f"{path} has the SHA-256 {digest}, expected {IDX_SHA256[name]}"
                )
    return tuple(
        (
            read_idx(found[f"{part}-images-idx3-ubyte.gz"]),
            read_idx(found[f"{part}-labels-idx1-ubyte.gz"]),
        )
        for part in COUNTS
    )


def _find_idx(folder, name):
    """The file under its name, without .gz, or with the dot of some copies."""
    plain = name.removesuffix(".gz")
    for candidate in (name, plain, plain.replace("-idx", ".idx")):
        if (folder / candidate).is_file():
            return folder / candidate
    return None


def _check(what, pixels, labels):
    """Hold one part against what MNIST is."""
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (SIDE, SIDE):
        raise ValueError(
            f"{what} must be uint8 images of {SIDE} by {SIDE}, got {pixels.dtype} "
            f"{pixels.shape}"
        )
    if labels.shape != pixels.shape[:1]:
        raise ValueError(
            f"{what} must have one label for each image, got {labels.shape} labels for "
            f"{len(pixels)} images"
        )
    if labels.size and labels.max() >= NUM_CLASSES:
        raise ValueError(f"{what} must have labels 0 to 9, got {labels.max()}")
