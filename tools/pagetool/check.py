"""Hold pages and book against the rules."""

import re
from collections.abc import Iterator

from tools import ledger
from tools.pagetool import outputs, prose
from tools.pagetool.book import Book, Page, PageError, is_page
from tools.pagetool.execute import package_changes
from tools.pagetool.notebook import load


def page_problems(page: Page) -> list[str]:
    """What is wrong with one page."""
    try:
        cells = page.cells()
        known = prose.bibliography(page.book)
        found = list(prose.problems(page.text(), cells, known))
        return found + list(outputs.problems(page))
    except PageError as error:
        return [str(error).removeprefix(f"{page.name}: ")]


def page_notes(page: Page) -> Iterator[str]:
    """What is not wrong, but good to know."""
    notebook = load(page.notebook)
    changed = package_changes(page.book, notebook) if notebook is not None else []
    if changed:
        yield f"has not run since {', '.join(changed)} changed"


def book_problems(book: Book) -> Iterator[tuple[str, str]]:
    """(file, sentence) for what is wrong outside the pages and between them."""
    known = prose.bibliography(book)
    for path in book.texts():
        if not is_page(path):
            lines = prose.lines_of(path.read_text("utf-8"))
            name = path.relative_to(book.root).as_posix()
            for rule in (prose.citations(lines, known), prose.pictures(lines)):
                yield from ((name, sentence) for sentence in rule)
    pages = {page.notebook for page in book.pages()}
    if (book.root / "_toc.yml").exists():
        listed = {name for _, name in ledger.listed(book)}
        for page in book.pages():
            if page.name not in listed:
                yield f"book/{page.name}.md", "is not in _toc.yml, so nobody finds it"
    for notebook in sorted(book.folder.rglob("*.ipynb")):
        inside = notebook.relative_to(book.folder).parts
        hidden = any(re.match(r"[._]", part) for part in inside)
        if notebook not in pages and not hidden:
            name = notebook.relative_to(book.root).as_posix()
            yield name, "a notebook without a Markdown page beside it"
    yield from (("book/back/claims.md", text) for text in ledger.problems(book))
