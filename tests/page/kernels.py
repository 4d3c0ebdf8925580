"""A fresh kernel, as a reader's notebook has one: cells in, outputs out."""

import contextlib
import os

import nbformat
from nbclient import NotebookClient


def run(*cells, environment=None, folder=None, errors=False):
    """Execute cells in a fresh kernel, and return each one's outputs.

    environment: variables of the kernel beside this process's own; None removes one.
    errors: a cell may raise; its output is then an error.

    PYTEST_CURRENT_TEST is removed: where it is set, ipykernel does not look at file
    descriptor 2, and a kernel full of noise would seem silent.
    """
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook = nbformat.v4.new_notebook(cells=code)
    resources = {"metadata": {"path": str(folder)}} if folder else {}
    client = NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources=resources,
        allow_errors=errors,
    )
    with variables({"PYTEST_CURRENT_TEST": None} | (environment or {})):
        client.execute()
    return [cell.outputs for cell in notebook.cells]


@contextlib.contextmanager
def variables(changes):
    """Change environment variables for a while."""
    before = {name: os.environ.get(name) for name in changes}
    try:
        _set(changes)
        yield
    finally:
        _set(before)


def _set(changes):
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
