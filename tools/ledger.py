"""The claims ledger: book/back/claims.md, generated from the notebooks.

Every claim leaves a record in its cell's outputs. The ledger lists them by part and
page, with verdict, evidence, and a link to the cell. Generated again from the same
notebooks it is the same file. Use: tools/pages.py ledger [--check].
"""

import re
from collections import Counter
from pathlib import Path

import yaml

from tools.pagetool.book import FRONT_MATTER, Book, Page, PageError, write
from tools.pagetool.notebook import load
from tools.pagetool.outputs import claims
from tools.pagetool.prose import lines_of

INTRODUCTION = """\
# The claims ledger

{counted}

This page is generated from the records that the claims leave in the notebooks when
these are run. Each claim links to the place where it is tried. A claim whose run
disagrees with its verdict stops the page that it stands on, and the tests repeat every
run.
"""


def ledger_file(book: Book) -> Path:
    """Where the ledger stands."""
    return book.folder / "back" / "claims.md"


def order(book: Book) -> list[tuple[str, str]]:
    """(part, page name) of all pages, as in _toc.yml; pages not there come last."""
    places = {name: part for part, name in listed(book)}
    names = [page.name for page in book.pages()]
    known = [(places[name], name) for name in places if name in names]
    rest = [(name.partition("/")[0], name) for name in names if name not in places]
    return known + rest


def listed(book: Book) -> list[tuple[str, str]]:
    """(part, file below book/ without its ending) of everything in _toc.yml."""
    file = book.root / "_toc.yml"
    if not file.exists():
        return []
    contents = yaml.safe_load(file.read_text("utf-8")) or {}
    found = [("", contents["root"].removeprefix("book/"))] if "root" in contents else []
    for part in [contents, *contents.get("parts", [])]:
        found += entries(part, part.get("caption", ""))
    return found


def entries(part: dict, caption: str) -> list[tuple[str, str]]:
    """(caption, page name) of every file below one entry of _toc.yml."""
    found = []
    for entry in [*part.get("chapters", []), *part.get("sections", [])]:
        file = entry.get("file", "").removeprefix("book/")
        if file:
            found.append((caption, re.sub(r"\.(ipynb|md)$", "", file)))
        found += entries(entry, caption)
    return found


def records(book: Book) -> list[tuple[str, Page, dict]]:
    """(part, page, record) of every claim in the book, in the order of the book.

    Raises PageError where two claims have one name.
    """
    pages = {page.name: page for page in book.pages()}
    found, owners = [], {}
    for part, name in order(book):
        notebook = load(pages[name].notebook)
        for _, record in claims(notebook) if notebook is not None else []:
            owner = owners.setdefault(record["name"], name)
            if owner != name:
                raise PageError(
                    f"claim {record['name']} stands in {owner} and in {name}; names of "
                    "claims are unique over the book"
                )
            found.append((part, pages[name], record))
    return found


def ledger(book: Book) -> str:
    """The ledger as Markdown."""
    found = records(book)
    blocks = [INTRODUCTION.format(counted=counted(found))]
    last_part = last_page = None
    for part, page, record in found:
        if part != last_part:
            blocks.append(f"## {escape(part)}\n")
        if page.name != last_page:
            blocks.append(f"### {title(page)}\n")
            blocks.append("| Claim | Verdict | Evidence |\n|:--|:--|:--|\n")
        last_part, last_page = part, page.name
        blocks[-1] += row(record)
    return "\n".join(blocks)


def counted(found: list[tuple[str, Page, dict]]) -> str:
    """How many claims, on how many pages, with which verdicts, in a sentence."""
    if not found:
        return "No page of the book states a claim."
    kinds = Counter(kind(record["verdict"]) for _, _, record in found)
    pages = len({page.name for _, page, _ in found})
    number = {1: "holds", 2: "hold"}
    said = [
        f"{kinds['holds']} {number[min(kinds['holds'] or 2, 2)]}",
        f"{kinds['when']} {number[min(kinds['when'] or 2, 2)]} under a condition",
        f"{kinds['not']} {'does' if kinds['not'] == 1 else 'do'} not hold",
    ]
    whole = f"**{plural(len(found), 'claim')}** on {plural(pages, 'page')}"
    return f"The book settles {whole}: {', '.join(said)}."


def plural(number: int, word: str) -> str:
    """1 page, 2 pages."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def kind(verdict: str) -> str:
    """holds, not, or when."""
    return {"holds": "holds", "does not hold": "not"}.get(verdict, "when")


def row(record: dict) -> str:
    """One claim as a line of its table."""
    evidence = "; ".join(
        f"{escape(name.replace('_', ' '))} {escape(said(value))}"
        for name, value in record["evidence"].items()
    )
    link = f"[{escape(record['sentence'])}](#claim-{record['name']})"
    return f"| {link} | {escape(record['verdict'])} | {evidence} |\n"


def said(value: object) -> str:
    """One piece of evidence as it is read."""
    return str(value["text"]) if isinstance(value, dict) else str(value)


def escape(text: str) -> str:
    """Plain text as Markdown that shows exactly it, on one line, in a table."""
    return re.sub(r"([\\`*_{}\[\]<>|$#~])", r"\\\1", " ".join(text.split()))


def title(page: Page) -> str:
    """The first heading of a page."""
    for line in lines_of(FRONT_MATTER.sub("", page.text())):
        found = re.match(r"# +(.+?)\s*$", line.text)
        if found and line.kind == "prose":
            return found[1]
    return page.name


def update(book: Book) -> bool:
    """Write the ledger; return whether it changed."""
    return write(ledger_file(book), ledger(book))


def problems(book: Book) -> list[str]:
    """What is wrong with the ledger."""
    try:
        wanted = ledger(book)
    except PageError as error:
        return [str(error)]
    file = ledger_file(book)
    if not file.exists():
        return ["there is no book/back/claims.md: pages.py ledger"]
    if file.read_text("utf-8") != wanted:
        return ["book/back/claims.md is not what the notebooks say: pages.py ledger"]
    return []
