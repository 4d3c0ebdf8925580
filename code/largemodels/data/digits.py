"""Scikit-learn's handwritten digits: 1,797 real images of 8 by 8, always at hand.

The images come with scikit-learn, so nothing is downloaded. They are the test part of
"Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak 1998,
https://archive.ics.uci.edu/dataset/80), written by 13 people. A pixel counts the dark
ones in a square of 4 by 4, from 0 to 16.
"""

import functools
import hashlib

import numpy as np

from largemodels.data.libraries import folder
from largemodels.data.split import Split
from largemodels.validation import float_type, real_number, truth, whole_number

NUM_EXAMPLES = 1797
NUM_CLASSES = 10
HIGHEST = 16  # the largest pixel value in the raw data
# SHA-256 of the images as uint8, row by row (1797 * 64 bytes), then the labels
# as uint8 (1797 bytes).
SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def load(
    seed: int = 0,
    test_fraction: float = 0.2,
    dtype: str = "float32",
    *,
    images: bool = False,
) -> Split:
    """The digits, split into training and test examples.

    seed           of the split; equal seeds give equal bytes
    test_fraction  share of every class that goes to the test part, above 0 and below 1
    dtype          of the inputs, "float32" or "float64"
    images         False: inputs (n, 64), row after row; True: (n, 8, 8)

    Inputs are pixels divided by 16, in [0, 1] and exact in either dtype; labels are
    int64, 0 to 9. The split is stratified: of each class with m examples,
    round(test_fraction m) go to the test part (at least 1, at most m - 1), so that a
    test accuracy does not move because a seed drew few of the hard ones. Both parts are
    then shuffled. The data do not say who wrote which digit: every writer is in both
    parts, and a test accuracy says nothing of unknown hands.

    Raises ValueError where an argument is wrong, ModuleNotFoundError where
    scikit-learn is not installed, RuntimeError where its data are missing or not the
    bytes this book was made with.
    """
    seed = whole_number("seed", seed)
    fraction = real_number(
        "test_fraction", test_fraction, 0.0, 1.0, open_below=True, open_above=True
    )
    truth("images", images)
    kind = float_type("dtype", dtype)
    pixels, labels = raw()
    inputs = (pixels / HIGHEST).astype(kind)
    if not images:
        inputs = inputs.reshape(len(inputs), -1)
    train, test = _stratified(labels, fraction, np.random.default_rng(seed))
    return Split(inputs[train], labels[train], inputs[test], labels[test])


def raw() -> tuple[np.ndarray, np.ndarray]:
    """All images (1797, 8, 8) uint8, 0 to 16, and labels (1797,) int64, verified."""
    pixels, labels = _read()
    return pixels.copy(), labels.copy()


def _file():
    """Where scikit-learn keeps them; ModuleNotFoundError where it is not installed."""
    root = folder("sklearn", "scikit-learn", "the digits come with it")
    return root / "datasets" / "data" / "digits.csv.gz"


@functools.cache
def _read():
    """What raw() copies, read once. `load_digits` would import SciPy's statistics."""
    path = _file()
    if not path.is_file():
        raise RuntimeError(f"this scikit-learn keeps no digits in {path}")
    rows = np.loadtxt(path, delimiter=",", dtype=np.uint8)  # 64 pixels and a label
    found = hashlib.sha256(rows[:, :-1].tobytes() + rows[:, -1].tobytes())
    if found.hexdigest() != SHA256:
        raise RuntimeError(
            "scikit-learn's digits are not the bytes this book was made with: "
            f"expected SHA-256 {SHA256}, got {found.hexdigest()}"
        )
    return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(np.int64)


def _stratified(labels, fraction, rng):
    """Shuffled indices of the training part and of the test part, class by class."""
    train, test = [], []
    for label in range(NUM_CLASSES):
        members = rng.permutation(np.flatnonzero(labels == label))
        held_out = min(max(round(fraction * len(members)), 1), len(members) - 1)
        test.append(members[:held_out])
        train.append(members[held_out:])
    return rng.permutation(np.concatenate(train)), rng.permutation(np.concatenate(test))
