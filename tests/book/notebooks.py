"""The book's notebooks, as the tests of claims and exercises read them."""

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Notebook:
    """A page's notebook: its name (part/page), and its cells in order."""

    name: str
    cells: list

    @property
    def stem(self):
        """The name of its files of answers: part_page."""
        return re.sub(r"\W", "_", self.name)

    def code(self):
        """The code cells, with their number among all cells."""
        return [(i, c) for i, c in enumerate(self.cells) if c["cell_type"] == "code"]

    def markdown(self):
        """The text cells, with their number among all cells."""
        return [
            (i, joined(c["source"]))
            for i, c in enumerate(self.cells)
            if c["cell_type"] == "markdown"
        ]


def joined(text):
    """Text that a notebook may store as a list of lines."""
    return text if isinstance(text, str) else "".join(text)


def book(root=ROOT):
    """All notebooks of a book, by name."""
    folder = root / "book"
    found = []
    for path in sorted(folder.rglob("*.ipynb")):
        parts = path.relative_to(folder).parts
        if not {".ipynb_checkpoints", "_build"} & set(parts):
            cells = json.loads(path.read_text("utf-8"))["cells"]
            found.append(Notebook("/".join(parts).removesuffix(".ipynb"), cells))
    return found


def calls(cell, function):
    """The calls of a function in a code cell; IPython's own lines are left out."""
    lines = joined(cell["source"]).splitlines()
    plain = "\n".join("" if re.match(r"\s*[%!]", line) else line for line in lines)
    try:
        tree = ast.parse(plain)
    except SyntaxError:
        assert f"{function}(" not in plain, f"cannot be read: {plain}"
        return []
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function
    ]


def printed(cell):
    """The lines that a cell has printed, as they are stored."""
    streams = [o for o in cell["outputs"] if o["output_type"] == "stream"]
    return "".join(joined(o["text"]) for o in streams).splitlines()
