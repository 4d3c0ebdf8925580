"""Scikit-learn's digits: their bytes, and a split that is what it says."""

import gzip
import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import given, settings
from hypothesis import strategies as st
from largemodels.data import digits


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """A file that stands in for scikit-learn's, unread; the text of the real one."""
    text = gzip.decompress(digits._file().read_bytes()).decode()
    monkeypatch.setattr(digits, "_file", lambda: tmp_path / "digits.csv.gz")
    digits._read.cache_clear()
    yield tmp_path / "digits.csv.gz", text
    digits._read.cache_clear()


def test_the_raw_data_are_all_there():
    pixels, labels = digits.raw()
    assert pixels.shape == (1797, 8, 8)
    assert (pixels.dtype, labels.dtype) == (np.uint8, np.int64)
    assert (pixels.min(), pixels.max()) == (0, 16)
    assert set(labels.tolist()) == set(range(10))


def test_they_are_what_scikit_learn_loads():
    pixels, labels = digits.raw()
    theirs = sklearn.datasets.load_digits()
    np.testing.assert_array_equal(pixels, theirs.images)
    np.testing.assert_array_equal(labels, theirs.target)


def test_what_a_reader_does_to_the_raw_data_stays_with_the_reader():
    for array in digits.raw():
        array[:] = 1
    assert all(array.max() > 1 for array in digits.raw())


def test_other_bytes_are_refused(elsewhere):
    path, text = elsewhere
    path.write_bytes(gzip.compress(text.replace("16", "15", 1).encode()))
    with pytest.raises(RuntimeError, match=f"expected SHA-256 {digits.SHA256}, got"):
        digits.load()


def test_swapped_labels_are_refused(elsewhere):
    path, text = elsewhere
    first, second, *others = text.splitlines()
    first, second = first[:-1] + second[-1], second[:-1] + first[-1]
    path.write_bytes(gzip.compress("\n".join([first, second, *others]).encode()))
    with pytest.raises(RuntimeError, match="not the bytes"):
        digits.load()


def test_without_the_file_or_the_library_an_error_says_so(elsewhere, monkeypatch):
    with pytest.raises(RuntimeError, match=f"keeps no digits in {elsewhere[0]}"):
        digits.load()
    monkeypatch.undo()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="scikit-learn is not installed"):
        digits.load()


def test_reading_them_does_not_import_scikit_learn():
    program = (
        "import sys; from largemodels.data import digits; digits.load(); "
        "print('sklearn' in sys.modules, 'scipy.stats' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "False False\n", done.stderr


def test_the_default_split():
    split = digits.load()
    assert split.train_inputs.shape == (1438, 64)
    assert split.test_inputs.shape == (359, 64)
    assert split.train_inputs.dtype == np.float32
    assert split.train_labels.dtype == np.int64
    assert split.train_inputs.min() == 0
    assert split.train_inputs.max() == 1


# Each example reads all 1,797 images.
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.001, 0.999))
def test_the_parts_are_the_whole_and_stratified(seed, fraction):
    split = digits.load(seed, fraction)
    pixels, labels = digits.raw()
    together = np.concatenate([split.train_inputs, split.test_inputs])
    rows = lambda inputs, classes: sorted(  # noqa: E731
        bytes(row) + bytes([label])
        for row, label in zip((16 * inputs).astype(np.uint8), classes, strict=True)
    )
    assert rows(
        together, np.concatenate([split.train_labels, split.test_labels])
    ) == rows(pixels.reshape(-1, 64) / 16, labels)
    sizes = np.bincount(labels)
    held_out = np.bincount(split.test_labels, minlength=10)
    expected = np.clip(np.round(fraction * sizes), 1, sizes - 1)
    assert np.array_equal(held_out, expected)


def test_the_split_depends_on_the_seed_alone():
    one, same, other = digits.load(3), digits.load(3), digits.load(4)
    assert np.array_equal(one.train_inputs, same.train_inputs)
    assert np.array_equal(one.test_labels, same.test_labels)
    assert not np.array_equal(one.test_inputs, other.test_inputs)


def test_both_parts_are_shuffled():
    split = digits.load()
    for labels in (split.train_labels, split.test_labels):
        # Sorted by class there would be nine changes from one label to the next.
        assert (np.diff(labels) != 0).sum() > len(labels) / 2


def test_images_are_the_same_numbers_in_rows():
    flat, images = (
        digits.load(dtype="float64"),
        digits.load(dtype="float64", images=True),
    )
    assert images.train_inputs.shape == (1438, 8, 8)
    assert np.array_equal(images.train_inputs.reshape(-1, 64), flat.train_inputs)
    single = digits.load().train_inputs
    assert np.array_equal(single.astype(np.float64), flat.train_inputs)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"test_fraction": 0}, ValueError, "test_fraction must be above 0, got 0"),
        ({"test_fraction": 1}, ValueError, "test_fraction must be below 1, got 1"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": None}, TypeError, "seed must be an integer, got None"),
        (
            {"dtype": "uint8"},
            ValueError,
            "dtype must be float32 or float64, got 'uint8'",
        ),
        ({"images": 1}, TypeError, "images must be True or False, got 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        digits.load(**arguments)
