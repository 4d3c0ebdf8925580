"""Resolve all dependencies anew and write requirements.lock and environment.yml.

usage: python tools/lock.py     (on Python 3.11, the oldest supported, so that every
version that is found has files for the newer ones as well)

pip resolves in an empty environment, without installing anything there. Its settings
are left aside, so that a folder of local builds on this machine decides nothing; an
index that PIP_INDEX_URL names is used.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (3, 11)
# Needed on a machine of another kind than the one that resolves.
ELSEWHERE = ("appnope",)
# Held: the pages tell facts of this release. A newer one is a change of their text.
HELD = ("torch==2.13.0",)
HEADER = """\
# Every package that this book installs, with its version. Made by `make lock`, which
# resolves the newest versions that pyproject.toml allows, for all its groups at once,
# on Python 3.11 (torch is held: tools/lock.py), and remade by the same command. It is
# used as constraints:
#     pip install -c requirements.lock -e ".[book]"
# and so lists what is built with, and what only one platform needs, as well.
"""


def normal(name: str) -> str:
    """A package's name in the one spelling by which names are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def marker(name: str) -> str:
    """Where a package is needed, or "" for everywhere."""
    if normal(name).startswith(("nvidia-", "cuda-", "triton")):
        return 'sys_platform == "linux"'
    if normal(name) == "appnope":
        return 'sys_platform == "darwin"'
    if normal(name) == "overrides":
        return 'python_version < "3.12"'
    return ""


def line(name: str, version: str) -> str:
    """One line of the lock: no local version, so that any build of it will do."""
    where = marker(name)
    pin = f"{name}=={version.partition('+')[0]}"
    return f"{pin} ; {where}" if where else pin


def lock_text(packages: dict[str, str]) -> str:
    """The lock, from names and versions."""
    ours = {"largemodels", "pip"}
    names = sorted((n for n in packages if normal(n) not in ours), key=normal)
    return HEADER + "\n".join(line(n, packages[n]) for n in names) + "\n"


def pins(lock: str) -> list[str]:
    """The lines of a lock that pin something."""
    return [one for one in lock.splitlines() if one and not one.startswith("#")]


def environment_text(old: str, lock: str) -> str:
    """environment.yml with the pins of this lock in the place of its old ones.

    It lists all but CUDA and what only macOS needs. Raises ValueError where the old
    text has no line `- pip:`.
    """
    head, found, rest = old.partition("  - pip:\n")
    if not found:
        raise ValueError("environment.yml has no line '  - pip:'")
    options = [one for one in rest.splitlines() if one.startswith("      - --")]
    wanted = [one for one in pins(lock) if "sys_platform" not in one]
    listed = [f"      - {one.partition(' ;')[0]}" for one in (*wanted, "-e .")]
    return head + found + "\n".join([*options, *listed]) + "\n"


def resolve(root: Path) -> dict[str, str]:
    """Let pip resolve every group of pyproject.toml. Returns names and versions."""
    project = tomllib.loads(root.joinpath("pyproject.toml").read_text("utf-8"))
    groups = ",".join(project["project"]["optional-dependencies"])
    empty, report = root / ".make" / "lock", root / ".make" / "lock.json"
    venv.create(empty, clear=True, with_pip=True)
    keep = {k: v for k, v in os.environ.items() if k != "PIP_FIND_LINKS"}
    command = [empty / "bin" / "python", "-m", "pip", "install", "--dry-run"]
    command += ["--report", report, *project["build-system"]["requires"]]
    command += [*HELD, *ELSEWHERE, "-e", f".[{groups}]"]
    quiet = {**keep, "PIP_CONFIG_FILE": os.devnull}
    subprocess.run(command, cwd=root, env=quiet, check=True)
    found = json.loads(report.read_text("utf-8"))["install"]
    return {item["metadata"]["name"]: item["metadata"]["version"] for item in found}


def main() -> int:
    """The command line. Returns the exit code."""
    if sys.version_info[:2] != PYTHON:
        print("The lock is made on Python 3.11: make lock PYTHON=python3.11")
        return 1
    try:
        lock = lock_text(resolve(ROOT))
    except subprocess.CalledProcessError:
        print("pip could not resolve the dependencies: its last lines say why.")
        return 1
    ROOT.joinpath("requirements.lock").write_text(lock, "utf-8")
    environment = ROOT / "environment.yml"
    environment.write_text(environment_text(environment.read_text("utf-8"), lock))
    print(f"requirements.lock pins {len(pins(lock))} packages; now: make test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
