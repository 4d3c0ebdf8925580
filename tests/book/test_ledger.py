"""The claims ledger: made from the notebooks alone, in the order of the book."""

import json

import pytest

from tests.book.small_book import FRONT, SETUP, tool
from tools import ledger
from tools.pagetool.book import Book, PageError

MIME = "application/vnd.largemodels.claim+json"


def record(name, verdict="holds", sentence="A sentence.", evidence=None):
    """A claim's record as it stands in a notebook."""
    evidence = evidence or {"wide_net": {"value": 3, "text": "3 ± 0.5"}}
    return {
        "name": name,
        "sentence": sentence,
        "evidence": evidence,
        "rule": "x > 1",
        "verdict": verdict,
    }


def add_page(root, name, heading, records):
    """A page whose notebook holds these records."""
    page = root / "book" / f"{name}.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    targets = "\n".join(f"(claim-{r['name']})=\nText.\n" for r in records)
    text = FRONT + f"# {heading}\n\n" + SETUP + "\n" + targets
    page.write_text(text + "\n```{code-cell} ipython3\nx = 1\n```\n", "utf-8")
    assert tool(root, "sync", page) == 0
    file = page.with_suffix(".ipynb")
    notebook = json.loads(file.read_text("utf-8"))
    notebook["cells"][-1]["outputs"] = [
        {"output_type": "display_data", "metadata": {}, "data": {MIME: r}}
        for r in records
    ]
    file.write_text(json.dumps(notebook), "utf-8")


@pytest.fixture
def three(tmp_path):
    """A book of three pages in two parts, and one page that is in no part."""
    toc = (
        "root: book/index\nparts:\n"
        "- caption: Later in the alphabet\n  chapters:\n"
        "  - file: book/z/page.ipynb\n    sections:\n    - file: book/z/deep.ipynb\n"
        "- caption: Earlier\n  chapters:\n  - file: book/a/page.ipynb\n"
        "  - file: book/a/not-written\n"
    )
    (tmp_path / "_toc.yml").write_text(toc, "utf-8")
    add_page(tmp_path, "a/page", "Page A", [record("a-one", "does not hold")])
    add_page(tmp_path, "z/page", "Page Z", [record("z-one"), record("z-two")])
    add_page(tmp_path, "z/deep", "Page *deep*", [record("deep", "holds when cold")])
    add_page(tmp_path, "stray/page", "Stray", [])
    return Book(tmp_path)


def test_order_is_that_of_the_contents(three):
    text = ledger.ledger(three)
    heads = [line for line in text.splitlines() if line.startswith("##")]
    assert heads == [
        *("## Later in the alphabet", "### Page Z", "### Page *deep*"),
        *("## Earlier", "### Page A"),
    ]


def test_counts_stand_in_the_first_paragraph(three):
    paragraph = ledger.ledger(three).split("\n\n")[1].replace("\n", " ")
    assert paragraph.startswith(
        "The book settles **4 claims** on 3 pages: 2 hold, 1 holds under a condition, "
        "1 does not hold."
    )


@pytest.mark.parametrize(
    ("verdicts", "wanted"),
    [
        (
            ["holds"],
            "**1 claim** on 1 page: 1 holds, 0 hold under a condition, 0 do not",
        ),
        (
            ["does not hold", "does not hold", "holds when a", "holds when b"],
            "**4 claims** on 1 page: 0 hold, 2 hold under a condition, 2 do not hold.",
        ),
        ([], "No page of the book states a claim."),
    ],
)
def test_counts_are_grammatical(tmp_path, verdicts, wanted):
    records = [record(f"n-{i}", verdict) for i, verdict in enumerate(verdicts)]
    add_page(tmp_path, "a/page", "A", records)
    assert wanted in ledger.ledger(Book(tmp_path)).replace("\n", " ")


def test_row_links_to_the_cell_and_shows_the_evidence(three):
    row = "| [A sentence.](#claim-a-one) | does not hold | wide net 3 ± 0.5 |"
    assert row in ledger.ledger(three).splitlines()


def test_sentence_is_shown_as_it_is(tmp_path):
    sentence = "a|b `c` *d* [e] $f$ <g> x_1\n~ 2"
    add_page(tmp_path, "a/page", "A", [record("n", sentence=sentence)])
    text = ledger.ledger(Book(tmp_path))
    assert r"[a\|b \`c\` \*d\* \[e\] \$f\$ \<g\> x\_1 \~ 2](#claim-n)" in text


def test_second_time_changes_nothing(three):
    file = ledger.ledger_file(three)
    file.unlink()
    assert ledger.update(three)
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert not ledger.update(three)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert ledger.problems(three) == []


def test_missing_and_stale_ledgers_are_found(three, capsys):
    ledger.ledger_file(three).unlink()
    assert tool(three.root, "ledger", "--check") == 1
    assert "there is no book/back/claims.md" in capsys.readouterr().out
    assert tool(three.root, "ledger") == 0
    assert tool(three.root, "ledger", "--check") == 0
    add_page(three.root, "stray/page", "Stray", [])
    page = three.folder / "stray" / "page.ipynb"
    text = page.read_text("utf-8").replace('"outputs": []', '"outputs": [OUT]')
    out = {"output_type": "display_data", "metadata": {}, "data": {MIME: record("new")}}
    page.write_text(text.replace("[OUT]", json.dumps([out]), 1).replace("[OUT]", "[]"))
    assert tool(three.root, "ledger", "--check") == 1
    assert "is not what the notebooks say" in capsys.readouterr().out


def test_name_on_two_pages_is_refused(three, capsys):
    page = three.folder / "a" / "page.ipynb"
    page.write_text(page.read_text("utf-8").replace("a-one", "deep"), "utf-8")
    with pytest.raises(PageError, match="claim deep stands in z/deep and in a/page"):
        ledger.records(three)
    assert tool(three.root, "check") == 1
    assert "claim deep stands in z/deep and in a/page" in capsys.readouterr().out
