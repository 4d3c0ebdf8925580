"""Real English at hand: the documentation of NumPy, SciPy and scikit-learn.

The three libraries are there wherever this package is, and their documentation strings
are a few megabytes of careful technical English. They are read from the source files
with `ast`: nothing is imported, and no code runs. The text depends on the releases of
the three libraries and on nothing else: not on the machine, its processor or the
version of Python. All three are under the BSD license.
"""

import ast
import functools
import hashlib
import importlib.metadata
import re
import warnings
from itertools import pairwise
from pathlib import Path

from largemodels.data import libraries

# The folders that are read, in this order; of scikit-learn the single files as well.
FOLDERS = {
    "numpy": "_core fft lib linalg ma polynomial",
    "scipy": "cluster fft integrate interpolate linalg ndimage optimize signal sparse "
    "spatial special stats",
    "sklearn": "cluster covariance decomposition ensemble feature_extraction "
    "feature_selection gaussian_process inspection linear_model manifold metrics "
    "mixture model_selection neighbors neural_network preprocessing svm tree .",
}
DISTRIBUTIONS = {"numpy": "numpy", "scipy": "scipy", "sklearn": "scikit-learn"}
# The releases that the checksum belongs to, which is that of the text in UTF-8.
VERSIONS = {"numpy": "2.4.6", "scipy": "1.17.1", "scikit-learn": "1.9.1"}
SHA256 = "cf4c16554c49bea1879810a8d4efffaebe4d7bc751d3b37c5de62b09e08ee8bb"

# The character between two documents: it occurs in none of them.
SEPARATOR = "\f"
SHORTEST = 40  # characters; below, a documentation string is a label and no text

# What is taken away from a documentation string.
TABLE = re.compile(r"(\+[-=]|==+ +=|\|).*")
UNDERLINE = re.compile(r"([-=~^*#\"'])\1{2,}")
PLACEHOLDER = re.compile(r"%\(\w+\)s")
WIDE_GAP = re.compile(r" {3,}")


def documentation(*, verify: bool = False) -> str:
    """The documentation strings of the three libraries as one long text.

    The documents of `documents()`, each followed by the form feed SEPARATOR, which
    occurs nowhere else. Lines end with "\\n".

    verify  True: the text must have the checksum in this file. Raises RuntimeError
            that names the releases it belongs to where it has not

    Takes a few seconds on the first call and is kept in memory afterwards.
    """
    text = "".join(document + SEPARATOR for document in documents())
    if verify:
        found = hashlib.sha256(text.encode("utf-8")).hexdigest()
        if found != SHA256:
            raise RuntimeError(
                f"the documentation text has SHA-256 {found}, not {SHA256}, which "
                f"belongs to {_listed(VERSIONS)}; installed are {_listed(installed())}"
            )
    return text


@functools.cache
def documents() -> tuple[str, ...]:
    """The documentation strings, one a document, in a fixed order without repetition.

    Of every module, public class and public function or method in FOLDERS, and of the
    calls of `add_newdoc`, through which NumPy and SciPy document what is written in C.
    Tests are left out. What is done to each: indentation is taken away, and so are
    sections of examples, lines that begin with >>> (down to the next blank line), the
    frames of tables, the underlines of headings, headings with nothing below them, and
    template lines with %(placeholders)s; spaces at the ends of lines go, gaps within
    them close, of several blank lines one is kept. Documents with other characters than
    printable ASCII and line ends, and ones shorter than SHORTEST, are left out.
    """
    found: dict[str, None] = {}
    for path in source_files():
        with warnings.catch_warnings():
            # Old escapes such as "\d" in strings that are no raw strings.
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
        for raw in _docstrings(tree):
            document = clean(raw)
            if len(document) >= SHORTEST and _is_plain(document):
                found.setdefault(document)
    return tuple(found)


def source_files() -> list[Path]:
    """The Python files that are read, sorted within each folder of FOLDERS.

    Raises ModuleNotFoundError where one of the three libraries is missing.
    """
    files = []
    for package, folders in FOLDERS.items():
        use = "its documentation is part of the text"
        root = libraries.folder(package, DISTRIBUTIONS[package], use)
        for folder in folders.split():
            inside = (
                root.glob("*.py") if folder == "." else (root / folder).rglob("*.py")
            )
            kept = [path for path in inside if not _is_left_out(path.relative_to(root))]
            files += sorted(kept, key=lambda path: path.relative_to(root).as_posix())
    return files


def installed() -> dict[str, str]:
    """The installed releases of the three libraries, by the name of their package."""
    return {name: importlib.metadata.version(name) for name in DISTRIBUTIONS.values()}


def clean(raw: str) -> str:
    """A documentation string as text: see `documents` for what is taken away."""
    lines = [line.rstrip() for line in raw.expandtabs().replace("\r", "").split("\n")]
    margin = min((_indent(line) for line in lines[1:] if line), default=0)
    lines = [lines[0].lstrip(), *(line[margin:] for line in lines[1:])]
    kept, headings, in_example = [], set(), False
    for line in lines:
        bare = line.lstrip()
        in_example = bool(bare) and (in_example or bare.startswith(">>>"))
        if in_example or TABLE.match(bare) or PLACEHOLDER.search(line):
            continue
        if UNDERLINE.fullmatch(bare):
            headings.add(len(kept) - 1)
            continue
        kept.append(line[: _indent(line)] + WIDE_GAP.sub(" ", bare))
    kept = _without_examples(kept, headings)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _without_examples(lines, headings):
    """The lines without sections of examples and without sections of nothing."""
    starts = sorted(i for i in headings if i >= 0 and lines[i])
    kept = lines[: starts[0]] if starts else lines
    for start, end in pairwise([*starts, len(lines)]):
        if lines[start] not in ("Example", "Examples") and any(lines[start + 1 : end]):
            kept = kept + lines[start:end]
    return kept


def _docstrings(tree):
    """All documentation strings of a file, in the order of its lines."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found = []
    for node in ast.walk(tree):
        if isinstance(node, documented):
            if getattr(node, "name", "").startswith("_") or not node.body:
                continue
            first = node.body[0]
            if isinstance(first, ast.Expr):
                found.append(first.value)
        elif isinstance(node, ast.Call) and node.args:
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if called.lstrip("_") in ("add_newdoc", "add_newdoc_for_scalar_type"):
                found += [part for arg in node.args for part in ast.walk(arg)]
    texts = [
        node
        for node in found
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    texts.sort(key=lambda node: (node.lineno, node.col_offset))
    return [node.value for node in texts]


def _is_left_out(path):
    # Files named _distributor_init differ between operating systems.
    return "tests" in path.parts or path.name == "_distributor_init.py"


def _is_plain(document):
    return document.isascii() and document.replace("\n", "").isprintable()


def _indent(line):
    return len(line) - len(line.lstrip())


def _listed(versions):
    return ", ".join(f"{name} {version}" for name, version in versions.items())
