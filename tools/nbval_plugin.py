"""nbval for this book: strict, in the kernel that pages are run in, with a time budget.

python -m pytest -p tools.nbval_plugin -n 2 --dist loadfile --nbval \\
    --nbval-current-env --nbval-sanitize-with=tests/book/sanitize.cfg \\
    --nbval-cell-timeout=120 --pages=parallel book
and once more with --pages=alone and without -n: pages that time something, or start
processes of their own, run alone.

What it adds to nbval: cells that never ran fail (nbval passes them), output may take a
minute to arrive instead of five seconds, every page's seconds are reported, and the run
fails where a page or all pages together take too long.
"""

import json
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from tools.pagetool.kernel import environment, warm_up
from tools.pagetool.running import ALONE

OUTPUT_SECONDS = 60  # nbval has 5, too few on a loaded machine
PAGE_SECONDS = 60.0
ALL_SECONDS = 30 * 60.0
HIDDEN = {"_build", ".ipynb_checkpoints", "_static", "_ext"}
SELECTIONS = ("parallel", "alone", "all")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which pages run, and how long they may take."""
    group = parser.getgroup("pages", "pages of the book, run by nbval")
    group.addoption(
        "--pages",
        choices=SELECTIONS,
        default="all",
        help="alone: those with a cell tagged timing or processes; parallel: the rest",
    )
    group.addoption(
        "--page-seconds", type=float, default=PAGE_SECONDS, help="limit for one page"
    )
    group.addoption(
        "--pages-seconds", type=float, default=ALL_SECONDS, help="limit for their sum"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Give the kernels the environment of `pages.py run`; start the clock."""
    if not config.option.nbval:
        return
    if config.getoption("dist", "no") not in {"no", "loadfile", "loadscope"}:
        raise pytest.UsageError("a page's cells need one worker: --dist loadfile")
    config.option.nbval_current_env = True  # never a kernel of another environment
    if hasattr(config, "workerinput"):
        return  # a worker has inherited the environment
    config.pluginmanager.register(Clock(config), "pages-clock")
    warm_up(Path(config.rootpath))
    stack = ExitStack()
    variables = stack.enter_context(environment())
    before = dict(os.environ)
    stack.callback(lambda: (os.environ.clear(), os.environ.update(before)))
    for name in set(os.environ) - set(variables):
        del os.environ[name]
    os.environ.update(variables)
    config.add_cleanup(stack.close)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out built copies, and the pages that --pages does not ask for."""
    if not config.option.nbval:
        return None
    if HIDDEN & set(collection_path.parts[len(config.rootpath.parts) :]):
        return True
    wanted = config.option.pages
    if collection_path.suffix == ".ipynb" and wanted != "all":
        return runs_alone(collection_path) != (wanted == "alone")
    return None


def runs_alone(path: Path) -> bool:
    """Whether a notebook times something or starts processes, by the tags of a cell."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return any(ALONE & set(cell["metadata"].get("tags", [])) for cell in cells)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Wait longer for output than nbval does."""
    for item in items:
        if is_cell(item):
            item.output_timeout = OUTPUT_SECONDS


def is_cell(item: pytest.Item) -> bool:
    """Whether a test is a cell of a notebook."""
    return type(item).__name__ == "IPyNbCell"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Fail a cell that has no execution count: nbval would compare nothing."""
    if is_cell(item) and item.cell.execution_count is None:
        pytest.fail(f"{item.path.name} was never run: pages.py run", pytrace=False)


class Clock:
    """Adds up the seconds of each page, and fails the run where they are too many."""

    def __init__(self, config: pytest.Config):
        self.page_limit = config.option.page_seconds
        self.sum_limit = config.option.pages_seconds
        self.selection = config.option.pages
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count start of the kernel, cells, and end of the kernel."""
        page = report.nodeid.partition("::")[0]
        if page.endswith(".ipynb"):
            self.seconds[page] = self.seconds.get(page, 0.0) + report.duration

    def complaints(self) -> list[str]:
        """Which limits were passed."""
        found = [
            f"{page} took {seconds:.0f} s; a page may take {self.page_limit:g} s"
            for page, seconds in sorted(self.seconds.items())
            if seconds > self.page_limit
        ]
        total = sum(self.seconds.values())
        if total > self.sum_limit:
            found.append(
                f"all pages took {total:.0f} s; together they may take "
                f"{self.sum_limit:g} s"
            )
        return found

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a passed limit into a failed run; no page alone is no failure."""
        if session.exitstatus == pytest.ExitCode.OK and self.complaints():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        nothing = session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED
        if nothing and self.selection == "alone":
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Print the seconds of each page, their sum, and what was too slow."""
        write = terminalreporter.write_line
        terminalreporter.section("pages")
        for page, seconds in sorted(self.seconds.items(), key=lambda item: -item[1]):
            write(f"{seconds:7.1f} s  {page}")
        if not self.seconds:
            write(f"pages: none to run ({self.selection})")
            return
        slowest = max(self.seconds, key=self.seconds.get)
        write(
            f"pages: {len(self.seconds)}, {sum(self.seconds.values()):.0f} s in all, "
            f"slowest {slowest} with {self.seconds[slowest]:.0f} s"
        )
        for complaint in self.complaints():
            write(f"TOO SLOW: {complaint}", red=True)
