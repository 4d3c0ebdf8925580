"""`pages.py pull`: edits made in Jupyter come into the Markdown, none is lost."""

import json
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from tests.book.small_book import FRONT, PAGE, counts, edit, tool
from tools.pagetool.book import parse
from tools.pagetool.markdown import joined, pieces
from tools.pagetool.notebook import identity
from tools.pagetool.pull import merge

NUMBERS = count()
LOOP = 'for word in ("one", "three"):\n    print(word)'


def as_jupyter(path, change):
    """Save the notebook as Jupyter does after a change: its own layout and noise."""
    content = json.loads(path.read_text("utf-8"))
    change(content["cells"])
    content["metadata"]["kernelspec"]["display_name"] = "Python 3 (ipykernel)"
    content["metadata"]["language_info"]["version"] = "3.11.7"
    for cell in content["cells"]:
        cell["metadata"]["editable"] = True
        cell["metadata"].setdefault("slideshow", {"slide_type": ""})
        if cell["cell_type"] == "code":
            cell["metadata"]["jupyter"] = {"outputs_hidden": False}
    path.write_text(json.dumps(content, indent=2), "utf-8")


def sources(cells, kind):
    """The sources of the cells of one kind."""
    return [cell.source for cell in cells if cell.cell_type == kind]


def new(kind, source, **metadata):
    """A cell as Jupyter makes it."""
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {
        "cell_type": kind,
        "id": f"new-{next(NUMBERS)}",
        "metadata": metadata,
        "source": source,
        **extra,
    }


def find(cells, text):
    """The cell whose source holds the text."""
    return next(cell for cell in cells if text in "".join(cell["source"]))


def test_nothing_edited_changes_nothing(book, markdown, notebook, capsys):
    before = markdown.read_bytes(), notebook.read_bytes()
    as_jupyter(notebook, lambda cells: None)
    assert tool(book, "pull") == 0
    assert "nothing to pull" in capsys.readouterr().out
    assert markdown.read_bytes() == before[0]
    assert tool(book, "sync") == 0
    assert notebook.read_bytes() == before[1]


def test_prose_comes_back_and_the_outputs_stay(book, markdown, notebook):
    text = markdown.read_text("utf-8")

    def change(cells):
        find(cells, "Prose, and")["source"] = "# One page\n\nNew prose.\n\n"

    as_jupyter(notebook, change)
    assert tool(book, "pull") == 0
    old = "Prose, and a source {cite}`known2020`."
    assert markdown.read_text("utf-8") == text.replace(old, "New prose.")
    assert counts(notebook) == list(range(1, 10))
    assert tool(book, "check") == 0


def test_every_kind_of_edit_comes_back_at_once(book, markdown, notebook):
    def change(cells):
        find(cells, "print(word)")["source"] = LOOP + "\n"
        find(cells, "# NumPy")["metadata"]["tags"].append("hide-output")
        cells.remove(find(cells, "What goes wrong"))
        moved = find(cells, "# TensorFlow")
        cells.remove(moved)
        cells.insert(4, moved)
        cells.append(
            new("code", "new = 1", tags=["timing"], mystnb={"a": {"b": "c: d"}})
        )
        cells.insert(
            1, new("markdown", "Added prose.", slideshow={"slide_type": "slide"})
        )
        cells.append(new("markdown", "## At the end"))
        cells.append(new("raw", "raw text"))

    as_jupyter(notebook, change)
    wanted = json.loads(notebook.read_text("utf-8"))["cells"]
    assert tool(book, "pull") == 0
    text = markdown.read_text("utf-8")
    got = parse(text, "one").cells
    assert [cell.cell_type for cell in got] == [cell["cell_type"] for cell in wanted]
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.source.strip() == "".join(theirs["source"]).strip()
        assert ours.metadata.get("tags") == theirs["metadata"].get("tags")
    assert got[-3].metadata == {"tags": ["timing"], "mystnb": {"a": {"b": "c: d"}}}
    assert got[1].metadata == {"slideshow": {"slide_type": "slide"}}
    assert text.startswith(FRONT)
    # What was not edited stands there byte for byte, with its odd layout.
    assert ":tags:   [ hide-input ]\n\n" + LOOP + "\n```" in text
    assert '---\nmystnb:\n  image:\n    alt: "A straight line' in text
    assert "```\n\n\n(claim-two-is-more)=\n" in text
    assert ":tags: [raises-exception]\nimport json" in text
    assert counts(notebook) == [None] * len(counts(notebook))
    assert tool(book, "pull") == 0  # a second time there is nothing to pull
    assert markdown.read_text("utf-8") == text


def test_cell_that_is_written_anew_keeps_its_options(book, markdown, notebook):
    text = markdown.read_text("utf-8")
    as_jupyter(
        notebook, lambda cells: find(cells, "print(word)").update(source="y = 1")
    )
    assert tool(book, "pull") == 0
    old = 'for word in ("one", "two"):\n    print(word)'
    assert markdown.read_text("utf-8") == text.replace(old, "y = 1")


def test_edit_of_the_setup_cell_is_refused_and_kept(book, markdown, notebook, capsys):
    text = markdown.read_text("utf-8")
    as_jupyter(notebook, lambda cells: find(cells, "begin()").update(source="x"))
    edited = notebook.read_bytes()
    for command in ("pull", "sync", "run"):
        assert tool(book, command) == 1
        captured = capsys.readouterr()
        said = captured.out + captured.err
        assert "the setup cell of one.ipynb has been edited" in said
        assert (markdown.read_text("utf-8"), notebook.read_bytes()) == (text, edited)
    assert tool(book, "sync", "--discard") == 0
    assert "begin()" in notebook.read_text("utf-8")
    assert markdown.read_text("utf-8") == text
    assert counts(notebook) == [None] * 9  # the outputs are no longer those of a run


def test_edit_of_the_markdown_setup_cell_is_refused(book, markdown, notebook, capsys):
    edit(markdown, "begin()\n", "begin()\nmine = 1\n")
    text, made = markdown.read_text("utf-8"), notebook.read_bytes()
    assert tool(book, "sync") == 1
    assert "the setup cell of one.md has been edited" in capsys.readouterr().out
    assert (markdown.read_text("utf-8"), notebook.read_bytes()) == (text, made)
    assert tool(book, "sync", "--discard") == 0
    assert "mine = 1" not in markdown.read_text("utf-8")


def test_outputs_made_in_jupyter_are_not_kept(book, notebook, capsys):
    def change(cells):
        find(cells, "Prose, and")["source"] = "# One page\n"
        find(cells, "print(word)")["outputs"][0]["text"] = ["by hand\n"]

    as_jupyter(notebook, change)
    assert tool(book, "pull") == 0
    assert "by hand" not in notebook.read_text("utf-8")
    assert counts(notebook) == [None] * 9


def test_both_changed_is_refused(book, markdown, notebook, capsys):
    edit(markdown, "Prose, and", "Edited in the Markdown, and")
    as_jupyter(notebook, lambda cells: find(cells, "Prose").update(source="# Other"))
    before = markdown.read_bytes(), notebook.read_bytes()
    assert tool(book, "pull") == 1
    said = capsys.readouterr().err
    assert "both one.md and one.ipynb have changed" in said
    assert (markdown.read_bytes(), notebook.read_bytes()) == before


@pytest.mark.parametrize("command", ["sync", "run"])
def test_edits_in_jupyter_are_not_overwritten(book, notebook, capsys, command):
    as_jupyter(notebook, lambda cells: find(cells, "Prose").update(source="# Other"))
    before = notebook.read_bytes()
    assert tool(book, command) == 1
    assert "one.ipynb has been edited in Jupyter" in capsys.readouterr().out
    assert notebook.read_bytes() == before
    assert tool(book, "sync", "--discard") == 0
    assert "# Other" not in notebook.read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda cells: cells.append(new("markdown", "a\n\n+++\n\nb")), "cannot say"),
        (
            lambda cells: cells.append(
                new("markdown", "```{code-cell} ipython3\nx\n```\n\nafter")
            ),
            "cannot say",
        ),
        (
            lambda cells: cells[0].update(attachments={"a.png": {"image/png": ""}}),
            "attached image",
        ),
        (
            lambda cells: cells.remove(find(cells, "begin()")),
            "must carry the tag setup",
        ),
    ],
)
def test_what_markdown_cannot_say_is_refused(
    book, markdown, notebook, capsys, change, message
):
    as_jupyter(notebook, lambda cells: find(cells, "What goes").update(source="Then:"))
    as_jupyter(notebook, change)
    before = markdown.read_bytes(), notebook.read_bytes()
    assert tool(book, "pull") == 1
    assert message in capsys.readouterr().err
    assert (markdown.read_bytes(), notebook.read_bytes()) == before


def test_notebook_of_unknown_origin_is_refused(book, notebook, capsys):
    content = json.loads(notebook.read_text("utf-8"))
    del content["metadata"]["largemodels"]
    notebook.write_text(json.dumps(content), "utf-8")
    assert tool(book, "pull") == 1
    assert "does not say which Markdown" in capsys.readouterr().err


def test_one_refusal_keeps_all_pages_as_they_are(book, markdown, notebook, capsys):
    other = markdown.with_name("two.md")
    other.write_bytes(markdown.read_bytes())
    other.with_suffix(".ipynb").write_bytes(notebook.read_bytes())
    as_jupyter(notebook, lambda cells: find(cells, "Prose").update(source="# Other"))
    as_jupyter(other.with_suffix(".ipynb"), lambda cells: cells.pop(1))
    before = markdown.read_bytes()
    assert tool(book, "pull") == 1
    assert markdown.read_bytes() == before


# The text is cut into pieces and put together again

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # shrinking takes minutes
WORDS = st.sampled_from(
    [
        *("one", "two\nlines", "$$\nx\n$$ (eq:x)", "- a\n- b", "| a |\n|---|\n| b |"),
        *(
            "> quoted",
            ":::{note}\nHello\n:::",
            "```python\nx\n```",
            "# Heading",
            "é – ∑",
        ),
    ]
)
PROSE = st.lists(WORDS, min_size=1, max_size=3).map("\n\n".join)
CODE = st.sampled_from(
    [
        *(
            "x = 1",
            "",
            "\nx = 1",
            "x = 1\n",
            ":a",
            "---\nx",
            "# c\n\n\ny = 2",
            "%pip list",
        ),
        *(
            '"""\n```\n"""',
            '"""\n````{note}\n"""',
            "print('é')  ",
            "\n\nx",
            "x = 1\n\n",
        ),
    ]
)
METADATA = st.sampled_from(
    [
        *({}, {"tags": ["a", "b-c"]}, {"mystnb": {"image": {"alt": "x: 'y' \"z\" #"}}}),
        *({"tags": ["a"], "name": "Größe: 1"}, {"note": "a\nb\n"}, {"1": 2, "a": None}),
    ]
)


@st.composite
def cells(draw, most=6):
    """Cells as a notebook may hold them."""
    found = []
    for _ in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(["markdown", "code", "code", "raw"]))
        source = draw(PROSE if kind == "markdown" else CODE)
        found.append(
            NotebookNode(cell_type=kind, source=source, metadata=draw(METADATA))
        )
    return [*found, NotebookNode(cell_type="code", source="end", metadata={})]


def keys(some):
    """The cells as they are compared."""
    return [identity(cell) for cell in some]


@settings(
    deadline=None,
    max_examples=60,
    phases=QUICK,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(first=cells(), second=cells(), choice=st.randoms(use_true_random=False))
def test_any_edit_of_any_page_comes_back(first, second, choice):
    text = merge(FRONT, first)
    assert keys(parse(text, "page").cells) == keys(first)
    mixed = choice.sample(first + second, choice.randint(1, len(first + second)))
    mixed.append(NotebookNode(cell_type="code", source="last", metadata={}))
    edited = merge(text, mixed)
    assert keys(parse(edited, "page").cells) == keys(mixed)
    assert edited.startswith(FRONT)


@settings(deadline=None, max_examples=100, phases=QUICK)
@given(
    before=st.sampled_from(["", "\n", "\n\n\n", "\n+++\n\n", '\n+++ {"a": 1}\n\n']),
    after=st.sampled_from(["", "\n", "\n\n", "\n+++\n"]),
    prose=PROSE,
    code=st.sampled_from(
        [
            *("```{code-cell} ipython3\nx\n```", "````{code-cell}\n```\n````"),
            *("~~~{code-cell} ipython3\n:a: 1\n\nx\n~~~", "```{code-cell}\n```"),
            *(
                "```{code-cell}\n---\na: 1\n---\n\nx\n```",
                "  ```{code-cell}\n  x\n  ```",
            ),
        ]
    ),
)
def test_pieces_put_together_are_the_text(before, after, prose, code):
    text = f"{FRONT}{prose}\n\nText.\n{before}{code}\n{after}"
    text += f"{code}\n{before}{prose}{after}\n"
    head, found, tail = pieces(text)
    assert joined(head, [(p.gap, p.core) for p in found], tail) == text
    assert keys(p.cell for p in found) == keys(parse(text, "page").cells)
    assert merge(text, [p.cell for p in found]) == text


def test_pieces_of_the_small_page():
    head, found, tail = pieces(PAGE)
    assert head == FRONT.rstrip("\n") + "\n"
    assert tail == "\n"
    assert found[1].core == "```{code-cell} ipython3\n:tags: [setup]\n```"
