"""Typical wrong answers to the book's exercises, one file a page: `<part>_<page>.py`.

    WRONG = {"check-name": [function, function, ...]}     at least two of each
    RIGHT = {"check-name": [function, ...]}               where a judge decides, or the
                                                          reference knows the truth

The functions take and give NumPy arrays. They are tried so, and wrapped as answers in
PyTorch and in TensorFlow.
"""

import importlib.util
from pathlib import Path

HERE = Path(__file__).parent


def pages():
    """The names of the pages that have a file here."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem != "__init__")


def of_page(page):
    """The two dictionaries of one page's file; what it leaves out is empty."""
    spec = importlib.util.spec_from_file_location(
        f"wrong_answers_{page}", HERE / f"{page}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names = ("WRONG", "RIGHT")
    return tuple(getattr(module, name, {}) for name in names)
