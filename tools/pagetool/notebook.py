"""From the Markdown to the notebook, keeping the outputs that still belong to it.

The notebook's own metadata says what it was made from (key "largemodels"):

markdown  fingerprint of the Markdown
cells     fingerprint of the cells as the tool wrote them: differs after an edit in
          Jupyter
outputs   fingerprint of code and outputs: differs after a run in Jupyter
package   fingerprint of each file of largemodels that the run had imported

Two runs of one page write the same bytes.
"""

import hashlib
import json
import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.pagetool.book import Page, PageError, find_setup, parse, sha, tags

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}
JUPYTEXT = {"jupyter", "jupytext", "source_map"}
# What Jupyter, Colab and VS Code note about the state of a view: no part of a page.
VIEW = {
    *("ExecuteTime", "colab", "colab_type", "collapsed", "deletable", "editable"),
    *("execution", "id", "lines_to_next_cell", "outputId", "scrolled", "trusted"),
    *("vscode", "jp-MarkdownHeadingCollapsed"),
}


def clean_metadata(metadata: dict) -> dict:
    """Cell metadata without the state of a view and without empty entries."""
    kept = {key: value for key, value in metadata.items() if key not in VIEW}
    jupyter = {
        key: value
        for key, value in (kept.pop("jupyter", None) or {}).items()
        if key not in {"source_hidden", "outputs_hidden"}
    }
    slide = (kept.get("slideshow") or {}).get("slide_type")
    if "slideshow" in kept and not slide:
        kept.pop("slideshow")
    if not kept.get("tags", True):
        kept.pop("tags")
    return json.loads(json.dumps(kept | ({"jupyter": jupyter} if jupyter else {})))


def identity(cell: NotebookNode) -> str:
    """What makes two cells the same cell: type, source, metadata."""
    source = "" if "setup" in tags(cell) else clean_source(cell)
    return json.dumps(
        [cell.cell_type, source, clean_metadata(cell.metadata)], sort_keys=True
    )


def clean_source(cell: NotebookNode) -> str:
    """The source as the Markdown can hold it: without blank lines at its ends.

    Only prose loses blank lines at its beginning.
    """
    if cell.cell_type == "markdown":
        return cell.source.rstrip().lstrip("\n")
    return cell.source.rstrip("\n")


def code_key(cell: NotebookNode) -> str:
    """What outputs depend on: the code, and whether an exception is expected.

    The repository's address in the setup cell is left out: setting it runs no page.
    """
    source = clean_source(cell)
    if "setup" in tags(cell):
        source = re.sub(r"git\+\S+", "git+", source)
    return json.dumps([source, "raises-exception" in tags(cell)])


def refuse_own_setup(page: Page, cells: list[NotebookNode], file: Path) -> None:
    """Raise PageError where the setup cell holds what the page tool would overwrite.

    The tool's text with another address is the tool's, and so is an empty cell.
    """
    canonical = page.book.setup
    cell = next((c for c in cells if "setup" in tags(c)), None)
    if canonical is None or cell is None or not cell.source.strip():
        return
    if code_key(cell) != code_key(NotebookNode({**cell, "source": canonical})):
        raise PageError(
            f"{page.name}: the setup cell of {file.name} has been edited, and its text "
            "is the page tool's; nothing was written. Move what you added into a cell "
            "of its own, or drop it (sync --discard)"
        )


def build(page: Page, old: NotebookNode | None = None) -> NotebookNode:
    """The notebook of a page, with the outputs of `old` that still belong to it.

    A code cell keeps its outputs where all code cells up to it are those of `old`;
    from the first cell that differs on, the cells are marked as not run.
    """
    text = page.text()
    front = parse(text, page.name)
    setup = find_setup(front.cells, page.name)
    known = [cell for cell in (old.cells if old else []) if cell.cell_type == "code"]
    if old is not None and not outputs_are_the_runs(old):
        known = []
    cells, seen, same = [], {}, True
    for index, source in enumerate(front.cells):
        cell = NotebookNode(
            cell_type=source.cell_type,
            metadata=clean_metadata(source.metadata),
            source=clean_source(source),
        )
        if index == setup and page.book.setup is not None:
            cell.source = page.book.setup
        cell.id = cell_id(cell, seen)
        if cell.cell_type == "code":
            earlier = known.pop(0) if known else None
            same = same and earlier is not None and code_key(cell) == code_key(earlier)
            cell.outputs = earlier.outputs if same else []
            cell.execution_count = earlier.execution_count if same else None
        cells.append(cell)
    extra = {k: v for k, v in front.metadata.items() if k not in JUPYTEXT}
    made = extra.pop("largemodels", {}) | {"markdown": sha(text)}
    if old is not None and same:
        package = old.metadata.get("largemodels", {}).get("package")
        made |= {"package": package} if package is not None else {}
    extra |= {"kernelspec": KERNEL, "language_info": LANGUAGE, "largemodels": made}
    notebook = NotebookNode(
        cells=cells, metadata=nbformat.from_dict(extra), nbformat=4, nbformat_minor=5
    )
    return sealed(notebook)


def cell_id(cell: NotebookNode, seen: dict[str, int]) -> str:
    """An id from the content, numbered where the content comes twice."""
    content = cell.cell_type + ("" if "setup" in tags(cell) else cell.source)
    short = hashlib.sha256(content.encode("utf-8")).hexdigest()[:8]
    seen[short] = seen.get(short, 0) + 1
    return short if seen[short] == 1 else f"{short}-{seen[short]}"


def sealed(notebook: NotebookNode) -> NotebookNode:
    """The notebook, with fingerprints of its cells and outputs as they now are."""
    made = notebook.metadata["largemodels"]
    made["cells"] = cells_seal(notebook)
    made["outputs"] = outputs_seal(notebook)
    return notebook


def cells_seal(notebook: NotebookNode) -> str:
    """Fingerprint of type, source and metadata of all cells."""
    return sha("\n".join(identity(cell) for cell in notebook.cells))


def outputs_seal(notebook: NotebookNode) -> str:
    """Fingerprint of the code and what it put out."""
    code = [
        [code_key(cell), whole(cell.get("outputs", [])), cell.get("execution_count")]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    return sha(json.dumps(code, sort_keys=True))


def whole(value: object) -> object:
    """The value with 1.0 as 1, because Jupyter saves it so."""
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def edited_in_jupyter(notebook: NotebookNode) -> bool:
    """Whether cells were changed since the tool wrote the notebook."""
    made = notebook.metadata.get("largemodels", {})
    return made.get("cells") != cells_seal(notebook)


def outputs_are_the_runs(notebook: NotebookNode) -> bool:
    """Whether the outputs are those that the tool's run put there."""
    made = notebook.metadata.get("largemodels", {})
    return made.get("outputs") == outputs_seal(notebook)


def ran(notebook: NotebookNode) -> bool:
    """Whether the code cells have run, in order, from the first to the last."""
    counts = [c.execution_count for c in notebook.cells if c.cell_type == "code"]
    return counts == list(range(1, len(counts) + 1))


def dump(notebook: NotebookNode) -> str:
    """The notebook as text: sorted, one space of indent, one newline at the end."""
    plain = json.loads(nbformat.writes(notebook, version=nbformat.NO_CONVERT))
    text = json.dumps(plain, indent=1, ensure_ascii=False, sort_keys=True)
    return text + "\n"


def load(path: Path) -> NotebookNode | None:
    """A notebook from its file, or None where there is none."""
    if not path.exists():
        return None
    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises several kinds for a broken file
        raise PageError(f"{path.name}: not a readable notebook: {error}") from error
