"""nbval with the book's plugin: what it compares, what it fails, what it reports."""

import os
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.book.small_book import ROOT
from tools import check, nbval_plugin

SVG = (
    "from IPython.display import SVG, display\n"
    "display(SVG(\"<svg xmlns='http://www.w3.org/2000/svg'>\""
    " \"<path d='M 0 0'/></svg>\"))"
)


SURROUNDINGS = """\
import os, sys
env = os.environ
print(
    sys.executable == env["TEST_PYTHON"],
    env.get("PYTHONWARNINGS"),
    env["MPLBACKEND"].rpartition("_")[2],
    os.path.exists(env["LARGEMODELS_DATA"]),
)"""


def figure(path):
    """The output of the code in SVG, with another path."""
    text = f'<svg xmlns="http://www.w3.org/2000/svg"><path d="{path}"/></svg>'
    plain = "<IPython.core.display.SVG object>"
    data = {"image/svg+xml": text, "text/plain": plain}
    return new_output("display_data", data)


def printed(text):
    """What print puts out."""
    return new_output("stream", name="stdout", text=text)


# source of a cell, its stored outputs, whether it counts as run
GOOD = [
    ("print('same')", [printed("same\n")], True),
    (SVG, [figure("M 9 9")], True),  # another curve: present, not compared
    (SURROUNDINGS, [printed("True None inline False\n")], True),
]
BAD = [
    ("print('new')", [printed("old\n")], True),
    ("print('never run')", [], False),
    ("pass", [figure("M 0 0")], True),
    ("import warnings\nwarnings.warn('new')", [], True),
    ("print('fine')", [printed("fine\n")], True),
]


WRITES = {"PYTHONDONTWRITEBYTECODE"}  # compiled once, pytest starts faster


def add(root, name, cells, tags=()):
    """A notebook with these cells, the first tagged, and stored outputs."""
    code = [
        new_code_cell(s, outputs=outputs, execution_count=n if ran else None)
        for n, (s, outputs, ran) in enumerate(cells, 1)
    ]
    code[0].metadata["tags"] = list(tags)
    notebook = new_notebook(cells=code)
    path = root / "book" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """A project with a good page, a bad one, two that run alone, and built copies."""
    root = tmp_path_factory.mktemp("notebooks")
    shutil.copy(ROOT / "pyproject.toml", root)
    add(root, "part/good.ipynb", GOOD)
    add(root, "part/bad.ipynb", BAD)
    add(root, "part/timed.ipynb", GOOD[:1], tags=["timing"])
    add(root, "part/ranks.ipynb", GOOD[:1], tags=["hide-input", "processes"])
    add(root, "_build/html/copy.ipynb", BAD)
    add(root, "part/.ipynb_checkpoints/good.ipynb", BAD)
    return root


SANITIZE = "--nbval-sanitize-with="


def test_nbval_is_strict_and_two_pages_run_at_a_time():
    assert "--nbval" in check.NBVAL  # not --nbval-lax, which compares only on request
    assert not any("lax" in word for word in check.NBVAL)
    assert check.TWO_AT_ONCE[:4] == ("-n", "2", "--dist", "loadfile")
    parallel, alone = (
        next(step for step in check.STEPS if step.name == name)
        for name in ("notebooks", "alone")
    )
    assert parallel.commands == [
        (*check.NBVAL, *check.TWO_AT_ONCE, "--pages=parallel", "book")
    ]
    assert alone.commands == [(*check.NBVAL, "--pages=alone", "book")]


def nbval(root, *arguments):
    """Run nbval as `make test` does; return exit code and what it printed."""
    where = f"{SANITIZE}{ROOT / 'tests' / 'book' / 'sanitize.cfg'}"
    command = [where if w.startswith(SANITIZE) else w for w in check.NBVAL]
    variables = {
        "PYTHONPATH": str(ROOT),
        "TEST_PYTHON": sys.executable,
        "MPLBACKEND": "agg",
        "PYTHONWARNINGS": "default",
    }
    done = subprocess.run(
        [*command, "--color=no", *arguments, "book"],
        cwd=root,
        env={k: v for k, v in os.environ.items() if k not in WRITES} | variables,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_two_pages_side_by_side(notebooks):
    code, out = nbval(notebooks, "-n", "2", "--dist", "loadfile", "--pages=parallel")
    assert code == 1
    failed = re.findall(r"^FAILED (\S+ \d+)", out, re.MULTILINE)
    bad = "book/part/bad.ipynb::Cell"
    assert sorted(failed) == [f"{bad} 0", f"{bad} 1", f"{bad} 2", f"{bad} 3"]
    assert "4 passed" in out
    assert "bad.ipynb was never run: pages.py run" in out
    assert "timed" not in out
    assert "ranks" not in out
    assert "copy" not in out
    assert re.search(r"pages: 2, \d+ s in all, slowest book/part/\w+.ipynb with", out)


def test_pages_that_run_alone_and_too_slowly(notebooks):
    code, out = nbval(notebooks, "--pages=alone", "--page-seconds=0.01")
    assert "2 passed" in out
    assert code == 1
    assert "TOO SLOW: book/part/timed.ipynb took" in out


def test_sum_of_all_pages_is_limited():
    option = SimpleNamespace(page_seconds=60, pages_seconds=100, pages="all")
    clock = nbval_plugin.Clock(SimpleNamespace(option=option))
    for page in ("a", "b"):
        for part in ("Cell 0", "Cell 1"):
            report = SimpleNamespace(nodeid=f"{page}.ipynb::{part}", duration=25.0)
            clock.pytest_runtest_logreport(report)
    assert clock.complaints() == []
    clock.pytest_runtest_logreport(SimpleNamespace(nodeid="c.ipynb::0", duration=1.0))
    assert clock.complaints() == ["all pages took 101 s; together they may take 100 s"]


@pytest.mark.parametrize(("pages", "left"), [("alone", 0), ("parallel", 5)])
def test_no_page_that_runs_alone_is_no_failure(pages, left):
    option = SimpleNamespace(page_seconds=60, pages_seconds=100, pages=pages)
    clock = nbval_plugin.Clock(SimpleNamespace(option=option))
    session = SimpleNamespace(exitstatus=pytest.ExitCode.NO_TESTS_COLLECTED)
    clock.pytest_sessionfinish(session)
    assert session.exitstatus == left


@pytest.mark.parametrize("dist", ["load", "worksteal", "each"])
def test_cells_of_one_page_are_never_spread_over_workers(dist):
    option = SimpleNamespace(nbval=True)
    config = SimpleNamespace(option=option, getoption=lambda name, default: dist)
    with pytest.raises(pytest.UsageError, match="--dist loadfile"):
        nbval_plugin.pytest_configure(config)
