"""One connection of a download: ask, receive, append."""

import errno
import os
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

CHUNK = 1 << 18  # bytes read at a time
TIMEOUT = 30.0  # seconds without a byte after which a connection counts as cut


class CutError(ConnectionError):
    """A connection ended before the file did; what came is kept."""


def receive(url: str, part: Path, size: int | None, show) -> None:
    """Append to the file `part` what the server has beyond it.

    Asks with HTTP's Range for the rest where `part` has bytes already; a server that
    does not know Range sends the whole, which then replaces them.

    size  the number of bytes of the whole file, None where it is not known
    show  is called as show(bytes_so_far, bytes_of_all_or_None) after every piece

    Raises CutError where the connection ends early, ValueError where the server has a
    file of another size, OSError with errno ENOSPC where the disk has no room for it,
    and what urllib raises.
    """
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "largemodels", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if not (have and error.code == 416):
            raise
        # The server has nothing beyond our bytes: they are all, or of another file.
        error.close()
        if _number(error.headers.get("Content-Range", "").rpartition("/")[2]) != have:
            part.unlink()
            receive(url, part, size, show)
        return
    with answer:
        start = 0
        if answer.status == 206:
            wanted = answer.headers.get("Content-Range", "").partition(" ")[2]
            start = _number(wanted.partition("-")[0])
            if start != have:
                part.unlink(missing_ok=True)
                raise CutError(f"the server went on at byte {start}, not at {have}")
        length = _number(answer.headers.get("Content-Length"))
        total = size if length is None else start + length
        if size is not None and total != size:
            raise ValueError(f"{url} has {total} bytes, expected {size}")
        if total is not None:
            _check_room(part.parent, total - start)
        _write(answer, part, start, total, show)


def _write(answer, part, start, total, show):
    """Copy the body of an answer to the end of a file that has `start` bytes."""
    done = start
    with part.open("ab" if start else "wb") as file:
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            done += len(chunk)
            show(done, total)
    if total is not None and done < total:
        raise CutError(f"the connection was cut at byte {done} of {total}")


def _check_room(folder, needed):
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"{megabytes(needed)} are needed and {megabytes(free)} are free",
        )


def _number(text):
    """A header's number, or None where it says none."""
    return int(text) if text and text.isdecimal() else None


def megabytes(count: int) -> str:
    """A number of bytes in words: 1500000 is "1.5 MB"."""
    return f"{count / 1e6:.1f} MB"


def progress(name: str, quiet: bool):
    """A function that reports on standard error, at most once a tenth of the file."""
    last = -1

    def show(done, total):
        nonlocal last
        tenth = 10 * done // total if total else done // 10_000_000
        if quiet or tenth == last:
            return
        last = tenth
        of = f"{10 * tenth}% of {megabytes(total)}" if total else megabytes(done)
        print(f"{name}: {of}", file=sys.stderr, flush=True)

    return show


def is_full(error: OSError) -> bool:
    """Whether an error says that the disk, or one's share of it, is full."""
    return error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None))


def size_of(path: str | os.PathLike) -> int:
    """The number of bytes of a file; 0 where there is none."""
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0
