"""What the page on GPT quotes of book/runs/gpt.json is what stands there."""

import ast
import json
import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
PAGE = (BOOK / "transformers" / "gpt.md").read_text("utf-8")
RUN = json.loads((BOOK / "runs" / "gpt.json").read_text("utf-8"))


def literal(name):
    """The value that the page gives a name, in a code cell."""
    found = re.search(rf"^{name} = (.*?)\n(?=[A-Za-z`])", PAGE, re.M | re.S)
    lines = [line.split("#")[0] for line in found[1].splitlines()]
    return ast.literal_eval("\n".join(lines))


def written(name, column):
    """How many of 60 stories were accepted (0) or different (2), a number a seed."""
    return [round(60 * seed[name][column]) for seed in RUN["stories"]["quality"]]


def test_the_curves_of_the_stories():
    assert literal("STEPS") == RUN["stories"]["steps"]
    assert literal("EXCESS") == RUN["stories"]["excess"]


def test_the_variants():
    assert literal("VARIANTS") == RUN["variants"]["excess"]


@pytest.mark.parametrize(("name", "column"), [("ACCEPTED", 0), ("DIFFERENT", 2)])
def test_what_was_written(name, column):
    shown = literal(name)
    assert shown == {setting: written(setting, column) for setting in shown}


@pytest.mark.parametrize("part", ["stories", "text"])
def test_samples_are_quoted_as_they_are(part):
    page = " ".join(PAGE.split())
    samples = RUN[part]["samples"].values()
    quoted = [text for text in samples if " ".join(text.split()) in page]
    assert len(quoted) >= 3


def test_the_sentences_quote_its_numbers():
    text = RUN["text"]
    for number in (*(bits for _, bits in text["bits_per_byte"]), text["xz"]):
        assert f"{number:.2f}" in PAGE
    for number in (text["parameters"], RUN["stories"]["parameters"]):
        assert f"{number:,} parameters" in PAGE
