"""CIFAR-10: 60,000 color photographs of 32 by 32 in ten classes, verified.

A. Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images". The binary
version is read: the Python version of the archive is a pickle, which could run code.
"""

import gzip
import os
import tarfile
import zlib
from pathlib import Path

import numpy as np

from largemodels.data.downloads import fetch
from largemodels.data.split import Split
from largemodels.validation import float_type, one_of

CLASSES = ("airplane", "automobile", "bird", "cat", "deer")
CLASSES += ("dog", "frog", "horse", "ship", "truck")
SIDE = 32
CHANNELS = 3  # red, green, blue
RECORD = 1 + CHANNELS * SIDE * SIDE  # bytes an example: its label, then its pixels
PER_FILE = 10_000  # examples in each of the six files
TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST_FILE = "test_batch.bin"

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
# Source: TensorFlow Datasets, tensorflow_datasets/url_checksums/cifar10.txt at commit
# 333639b.
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
SIZE = 170_052_171


def load(
    folder: str | os.PathLike | None = None,
    download: bool = False,
    *,
    channels: str = "last",
    dtype: str = "float32",
) -> Split:
    """CIFAR-10 as a Split: 50,000 training and 10,000 test examples in their order.

    folder    where the archive is; None: `downloads.data_folder()`
    download  True: fetch the archive (170 MB) where it is not there
    channels  "last": inputs (n, 32, 32, 3), as TensorFlow has them; "first":
              (n, 3, 32, 32), as PyTorch has them. Red, green, blue
    dtype     of the inputs, "float32" or "float64"

    Inputs are pixels divided by 255, in [0, 1]; labels int64, 0 to 9, named by CLASSES.
    Raises FileNotFoundError, with the address and the folder, where there is no archive
    and `download` is False; ValueError or ChecksumError where it is damaged.
    """
    one_of("channels", channels, ("last", "first"))
    kind = float_type("dtype", dtype)
    path = fetch(URL, sha256=SHA256, size=SIZE, folder=folder, download=download)
    arrays = []
    for pixels, labels in read_archive(path):
        if channels == "last":
            pixels = pixels.transpose(0, 2, 3, 1)
        inputs = pixels.astype(kind, order="C")
        inputs /= 255
        arrays += [inputs, labels.astype(np.int64)]
    return Split(*arrays)


def read_archive(
    path: str | os.PathLike, per_file: int = PER_FILE
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """((train images, labels), (test images, labels)) of the archive, as uint8.

    Images are (n, 3, 32, 32). The six files are read in memory, found by their names in
    whatever folder of the archive; nothing is unpacked to the disk. Raises ValueError
    that names the archive where it is damaged, a file is missing, or one has other than
    `per_file` examples.
    """
    contents = {}
    try:
        with gzip.open(path) as stream, tarfile.open(None, "r|", stream) as archive:
            for member in archive:
                name = Path(member.name).name
                if not member.isfile() or name not in (*TRAIN_FILES, TEST_FILE):
                    continue
                if member.size != per_file * RECORD:
                    raise ValueError(
                        f"{name} in {path} must have {per_file} examples of {RECORD} "
                        f"bytes, got {member.size} bytes"
                    )
                contents[name] = archive.extractfile(member).read()
            # The checksum of gzip is at the end, behind the last file.
            while stream.read(1 << 20):
                pass
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    parts = []
    for names in (TRAIN_FILES, (TEST_FILE,)):
        if missing := [name for name in names if name not in contents]:
            raise ValueError(f"{path} has no file {', '.join(missing)}")
        read = [read_records(contents[name], name) for name in names]
        parts.append(
            tuple(np.concatenate(arrays) for arrays in zip(*read, strict=True))
        )
    return tuple(parts)


def read_records(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 3, 32, 32) and labels (n,), uint8, from the bytes of one file.

    A record is 3,073 bytes: the label, then 1,024 red, 1,024 green and 1,024 blue
    pixels, row after row. Raises ValueError where the length is no multiple of that or
    a label is above 9.

    Source: https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version".
    """
    if not content or len(content) % RECORD:
        raise ValueError(
            f"{name} must have a multiple of {RECORD} bytes, got {len(content)}"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    labels = records[:, 0]
    if labels.max() >= len(CLASSES):
        raise ValueError(f"{name} must have labels 0 to 9, got {labels.max()}")
    return records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE), labels
