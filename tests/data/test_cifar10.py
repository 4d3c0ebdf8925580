"""CIFAR-10's binary archive, read from small ones that are written here."""

import hashlib
import io
import tarfile

import numpy as np
import pytest
from largemodels.data import cifar10
from largemodels.data.downloads import ChecksumError

PER_FILE = 3


def records(images, labels):
    """The bytes of one file: label, then red, green, blue, row after row."""
    return b"".join(
        bytes([label]) + image.tobytes()
        for image, label in zip(images, labels, strict=True)
    )


def archive(contents):
    """A compressed archive of named files."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def examples():
    """Images (18, 3, 32, 32) and labels (18,), the last three for testing."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6 * PER_FILE, 3, 32, 32), dtype=np.uint8)
    return images, rng.integers(0, 10, 6 * PER_FILE, dtype=np.uint8)


@pytest.fixture
def contents(examples):
    """The six files and one more, in an order that is not that of the batches."""
    images, labels = examples
    names = [*cifar10.TRAIN_FILES, cifar10.TEST_FILE]
    files = {"batches.meta.txt": b"airplane\n"}
    for i, name in reversed(list(enumerate(names))):
        part = slice(i * PER_FILE, (i + 1) * PER_FILE)
        files[name] = records(images[part], labels[part])
    return files


@pytest.fixture
def served(site, contents, monkeypatch):
    """A small archive at the address that `load` uses."""
    site.content = archive(contents)
    monkeypatch.setattr(cifar10, "URL", site.url)
    monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(site.content).hexdigest())
    monkeypatch.setattr(cifar10, "SIZE", len(site.content))
    read = cifar10.read_archive
    monkeypatch.setattr(cifar10, "read_archive", lambda path: read(path, PER_FILE))
    return site


def test_downloaded_once_and_read_in_order(served, examples, tmp_path):
    images, labels = examples
    split = cifar10.load(tmp_path, download=True, channels="first")
    assert split.train_inputs.shape == (15, 3, 32, 32)
    assert split.test_inputs.dtype == np.float32
    for inputs, pixels in (
        (split.train_inputs, images[:15]),
        (split.test_inputs, images[15:]),
    ):
        assert np.array_equal(inputs, pixels / np.float32(255))
    assert split.train_labels.tolist() == labels[:15].tolist()
    assert split.test_labels.tolist() == labels[15:].tolist()
    assert split.train_labels.dtype == np.int64
    last = cifar10.load(tmp_path, dtype="float64")
    assert last.train_inputs.shape == (15, 32, 32, 3)
    assert last.train_inputs.dtype == np.float64
    assert last.train_inputs.flags["C_CONTIGUOUS"]
    assert last.test_inputs[0, 1, 2].tolist() == (images[15, :, 1, 2] / 255).tolist()
    assert len(served.asked) == 1


def test_nothing_is_downloaded_unless_told(served, tmp_path):
    with pytest.raises(FileNotFoundError, match="put there by hand: save http://127"):
        cifar10.load(tmp_path)
    assert served.asked == []


def test_a_foreign_archive_is_refused_by_its_size_or_checksum(
    served, tmp_path, monkeypatch
):
    path = tmp_path / "some data.bin"
    path.write_bytes(served.content[:-1])
    with pytest.raises(ChecksumError, match=f"should be {len(served.content)}"):
        cifar10.load(tmp_path)
    path.write_bytes(served.content[:-1] + b"?")
    with pytest.raises(ChecksumError, match=f"should be {cifar10.SHA256}"):
        cifar10.load(tmp_path)


def test_the_real_archive_is_expected_to_be_whole(tmp_path, contents):
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(archive(contents))
    with pytest.raises(ValueError, match="must have 10000 examples of 3073 bytes, got"):
        cifar10.read_archive(path)


def test_a_missing_file_is_named(tmp_path, contents):
    del contents["data_batch_2.bin"], contents["data_batch_5.bin"]
    path = tmp_path / "archive"
    path.write_bytes(archive(contents))
    with pytest.raises(
        ValueError, match=r"has no file data_batch_2\.bin, data_batch_5\.bin"
    ):
        cifar10.read_archive(path, PER_FILE)


def test_a_file_of_another_length_is_named(tmp_path, contents):
    contents["data_batch_3.bin"] += b"\x00"
    path = tmp_path / "archive"
    path.write_bytes(archive(contents))
    with pytest.raises(ValueError, match=r"data_batch_3\.bin .* got 9220 bytes"):
        cifar10.read_archive(path, PER_FILE)


def test_a_damaged_archive_is_named(tmp_path, contents):
    whole = archive(contents)
    middle = len(whole) // 2
    for content in (
        b"",
        b"no archive",
        whole[:-1000],
        whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
    ):
        path = tmp_path / "archive"
        path.write_bytes(content)
        with pytest.raises(ValueError, match="archive is damaged: "):
            cifar10.read_archive(path, PER_FILE)


def test_no_link_in_an_archive_is_followed(tmp_path, contents):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        link = tarfile.TarInfo("test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    path = tmp_path / "archive"
    path.write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="has no file data_batch_1"):
        cifar10.read_archive(path, PER_FILE)


def test_records_are_label_red_green_blue(examples):
    images, labels = examples
    found, classes = cifar10.read_records(records(images, labels), "here")
    assert np.array_equal(found, images)
    assert np.array_equal(classes, labels)
    one = bytes([7]) + bytes([1]) * 1024 + bytes([2]) * 1024 + bytes([3]) * 1024
    (image,), (label,) = cifar10.read_records(one, "here")
    assert (label, image[0].max(), image[1].min(), image[2].min()) == (7, 1, 2, 3)
    assert cifar10.CLASSES[label] == "horse"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "here must have a multiple of 3073 bytes, got 0"),
        (bytes(3072), "multiple of 3073 bytes, got 3072"),
        (bytes([10]) + bytes(3072), "labels 0 to 9, got 10"),
    ],
)
def test_wrong_records_are_refused(content, message):
    with pytest.raises(ValueError, match=message):
        cifar10.read_records(content, "here")


def test_wrong_arguments_are_refused(tmp_path):
    with pytest.raises(ValueError, match="channels must be one of last, first"):
        cifar10.load(tmp_path, channels="middle")
    with pytest.raises(ValueError, match="dtype must be float32 or float64"):
        cifar10.load(tmp_path, dtype="uint8")
