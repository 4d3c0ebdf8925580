"""What the tests of the page room share: a reader's cell, and the frameworks."""

import importlib
import linecache
import textwrap

import matplotlib as mpl
import pytest
from largemodels.page import claims, quiet


@pytest.fixture
def cell():
    """Define what a reader writes in a cell: source and names in, its globals out."""

    def define(source, **names):
        source = textwrap.dedent(source)
        place = f"<cell {abs(hash(source))}>"
        lines = source.splitlines(keepends=True)
        linecache.cache[place] = (len(source), None, lines, place)
        space = {"__name__": "__main__", **names}
        exec(compile(source, place, "exec"), space)
        return space

    return define


@pytest.fixture(scope="session")
def torch():
    """PyTorch, on one thread."""
    quiet.install()
    return importlib.import_module("torch")


@pytest.fixture(scope="session")
def tf(torch):
    """TensorFlow, after PyTorch."""
    return importlib.import_module("tensorflow")


@pytest.fixture(autouse=True)
def fresh_page():
    """Each test is a page of its own: no claims yet, and its own figure style."""
    claims.forget()
    with mpl.rc_context():
        yield
