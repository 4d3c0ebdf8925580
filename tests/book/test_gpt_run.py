"""What the page on training a GPT quotes of gpt.json and gpt_more.json stands there."""

import ast
import json
import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
PAGE = (BOOK / "transformers" / "gpt-training.md").read_text("utf-8")
RUN = json.loads((BOOK / "runs" / "gpt.json").read_text("utf-8"))
MORE = json.loads((BOOK / "runs" / "gpt_more.json").read_text("utf-8"))


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


def test_lengths_beyond_the_trained_one():
    run, trained = MORE["lengths"], MORE["lengths"]["trained"]
    assert literal("RISE") == {
        name: [round(row[-1] - row[trained - 1], 2) for row in rows]
        for name, rows in run["excess"].items()
    }
    for name in ("ALiBi", "rotary"):
        home = [row[trained - 1] for row in run["excess"][name]]
        assert f" {sum(home) / len(home):.1f} " in PAGE


def test_what_beams_find():
    found = {int(width): rows for width, rows in MORE["beams"]["found"].items()}
    assert literal("BEAMS") == found
    assert literal("TRUE_TOKENS") == MORE["beams"]["true_tokens"]


@pytest.mark.parametrize("part", ["lengths", "beams"])
def test_the_command_and_its_cost_are_quoted(part):
    run = MORE[part]
    assert f"`{run['command']}`, {run['date']}, {run['cpu_seconds']} seconds" in PAGE


@pytest.mark.parametrize("part", ["stories", "text", "variants"])
def test_the_paragraph_that_names_a_run_says_when_and_how_long(part):
    run = RUN[part]
    (paragraph,) = [p for p in PAGE.split("\n\n") if f"`{run['command']}`" in p]
    assert run["date"] in paragraph
    assert f"{run['cpu_seconds']} seconds on one thread" in paragraph
    assert run["hardware"].startswith("one thread")
    assert run["torch"] == "2.13.0"


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
