"""Where the cells stand in the Markdown, and how to change one and leave the rest.

A text is cut into head, gap, core, gap, core, ... tail: a core is a cell (prose without
outer blank lines, or a code cell from fence to fence), a gap what stands between two
(blank lines and `+++` breaks). Put together again the pieces are the text.
"""

import json
import re
from dataclasses import dataclass

import yaml
from jupytext.myst import myst_to_notebook
from nbformat import NotebookNode

from tools.pagetool.book import PageError, find_setup

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True)
class Piece:
    """One cell in the text: the gap before it, its core, and the cell it gives."""

    gap: str
    core: str
    cell: NotebookNode


def pieces(text: str) -> tuple[str, list[Piece], str]:
    """Head (front matter), the cells with their gaps, and what is left at the end."""
    notebook = myst_to_notebook(text, add_source_map=True)
    offsets = [0]
    for line in text.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    spans = [
        core_span(text, offsets, line, cell)
        for line, cell in zip(
            notebook.metadata["source_map"], notebook.cells, strict=True
        )
    ]
    head = head_end(text)
    found, before = [], head
    for (begin, end), cell in zip(spans, notebook.cells, strict=True):
        found.append(Piece(text[before:begin], text[begin:end], cell))
        before = end
    return text[:head], found, text[before:]


def head_end(text: str) -> int:
    """Where the front matter ends."""
    found = re.match(r"\A---\n.*?^---[ ]*\n", text, re.MULTILINE | re.DOTALL)
    return found.end() if found else 0


def core_span(
    text: str, offsets: list[int], line: int, cell: NotebookNode
) -> tuple[int, int]:
    """From where to where a cell's core stands, given its line by jupytext."""
    if cell.cell_type == "markdown":
        begin = offsets[line]
        begin += len(text[begin:]) - len(text[begin:].lstrip("\n"))
        return begin, begin + len(cell.source)
    opening = line - 1
    mark = FENCE.match(text[offsets[opening] :])[1]
    closing = re.compile(rf"^ {{0,3}}{mark[0]}{{{len(mark)},}}[ \t]*$")
    for number in range(opening + 1, len(offsets) - 1):
        whole = text[offsets[number] : offsets[number + 1]].rstrip("\n")
        if closing.match(whole):
            return offsets[opening], offsets[number] + len(whole)
    raise PageError(f"line {line}: a code cell is not closed")


def code_core(cell: NotebookNode, like: str | None = None) -> str:
    """A code cell as Markdown; `like`: the opening line and options to begin with."""
    name = "code-cell} ipython3" if cell.cell_type == "code" else "raw-cell}"
    longest = max((len(m) for m in re.findall(r"^`{3,}", cell.source, re.M)), default=2)
    fence = "`" * max(3, longest + 1)
    head = like if like is not None else f"{fence}{{{name}\n{options(cell.metadata)}"
    if like is not None:
        fence = FENCE.match(like)[1]
    starts = cell.source.startswith(("\n", ":", "---"))
    blank = "\n" if starts and not head.endswith("\n\n") else ""
    body = cell.source + "\n" if cell.source else ""
    return f"{head}{blank}{body}{fence}"


def options(metadata: dict) -> str:
    """The metadata of a code cell as directive options."""
    metadata = json.loads(json.dumps(metadata))
    if not metadata:
        return ""
    flat = not any(
        isinstance(value, dict) or (isinstance(value, str) and "\n" in value)
        for value in metadata.values()
    )
    if flat and all(key[:1].isalpha() for key in metadata):
        lines = [f":{key}: {flow(value)}\n" for key, value in metadata.items()]
        return "".join(lines)
    block = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=10**6)
    return f"---\n{block}---\n"


def flow(value: object) -> str:
    """A value of YAML on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, width=10**6
    )
    return text.strip().removesuffix("...").strip()


def code_head(core: str) -> str:
    """The opening line and the options of a code cell's core, as they stand."""
    lines = core.splitlines(keepends=True)
    body = lines[1:-1]
    count = 0
    if body and body[0].startswith("---"):
        count = 1
        while count < len(body) and not re.match(r"-{3,}", body[count]):
            count += 1
        count += 1
    else:
        while count < len(body) and body[count].lstrip().startswith(":"):
            count += 1
    if count < len(body) and not body[count].strip():
        count += 1  # the one blank line between options and code
    return "".join(lines[: 1 + count])


def with_setup(text: str, name: str, setup: str) -> str:
    """The text with the canonical setup cell."""
    head, found, tail = pieces(text)
    place = find_setup([piece.cell for piece in found], name)
    cell = NotebookNode(found[place].cell)
    if cell.source == setup:
        return text
    cell.source = setup
    parts = [head]
    for index, piece in enumerate(found):
        core = code_core(cell, code_head(piece.core)) if index == place else piece.core
        parts += [piece.gap, core]
    return "".join([*parts, tail])


def code_line(text: str, number: int) -> int:
    """The line on which the code of code cell `number` (from 1) begins, or 1."""
    head, found, _ = pieces(text)
    passed = head
    for piece in found:
        passed += piece.gap
        number -= piece.cell.cell_type == "code"
        if not number:
            return (passed + code_head(piece.core)).count("\n") + 1
        passed += piece.core
    return 1


def gap_between(before: NotebookNode | None, after: NotebookNode) -> str:
    """What has to stand between two cells: blank lines, and `+++` where needed."""
    prose = after.cell_type == "markdown"
    pair = before is not None and before.cell_type == "markdown"
    start = "\n\n" if before is not None else "\n"
    if prose and after.metadata:
        return f"{start}+++ {json.dumps(after.metadata, ensure_ascii=False)}\n\n"
    return f"{start}+++\n\n" if prose and pair else start


def joined(head: str, parts: list[tuple[str, str]], tail: str) -> str:
    """Head, gaps and cores, tail, in one text that ends with a newline."""
    text = head + "".join(gap + core for gap, core in parts) + tail
    return text if text.endswith("\n") else text + "\n"
