"""Build the book into _build/html, with every warning an error.

usage: python tools/build.py [--all]
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = Path("_build", "html")


def build(root: Path = ROOT, everything: bool = False, environment=None) -> bool:
    """Run Jupyter Book in root. Returns whether it built without a warning.

    everything: build every page again, not only those that changed
    """
    program = Path(sys.executable).with_name("jupyter-book")
    command = [sys.executable, program, "build", ".", "-W", "-n", "--keep-going"]
    command += ["--all"] if everything else []
    done = subprocess.run(command, cwd=root, env=environment)
    if done.returncode:
        # Sphinx keeps the pages it has read, and would not warn of them again.
        shutil.rmtree(root / "_build" / ".doctrees", ignore_errors=True)
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    """The command line. Returns the exit code."""
    print("Building the book into _build/html.", flush=True)
    if not build(everything="--all" in arguments):
        print("The book does not build: the warnings above say why.", file=sys.stderr)
        return 1
    address = (ROOT / SITE / "index.html").as_uri()
    print(f"\nThe book stands at\n    {address}\nor served, with make serve.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
