"""Bring edits made in Jupyter back into the Markdown, and lose nothing.

Cells that were not edited keep their Markdown byte for byte, and so does the front
matter. Where the Markdown has changed since the notebook was made, or where it could
not say what the notebook says, nothing is written.
"""

import re
from difflib import SequenceMatcher

from nbformat import NotebookNode

from tools.pagetool.book import Page, PageError, find_setup, parse, sha
from tools.pagetool.markdown import (
    FENCE,
    code_core,
    code_head,
    gap_between,
    joined,
    pieces,
)
from tools.pagetool.notebook import (
    clean_metadata,
    clean_source,
    edited_in_jupyter,
    identity,
    load,
    refuse_own_setup,
)


def pulled(page: Page) -> str | None:
    """The Markdown with the notebook's edits, or None where there are none.

    Raises PageError where the edits cannot be taken over.
    """
    notebook = load(page.notebook)
    if notebook is None:
        raise PageError(f"{page.name}: there is no {page.notebook.name} to pull from")
    if "cells" not in notebook.metadata.get("largemodels", {}):
        raise PageError(
            f"{page.name}: {page.notebook.name} does not say which Markdown it was "
            "made from; only what the page tool has written can be pulled from"
        )
    refuse_own_setup(page, notebook.cells, page.notebook)
    if not edited_in_jupyter(notebook):
        return None
    text = page.text()
    if sha(text) != notebook.metadata["largemodels"].get("markdown"):
        raise PageError(
            f"{page.name}: both {page.markdown.name} and {page.notebook.name} have "
            "changed since the notebook was made; nothing was written. Carry one of "
            "the edits over by hand and sync --discard (keeps the Markdown), or put "
            "the Markdown back as it was and pull again"
        )
    merged = merge(text, [plain(cell, page) for cell in notebook.cells])
    verify(page, merged, notebook)
    return merged


def plain(cell: NotebookNode, page: Page) -> NotebookNode:
    """A cell of the notebook without outputs and without the state of a view."""
    if cell.get("attachments"):
        raise PageError(
            f"{page.name}: a cell of {page.notebook.name} holds an attached image, "
            "which Markdown cannot keep; save it as a file; nothing was written"
        )
    return NotebookNode(
        cell_type=cell.cell_type,
        source=clean_source(cell),
        metadata=clean_metadata(cell.metadata),
    )


def merge(text: str, cells: list[NotebookNode]) -> str:
    """The text with its cells replaced by `cells`; unchanged ones stay as they are."""
    cells = [cell for cell in cells if cell.cell_type != "markdown" or cell.source]
    head, old, tail = pieces(text)
    same = matched([piece.cell for piece in old], cells)
    parts = []
    for index, cell in enumerate(cells):
        origin = same.get(index)
        before = cells[index - 1] if index else None
        if origin is None:
            parts.append((gap_between(before, cell), core(cell)))
            continue
        piece = old[origin]
        kept = clean_metadata(piece.cell.metadata) == cell.metadata
        neighbor = same.get(index - 1) if index else -1
        if neighbor == origin - 1 and (kept or cell.cell_type != "markdown"):
            gap = piece.gap
        else:
            gap = gap_between(before, cell)
        parts.append((gap, core(cell, piece.core, piece.cell, kept)))
    return joined(head, parts, tail)


def core(
    cell: NotebookNode,
    old: str | None = None,
    was: NotebookNode | None = None,
    kept: bool = False,
) -> str:
    """A cell as Markdown, as much as possible as it stood there before."""
    if was is not None and identity(was) == identity(cell):
        return old
    if cell.cell_type == "markdown":
        return cell.source
    like = code_head(old) if kept else None
    if like and re.search(rf"^ *{FENCE.match(like)[1]}", cell.source, re.MULTILINE):
        like = None  # the code needs a longer fence
    return code_core(cell, like)


def matched(old: list[NotebookNode], new: list[NotebookNode]) -> dict[int, int]:
    """New position -> old position: unchanged, moved, or edited in place."""
    before, after = [identity(c) for c in old], [identity(c) for c in new]
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    same = {b.b + i: b.a + i for b in blocks for i in range(b.size)}
    free = [i for i in range(len(old)) if i not in same.values()]
    for index, key in enumerate(after):  # moved
        twin = next((i for i in free if before[i] == key), None)
        if index not in same and twin is not None:
            same[index] = twin
            free.remove(twin)
    for index, cell in enumerate(new):  # edited
        if index in same:
            continue
        place = same.get(index - 1, -1) + 1 if index else 0
        between = same.get(index + 1, len(old)) == place + 1
        if place not in free or not between or old[place].cell_type != cell.cell_type:
            place = most_alike(cell, {i: old[i] for i in free})
        if place is not None:
            same[index] = place
            free.remove(place)
    return same


def most_alike(cell: NotebookNode, free: dict[int, NotebookNode]) -> int | None:
    """The old cell that an edited cell came from, if any is half like it."""
    likeness = {
        place: SequenceMatcher(None, was.source, cell.source, autojunk=False).ratio()
        for place, was in free.items()
        if was.cell_type == cell.cell_type
    }
    best = max(likeness, key=likeness.get, default=None)
    return best if best is not None and likeness[best] > 0.5 else None


def verify(page: Page, text: str, notebook: NotebookNode) -> None:
    """Read the new Markdown back. Raises PageError where it says something else."""
    wanted = [plain(cell, page) for cell in notebook.cells]
    wanted = [cell for cell in wanted if cell.cell_type != "markdown" or cell.source]
    got = parse(text, page.name).cells
    find_setup(got, page.name)
    if [identity(cell) for cell in got] == [identity(cell) for cell in wanted]:
        return
    pairs = zip(got, wanted, strict=False)
    first = next((w for g, w in pairs if identity(g) != identity(w)), wanted[-1])
    line = (first.source.splitlines() or [""])[0]
    raise PageError(
        f"{page.name}: Markdown cannot say what the cell that begins with {line!r} "
        "says (a fence or a +++ line at its outer level?); nothing was written"
    )
