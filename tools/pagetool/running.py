"""Execute the pages that changed, some side by side, and write what came out.

A notebook is written when its page has run to the end, in one step; a page that fails,
and everything that an interruption stops, leaves the old notebook as it was.
"""

import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from nbformat import NotebookNode

from tools.pagetool.book import Book, Page, PageError, tags, write
from tools.pagetool.check import page_problems
from tools.pagetool.execute import CellError, Run, package_changes
from tools.pagetool.kernel import warm_up
from tools.pagetool.markdown import code_line, with_setup
from tools.pagetool.notebook import (
    build,
    dump,
    edited_in_jupyter,
    load,
    ran,
    refuse_own_setup,
)

ALONE = {"timing", "processes"}  # tags of cells whose pages have the machine alone


@dataclass(frozen=True)
class Waiting:
    """A page that has to run, its notebook to be filled, and why."""

    page: Page
    notebook: NotebookNode
    why: str


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def previous(page: Page, discard: bool = False) -> NotebookNode | None:
    """The notebook as it stands.

    Raises PageError where edits in it, or in a setup cell, would be lost.
    """
    if not discard:
        refuse_own_setup(page, page.cells(), page.markdown)
    try:
        old = load(page.notebook)
    except PageError as error:
        say(f"{page.name}: {error}; it is made anew from the Markdown")
        return None
    if old is not None and edited_in_jupyter(old) and not discard:
        raise PageError(
            f"{page.name}: {page.notebook.name} has been edited in Jupyter; bring the "
            "edits into the Markdown (pull), or drop them (--discard)"
        )
    if old is not None and not discard:
        refuse_own_setup(page, old.cells, page.notebook)
    return old


def updated(page: Page, old: NotebookNode | None) -> NotebookNode:
    """Write the setup cell into the Markdown; return the notebook for it."""
    if page.book.setup is not None:
        write(page.markdown, with_setup(page.text(), page.name, page.book.setup))
    return build(page, old)


def made(pages: list[Page], discard: bool) -> dict[Page, NotebookNode]:
    """The notebooks of the pages that can be made; says why others cannot."""
    notebooks = {}
    for page in pages:
        try:
            notebooks[page] = updated(page, previous(page, discard))
        except PageError as error:
            say(str(error))
    return notebooks


def sync(book: Book, names: list[str], discard: bool = False) -> int:
    """Write the notebooks and execute nothing. Returns how many pages refused."""
    pages = book.named(names)
    notebooks = made(pages, discard)
    for page, notebook in notebooks.items():
        changed = write(page.notebook, dump(notebook))
        state = "" if ran(notebook) else ", not run"
        say(f"{page.name}: {'written' if changed else 'in step'}{state}")
    return len(pages) - len(notebooks)


def run(
    book: Book,
    names: list[str],
    everything: bool = False,
    jobs: int = 1,
    discard: bool = False,
) -> int:
    """Execute what changed; pages that time something or start processes come last.

    Returns how many pages failed or refused.
    """
    waiting, pages = [], book.named(names)
    notebooks = made(pages, discard)
    refused = len(pages) - len(notebooks)
    for page, notebook in notebooks.items():
        why = "asked for" if everything else stale(page, notebook)
        if why:
            waiting.append(Waiting(page, notebook, why))
        else:
            write(page.notebook, dump(notebook))
            say(f"{page.name}: up to date")
    if not waiting:
        return refused
    warm_up(book.root)
    alone = [item for item in waiting if runs_alone(item.page)]
    together = [item for item in waiting if item not in alone]
    return refused + execute(together, jobs) + execute(alone, 1)


def stale(page: Page, notebook: NotebookNode) -> str | None:
    """Why a page has to run, or None."""
    if not ran(notebook):
        return "not run yet" if not page.notebook.exists() else "its code changed"
    changed = package_changes(page.book, notebook)
    return f"{changed[0]} changed" if changed else None


def runs_alone(page: Page) -> bool:
    """Whether a page times something or starts processes, by the tags of a cell."""
    return any(ALONE & set(tags(cell)) for cell in page.cells())


def execute(waiting: list[Waiting], jobs: int) -> int:
    """Run pages, `jobs` at a time. Returns how many failed."""
    tasks: dict[Future, Run] = {}
    failed = 0
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        try:
            for item in waiting:
                task = Run(item.page, item.notebook)
                tasks[pool.submit(timed, task, item.why)] = task
            pending = set(tasks)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                failed += sum(not finish(future, tasks[future]) for future in done)
        except BaseException:
            for future, task in tasks.items():
                future.cancel()
                task.stop()
            raise
    return failed


def timed(task: Run, why: str) -> float:
    """Execute a page; return the seconds that it took."""
    say(f"{task.page.name}: running ({why})")
    start = time.perf_counter()
    task.execute()
    return time.perf_counter() - start


def finish(future: Future, task: Run) -> bool:
    """Write an executed page, or tell why there is none. Returns whether it ran."""
    page = task.page
    try:
        seconds = future.result()
    except CellError as error:
        place = f"{page.markdown.name}:{code_line(page.text(), error.number)}"
        say(f"{page.name}: FAILED at {place}, code cell {error.number}\n{error}")
        say(f"{page.name}: {page.notebook.name} was left as it was")
        return False
    except Exception as error:  # the kernel did not start, or broke off
        say(f"{page.name}: FAILED, {type(error).__name__}: {error}")
        return False
    write(page.notebook, dump(task.notebook))
    say(f"{page.name}: {seconds:.1f} s")
    for problem in page_problems(page):
        say(f"  check: {problem}")
    return True
