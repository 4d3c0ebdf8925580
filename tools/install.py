"""Set up .venv: make it where there is none, install what is locked, do nothing twice.

usage: python tools/install.py [--exactly] GROUP...

The groups are the optional dependencies of pyproject.toml. What was installed, and from
which lock, is written into .venv; the next call compares and returns at once. Whatever
goes wrong is told in one sentence, never in a traceback. Standard library only.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = "largemodels.json"
LOG = Path(".make", "install.log")
SUPPORTED = ("3.11", "3.12", "3.13")
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
GIGABYTE = 10**9
LEAST = GIGABYTE // 50
# Free space in gigabytes, measured: .venv with the group `book` takes 0.8, with all
# groups 3.8; the wheels of CUDA, which PyTorch needs on Linux, take 3.7 more.
SPACE = {"site": 1.5, "frameworks": 5.0, "cuda": 8.7}
FRAMEWORKS = {"pytorch", "tf"}

NO_SPACE = r"No space left on device|Disk quota exceeded|Errno 28\b|Errno 122\b"
NO_NETWORK = (
    r"NewConnectionError|NameResolutionError|Failed to establish a new connection"
    r"|name resolution|Name or service not known|getaddrinfo failed|nodename nor serv"
    r"|Network is unreachable|No route to host|Connection refused|Connection reset"
    r"|Connection aborted|RemoteDisconnected|ConnectTimeout|ReadTimeout|timed out"
    r"|ProxyError|Tunnel connection failed|IncompleteRead|connection broken"
)
NO_CERTIFICATE = r"SSLCertVerificationError|CERTIFICATE_VERIFY_FAILED"
NO_PERMISSION = r"Permission denied|Read-only file system"
NO_VERSION = r"No matching distribution found for (\S+)"
CONFLICT = r"ResolutionImpossible|conflicting dependencies"


class InstallError(Exception):
    """What went wrong, in one plain sentence for the person at the keyboard."""


def explain(output: str, log: Path = LOG) -> str:
    """Say in one sentence why pip or venv failed, from what it wrote."""
    if re.search(NO_SPACE, output):
        return "The disk is full: make room, then run the same command again."
    if re.search(NO_CERTIFICATE, output):
        return (
            "The package index's certificate is not trusted here: point PIP_CERT at "
            f"your network's certificates, then try again ({log} has the details)."
        )
    if re.search(NO_NETWORK, output):
        return (
            "The package index cannot be reached: check the network (or the proxy that "
            f"pip is set to), then run the same command again ({log} has the details)."
        )
    if re.search(NO_PERMISSION, output):
        return f"A file cannot be written here; {log} says which."
    if re.search(CONFLICT, output):
        return (
            "pyproject.toml and requirements.lock contradict each other: remake the "
            f"lock with make lock ({log} has the details)."
        )
    missing = re.search(NO_VERSION, output)
    if missing:
        return (
            f"The package index has no {missing[1]} for this Python and this kind of "
            f"machine ({log} has the details)."
        )
    return f"The installation failed; {log} holds what pip said."


def fingerprint(root: Path, version: str) -> str:
    """A digest of all that decides what is installed."""
    digest = hashlib.sha256(version.encode())
    for name in ("pyproject.toml", "requirements.lock"):
        digest.update(root.joinpath(name).read_bytes())
    return digest.hexdigest()


def groups_of(root: Path) -> dict[str, list[str]]:
    """The optional dependencies in pyproject.toml."""
    project = tomllib.loads(root.joinpath("pyproject.toml").read_text("utf-8"))
    return project["project"]["optional-dependencies"]


def stamp_of(venv: Path) -> dict:
    """What was installed into this .venv, or an empty dictionary."""
    try:
        return json.loads(venv.joinpath(STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def version_of(venv: Path) -> str | None:
    """The version of the Python in .venv, or None where it does not run with pip."""
    code = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [venv / "bin" / "python", "-c", code], capture_output=True, text=True
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def birthplace(venv: Path) -> Path | None:
    """The folder that .venv was made for, as its own configuration tells."""
    try:
        text = venv.joinpath("pyvenv.cfg").read_text("utf-8")
    except OSError:
        return None
    line = re.search(r"^command = .* -m venv (?:--\S+ )*(.+)$", text, re.M)
    return Path(line[1].strip()) if line else None


def why_new(venv: Path, version: str | None, exactly: str | None) -> str | None:
    """Why .venv has to be made anew, or None where it will do.

    version: what version_of(venv) found
    exactly: the version that was asked for by name, or None
    """
    if not venv.exists():
        return "there is none yet"
    if version is None:
        return "the one that is there does not run"
    if version not in SUPPORTED:
        return f"the one that is there runs on Python {version}"
    if exactly and version != exactly:
        return f"the one that is there runs on Python {version}, not {exactly}"
    born = birthplace(venv)
    if born is not None and born.resolve() != venv.resolve():
        return "the folder was moved, and the programs in .venv know only the old one"
    return None


def check_space(root: Path, groups: set[str], free: int | None = None) -> None:
    """Raise InstallError where the disk has no room for these groups."""
    frameworks = bool(groups & FRAMEWORKS)
    need = SPACE["frameworks" if frameworks else "site"]
    free = shutil.disk_usage(root).free if free is None else free
    if free < need * GIGABYTE:
        cuda = " (8 on Linux, where PyTorch brings CUDA)" if frameworks else ""
        raise InstallError(
            f"This installation needs {need:g} GB of free disk space{cuda}, and there "
            f"are {free / GIGABYTE:.1f}: make room, then run the same command again."
        )
    if frameworks and sys.platform == "linux" and free < SPACE["cuda"] * GIGABYTE:
        print(
            f"{free / GIGABYTE:.1f} GB of disk are free: enough where PyTorch comes "
            f"without CUDA, and {SPACE['cuda']:g} are needed where it brings it.",
            flush=True,
        )


def call(command: list, root: Path, quiet: bool = False) -> None:
    """Run pip or venv: progress to the terminal (unless quiet), complaints to the log.

    Raises InstallError with one sentence where it fails.
    """
    log = root / LOG
    log.parent.mkdir(exist_ok=True)
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_USER": "0"}
    environment.setdefault("PIP_RETRIES", "2")
    with log.open("w", encoding="utf-8") as complaints:
        progress = complaints if quiet else None
        done = subprocess.run(
            command, cwd=root, env=environment, stdout=progress, stderr=complaints
        )
    if done.returncode:
        full = shutil.disk_usage(root).free < LEAST  # then the log may hold nothing
        said = log.read_text("utf-8", "replace")
        raise InstallError(explain("No space left on device" if full else said))
    log.unlink()


def make_venv(root: Path, reason: str) -> None:
    """Make .venv, empty but for pip; remove what stood there."""
    venv = root / ".venv"
    print(f"Making .venv with Python {sys.version.split()[0]}: {reason}.", flush=True)
    if venv.is_symlink() or venv.is_file():
        venv.unlink()
    elif venv.exists():
        shutil.rmtree(venv)
    call([sys.executable, "-m", "venv", venv], root, quiet=True)


def install(root: Path, groups: set[str]) -> None:
    """Install the package with these groups, every version as in the lock."""
    pip = [root / ".venv" / "bin" / "python", "-m", "pip", "install"]
    lock = ["-c", "requirements.lock"]
    names = ",".join(sorted(groups))
    print(f"Installing what is locked for: {names}.", flush=True)
    # What builds the package is locked too: installed first, used without isolation.
    call([*pip, "-q", *lock, "setuptools"], root)
    call([*pip, *lock, "--no-build-isolation", "-e", f".[{names}]"], root)


def set_up(root: Path, groups: set[str], exactly: str | None = None) -> bool:
    """Bring .venv up to date. Returns whether anything had to be done."""
    unknown = groups - set(groups_of(root))
    if unknown:
        raise InstallError(f"pyproject.toml has no group {', '.join(sorted(unknown))}.")
    venv = root / ".venv"
    version = version_of(venv)
    reason = why_new(venv, version, exactly)
    if reason:
        version = RUNNING
    stamp = {} if reason else stamp_of(venv)
    have = set(stamp.get("groups", ()))
    mark = fingerprint(root, version)
    if stamp.get("fingerprint") == mark and groups <= have:
        return False
    groups = groups | have
    check_space(root, groups)
    if reason:
        make_venv(root, reason)
    venv.joinpath(STAMP).unlink(missing_ok=True)
    install(root, groups)
    record = {"fingerprint": mark, "groups": sorted(groups)}
    venv.joinpath(STAMP).write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    return True


def main(arguments: list[str]) -> int:
    """The command line. Returns the exit code."""
    exactly = RUNNING if "--exactly" in arguments else None
    groups = {word for word in arguments if not word.startswith("-")}
    try:
        set_up(ROOT, groups, exactly)
    except InstallError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted: the same command goes on from here.", file=sys.stderr)
        return 130
    except OSError as error:
        print(explain(f"{error.strerror} [Errno {error.errno}]"), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
