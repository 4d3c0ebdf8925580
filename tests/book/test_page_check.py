"""`pages.py check` finds every kind of drift: each is planted, and must be named."""

import json
import re

import pytest

from tests.book.small_book import FRONT, SETUP, edit, make_book, tool
from tools.pagetool import outputs, prose
from tools.pagetool.book import Book


def cell(content, count):
    """The code cell with an execution count."""
    code = [c for c in content["cells"] if c["cell_type"] == "code"]
    return code[count - 1]


def words(content, text):
    """The prose cell that holds a text."""
    return next(c for c in content["cells"] if text in "".join(c["source"]))


def set_stream(content, text, name="stdout"):
    """Let the third code cell print something else."""
    cell(content, 3)["outputs"][0].update(text=[text], name=name)


CELL = "```{code-cell} ipython3\n:tags: "
NUMPY = "[{}]\n# NumPy\nx = 1\n```\n\n"
# Faults in the Markdown: what is replaced by what, and what check must say.
PROSE = {
    "prose changed": ("Prose, and", "Other prose, and", r"one\.md has changed since"),
    "code changed": ("print(word)", "print(word, 1)", r"one\.md has changed since"),
    "no setup tag": (":tags: [setup]\n", "", "must carry the tag setup"),
    "two setup tags": ("[tab-tf]", "[tab-tf, setup]", "must carry the tag setup"),
    "setup cell edited": ("begin()\n", "begin(1)\n", "setup cell of one.md is not"),
    "backtick directive": (
        "Prose, and",
        "```{note}\nHello\n```\n\nProse, and",
        r"line 11: write :::\{note\} with colons",
    ),
    "tilde directive": (
        "Prose, and",
        "~~~{note}\nHello\n~~~\n\nProse, and",
        r"write :::\{note\} with colons",
    ),
    "cell too long": (
        "    print(word)",
        "    print(word)\n" + "x = 1\n" * 24,
        "code cell 3: 26 lines, at most 25",
    ),
    "line too wide": (
        "    print(word)",
        "    print(word)" + " " * 60 + "# hello, world",
        "code cell 3, line 2: 89 characters, at most 88",
    ),
    "empty cell": (
        "Three times",
        "```{code-cell} ipython3\n```\n\nThree times",
        "code cell 6: is empty",
    ),
    "nbval tag": ("[tab-tf]", "[tab-tf, nbval-skip]", "code cell 8: nbval tags"),
    "nbval comment": (
        "x = 3",
        "x = 3  # NBVAL_IGNORE_OUTPUT",
        "code cell 8: nbval tags",
    ),
    "unknown citation": (
        "known2020",
        "known2020, unknown",
        r"\{cite\} unknown: not in",
    ),
    "picture without text": ("![A small square]", "![ ]", "image without alternative"),
    "figure without text": (
        "Prose, and",
        ":::{figure} square.svg\n:width: 3em\n\nSquare\n:::\n\nProse, and",
        "line 11: figure without :alt:",
    ),
    "tab missing": (
        ":tags: [tab-tf]",
        ":tags: [hide-input]",
        "code cell 6: a tab group",
    ),
    "tab out of order": (
        NUMPY.format("tab-scratch") + CELL + "[tab-pytorch]",
        NUMPY.format("tab-pytorch") + CELL + "[tab-scratch]",
        "here stand tab-pytorch, tab-scratch, tab-tf",
    ),
    "tab interrupted": (
        "x = 1\n```\n",
        "x = 1\n```\n\nWords between.\n",
        "here stand tab-scratch, no tab, tab-pytorch",
    ),
    "tab unknown": (
        "[tab-pytorch]",
        "[tab-torch]",
        "here stand tab-scratch, tab-torch",
    ),
    "tab without name": (
        "# TensorFlow\n",
        "",
        "code cell 8: tab-tf begins with # Tensor",
    ),
    "exercise without solution": (
        "## Solutions",
        ":::{exercise} More\n:label: ex-one-more\nMore.\n:::\n\n## Solutions",
        r"exercise ex-one-more: 1 exercise\(s\), 0 solution\(s\)",
    ),
    "solution without exercise": (
        "{solution} ex-one-add",
        "{solution} ex-one-ad",
        r"exercise ex-one-ad: 0 exercise\(s\), 1 solution\(s\)",
    ),
    "exercise without label": (
        ":label: ex-one-add\n",
        "",
        "an exercise without :label:",
    ),
    "solution too early": (
        "Prose, and",
        ":::{solution} ex-one-add\nTwo.\n:::\n\nProse, and",
        "line 11: a solution before ## Solutions",
    ),
    "exercise too late": (
        "## Solutions\n",
        "## Solutions\n\n:::{exercise} Add\n:label: ex-one-late\nNow?\n:::\n",
        "an exercise after ## Solutions",
    ),
    "no heading of solutions": ("## Solutions", "## Answers", "under one ## Solutions"),
    "solution not closed": (
        ":::{solution} ex-one-add",
        ":::{solution-start} ex-one-add",
        "1 solution-start, but 0 solution-end",
    ),
}


@pytest.mark.parametrize("fault", PROSE)
def test_fault_in_the_markdown_is_found(book, markdown, capsys, fault):
    old, new, message = PROSE[fault]
    edit(markdown, old, new)
    assert tool(book, "check") == 1
    assert re.search(message, capsys.readouterr().out)


# Faults in the notebook: what is done to it, and what check must say.
NOTEBOOK = {
    "prose edited": (
        lambda nb: nb["cells"][0]["source"].append(" edited"),
        "cells of one.ipynb were edited in Jupyter",
    ),
    "cell deleted": (lambda nb: nb["cells"].pop(), "were edited in Jupyter"),
    "output edited": (
        lambda nb: set_stream(nb, "three"),
        "outputs of one.ipynb are not those of its run",
    ),
    "not run": (
        lambda nb: cell(nb, 9).update(execution_count=None, outputs=[]),
        "outputs of one.ipynb are not those of its run",
    ),
    "kernel changed": (
        lambda nb: nb["metadata"]["kernelspec"].update(name="other"),
        "one.ipynb is not as the page tool writes it",
    ),
    "setup cell edited": (
        lambda nb: cell(nb, 1).update(source=["begin()"]),
        "setup cell of one.ipynb is not the canonical text",
    ),
    "unexpected error": (
        lambda nb: cell(nb, 9)["metadata"].update(tags=[]),
        "code cell 9: JSONDecodeError without the tag raises-exception",
    ),
    "error that stayed away": (
        lambda nb: cell(nb, 9).update(outputs=[]),
        "code cell 9: tagged raises-exception, and raises none",
    ),
    "stderr": (
        lambda nb: set_stream(nb, "a warning\n", "stderr"),
        "code cell 3: writes to stderr: a warning",
    ),
    "no alternative text": (
        lambda nb: cell(nb, 4)["metadata"].clear(),
        "code cell 4: an image without mystnb.image.alt",
    ),
    "file name for a text": (
        lambda nb: cell(nb, 4)["metadata"]["mystnb"]["image"].update(
            alt="a/b/line.svg"
        ),
        "code cell 4: the alternative text is a file name",
    ),
    "a text of one word": (
        lambda nb: cell(nb, 4)["metadata"]["mystnb"]["image"].update(alt="figure"),
        "code cell 4: alternative text says what is seen",
    ),
    "two images": (
        lambda nb: cell(nb, 4)["outputs"].append(cell(nb, 4)["outputs"][0]),
        "code cell 4: 2 images share one alternative text",
    ),
    "text without image": (
        lambda nb: cell(nb, 4)["outputs"].clear(),
        "code cell 4: has alternative text but shows no image",
    ),
    "no target": (
        lambda nb: words(nb, "(claim-").update(source=["Two is more.\n"]),
        "code cell 5: the last Markdown cell before it wants the line",
    ),
    "target before nothing": (
        lambda nb: words(nb, "(claim-").update(source=["(claim-two-is-more)="]),
        "code cell 5: the last Markdown cell before it wants the line",
    ),
    "claim twice": (
        lambda nb: cell(nb, 5)["outputs"].append(cell(nb, 5)["outputs"][0]),
        "code cell 5: a second claim named two-is-more",
    ),
    "too big": (
        lambda nb: set_stream(nb, "x" * 1_000_000),
        r"one.ipynb has 1\.\d\d MB, at most 1",
    ),
}


@pytest.mark.parametrize("fault", NOTEBOOK)
def test_fault_in_the_notebook_is_found(book, notebook, capsys, fault):
    plant, message = NOTEBOOK[fault]
    content = json.loads(notebook.read_text("utf-8"))
    plant(content)
    notebook.write_text(json.dumps(content), "utf-8")
    assert tool(book, "check") == 1
    assert re.search(message, capsys.readouterr().out)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<object object at 0x7f8a1c0b2d30>", "the address of an object"),
        ("<torch.Generator 0x7f8a1c0b2d30>", "the address of an object"),
        ("saved to /home/ann/model.bin", "an absolute path"),
        ("File /usr/lib/python3/x.py", "an absolute path"),
        ("C:\\Users\\ann", "an absolute path"),
        ("~/.cache/x", "an absolute path"),
        ("lib/site-packages/torch/nn", "an absolute path"),
        ("at 12:34:56 it ended", "a clock time"),
        ("2026-01-02T03:04", "a clock time"),
        ("Wall time: 3 s", "a clock time"),
        ("24ms/step", "a clock time"),
        ("10.1it/s", "a clock time"),
        ("<dc:date>2026</dc:date>", "a clock time"),
    ],
)
def test_what_differs_between_machines_is_found(book, notebook, capsys, text, what):
    content = json.loads(notebook.read_text("utf-8"))
    set_stream(content, text)
    notebook.write_text(json.dumps(content), "utf-8")
    assert tool(book, "check") == 1
    assert f"code cell 3: stdout holds {what}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        *("0x3f800000", "tokens/s", "a ratio of 1:2:3", "12:34", "and/or/work/that"),
        *("3.2 s for 10 steps", "https://example.org/home/x", "x ~ 1/2", "</var></p>"),
    ],
)
def test_what_is_the_same_on_every_machine_passes(text):
    assert not [w for w, pattern in outputs.SUSPECTS.items() if pattern.search(text)]


# Between the pages


def test_notebook_that_is_missing_is_found(book, notebook, capsys):
    notebook.unlink()
    assert tool(book, "check") == 1
    assert "there is no one.ipynb: run the page" in capsys.readouterr().out


def test_notebook_that_never_ran_is_found(tmp_path, capsys):
    make_book(tmp_path, FRONT + "# One\n\n" + SETUP)
    assert tool(tmp_path, "sync") == 0
    assert tool(tmp_path, "check") == 1
    assert "the cells of one.ipynb have not run from 1 to 1" in capsys.readouterr().out


def test_notebook_without_a_page_is_found(book, notebook, capsys):
    notebook.with_name("stray.ipynb").write_bytes(notebook.read_bytes())
    assert tool(book, "check") == 1
    assert "stray.ipynb: a notebook without a Markdown" in capsys.readouterr().out


def test_page_that_is_not_in_the_contents_is_found(book, capsys):
    (book / "_toc.yml").write_text("root: book/index\nchapters: []\n", "utf-8")
    assert tool(book, "check") == 1
    assert "book/part/one.md: is not in _toc.yml" in capsys.readouterr().out


def test_unknown_citation_on_a_plain_page_is_found(book, capsys):
    (book / "book" / "index.md").write_text("# Front\n\n{cite:t}`nobody`\n", "utf-8")
    assert tool(book, "check") == 1
    assert "book/index.md: line 3: {cite} nobody" in capsys.readouterr().out


def test_stale_ledger_is_found(book, capsys):
    edit(book / "book" / "back" / "claims.md", "**1 claim**", "**2 claims**")
    assert tool(book, "check") == 1
    assert "claims.md is not what the notebooks say" in capsys.readouterr().out


# What looks like a fault and is none


def test_directives_shown_as_examples_are_no_directives():
    text = "````md\n```{note}\nHello {cite}`nobody`\n```\n````\n\n``{cite}`x` ``\n"
    lines = prose.lines_of(text)
    assert not list(prose.fences(lines))
    assert not list(prose.citations(lines, set()))


def test_inline_code_with_backticks_opens_no_fence():
    lines = prose.lines_of("``` a `` b ``` c\n\n```{note}\n```\n")
    assert len(list(prose.fences(lines))) == 1


def test_bibliography_knows_entries_and_no_comments(tmp_path):
    make_book(tmp_path)
    file = tmp_path / "book" / "references.bib"
    file.write_text("@comment{a,}\n@article{ b2020,\n x={@misc{c,}}}\n@Book{d,}\n")
    assert prose.bibliography(Book(tmp_path)) == {"b2020", "d"}
