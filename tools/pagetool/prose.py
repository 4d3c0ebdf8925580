"""What is wrong with a page's Markdown: each rule yields sentences that say so.

The rules read the text alone; what the cells put out is judged in outputs.py.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nbformat import NotebookNode

from tools.pagetool.book import Book, tags

MOST_LINES = 25
WIDEST = 88
TABS = {"tab-scratch": "NumPy", "tab-pytorch": "PyTorch", "tab-tf": "TensorFlow"}
OPENING = re.compile(r"^[\s>]*(?P<mark>`{3,}|~{3,})(?P<info>.*)$")
COLON = re.compile(r"^[\s>]*:{3,}\s*\{(?P<name>[\w:-]+)\}\s*(?P<argument>.*?)\s*$")
OPTION = re.compile(r"^[\s>]*:(?P<key>[\w-]+):\s*(?P<value>.*?)\s*$")
CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
ENTRY = re.compile(
    r"^\s*@(?!comment|string|preamble)\w+\s*\{\s*([^,\s]+)\s*,", re.M | re.I
)
SWITCHED_OFF = re.compile(r"nbval[-_](ignore[-_]output|skip|check[-_]output)", re.I)


@dataclass(frozen=True)
class Line:
    """A line of the text: its number, and whether it is prose, fence or code."""

    number: int
    text: str
    kind: str  # "prose", "fence" (an opening one), "code"


def lines_of(text: str) -> list[Line]:
    """The lines of a Markdown text, told apart into prose, fences and code."""
    found, closing = [], None
    for number, line in enumerate(text.split("\n"), 1):
        opening = OPENING.match(line)
        if closing is not None:
            found.append(Line(number, line, "code"))
            if closing.match(line):
                closing = None
        elif opening and "`" not in opening["info"]:
            mark = opening["mark"]
            closing = re.compile(rf"^[\s>]*{mark[0]}{{{len(mark)},}}\s*$")
            found.append(Line(number, line, "fence"))
        else:
            found.append(Line(number, line, "prose"))
    return found


@dataclass(frozen=True)
class Directive:
    """A colon fence: where, which, its argument and its options."""

    line: int
    name: str
    argument: str
    options: dict[str, str]


def directives(lines: list[Line]) -> list[Directive]:
    """The colon fences of a text, with the options that follow each at once."""
    found = []
    for index, line in enumerate(lines):
        match = COLON.match(line.text) if line.kind == "prose" else None
        if match:
            options = {}
            for after in lines[index + 1 :]:
                option = OPTION.match(after.text)
                if not option:
                    break
                options[option["key"]] = option["value"]
            found.append(
                Directive(line.number, match["name"], match["argument"], options)
            )
    return found


def fences(lines: list[Line]) -> Iterator[str]:
    """Backtick directives: Colab and Jupyter show them as gray code."""
    for line in lines:
        info = OPENING.match(line.text)["info"].strip() if line.kind == "fence" else ""
        if info.startswith("{") and not info.startswith(("{code-cell}", "{raw-cell}")):
            name = info.partition("}")[0] + "}"
            yield (
                f"line {line.number}: write :::{name} with colons; Colab and Jupyter "
                f"show a directive in backticks as gray code"
            )


def pictures(lines: list[Line]) -> Iterator[str]:
    """Images without alternative text."""
    for line in lines:
        if line.kind == "prose" and re.search(r"!\[\s*\]\(", line.text):
            yield f"line {line.number}: an image without alternative text: ![...](...)"
    for directive in directives(lines):
        if directive.name in {"figure", "image"} and not directive.options.get("alt"):
            yield f"line {directive.line}: {directive.name} without :alt:"


def citations(lines: list[Line], known: set[str]) -> Iterator[str]:
    """Citations of what references.bib does not hold."""
    for line in lines:
        if line.kind != "prose":
            continue
        for role in CITE.finditer(re.sub(r"``.*?``", "", line.text)):
            keys = {key.strip() for key in role[1].split(",")}
            for key in sorted(keys - known):
                yield f"line {line.number}: {{cite}} {key}: not in book/references.bib"


def bibliography(book: Book) -> set[str]:
    """The keys of book/references.bib."""
    file = book.folder / "references.bib"
    return set(ENTRY.findall(file.read_text("utf-8"))) if file.exists() else set()


def exercises(lines: list[Line]) -> Iterator[str]:
    """Exercises and solutions that do not pair up, or stand in the wrong place."""
    found = directives(lines)
    asked = [d for d in found if d.name in {"exercise", "exercise-start"}]
    solved = [d for d in found if d.name in {"solution", "solution-start"}]
    labels = Counter(d.options.get("label", "") for d in asked)
    for exercise in asked:
        if not exercise.options.get("label"):
            yield f"line {exercise.line}: an exercise without :label:"
    answers = Counter(d.argument for d in solved)
    for label in sorted((labels.keys() | answers.keys()) - {""}):
        if labels[label] != 1 or answers[label] != 1:
            yield (
                f"exercise {label}: {labels[label]} exercise(s), "
                f"{answers[label]} solution(s); one of each is wanted"
            )
    heads = [
        line.number
        for line in lines
        if line.kind == "prose" and re.match(r"##\s+Solutions\s*$", line.text)
    ]
    start = heads[0] if len(heads) == 1 else None
    if solved and start is None:
        yield f"solutions stand together under one ## Solutions; found {len(heads)}"
    elif start is not None:
        for directive in solved:
            if directive.line < start:
                yield f"line {directive.line}: a solution before ## Solutions"
        for directive in asked:
            if directive.line > start:
                yield f"line {directive.line}: an exercise after ## Solutions"
    for kind in ("exercise", "solution"):
        names = Counter(d.name for d in found)
        opened, closed = names[f"{kind}-start"], names[f"{kind}-end"]
        if opened != closed:
            yield f"{opened} {kind}-start, but {closed} {kind}-end"


def code(cells: list[NotebookNode]) -> Iterator[str]:
    """Code cells that are empty, too long, too wide, or switched off in the tests."""
    number = 0
    for cell in cells:
        if cell.cell_type != "code":
            continue
        number += 1
        rows = cell.source.split("\n")
        if SWITCHED_OFF.search(cell.source + " ".join(tags(cell))):
            yield f"code cell {number}: nbval tags and comments hide outputs from tests"
        if "setup" in tags(cell):
            continue
        if not cell.source.strip():
            yield f"code cell {number}: is empty"
        if len(rows) > MOST_LINES:
            yield f"code cell {number}: {len(rows)} lines, at most {MOST_LINES}"
        for row, line in enumerate(rows, 1):
            if len(line) > WIDEST:
                yield (
                    f"code cell {number}, line {row}: {len(line)} characters, at most "
                    f"{WIDEST}"
                )


def tabs(cells: list[NotebookNode]) -> Iterator[str]:
    """Tab groups that are incomplete, interrupted, out of order, or without a name."""
    marks = [[tag for tag in tags(cell) if tag.startswith("tab-")] for cell in cells]
    index = number = 0
    while index < len(cells):
        if cells[index].cell_type == "code":
            number += 1
        if not marks[index]:
            index += 1
            continue
        group = marks[index : index + 3]
        if group != [[tag] for tag in TABS]:
            names = ", ".join(" ".join(mark) or "no tab" for mark in group)
            yield (
                f"code cell {number}: a tab group is {', '.join(TABS)}, one directly "
                f"after the other; here stand {names}"
            )
            while index < len(cells) and marks[index]:
                index += 1
                number += bool(index < len(cells) and marks[index])
            continue
        for offset, (tag, name) in enumerate(TABS.items()):
            if not re.match(rf"# {name}\b", cells[index + offset].source):
                yield f"code cell {number + offset}: {tag} begins with # {name}"
        index, number = index + 3, number + 2


def problems(text: str, cells: list[NotebookNode], known: set[str]) -> Iterator[str]:
    """Everything that is wrong with a page's Markdown."""
    lines = lines_of(text)
    yield from fences(lines)
    yield from pictures(lines)
    yield from citations(lines, known)
    yield from exercises(lines)
    yield from code(cells)
    yield from tabs(cells)
