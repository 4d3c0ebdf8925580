"""The page tool: book/<part>/<page>.md in, the executed <page>.ipynb out."""

import argparse
import re
import signal
import sys
from pathlib import Path

if not __package__:  # run as a file: the project's root takes the place of tools/
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from yaml import YAMLError

from tools import ledger
from tools.pagetool import check as rules
from tools.pagetool.book import Book, PageError, write
from tools.pagetool.notebook import dump
from tools.pagetool.pull import pulled
from tools.pagetool.running import previous, run, say, sync, updated

HERE = Path(__file__).resolve().parent.parent
ADDRESS = re.compile(r"https?://[\w.-]+(:\d+)?/[\w./-]+")
COMMANDS = {
    "sync": "write the notebooks from the Markdown; outputs stay where they belong",
    "run": "execute the pages whose code, or whose part of the package, changed",
    "check": "say what is wrong with pages, notebooks and ledger",
    "pull": "bring edits made in Jupyter into the Markdown",
    "ledger": "write book/back/claims.md from the claims in the notebooks",
    "repository": "print or set the repository's address, in config and setup cells",
}


def check(book: Book, names: list[str]) -> int:
    """Print what is wrong; with no page named, also what is wrong with the book."""
    pages = book.named(names)
    found = 0
    for page in pages:
        for problem in rules.page_problems(page):
            say(f"{page.name}: {problem}")
            found += 1
        for note in rules.page_notes(page):
            say(f"{page.name}: note: {note}")
    if not names:
        for file, problem in rules.book_problems(book):
            say(f"{file}: {problem}")
            found += 1
    say(f"{len(pages)} page(s), {found or 'no'} problem(s)")
    return 1 if found else 0


def pull(book: Book, names: list[str]) -> None:
    """Take over the edits of every notebook named, or of none where one refuses."""
    edits = [(page, pulled(page)) for page in book.named(names)]
    for page, text in edits:
        if text is None:
            say(f"{page.name}: nothing to pull")
            continue
        old = previous(page, discard=True)
        write(page.markdown, text)
        write(page.notebook, dump(updated(page, old)))
        say(f"{page.name}: pulled into {page.markdown.name}")


def repository(book: Book, address: str | None) -> None:
    """Print the address, or set it in _config.yml and in every setup cell."""
    if address is None:
        say(book.address or "no address: there is no _config.yml")
        return
    address = address.rstrip("/")
    if not ADDRESS.fullmatch(address):
        raise PageError(f"an address is like https://host/owner/name, got {address!r}")
    if book.address is None:
        raise PageError("there is no _config.yml to hold the address")
    notebooks = [(page, previous(page)) for page in book.pages()]
    text = book.config.read_text("utf-8")
    changed, times = re.subn(
        r"(?m)(^repository:[ ]*\n(?:^(?:[ ]+|[ ]*#).*\n)*?^[ ]+url:[ ]*)[^\s#]+",
        lambda found: found[1] + address,
        text,
    )
    if times != 1:
        raise PageError("_config.yml: no line url: below repository:")
    write(book.config, changed)
    book = Book(book.root)
    for page, old in notebooks:
        page = type(page)(book, page.markdown)
        write(page.notebook, dump(updated(page, old)))
    say(f"{address}: in _config.yml and in {len(notebooks)} page(s)")


def write_ledger(book: Book, only_check: bool) -> int:
    """Write the ledger, or say whether it is stale."""
    if only_check:
        found = ledger.problems(book)
        for problem in found:
            say(problem)
        return 1 if found else 0
    say(f"ledger: {'written' if ledger.update(book) else 'unchanged'}")
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="pages", description=__doc__)
    top.add_argument("--root", type=Path, default=HERE, help="another project's folder")
    commands = top.add_subparsers(dest="command", required=True)
    made = {}
    for name, purpose in COMMANDS.items():
        made[name] = commands.add_parser(name, help=purpose, description=purpose)
        if name not in {"ledger", "repository"}:
            made[name].add_argument(
                "pages", nargs="*", help="Markdown files or folders; all, if none"
            )
    for name in ("sync", "run"):
        made[name].add_argument(
            "--discard",
            action="store_true",
            help="drop edits made in Jupyter, and in setup cells",
        )
    made["run"].add_argument("--all", action="store_true", help="unchanged ones, too")
    made["run"].add_argument(
        "--jobs", type=int, default=1, help="how many pages side by side"
    )
    made["ledger"].add_argument("--check", action="store_true", help="write nothing")
    made["repository"].add_argument("address", nargs="?", help="the new address")
    return top


def command(asked: argparse.Namespace) -> int:
    """Carry out a command. Returns the exit code."""
    book = Book(asked.root.resolve())
    failed = 0
    if asked.command == "check":
        return check(book, asked.pages)
    if asked.command == "ledger":
        return write_ledger(book, asked.check)
    if asked.command == "repository":
        repository(book, asked.address)
        return 0
    if asked.command == "sync":
        failed = sync(book, asked.pages, asked.discard)
    elif asked.command == "pull":
        pull(book, asked.pages)
    else:
        failed = run(book, asked.pages, asked.all, asked.jobs, asked.discard)
    if ledger.update(book):
        say("ledger: written")
    return 1 if failed else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the tool. Returns the exit code: 1 for something to mend, 130 interrupted."""
    asked = parser().parse_args(arguments)
    try:
        return command(asked)
    except (PageError, UnicodeDecodeError, YAMLError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; notebooks that had not finished are as they were")
        return 130


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
