"""For every test: quiet frameworks, one thread each, GPU tests where there is a GPU.

The variables are set before anything imports NumPy or a framework, and reach the
processes that tests start.
"""

import os

import pytest
from hypothesis import settings
from largemodels.page import quiet

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "KERAS_BACKEND": "tensorflow",
}
os.environ.update(ENVIRONMENT)
quiet.install()  # PyTorch before TensorFlow, and nothing of theirs on stderr

# A loaded machine is slow, not wrong.
settings.register_profile("book", deadline=None)
settings.load_profile("book")

LEFT_OUT = pytest.StashKey[set]()


def pytest_configure(config):
    config.stash[LEFT_OUT] = set()


def pytest_collection_modifyitems(config, items):
    """Take GPU tests out where there is no CUDA device, and remember them."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not cuda():
        items[:] = [item for item in items if item not in marked]
        config.hook.pytest_deselected(items=marked)
        config.stash[LEFT_OUT].update(item.nodeid for item in marked)
        if hasattr(config, "workeroutput"):  # one of several processes: tell the first
            config.workeroutput["left_out"] = sorted(config.stash[LEFT_OUT])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    told = getattr(node, "workeroutput", {})
    node.config.stash[LEFT_OUT].update(told.get("left_out", ()))


def pytest_terminal_summary(terminalreporter, config):
    left_out = config.stash[LEFT_OUT]
    if left_out:
        terminalreporter.write_line(
            f"{len(left_out)} GPU tests left out: PyTorch finds no CUDA device here"
        )


def cuda():
    """Whether there is a CUDA device that PyTorch can use."""
    import torch

    return torch.cuda.is_available()


@pytest.fixture
def float64():
    """Keras in float64: it keeps learning rates in its floatx, whatever they change.

    The policy of its layers is another setting, which is floatx at its first use.
    """
    import keras

    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])
