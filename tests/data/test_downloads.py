"""Downloads from a server on this machine: whole, verified, resumed, explained."""

import errno
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import types

import pytest
from largemodels.data import connections, downloads
from largemodels.data.downloads import ChecksumError, DownloadError, fetch

NAME = "some data.bin"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def get(site, folder, **arguments):
    given = {"sha256": sha256(site.content), "folder": folder, "quiet": True}
    return fetch(site.url, **given | arguments)


def visible(folder):
    """The files in a folder without the lock, which stays."""
    return sorted(file.name for file in folder.iterdir() if file.suffix != ".lock")


def test_a_file_comes_whole_once(site, tmp_path):
    folder = tmp_path / "not" / "there yet"
    path = get(site, folder, size=len(site.content))
    assert path == folder / NAME
    assert path.read_bytes() == site.content
    assert get(site, folder) == path
    assert site.asked == [None]
    assert visible(folder) == [NAME]


def test_another_name_and_both_checksums(site, tmp_path):
    md5 = hashlib.md5(site.content).hexdigest()
    path = get(site, tmp_path, md5=md5.upper(), name="other.bin")
    assert path.name == "other.bin"
    with pytest.raises(ChecksumError, match="its md5 is"):
        get(site, tmp_path, sha256=None, md5="0" * 32, name="other.bin")


def test_a_cut_connection_goes_on_where_it_was(site, tmp_path):
    site.cuts = [6000, 1]
    assert get(site, tmp_path).read_bytes() == site.content
    assert site.asked == [None, "bytes=6000-", "bytes=6001-"]
    assert visible(tmp_path) == [NAME]


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(site, tmp_path):
    site.cuts = [6000, 0, 0, 0]
    with pytest.raises(
        DownloadError, match="6000 bytes are kept, the next call goes on"
    ):
        get(site, tmp_path)
    assert visible(tmp_path) == [f"{NAME}.part"]
    assert get(site, tmp_path).read_bytes() == site.content
    assert site.asked == [None, *["bytes=6000-"] * 4]
    assert visible(tmp_path) == [NAME]


def test_a_server_without_ranges_sends_the_whole_again(site, tmp_path):
    site.ranges = False
    site.cuts = [6000]
    assert get(site, tmp_path).read_bytes() == site.content
    assert site.asked == [None, "bytes=6000-"]


def test_a_server_that_always_cuts_is_given_up(site, tmp_path):
    site.ranges = False
    site.cuts = [6000] * 20
    with pytest.raises(DownloadError, match="cut at byte 6000 of 10240"):
        get(site, tmp_path)
    assert len(site.asked) == 1 + downloads.TRIES


def test_a_server_that_goes_on_elsewhere_is_not_believed(site, tmp_path):
    site.cuts = [6000]
    site.wrong_start = 1
    assert get(site, tmp_path).read_bytes() == site.content
    assert site.asked == [None, "bytes=6000-", None]


def test_a_server_that_tells_no_length(site, tmp_path):
    site.with_length = False
    assert get(site, tmp_path).read_bytes() == site.content


def test_without_a_told_length_the_checksum_finds_the_cut(site, tmp_path):
    site.with_length = False
    site.cuts = [6000]
    with pytest.raises(ChecksumError, match="The download was deleted"):
        get(site, tmp_path)
    assert visible(tmp_path) == []


def test_a_whole_piece_needs_no_more_bytes(site, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(site.content)
    assert get(site, tmp_path).read_bytes() == site.content
    assert site.asked == ["bytes=10240-"]


@pytest.mark.parametrize("piece", [b"other bytes", bytes(20_000), bytes(10_240)])
def test_a_piece_of_another_file_is_thrown_away(site, tmp_path, piece):
    (tmp_path / f"{NAME}.part").write_bytes(piece)
    assert get(site, tmp_path).read_bytes() == site.content
    assert site.asked[-1] is None
    assert visible(tmp_path) == [NAME]


def test_wrong_bytes_are_not_kept(site, tmp_path):
    wrong = "0" * 64
    with pytest.raises(ChecksumError) as caught:
        get(site, tmp_path, sha256=wrong)
    for part in (sha256(site.content), wrong, "deleted"):
        assert part in str(caught.value)
    assert visible(tmp_path) == []
    assert len(site.asked) == 1


def test_a_wrong_size_is_found_before_the_download(site, tmp_path):
    with pytest.raises(ChecksumError, match="has 10240 bytes, expected 10241; nothing"):
        get(site, tmp_path, size=10241)
    assert visible(tmp_path) == []


def test_a_file_put_there_by_hand_is_used_or_left_alone(site, tmp_path):
    path = tmp_path / NAME
    path.write_bytes(site.content)
    assert get(site, tmp_path) == path
    path.write_bytes(b"mine")
    with pytest.raises(ChecksumError) as caught:
        get(site, tmp_path)
    assert "It was left as it is" in str(caught.value)
    assert sha256(b"mine") in str(caught.value)
    assert path.read_bytes() == b"mine"
    assert site.asked == []


def test_a_file_put_there_during_the_download_is_left_alone(site, tmp_path):
    path = tmp_path / NAME
    site.during = lambda: path.write_bytes(b"mine")
    with pytest.raises(ChecksumError, match="left as it is"):
        get(site, tmp_path)
    assert path.read_bytes() == b"mine"
    assert visible(tmp_path) == [NAME]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_an_error_of_ours_is_told_at_once(site, tmp_path, status):
    site.status = [status]
    with pytest.raises(DownloadError) as caught:
        get(site, tmp_path)
    message = str(caught.value)
    assert f"{site.url} answers {status}" in message
    assert f"save {site.url} as {tmp_path / NAME}" in message
    assert visible(tmp_path) == []
    assert len(site.asked) == 1


def test_an_error_of_theirs_is_tried_again(site, tmp_path):
    site.status = [503, 429]
    assert get(site, tmp_path).read_bytes() == site.content
    site.status = [500] * 3
    with pytest.raises(DownloadError, match="it answers 500"):
        get(site, tmp_path, name="second")
    assert len(site.asked) == 6


def test_offline_one_sentence_says_address_folder_and_how(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/mnist.npz"
        with pytest.raises(DownloadError) as caught:
            fetch(url, sha256="0" * 64, folder=tmp_path, quiet=True)
    message = str(caught.value)
    assert f"{url} cannot be reached: " in message
    assert f"put there by hand: save {url} as {tmp_path / 'mnist.npz'}" in message
    assert "\n" not in message


def test_only_looking_does_not_ask(site, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        get(site, tmp_path / "nowhere", download=False)
    assert f"save {site.url} as {tmp_path / 'nowhere' / NAME}" in str(caught.value)
    assert site.asked == []
    assert not (tmp_path / "nowhere").exists()


def test_no_room_is_told_before_the_download(site, tmp_path, monkeypatch):
    usage = types.SimpleNamespace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(DownloadError) as caught:
        get(site, tmp_path)
    assert str(caught.value) == (
        f"there is no room for {NAME} in {tmp_path}: 0.0 MB are needed and 0.0 MB are "
        "free; LARGEMODELS_DATA chooses another folder"
    )
    assert visible(tmp_path) == []


def test_a_disk_that_fills_up_meanwhile_is_told(site, tmp_path, monkeypatch):
    def full(answer, part, start, total, show):
        part.write_bytes(answer.read(100))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(connections, "_write", full)
        with pytest.raises(DownloadError, match=r"no room for .*: No space left"):
            get(site, tmp_path)
    # With room again it goes on.
    assert get(site, tmp_path).read_bytes() == site.content
    assert site.asked == [None, "bytes=100-"]


def test_a_folder_that_cannot_be_is_told(site, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=r"cannot be written to .*LARGEMODELS_DATA"):
        get(site, tmp_path / "file" / "folder")


def test_calls_at_once_make_one_download(site, tmp_path):
    started = threading.Event()
    site.during = lambda: started.wait(1)
    paths = []
    threads = [
        threading.Thread(target=lambda: paths.append(get(site, tmp_path)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    started.set()
    for thread in threads:
        thread.join()
    assert paths == [tmp_path / NAME] * 8
    assert site.asked == [None]
    assert (tmp_path / NAME).read_bytes() == site.content


def test_processes_at_once_make_one_download(site, tmp_path):
    program = (
        "import sys; from largemodels.data.downloads import fetch; "
        "print(fetch(sys.argv[1], sha256=sys.argv[2], folder=sys.argv[3]))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", program, site.url, sha256(site.content), tmp_path]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60)[0].strip() for process in running]
    assert answers == [str(tmp_path / NAME)] * 2
    assert site.asked == [None]


def test_the_lock_of_windows_waits_until_it_has_it(tmp_path, monkeypatch):
    # The module of Windows in a copy that refuses twice.
    calls = []

    def locking(descriptor, mode, count):
        calls.append((mode, count))
        if len(calls) < 3:
            raise OSError(errno.EDEADLK, "Resource deadlock avoided")

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(
        sys.modules, "msvcrt", types.SimpleNamespace(locking=locking, LK_LOCK=1)
    )
    with downloads._locked(tmp_path / "lock"):
        assert calls == [(1, 1)] * 3


def test_without_a_checksum_the_first_copy_is_remembered(site, tmp_path):
    path = get(site, tmp_path, sha256=None)
    record = tmp_path / f"{NAME}.sha256.json"
    assert json.loads(record.read_text()) == {
        "url": site.url,
        "sha256": sha256(site.content),
        "size": 10240,
    }
    assert get(site, tmp_path, sha256=None) == path
    path.write_bytes(site.content[::-1])
    with pytest.raises(ChecksumError, match=f"should be {sha256(site.content)}"):
        get(site, tmp_path, sha256=None)
    record.write_text('{"sha256": "12"}')
    with pytest.raises(ChecksumError, match=r"sha256\.json is damaged: sha256 must be"):
        get(site, tmp_path, sha256=None)


def test_without_a_checksum_no_piece_is_continued(site, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(bytes(6000))
    assert get(site, tmp_path, sha256=None).read_bytes() == site.content
    assert site.asked == [None]


def test_progress_is_told_in_tenths(site, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(connections, "CHUNK", 1024)
    get(site, tmp_path, quiet=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"{NAME}: {tenth}0% of 0.0 MB" for tenth in range(1, 11)]
    get(site, tmp_path, name="quiet")
    site.with_length = False
    get(site, tmp_path, name="endless", quiet=False)
    assert capsys.readouterr().err == "endless: 0.0 MB\n"
