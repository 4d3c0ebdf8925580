"""Downloads that are resumed, verified and whole, or say plainly what is wrong."""

import contextlib
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.parse
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from largemodels.data.connections import is_full, progress, receive, size_of
from largemodels.validation import whole_number

TRIES = 3  # connections without a new byte before a download is given up
PAUSE = 1.0  # seconds before the second of them, twice as many before the third
CONNECTION_TROUBLE = (
    urllib.error.URLError,
    HTTPException,
    ConnectionError,
    TimeoutError,
)


class DownloadError(OSError):
    """A file could not be downloaded; the message says what to do."""


class ChecksumError(DownloadError):
    """A file has other bytes than were expected."""


def fetch(
    url: str,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    folder: str | os.PathLike | None = None,
    name: str | None = None,
    download: bool = True,
    quiet: bool = False,
) -> Path:
    """The path of a verified copy of what stands at `url`, downloaded where needed.

    url           an http or https address
    sha256, md5   checksums of the file in hexadecimal; both are held where both are
                  given
    size          its number of bytes
    folder        where it is kept, made where missing; None: `data_folder()`
    name          its name there; None: the last part of the address
    download      False: only look, and raise FileNotFoundError where it is not there
    quiet         False: progress goes to standard error, a line for every tenth

    A file that is there already is verified and returned; where it does not fit, it is
    left alone, and ChecksumError says what was expected and what was found. A download
    goes to "<name>.part", continues where an earlier one was cut if the server can do
    that, is verified, and takes its name in one step. Two calls at once, from threads
    or processes, make one download. Where neither checksum is given, the SHA-256 of the
    first copy is written to "<name>.sha256.json", and later calls hold the file to it.

    Raises DownloadError where the address cannot be reached or the disk has no room,
    ChecksumError where the bytes are wrong, FileNotFoundError, and ValueError or
    TypeError for wrong arguments.
    """
    wanted = _wanted(url, sha256, md5, size, folder, name)
    if not wanted.path.exists():
        if not download:
            raise FileNotFoundError(
                f"{wanted.path.name} is not in {wanted.path.parent}. {wanted.by_hand}"
            )
        try:
            wanted.path.parent.mkdir(parents=True, exist_ok=True)
            with _locked(wanted.path.with_name(f".{wanted.path.name}.lock")):
                _download(wanted, quiet)
        except DownloadError:
            raise
        except OSError as error:
            raise DownloadError(_local_trouble(wanted, error)) from error
    _verify(
        wanted.path,
        wanted.remembered(),
        "It was left as it is; move it away to have it downloaded again.",
    )
    wanted.remember()
    return wanted.path


def data_folder() -> Path:
    """Where downloaded data are kept: $LARGEMODELS_DATA, else the platform's cache.

    Linux: $XDG_CACHE_HOME/largemodels or ~/.cache/largemodels; macOS:
    ~/Library/Caches/largemodels; Windows: %LOCALAPPDATA%/largemodels/Cache.
    """
    if chosen := os.environ.get("LARGEMODELS_DATA"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "largemodels"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        base = Path(local) if local else Path.home() / "AppData" / "Local"
        return base / "largemodels" / "Cache"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    # The XDG specification has relative paths ignored.
    base = cache if cache.is_absolute() else Path.home() / ".cache"
    return base / "largemodels"


@dataclass(frozen=True)
class _Wanted:
    """A file: where it comes from, where it goes, and how it is recognized."""

    url: str
    path: Path
    checks: dict  # "sha256", "md5", "size" -> what is expected; those that are known

    @property
    def has_checksum(self):
        return bool(self.checks.keys() & {"sha256", "md5"})

    @property
    def record(self):
        """The file in which the checksum of a first copy is written down."""
        return self.path.with_name(f"{self.path.name}.sha256.json")

    @property
    def by_hand(self):
        return f"It can also be put there by hand: save {self.url} as {self.path}"

    def remembered(self):
        """The checks, with the checksum of the first copy where none was given."""
        if self.has_checksum or not self.record.exists():
            return self.checks
        try:
            words = json.loads(self.record.read_text(encoding="utf-8"))
            return self.checks | {"sha256": _hexadecimal("sha256", words["sha256"])}
        except (ValueError, KeyError, TypeError) as error:
            raise ChecksumError(f"{self.record} is damaged: {error}") from error

    def remember(self):
        """Write down the checksum of a first copy, where none was given."""
        if self.has_checksum or self.record.exists():
            return
        words = {
            "url": self.url,
            "sha256": _digest(self.path, "sha256"),
            "size": size_of(self.path),
        }
        temporary = self.record.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(words, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, self.record)


def _wanted(url, sha256, md5, size, folder, name):
    address = urllib.parse.urlsplit(url)
    if address.scheme not in ("http", "https") or not address.netloc:
        raise ValueError(f"url must be an http or https address, got {url!r}")
    name = name or Path(urllib.parse.unquote(address.path)).name
    if not name or Path(name).name != name:
        raise ValueError(f"name must be the name of a file, got {name!r}")
    checks = {} if size is None else {"size": whole_number("size", size)}
    for kind, given in (("sha256", sha256), ("md5", md5)):
        if given is not None:
            checks[kind] = _hexadecimal(kind, given)
    folder = data_folder() if folder is None else Path(folder).expanduser()
    return _Wanted(url, folder / name, checks)


def _download(wanted, quiet):
    """Bring the file to its place, in as many connections as it takes."""
    part = wanted.path.with_name(f"{wanted.path.name}.part")
    # A piece from an earlier call is continued only where a checksum will tell whether
    # both pieces are of one file.
    if not wanted.has_checksum:
        part.unlink(missing_ok=True)
    continued = part.exists()
    # Another call may have brought the file while this one waited for the lock.
    while not wanted.path.exists():
        _receive_all(wanted, part, quiet)
        try:
            _verify(part, wanted.checks, "The download was deleted.")
        except ChecksumError:
            part.unlink()
            if not continued:
                raise
            # The earlier piece may have been the wrong one: once more, from the start.
            continued = False
            continue
        # A file that someone put there in the meantime is not overwritten.
        if not wanted.path.exists():
            os.replace(part, wanted.path)
    part.unlink(missing_ok=True)


def _receive_all(wanted, part, quiet):
    """Connect until the part is whole, while connections bring new bytes."""
    show = progress(wanted.path.name, quiet)
    fruitless = 0
    while fruitless < TRIES:
        if fruitless:
            time.sleep(PAUSE * 2 ** (fruitless - 1))
        before = size_of(part)
        try:
            return receive(wanted.url, part, wanted.checks.get("size"), show)
        except urllib.error.HTTPError as error:
            error.close()
            answer = f"{error.code} {error.reason}"
            if error.code < 500 and error.code != 429:
                raise DownloadError(
                    f"{wanted.url} answers {answer}. {wanted.by_hand}"
                ) from error
            reason = f"it answers {answer}"
        except CONNECTION_TROUBLE as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        except ValueError as error:
            raise ChecksumError(f"{error}; nothing was downloaded") from error
        fruitless = 0 if size_of(part) > before else fruitless + 1
    kept = size_of(part)
    later = f"{kept} bytes are kept, the next call goes on from there. " if kept else ""
    raise DownloadError(
        f"{wanted.url} cannot be reached: {reason}. {later}{wanted.by_hand}"
    )


def _verify(path, checks, consequence):
    """Raise ChecksumError where a file is not what was expected."""
    for kind, expected in checks.items():
        found = size_of(path) if kind == "size" else _digest(path, kind)
        if found != expected:
            raise ChecksumError(
                f"{path} is not the file that was expected: its {kind} is {found} and "
                f"should be {expected}. {consequence}"
            )


def _digest(path, kind):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _hexadecimal(kind, given):
    """A checksum in lower case."""
    digits = 2 * hashlib.new(kind).digest_size
    word = given.lower() if isinstance(given, str) else ""
    if len(word) != digits or word.strip("0123456789abcdef"):
        raise ValueError(f"{kind} must be {digits} hexadecimal digits, got {given!r}")
    return word


def _local_trouble(wanted, error):
    """What to say where the fault is on this side."""
    folder = wanted.path.parent
    if is_full(error):
        return (
            f"there is no room for {wanted.path.name} in {folder}: {error.strerror}; "
            "LARGEMODELS_DATA chooses another folder"
        )
    return (
        f"{wanted.path.name} cannot be written to {folder} ({error}); "
        "LARGEMODELS_DATA chooses another folder"
    )


@contextlib.contextmanager
def _locked(path):
    """Hold a lock on a file; others wait. The system frees it where a process dies."""
    with open(path, "a+b") as file:
        try:
            import fcntl
        except ModuleNotFoundError:  # Windows
            import msvcrt

            file.seek(0)
            taken = False
            while not taken:  # LK_LOCK gives up after ten seconds
                with contextlib.suppress(OSError):
                    msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                    taken = True
        else:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
