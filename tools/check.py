"""Check everything there is to check, in order, and stop at the first failure.

usage: python tools/check.py [--unlocked] [STEP...]     (all steps; or those named)

Each step is announced by a line. At the end stand the seconds of each step and of each
page, what was left out, and, last, the number of tests that passed and failed.
With --unlocked, the tests that hold for the versions in the lock alone are left out.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

if not __package__:  # run as a file: the project's root takes the place of tools/
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools.browser import chromium

ROOT = Path(__file__).resolve().parent.parent
REPORTS = Path(".make", "reports")
NOTHING_COLLECTED = 5  # pytest's exit code
FRAMEWORKS = ("torch", "tensorflow", "keras")
PYTHON = (sys.executable, "-m")
NBVAL = (
    *(*PYTHON, "pytest", "-p", "tools.nbval_plugin", "--nbval", "--nbval-current-env"),
    "--nbval-sanitize-with=tests/book/sanitize.cfg",
    "--nbval-cell-timeout=120",  # a kernel that died answers never
)

# A page has 60 s alone. Two at once share caches and memory: half as much again.
TWO_AT_ONCE = ("-n", "2", "--dist", "loadfile", "--page-seconds=90")


@dataclass
class Step:
    """One thing to check: commands that must all succeed.

    report: the commands are pytest's, whose counts are read
    may_be_empty: no test at all is no failure
    without_frameworks: run where torch, tensorflow and keras fail to import
    """

    name: str
    says: str
    commands: list[tuple]
    report: bool = False
    may_be_empty: bool = False
    without_frameworks: bool = False


@dataclass
class Counts:
    """What pytest counted, and how long each file took."""

    passed: int = 0
    failed: int = 0
    skipped: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, report: Path) -> None:
        """Add what a report in JUnit's format holds."""
        for case in ElementTree.parse(report).getroot().iter("testcase"):
            kinds = {child.tag for child in case}
            reason = case.find("skipped")
            if kinds & {"failure", "error"}:
                self.failed += 1
            elif reason is not None:
                self.skipped.append(reason.get("message", ""))
            else:
                self.passed += 1
            self.seconds[case.get("classname")] += float(case.get("time", 0))


STEPS = (
    Step(
        "style",
        "the code's style, and the spelling",
        [
            (*PYTHON, "ruff", "check", "."),
            (*PYTHON, "ruff", "format", "--check", "."),
            (*PYTHON, "codespell_lib"),
        ],
    ),
    Step(
        "pages",
        "Markdown, notebooks and the claims ledger agree",
        [
            (sys.executable, "tools/pages.py", "check"),
            (sys.executable, "tools/pages.py", "ledger", "--check"),
        ],
    ),
    Step(
        "tests",
        "the package and the tools",
        [(*PYTHON, "pytest", "-n", "2", "tests")],
        report=True,
    ),
    Step(
        "notebooks",
        "every page runs, and gives the outputs that are stored",
        [(*NBVAL, *TWO_AT_ONCE, "--pages=parallel", "book")],
        report=True,
    ),
    Step(
        "alone",
        "the pages that time something or start processes, one at a time",
        [(*NBVAL, "--pages=alone", "book")],
        report=True,
        may_be_empty=True,
    ),
    Step(
        "site",
        "the book builds without a warning, and without any framework",
        [(sys.executable, "tools/build.py", "--all")],
        without_frameworks=True,
    ),
    Step(
        "links",
        "links, anchors, assets, other hosts, alternative text",
        [(sys.executable, "tools/site_check.py", "_build/html")],
    ),
    Step(
        "browser",
        "the site in a real browser",
        [(sys.executable, "tools/browser_check.py", "_build/html")],
    ),
)


def without_frameworks(folder: Path) -> dict[str, str]:
    """An environment in which importing a framework fails."""
    for name in FRAMEWORKS:
        text = f"raise ImportError('the site is built without {name}')\n"
        folder.joinpath(f"{name}.py").write_text(text)
    return {**os.environ, "PYTHONPATH": str(folder)}


def execute(step: Step, counts: Counts, options: tuple = ()) -> bool:
    """Run the commands of a step. Returns whether all succeeded.

    options: words for pytest, added to its commands
    """
    report = ROOT / REPORTS / f"{step.name}.xml"
    report.unlink(missing_ok=True)
    if step.report:
        options = (*options, f"--junitxml={report}")
    with tempfile.TemporaryDirectory() as folder:
        blocked = step.without_frameworks
        environment = without_frameworks(Path(folder)) if blocked else None
        for command in step.commands:
            words = (*command, *options) if step.report else command
            code = subprocess.run(words, cwd=ROOT, env=environment).returncode
            if report.exists():
                counts.add(report)
            if code == NOTHING_COLLECTED and step.may_be_empty:
                print("There is none.", flush=True)
            elif code:
                return False
    return True


def leave_out(step: Step) -> str | None:
    """Why this step cannot run here, or None. In CI nothing is left out."""
    if (
        step.name == "browser"
        and chromium.find() is None
        and os.environ.get("CI") != "true"
    ):
        return "no Chromium here"
    return None


def summary(done: dict[str, float], left_out: list[str], counts: Counts) -> list[str]:
    """The closing lines, but for the last."""
    lines = [f"{name:12}{seconds:8.1f} s" for name, seconds in done.items()]
    lines.append(f"{'together':12}{sum(done.values()):8.1f} s")
    pages = {k: v for k, v in counts.seconds.items() if is_page(k)}
    for name in sorted(pages, key=pages.get, reverse=True):
        lines.append(f"    {page_name(name):40}{pages[name]:8.1f} s")
    if pages:
        for what, seconds in (
            (f"{len(pages)} pages, their cells:", sum(pages.values())),
            ("the median page:", statistics.median(pages.values())),
        ):
            lines.append(f"    {what:40}{seconds:8.1f} s")
    reasons = defaultdict(int)
    for reason in counts.skipped:
        reasons[reason] += 1
    lines += [f"Left out: {n} tests ({reason})." for reason, n in reasons.items()]
    return lines + [f"Left out: {reason}." for reason in left_out]


def is_page(classname: str) -> bool:
    """Whether a report's class name stands for a page of the book."""
    return classname.endswith(".ipynb")


def page_name(classname: str) -> str:
    """The page's path below book/."""
    stem = classname.removesuffix(".ipynb").removeprefix("book.")
    return stem.replace(".", "/")


def main(arguments: list[str]) -> int:
    """The command line. Returns the exit code."""
    options = ("-m", "not locked") if "--unlocked" in arguments else ()
    asked = set(arguments) - {"--unlocked"}
    if unknown := asked - {step.name for step in STEPS}:
        names = ", ".join(step.name for step in STEPS)
        print(f"No step {', '.join(sorted(unknown))}; there are: {names}")
        return 2
    ROOT.joinpath(REPORTS).mkdir(parents=True, exist_ok=True)
    waiting = [step for step in STEPS if not asked or step.name in asked]
    counts, done, left_out, failed = Counts(), {}, [], None
    while waiting and not failed:
        step = waiting.pop(0)
        print(f"\n=== {step.name}: {step.says}", flush=True)
        if reason := leave_out(step):
            left_out.append(f"{step.name} ({reason})")
            print(f"Left out: {reason}.", flush=True)
            continue
        start = time.perf_counter()
        failed = None if execute(step, counts, options) else step
        done[step.name] = time.perf_counter() - start
    print("\n=== summary")
    print("\n".join(summary(done, left_out, counts)))
    if failed:
        names = ", ".join(step.name for step in waiting) or "none"
        print(f"FAILED at {failed.name}; not run: {names}")
        print(f"Again, that step alone: .venv/bin/python tools/check.py {failed.name}")
        counts.failed = max(counts.failed, 1)
    print(f"{counts.passed} passed, {counts.failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
