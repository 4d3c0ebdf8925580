"""The book as the page tool sees it: its folders, its pages, its address.

A page is a Markdown file below book/ whose front matter names a kernel. The file beside
it that ends in .ipynb is its product: the same page executed, with outputs.
"""

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jupytext
import yaml
from nbformat import NotebookNode

SKIPPED_FOLDERS = {"_build", ".ipynb_checkpoints", "_static", "_ext"}
FRONT_MATTER = re.compile(r"\A---\n(.*?)^---[ ]*\n", re.MULTILINE | re.DOTALL)
SETUP = """\
try:
    from largemodels.page import begin
except ModuleNotFoundError:
    %pip install -q --no-deps git+{address}
    from largemodels.page import begin
begin()"""


class PageError(Exception):
    """Something about a page that its author has to mend; the message says what."""


@dataclass(frozen=True)
class Book:
    """A project folder: book/ with pages, code/largemodels/, and _config.yml."""

    root: Path

    @property
    def folder(self) -> Path:
        """Where the pages are."""
        return self.root / "book"

    @property
    def package(self) -> Path:
        """The package that pages import, and whose changes make them run again."""
        return self.root / "code" / "largemodels"

    @property
    def config(self) -> Path:
        """The one file that holds the repository's address."""
        return self.root / "_config.yml"

    @cached_property
    def address(self) -> str | None:
        """repository.url of _config.yml, or None where there is no such file."""
        if not self.config.exists():
            return None
        settings = yaml.safe_load(self.config.read_text("utf-8")) or {}
        address = (settings.get("repository") or {}).get("url")
        if not address:
            raise PageError("_config.yml: repository.url is missing")
        return address.rstrip("/")

    @property
    def setup(self) -> str | None:
        """The text of the setup cell, the same on every page."""
        return SETUP.format(address=self.address) if self.address else None

    def texts(self) -> list[Path]:
        """Every Markdown file of the book, pages or not."""
        return [
            path
            for path in sorted(self.folder.rglob("*.md"))
            if not SKIPPED_FOLDERS & set(path.relative_to(self.folder).parts)
        ]

    def pages(self) -> list["Page"]:
        """Every page, in the order of their paths."""
        return [Page(self, path) for path in self.texts() if is_page(path)]

    def named(self, names: list[str]) -> list["Page"]:
        """The pages named (Markdown, notebook, or folder), or all where none is."""
        if not names:
            return self.pages()
        chosen = []
        for name in names:
            path = Path(name).resolve()
            if path.is_dir():
                found = [p for p in self.pages() if path in p.markdown.parents]
            else:
                markdown = path.with_suffix(".md")
                if not markdown.exists():
                    raise PageError(f"{name}: there is no {markdown.name}")
                if not is_page(markdown):
                    raise PageError(
                        f"{name}: not a page, its front matter has no kernelspec"
                    )
                if self.folder.resolve() not in markdown.parents:
                    raise PageError(f"{name}: not below {self.folder}")
                found = [Page(self, markdown)]
            chosen += [page for page in found if page not in chosen]
        return chosen


@dataclass(frozen=True)
class Page:
    """One page: the Markdown and the notebook beside it."""

    book: Book
    markdown: Path

    @property
    def notebook(self) -> Path:
        """The product of the Markdown."""
        return self.markdown.with_suffix(".ipynb")

    @property
    def name(self) -> str:
        """part/page, as in book/part/page.md."""
        path = self.markdown.resolve().relative_to(self.book.folder.resolve())
        return path.with_suffix("").as_posix()

    def text(self) -> str:
        """The Markdown."""
        return read(self.markdown)

    def cells(self) -> list[NotebookNode]:
        """The cells of the Markdown. Raises PageError where no setup cell is first."""
        cells = parse(self.text(), self.name).cells
        find_setup(cells, self.name)
        return cells

    def front_matter(self) -> dict:
        """What the front matter says."""
        return front_matter(self.text())


def is_page(path: Path) -> bool:
    """Whether the front matter of a Markdown file names a kernel."""
    found = FRONT_MATTER.match(path.read_text("utf-8"))
    return bool(found and re.search(r"^kernelspec:", found[1], re.MULTILINE))


def front_matter(text: str) -> dict:
    """The front matter of a Markdown text as a dictionary."""
    found = FRONT_MATTER.match(text)
    return (yaml.safe_load(found[1]) or {}) if found else {}


def read(path: Path) -> str:
    """A text file as it is. Raises PageError for line ends that are not Unix's."""
    text = path.read_bytes().decode("utf-8")
    lines = len(text.split("\n")) - text.endswith("\n")
    if "\r" in text or len(text.splitlines()) != lines:
        raise PageError(
            f"{path.name}: holds a line end other than \\n (\\r, form feed, U+2028); "
            "save it with Unix line ends"
        )
    return text


def parse(text: str, name: str) -> NotebookNode:
    """The notebook that a Markdown text describes, as jupytext reads it."""
    try:
        notebook = jupytext.reads(text, fmt="md:myst")
    except Exception as error:  # jupytext raises several kinds, all mean the text
        raise PageError(f"{name}: the Markdown cannot be read: {error}") from error
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        raise PageError(f"{name}: has no code cell")
    return notebook


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def find_setup(cells: list[NotebookNode], name: str) -> int:
    """Where the setup cell stands. Raises PageError where it is not the first."""
    code = [i for i, cell in enumerate(cells) if cell.cell_type == "code"]
    marked = [i for i in code if "setup" in tags(cells[i])]
    if marked != code[:1]:
        raise PageError(
            f"{name}: the first code cell, and no other, must carry the tag setup "
            "(:tags: [setup]); its text is written by the page tool, and makes the "
            "page run in Colab"
        )
    return marked[0]


def sha(text: str) -> str:
    """A short fingerprint of a text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def write(path: Path, text: str) -> bool:
    """Replace a file in one step, whole or not at all; True where it changed."""
    data = text.encode("utf-8")
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return True
