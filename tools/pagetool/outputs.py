"""What is wrong with a notebook: each rule yields sentences that say so."""

import json
import re
from collections.abc import Iterator

from nbformat import NotebookNode

from tools.pagetool.book import Book, Page, PageError, sha, tags
from tools.pagetool.notebook import (
    build,
    dump,
    edited_in_jupyter,
    load,
    outputs_are_the_runs,
    ran,
)

CLAIM = "application/vnd.largemodels.claim+json"
MOST_BYTES = 1_000_000
FILE_NAME = re.compile(r"\.(svg|png|jpe?g|gif|pdf|webp)\b", re.IGNORECASE)
FEWEST_WORDS = 4
SUSPECTS = {
    "the address of an object": re.compile(
        r" at 0x[0-9a-fA-F]{4,}|<[^<>]* 0x[\da-f]{9,}>"
    ),
    "an absolute path": re.compile(
        r"(?<![\w.:/~<])/(?:Users|content|home|mnt|opt|private|root|srv|tmp|usr|var|work)/"
        r"|\b[A-Z]:\\\w|site-packages|~/"
    ),
    "a clock time": re.compile(
        r"\b(?:[01]?\d|2[0-3]):[0-5]\d:[0-5]\d\b|\b20\d\d-[01]\d-[0-3]\dT\d"
        r"|Wall time|CPU times|\d(?:ms|us|µs|s)/step|(?<![A-Za-z])it/s\b|<dc:date>"
    ),
}


def code_cells(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """The code cells with their numbers, from 1."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return list(enumerate(code, 1))


def problems(page: Page) -> Iterator[str]:
    """Everything that is wrong with the notebook of a page."""
    name = page.notebook.name
    try:
        notebook = load(page.notebook)
    except PageError as error:
        yield f"{error}: run the page"
        return
    if notebook is None:
        yield f"there is no {name}: run the page"
        return
    yield from drift(page, notebook)
    yield from raised(notebook)
    yield from traces(page.book, notebook)
    yield from figures(notebook)
    yield from targets(notebook)
    size = page.notebook.stat().st_size
    if size > MOST_BYTES:
        yield f"{name} has {size / 1e6:.2f} MB, at most {MOST_BYTES / 1e6:g}"


def drift(page: Page, notebook: NotebookNode) -> Iterator[str]:
    """A notebook that is not what the Markdown and a run of it give."""
    name = page.notebook.name
    made = notebook.metadata.get("largemodels", {})
    if edited_in_jupyter(notebook):
        yield f"the cells of {name} were edited in Jupyter: pull (or sync --discard)"
    elif made.get("markdown") != sha(page.text()):
        yield f"{page.markdown.name} has changed since {name} was made: run"
    elif not outputs_are_the_runs(notebook):
        yield f"the outputs of {name} are not those of its run: run"
    elif dump(build(page, notebook)) != page.notebook.read_text("utf-8"):
        yield f"{name} is not as the page tool writes it: run"
    elif not ran(notebook):
        counts = [cell.execution_count for _, cell in code_cells(notebook)]
        yield f"the cells of {name} have not run from 1 to {len(counts)}: run"
    setup = page.book.setup
    first = next((cell for _, cell in code_cells(notebook)), None)
    if setup is not None and (first is None or first.source != setup):
        yield f"the setup cell of {name} is not the canonical text: sync"
    if setup is not None and setup not in page.text():
        yield f"the setup cell of {page.markdown.name} is not the canonical text: sync"


def raised(notebook: NotebookNode) -> Iterator[str]:
    """Errors that were not announced, announced ones that stayed away, stderr."""
    for number, cell in code_cells(notebook):
        errors = [out.ename for out in cell.outputs if out.output_type == "error"]
        expected = "raises-exception" in tags(cell)
        if errors and not expected:
            yield f"code cell {number}: {errors[0]} without the tag raises-exception"
        if expected and not errors and cell.execution_count is not None:
            yield f"code cell {number}: tagged raises-exception, and raises none"
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                line = output.text.strip().splitlines()[:1]
                yield f"code cell {number}: writes to stderr: {''.join(line)[:60]}"


def texts(cell: NotebookNode) -> Iterator[tuple[str, str]]:
    """What a cell has put out, as (kind, text)."""
    for output in cell.outputs:
        if output.output_type == "stream":
            yield output.name, output.text
        elif output.output_type == "error":
            yield "error", "\n".join([output.ename, output.evalue, *output.traceback])
        else:
            for kind, value in output.data.items():
                if kind.startswith("text/") or kind == "image/svg+xml":
                    yield kind, value
                elif not kind.startswith("image/"):
                    yield kind, json.dumps(value, ensure_ascii=False)


def traces(book: Book, notebook: NotebookNode) -> Iterator[str]:
    """Addresses, paths and clock times: what differs from one machine to the next."""
    for number, cell in code_cells(notebook):
        for kind, text in texts(cell):
            for what, pattern in SUSPECTS.items():
                found = pattern.search(text)
                if found:
                    around = text[max(0, found.start() - 20) : found.end() + 20]
                    yield f"code cell {number}: {kind} holds {what}: {around!r}"
            if str(book.root) in text:
                yield f"code cell {number}: {kind} holds the project's own path"


def figures(notebook: NotebookNode) -> Iterator[str]:
    """Images without alternative text, and alternative text without an image."""
    for number, cell in code_cells(notebook):
        images = [
            out
            for out in cell.outputs
            if any(kind.startswith("image/") for kind in out.get("data", {}))
        ]
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
        if images and not alt:
            yield f"code cell {number}: an image without mystnb.image.alt"
        elif alt and FILE_NAME.search(alt):
            yield f"code cell {number}: the alternative text is a file name: {alt}"
        elif alt and len(alt.split()) < FEWEST_WORDS:
            yield f"code cell {number}: alternative text says what is seen, not {alt!r}"
        if len(images) > 1:
            yield f"code cell {number}: {len(images)} images share one alternative text"
        if alt and not images and cell.execution_count is not None:
            yield f"code cell {number}: has alternative text but shows no image"
        for kind, text in texts(cell):
            if kind == "text/html" and re.search(r"<img(?![^>]*\balt=)", text):
                yield f"code cell {number}: an <img> without alt"


def claims(notebook: NotebookNode) -> Iterator[tuple[int, dict]]:
    """The claims on a page: (number of the code cell, record)."""
    for number, cell in code_cells(notebook):
        for output in cell.outputs:
            record = output.get("data", {}).get(CLAIM)
            if record is not None:
                yield number, record


def targets(notebook: NotebookNode) -> Iterator[str]:
    """Claims that the ledger cannot link to, or that stand twice on the page."""
    before, prose = {}, ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            prose = cell.source
        elif cell.cell_type == "code":
            before[len(before) + 1] = prose
    seen = set()
    for number, record in claims(notebook):
        name = record["name"]
        target = rf"^\({re.escape('claim-' + name)}\)=\n(?:\(claim-[\w-]+\)=\n)*\S"
        if not re.search(target, before[number], re.MULTILINE):
            yield (
                f"code cell {number}: the last Markdown cell before it wants the line "
                f"(claim-{name})= directly before a paragraph or heading"
            )
        if name in seen:
            yield f"code cell {number}: a second claim named {name}"
        seen.add(name)
