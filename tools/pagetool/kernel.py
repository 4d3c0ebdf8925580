"""The kernel that pages run in, the same for `run` and for the tests.

It runs the interpreter of this environment, and neither the user's IPython profile and
history nor settings of the surrounding shell reach it.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

# Variables of a shell, a test run or a terminal that would change outputs.
FOREIGN = (
    *("FORCE_COLOR", "IPYTHONDIR", "MPLBACKEND", "NO_COLOR", "PYTHONASYNCIODEBUG"),
    *("PYTHONBREAKPOINT", "PYTHONDEVMODE", "PYTHONHASHSEED", "PYTHONINSPECT"),
    *("PYTHONOPTIMIZE", "PYTHONSTARTUP", "PYTHONWARNINGS", "PYTHON_COLORS"),
    *("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS"),
)


class OwnKernel(KernelSpecManager):
    """Any kernel that a notebook asks for is this environment's Python."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """The one specification there is."""
        return KernelSpec(
            argv=[
                sys.executable,
                "-m",
                "ipykernel_launcher",
                "-f",
                "{connection_file}",
            ],
            display_name="Python 3",
            language="python",
        )


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """The environment variables of a page's kernel, valid inside the `with`.

    Everything as it is, less the variables in FOREIGN, with an empty IPython folder and
    an empty folder of downloaded data: what is at hand on one machine only may not show
    in the outputs.
    """
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        variables = {k: v for k, v in os.environ.items() if k not in FOREIGN}
        yield variables | {
            "IPYTHONDIR": str(Path(folder, "ipython")),
            "LARGEMODELS_DATA": str(Path(folder, "data")),
        }


def warm_up(root: Path) -> None:
    """Let matplotlib build its font cache once, so that no page tells of it."""
    subprocess.run(
        [sys.executable, "-c", "import matplotlib.font_manager"],
        cwd=root,
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
