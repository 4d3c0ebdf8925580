"""One thread for each framework, and TensorFlow silent where it has nothing to say.

TensorFlow writes lines with times and process numbers to file descriptor 2 at three
moments: its import, the first operation (cuInit), the first XLA compile. A notebook
stores them, and they differ on every run. `TF_CPP_MIN_LOG_LEVEL=3` silences the last
two, a redirected descriptor the first; only both together silence all three.

The two leave some 700,000 objects behind that stay. The collector of cycles would walk
them again and again while they load, and at each of its full passes for as long as the
process lives: it rests during the load, and what was loaded is set aside.
"""

import contextlib
import gc
import importlib
import importlib.util
import os
import sys
import tempfile

THREADS = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
# In one process with TensorFlow these must be imported before. Builds of PyTorch for
# GPUs load Triton late, with the first optimizer, and the process dies there if
# TensorFlow 2.21 is in it: each brings an LLVM of its own.
FIRST = ("torch", "triton")
chosen_by_reader = "OMP_NUM_THREADS" in os.environ


def environment():
    """Set the variables that NumPy and the frameworks read once, when they start.

    What the reader has set stays as it is; OMP_NUM_THREADS speaks for all libraries.
    """
    number = os.environ.setdefault("OMP_NUM_THREADS", "1").split(",")[0]
    for name in THREADS:
        os.environ.setdefault(name, number)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


@contextlib.contextmanager
def silence():
    """Hold what is written to file descriptor 2; show it only if the body raises."""
    sys.stderr.flush()
    try:
        before = os.dup(2)
    except OSError:  # a process without a standard error has nothing to silence
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(before, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode("utf-8", "replace"))
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)


@contextlib.contextmanager
def collector_at_rest():
    """No collection in the body; what is alive after it is never walked again.

    Garbage is collected before, so that none is set aside with the rest. A collector
    that the reader has switched off stays off, and nothing is set aside.
    """
    if not gc.isenabled():
        yield
        return
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _run_tensorflow(execute, module):
    """Import TensorFlow: PyTorch first where it is installed, and nothing on stderr."""
    for name in FIRST:
        if name not in sys.modules and importlib.util.find_spec(name):
            with contextlib.suppress(ImportError, OSError):  # one that does not load
                importlib.import_module(name)
    with silence(), collector_at_rest():
        execute(module)


def _run_torch(execute, module):
    """Import PyTorch, and keep it to one thread unless the reader chose a number."""
    with collector_at_rest():
        execute(module)
    if not chosen_by_reader:
        module.set_num_threads(1)


def _run_when_asked(execute, module):
    """Put the running of a module off until one of its names is asked for.

    inspect and warnings look at __file__ and the like of every module there is: such
    names do not count, but for __all__, which `import *` asks for.
    """

    def load(name):
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"{module.__name__} has no attribute {name!r}")
        vars(module).pop("__getattr__", None)
        try:
            execute(module)
        except BaseException:  # as an import that fails: the next one tries again
            module.__getattr__ = load
            raise
        return getattr(module, name)

    module.__getattr__ = load


# Keras brings wrappers for scikit-learn, and with them, where it is installed,
# scikit-learn and SciPy's statistics: a second at the first import, for no page.
WATCHED = {
    "tensorflow": _run_tensorflow,
    "torch": _run_torch,
    "keras.wrappers": _run_when_asked,
    "keras._tf_keras.keras.wrappers": _run_when_asked,
}


class Hook:
    """A finder that finds nothing itself, and stands beside some imports as they run.

    Keras imports TensorFlow, so it needs no watching of its own.
    """

    def find_spec(self, name, path=None, target=None):
        """What the other finders find, with the running of its code wrapped."""
        if name not in WATCHED:
            return None
        others = (f for f in sys.meta_path if f is not self and hasattr(f, "find_spec"))
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next(filter(None, found), None)
        execute = getattr(spec and spec.loader, "exec_module", None)
        if execute is not None:
            spec.loader.exec_module = lambda module: WATCHED[name](execute, module)
        return spec


def install():
    """Stand beside the imports of the frameworks; twice is as once."""
    if any(isinstance(finder, Hook) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, Hook())
    if "torch" in sys.modules:
        _run_torch(lambda module: None, sys.modules["torch"])
