"""The references that `check` holds a reader's answer against.

Each page of the book with exercises in code has its file here, `<part>_<page>.py`,
which registers one reference a check. A file is imported when one of its names is
first asked for.
"""

import dataclasses
import importlib
import re
from collections.abc import Callable
from pathlib import Path

_registered = {}


@dataclasses.dataclass(frozen=True)
class Reference:
    """How the answers to one exercise are tested.

    function gives the expected result for each case; where it is None,
    judge(answer, rng) decides, and returns None or what is wrong.
    """

    name: str
    hint: str
    module: str
    function: Callable | None = None
    judge: Callable | None = None
    cases: Callable | list | None = None
    rtol: float = 1e-9
    atol: float = 1e-12


@dataclasses.dataclass(frozen=True)
class Known:
    """A function among the cases, of which the reference alone knows more.

    The reference is given this object, the answer a plain function that says what it
    computes and has nothing else: truth, say its exact gradient, stays out of reach.
    """

    says: str
    function: Callable
    truth: Callable

    def plain(self):
        """The function for the answer."""

        def function(*arguments):
            return self.function(*arguments)

        function.__name__ = function.__qualname__ = self.says
        return function


def for_the_answer(case):
    """A case, a tuple, as the answer gets it."""
    return tuple(x.plain() if isinstance(x, Known) else x for x in case)


def reference(name, *, cases, hint, rtol=1e-9, atol=1e-12):
    """Register the function below as the reference of the check `name`.

    cases       a list of argument tuples, or a function of a NumPy generator that
                returns one: random inputs, and the edge cases that answers stumble on
    hint        what to say to a wrong answer; it must not give the solution away
    rtol, atol  |answer - reference| <= atol + rtol |reference|, elementwise
    """
    if not callable(cases) and not (isinstance(cases, list) and cases):
        raise ValueError(f"{name}: cases is a list of tuples or a function of rng")

    def register(function):
        settings = {"cases": cases, "rtol": rtol, "atol": atol}
        _add(name, hint, function.__module__, function=function, **settings)
        return function

    return register


def judge(name, *, hint):
    """Register the function below as the judge of the check `name`.

    It is called as judge(answer, rng) and returns None, or says what is wrong: for
    answers of which several are right, or that draw at random. Whatever the framework,
    `answer` takes NumPy arrays here and gives NumPy arrays.
    """

    def register(function):
        _add(name, hint, function.__module__, judge=function)
        return function

    return register


def _add(name, hint, module, **settings):
    if not hint or not hint.strip():
        raise ValueError(f"{name}: a check without a hint helps nobody")
    if name in _registered and _registered[name].module != module:
        raise ValueError(f"{name} is registered in {_registered[name].module} already")
    _registered[name] = Reference(name, hint.strip(), module, **settings)


def names():
    """The names of all checks of the book, sorted: every file here is imported."""
    for path in _files():
        importlib.import_module(f"{__name__}.{path.stem}")
    return sorted(_registered)


def get(name):
    """The reference of one check. Raises ValueError where there is none."""
    if name not in _registered:
        pattern = re.compile(
            rf"""\b(?:reference|judge)\(\s*["']{re.escape(name)}["']"""
        )
        for path in _files():
            if pattern.search(path.read_text("utf-8")):
                importlib.import_module(f"{__name__}.{path.stem}")
    if name not in _registered:
        raise ValueError(f"no check is called {name!r}")
    return _registered[name]


def _files():
    return sorted(p for p in Path(__file__).parent.glob("*.py") if p.stem != "__init__")
