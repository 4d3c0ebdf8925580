"""The page tool on small books of its own: what it writes, keeps, and refuses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.book.small_book import (
    CONFIG,
    FRONT,
    ROOT,
    SETUP,
    counts,
    edit,
    make_book,
    tool,
)
from tools.pagetool import book as book_module
from tools.pagetool import kernel
from tools.pagetool.book import Book
from tools.pagetool.notebook import dump, load

# what is written


def test_page_that_ran_passes_check(book, capsys):
    assert tool(book, "check") == 0
    assert "1 page(s), no problem(s)" in capsys.readouterr().out


def test_setup_cell_is_written_into_both(markdown, notebook):
    line = "%pip install -q --no-deps git+https://example.org/first/book"
    assert f"    {line}\n" in markdown.read_text("utf-8")
    assert line in notebook.read_text("utf-8")
    assert markdown.read_text("utf-8").count("begin()") == 1


def test_notebook_is_written_in_one_way(notebook):
    text = notebook.read_text("utf-8")
    content = json.loads(text)
    wanted = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    assert text == wanted
    assert set(content["metadata"]) == {"kernelspec", "language_info", "largemodels"}
    assert counts(notebook) == list(range(1, 10))
    assert all("execution" not in cell["metadata"] for cell in content["cells"])
    ids = [cell["id"] for cell in content["cells"]]
    assert len(set(ids)) == len(ids)


def test_traceback_is_short_and_the_same_everywhere(notebook):
    error = load(notebook).cells[-2].outputs[0]
    assert error.ename == "JSONDecodeError"
    text = "\n".join(error.traceback)
    assert "----> 2 json.loads" in text
    assert "decoder.py" not in text
    assert "\x1b" not in text


def test_second_run_gives_the_same_bytes(book, notebook, capsys):
    before = notebook.read_bytes()
    assert b"image/svg+xml" in before
    assert tool(book, "run", "--all") == 0
    assert notebook.read_bytes() == before
    assert "running (asked for)" in capsys.readouterr().out


@pytest.mark.parametrize("name", kernel.FOREIGN)
def test_settings_of_the_shell_do_not_reach_the_page(monkeypatch, name):
    monkeypatch.setenv(name, "foreign")
    monkeypatch.setenv("KEPT", "as it is")
    with kernel.environment() as variables:
        assert variables.get(name) != "foreign"
        assert variables["KEPT"] == "as it is"
        for folder in ("IPYTHONDIR", "LARGEMODELS_DATA"):
            assert not Path(variables[folder]).exists()
            assert Path(variables[folder]).parent.is_dir()
    assert not Path(variables["IPYTHONDIR"]).parent.exists()


# what stays, and what runs again


def test_unchanged_page_does_not_run(book, notebook, capsys):
    before = notebook.stat().st_mtime_ns
    assert tool(book, "run") == 0
    assert "part/one: up to date" in capsys.readouterr().out
    assert notebook.stat().st_mtime_ns == before


def test_prose_alternative_text_and_tags_change_without_a_run(
    book, markdown, notebook, capsys
):
    edit(markdown, "Prose, and", "Better prose, and")
    edit(markdown, "A straight line", "A line")
    assert tool(book, "run") == 0
    assert "up to date" in capsys.readouterr().out
    assert counts(notebook) == list(range(1, 10))
    assert "Better prose" in notebook.read_text("utf-8")
    assert tool(book, "check") == 0


def test_changed_code_loses_its_outputs_and_those_after_it(book, markdown, notebook):
    edit(markdown, "    print(word)", "    print(word, word)")
    assert tool(book, "sync") == 0
    assert counts(notebook) == [1, 2] + [None] * 7
    outputs = [cell.get("outputs") for cell in load(notebook).cells]
    assert not any(outputs[5:])


def test_deleted_cell_marks_what_follows_as_not_run(book, markdown, notebook):
    edit(markdown, ":tags: [tab-scratch]\n# NumPy\nx = 1\n", "y = 1\n")
    assert tool(book, "sync") == 0
    assert counts(notebook) == [1, 2, 3, 4, 5, None, None, None, None]


def test_only_the_changed_page_runs(book, markdown, notebook, capsys):
    second = markdown.with_name("two.md")
    second.write_text(FRONT + "# Two\n\n" + SETUP, "utf-8")
    before = notebook.stat().st_mtime_ns
    assert tool(book, "run", "--jobs", "2") == 0
    out = capsys.readouterr().out
    assert "part/one: up to date" in out
    assert "part/two: running (not run yet)" in out
    assert notebook.stat().st_mtime_ns == before
    assert counts(second.with_suffix(".ipynb")) == [1]


def test_changed_package_makes_its_pages_run(tmp_path, capsys):
    page = (
        FRONT
        + "# Uses the package\n\n```{code-cell} ipython3\n:tags: [setup]\n"
        + 'import sys\nsys.path.insert(0, "../../code")\nimport largemodels.used\n'
        + "print(largemodels.used.VALUE)\n```\n"
    )
    path = make_book(tmp_path, page)
    (tmp_path / "_config.yml").unlink()  # so that the setup cell stays as it is
    package = tmp_path / "code" / "largemodels"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "used.py").write_text("VALUE = 1\n")
    (package / "unused.py").write_text("")
    assert tool(tmp_path, "run") == 0
    (package / "unused.py").write_text("VALUE = 3\n")
    capsys.readouterr()
    assert tool(tmp_path, "run") == 0
    assert "up to date" in capsys.readouterr().out
    (package / "used.py").write_text("VALUE = 22\n")
    assert tool(tmp_path, "check") == 0
    assert "has not run since largemodels/used.py changed" in capsys.readouterr().out
    assert tool(tmp_path, "run") == 0
    assert "(largemodels/used.py changed)" in capsys.readouterr().out
    assert '"22\\n"' in path.with_suffix(".ipynb").read_text("utf-8")


# a run that does not end well


def test_failing_cell_leaves_the_old_notebook(book, markdown, notebook, capsys):
    before = notebook.read_bytes()
    edit(markdown, "    print(word)", "    print(wrod)")
    assert tool(book, "run") == 1
    out = capsys.readouterr().out
    assert notebook.read_bytes() == before
    line = markdown.read_text("utf-8").split("\n").index("    print(wrod)")
    assert f"FAILED at one.md:{line}, code cell 3" in out
    assert "  |     print(wrod)" in out
    assert "NameError: name 'wrod' is not defined" in out
    assert "\x1b" not in out


def test_missing_exception_is_a_failure(book, markdown, notebook, capsys):
    before = notebook.read_bytes()
    edit(markdown, 'json.loads("x")', 'json.loads("1")')
    assert tool(book, "run") == 1
    assert "is tagged raises-exception, and raised none" in capsys.readouterr().out
    assert notebook.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_leaves_the_old_notebook(book, markdown, notebook, number):
    before = notebook.read_bytes()
    edit(
        markdown,
        "    print(word)",
        '    import os, time\n    open("pid", "w").write(f"{os.getpid()}\\n")\n'
        "    time.sleep(100)",
    )
    command = [sys.executable, ROOT / "tools" / "pages.py", "--root", book, "run"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        # a shell that starts the tests in the background has them ignore SIGINT
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    note = markdown.with_name("pid")  # the kernel's
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text("utf-8").endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130, out
    assert "interrupted" in out
    assert notebook.read_bytes() == before
    pid = int(note.read_text("utf-8"))
    assert not Path(f"/proc/{pid}").exists() or not Path("/proc").exists()
    assert sorted(p.name for p in markdown.parent.iterdir()) == [
        *("one.ipynb", "one.md", "pid")
    ]


def test_write_that_breaks_off_leaves_the_old_file(notebook, monkeypatch):
    before = notebook.read_bytes()

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OSError, match="no space"):
        book_module.write(notebook, "half")
    assert notebook.read_bytes() == before
    assert not list(notebook.parent.glob(".one*"))


# the repository's address


def test_address_is_printed(book, capsys):
    assert tool(book, "repository") == 0
    assert capsys.readouterr().out == "https://example.org/first/book\n"


def test_address_is_set_everywhere_and_outputs_stay(book, markdown, notebook):
    assert tool(book, "repository", "https://example.org/second/fork/") == 0
    config = (book / "_config.yml").read_text("utf-8")
    assert config == CONFIG.replace("first/book", "second/fork")
    for path in (markdown, notebook):
        text = path.read_text("utf-8")
        assert "git+https://example.org/second/fork" in text
        assert "first/book" not in text
    assert counts(notebook) == list(range(1, 10))
    assert tool(book, "check") == 0


@pytest.mark.parametrize("address", ["nonsense", "https://a.b/c d", "file:///x"])
def test_address_that_is_none_is_refused(book, address, capsys):
    before = (book / "_config.yml").read_bytes()
    assert tool(book, "repository", address) == 1
    assert "an address is like" in capsys.readouterr().err
    assert (book / "_config.yml").read_bytes() == before


def test_address_is_set_nowhere_where_a_setup_cell_was_edited(book, markdown, capsys):
    edit(markdown, "begin()\n", "begin()\nmine = 1\n")
    files = (book / "_config.yml"), markdown
    before = [file.read_bytes() for file in files]
    assert tool(book, "repository", "https://example.org/second/fork") == 1
    assert "the setup cell of one.md has been edited" in capsys.readouterr().err
    assert [file.read_bytes() for file in files] == before


# which pages


def test_pages_are_named_by_either_file_or_by_folder(book, markdown, notebook):
    for name in (markdown, notebook, markdown.parent):
        found = Book(book).named([str(name)])
        assert [page.name for page in found] == ["part/one"]


def test_what_is_no_page_is_refused(book, capsys):
    plain = book / "book" / "index.md"
    plain.write_text("# Front page\n", "utf-8")
    assert tool(book, "run", plain) == 1
    assert "not a page" in capsys.readouterr().err
    assert tool(book, "run", book / "book" / "absent.md") == 1
    assert "there is no absent.md" in capsys.readouterr().err


def test_carriage_returns_are_refused(book, markdown, capsys):
    markdown.write_bytes(markdown.read_bytes().replace(b"\n", b"\r\n"))
    assert tool(book, "sync", markdown) == 1
    assert "line end" in capsys.readouterr().out
    markdown.write_bytes(markdown.read_bytes().replace(b"\r\n", b"\n") + b"a\fb\n")
    assert tool(book, "sync") == 1
    assert "line end" in capsys.readouterr().out


def test_broken_notebook_is_made_anew(book, notebook, capsys):
    notebook.write_text("<<<<<<< a merge conflict\n", "utf-8")
    assert tool(book, "check") == 1
    assert "not a readable notebook" in capsys.readouterr().out
    assert tool(book, "sync") == 0
    assert counts(notebook) == [None] * 9


def test_dump_and_load_agree(notebook):
    assert dump(load(notebook)) == notebook.read_text("utf-8")
