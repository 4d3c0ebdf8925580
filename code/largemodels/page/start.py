"""begin(): what the setup cell of every page calls."""

import importlib
import importlib.util
import os
import subprocess
import sys

from largemodels.page import claims, figures, quiet

# Our own small dependencies. The others (the frameworks, NumPy, SciPy, scikit-learn,
# Matplotlib, IPython) an environment such as Colab has chosen for itself: a page leaves
# them as they are.
SMALL = {"safetensors": "safetensors>=0.4.3"}


def begin():
    """Make a page ready to run, and print nothing.

    Keeps every framework to one thread and TensorFlow quiet, sets the style of the
    figures and a deterministic SVG, and installs our small packages where they are
    missing (without their dependencies; one line says so). Calling it again is
    harmless, and so is calling it outside a notebook.
    """
    quiet.environment()
    os.environ["KERAS_BACKEND"] = "tensorflow"  # on another one the pages cannot run
    quiet.install()
    claims.forget()
    figures.use()
    for module, requirement in SMALL.items():
        if importlib.util.find_spec(module) is None:
            _add(module, requirement)


def _add(module, requirement):
    """Install one small package without its dependencies, and say so in one line."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run([*command, requirement], capture_output=True, check=False)
    importlib.invalidate_caches()
    if done.returncode == 0:
        print(f"{module} was missing and is installed now.")
    else:
        print(f"{module} is missing and could not be installed: pip install {module}")
