"""show_source(): the package's own source on a page: what is read is what is tested."""

import ast
import inspect
import re
import textwrap

from largemodels.page.output import publish

DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def show_source(*objects, docstring=True):
    """Display the source of functions, classes or methods of this package.

    Each stands as a fenced block of Python under the file that holds it
    (`largemodels/...`, without line numbers, so that a page does not change when
    something else in the file does). docstring=False leaves docstrings out.

    Raises TypeError for what is no function, class or method, ValueError for what
    largemodels does not hold.
    """
    if not objects:
        raise TypeError("show_source needs something to show, got nothing")
    parts = [_place_and_source(thing, docstring) for thing in objects]
    plain = "\n\n".join(f"# {place}\n{source}" for place, source in parts)
    markdown = "\n\n".join(_fenced(place, source) for place, source in parts)
    publish({"text/plain": plain, "text/markdown": markdown})


def _place_and_source(thing, docstring):
    """The file that holds an object, from largemodels/ on, and its source."""
    if isinstance(thing, property):
        thing = thing.fget
    thing = inspect.unwrap(getattr(thing, "__func__", thing))
    if not (inspect.isfunction(thing) or inspect.isclass(thing)):
        kind = type(thing).__name__
        raise TypeError(f"show_source takes functions, classes and methods, got {kind}")
    if thing.__module__.split(".")[0] != "largemodels":
        name = f"{thing.__module__}.{thing.__qualname__}"
        raise ValueError(f"show_source shows what largemodels holds, got {name}")
    module = inspect.getmodule(thing)
    source = textwrap.dedent(inspect.getsource(thing)).rstrip()
    place = module.__name__.replace(".", "/")
    place += "/__init__.py" if hasattr(module, "__path__") else ".py"
    return place, source if docstring else without_docstrings(source)


def without_docstrings(source):
    """The same source without its docstrings and the empty lines after them.

    A body that is nothing but its docstring keeps it.
    """
    lines = source.splitlines()
    gone = set()
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, DEFINITIONS) or ast.get_docstring(node) is None:
            continue
        text = node.body[0]
        if len(node.body) == 1:
            continue
        end = text.end_lineno
        while not lines[end].strip():
            end += 1
        gone.update(range(text.lineno - 1, end))
    return "\n".join(line for number, line in enumerate(lines) if number not in gone)


def _fenced(place, source):
    """A Markdown block; its fence is longer than any run of backticks inside."""
    longest = max(map(len, re.findall(r"`+", source)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"`{place}`\n\n{fence}python\n{source}\n{fence}"
