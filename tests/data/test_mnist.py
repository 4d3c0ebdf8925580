"""MNIST's two forms, read from small files that are written here."""

import gzip
import hashlib
import io
import pickle
import sys

import numpy as np
import pytest
from largemodels.data import mnist
from largemodels.data.downloads import ChecksumError

COUNTS = {"train": 12, "t10k": 5}


def idx(array):
    """An array of bytes in the IDX format."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return b"\x00\x00\x08" + bytes([array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def parts():
    """Small training and test parts: ((images, labels), (images, labels))."""
    rng = np.random.default_rng(0)
    return tuple(
        (
            rng.integers(0, 256, (count, 28, 28), dtype=np.uint8),
            rng.integers(0, 10, count, dtype=np.uint8),
        )
        for count in COUNTS.values()
    )


@pytest.fixture
def npz(parts):
    """The bytes of a small mnist.npz."""
    (x_train, y_train), (x_test, y_test) = parts
    file = io.BytesIO()
    np.savez(file, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return file.getvalue()


@pytest.fixture
def idx_files(parts):
    """The names and bytes of the four small files."""
    return {
        f"{part}-{kind}-idx{axes}-ubyte": idx(array)
        for part, (images, labels) in zip(COUNTS, parts, strict=True)
        for kind, axes, array in (("images", 3, images), ("labels", 1, labels))
    }


@pytest.fixture
def small(monkeypatch):
    """MNIST with 12 and 5 images."""
    monkeypatch.setattr(mnist, "COUNTS", COUNTS)


def same(split, parts):
    """A split holds the numbers of the parts, divided by 255."""
    (x_train, y_train), (x_test, y_test) = parts
    for inputs, images in ((split.train_inputs, x_train), (split.test_inputs, x_test)):
        pixels = np.rint(255.0 * inputs).astype(np.uint8)
        assert np.array_equal(pixels.reshape(images.shape), images)
        assert 0 <= inputs.min() <= inputs.max() <= 1
    assert np.array_equal(split.train_labels, y_train)
    assert np.array_equal(split.test_labels, y_test)
    assert split.train_labels.dtype == split.test_labels.dtype == np.int64
    return True


@pytest.fixture
def served(site, npz, monkeypatch):
    """The small mnist.npz at the address that `load` uses."""
    site.content = npz
    monkeypatch.setattr(mnist, "URL", site.url.replace("some%20data.bin", "mnist.npz"))
    monkeypatch.setattr(mnist, "SHA256", hashlib.sha256(npz).hexdigest())
    return site


@pytest.mark.usefixtures("small")
def test_downloaded_once_and_read(served, parts, tmp_path):
    split = mnist.load(tmp_path, download=True)
    assert same(split, parts)
    assert split.train_inputs.shape == (12, 784)
    assert split.train_inputs.dtype == np.float32
    images = mnist.load(tmp_path, images=True, dtype="float64")
    assert same(images, parts)
    assert images.test_inputs.shape == (5, 28, 28)
    assert images.test_inputs.dtype == np.float64
    assert len(served.asked) == 1


def test_nothing_is_downloaded_unless_told(served, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        mnist.load(tmp_path)
    assert f"save {mnist.URL} as {tmp_path / 'mnist.npz'}" in str(caught.value)
    assert served.asked == []


def test_a_foreign_npz_is_refused_by_its_checksum(tmp_path, npz):
    (tmp_path / "mnist.npz").write_bytes(npz)
    with pytest.raises(ChecksumError, match=f"should be {mnist.SHA256}"):
        mnist.load(tmp_path)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("dotted", [False, True])
def test_the_original_files_are_read(idx_files, parts, tmp_path, dotted):
    for name, content in idx_files.items():
        (tmp_path / (name.replace("-idx", ".idx") if dotted else name)).write_bytes(
            content
        )
    assert same(mnist.load(tmp_path), parts)


@pytest.mark.usefixtures("small")
def test_compressed_original_files_are_verified(
    idx_files, parts, tmp_path, monkeypatch
):
    digests = {}
    for name, content in idx_files.items():
        packed = gzip.compress(content, mtime=0)
        (tmp_path / f"{name}.gz").write_bytes(packed)
        digests[f"{name}.gz"] = hashlib.sha256(packed).hexdigest()
    with pytest.raises(ChecksumError, match=r"train-images.* has the SHA-256"):
        mnist.load(tmp_path)
    monkeypatch.setattr(mnist, "IDX_SHA256", digests)
    assert same(mnist.load(tmp_path), parts)


def test_three_of_four_files_are_not_enough(idx_files, tmp_path):
    for name, content in list(idx_files.items())[1:]:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FileNotFoundError, match=r"mnist\.npz is not in"):
        mnist.load(tmp_path)


def test_a_part_of_another_size_is_refused(idx_files, tmp_path):
    for name, content in idx_files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match="train part has 60000 images, got 12"):
        mnist.load(tmp_path)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train-images-idx3-ubyte", np.zeros((12, 28, 27)), r"\(12, 28, 27\)"),
        ("train-labels-idx1-ubyte", np.zeros(11), r"got \(11,\) labels for 12 images"),
        ("train-labels-idx1-ubyte", np.full(12, 10), "labels 0 to 9, got 10"),
        ("t10k-labels-idx1-ubyte", np.zeros((5, 1)), r"got \(5, 1\) labels"),
    ],
)
def test_files_that_are_not_mnist_are_refused(
    idx_files, tmp_path, name, array, message
):
    for each, content in idx_files.items():
        (tmp_path / each).write_bytes(content)
    (tmp_path / name).write_bytes(idx(array.astype(np.uint8)))
    with pytest.raises(ValueError, match=message):
        mnist.load(tmp_path)


def test_idx_of_any_number_of_axes(tmp_path):
    for shape in ((3,), (2, 3), (2, 0, 3), (1, 2, 3, 4)):
        array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        path = tmp_path / "array"
        path.write_bytes(idx(array))
        assert np.array_equal(mnist.read_idx(path), array)
        path.write_bytes(gzip.compress(idx(array)))
        assert np.array_equal(mnist.read_idx(path), array)


GOOD = idx(np.arange(6, dtype=np.uint8).reshape(2, 3))
PACKED = gzip.compress(GOOD, mtime=0)
DAMAGED = {
    "empty": (b"", "should begin with 00 00 08 and begins with $"),
    "floats": (b"\x00\x00\x0d\x02" + GOOD[4:], "begins with 00 00 0d 02"),
    "no zeros": (b"\x00\x01\x08\x02" + GOOD[4:], "begins with 00 01 08 02"),
    "cut header": (GOOD[:7], "ends inside its header of 12 bytes"),
    "cut": (GOOD[:-1], r"should have 6 bytes .* shape \(2, 3\), got 5"),
    "longer": (GOOD + b"\x00", "should have 6 bytes .* got 7"),
    "cut gzip": (PACKED[:-9], "is damaged: "),
    "gzip in name alone": (b"\x1f\x8b" + bytes(20), "is damaged: "),
    "wrong gzip checksum": (PACKED[:-8] + bytes(8), "is damaged: CRC check failed"),
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_damaged_idx_files_are_named(tmp_path, fault):
    content, message = DAMAGED[fault]
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        mnist.read_idx(path)
    assert str(path) in str(caught.value)


class Attack:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (exec, ("import sys; sys.largemodels_was_attacked = True",))


def test_nothing_in_a_file_is_executed(tmp_path, parts):
    (x_train, y_train), (x_test, _) = parts
    path = tmp_path / "mnist.npz"
    labels = np.array([Attack()], dtype=object)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=labels)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        mnist.read_npz(path)
    path.write_bytes(pickle.dumps(Attack()))
    with pytest.raises(ValueError, match=r"is no mnist\.npz"):
        mnist.read_npz(path)
    assert not hasattr(sys, "largemodels_was_attacked")


def test_damaged_npz_files_are_named(tmp_path, npz):
    path = tmp_path / "mnist.npz"
    one_array = io.BytesIO()
    np.save(one_array, np.zeros(3))
    other_names = io.BytesIO()
    np.savez(other_names, x=np.zeros(3))
    middle = len(npz) // 2
    for content in (
        b"",
        b"PK\x03\x04",
        npz[:-100],
        npz[:middle] + bytes([npz[middle] ^ 1]) + npz[middle + 1 :],
        one_array.getvalue(),
        other_names.getvalue(),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"mnist\.npz is no mnist\.npz: "):
            mnist.read_npz(path)


def test_wrong_arguments_are_refused(tmp_path):
    with pytest.raises(
        ValueError, match="dtype must be float32 or float64, got 'int8'"
    ):
        mnist.load(tmp_path, dtype="int8")
    with pytest.raises(TypeError, match="images must be True or False, got 1"):
        mnist.load(tmp_path, images=1)
