"""The pages around the pages say what is so."""

import contextlib
import importlib.util
import io
import json
import re

import numpy as np
import pytest
from largemodels.data import digits
from largemodels.page import check

from tests.book.site_book import ROOT

BOOK = ROOT / "book"


def load_cover():
    """book/cover.py as a module."""
    spec = importlib.util.spec_from_file_location("cover", BOOK / "cover.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


cover = load_cover()


@pytest.fixture(scope="session")
def stored():
    return json.loads((BOOK / "cover.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def data():
    return digits.load(seed=0, dtype="float64")


@pytest.fixture(scope="session")
def ends(data):
    """The networks of the three seeds, trained by the NumPy wing."""
    return [cover.flat(cover.train("scratch", seed, data)) for seed in cover.SEEDS]


def test_what_the_book_says_of_check_is_what_check_says():
    text = (BOOK / "start/how-to-use.md").read_text("utf-8")
    source = re.search(r"```python\n(.*?)```", text, re.S)[1]
    shown = re.search(r"```text\n(mlp-count.*?)```", text, re.S)[1]
    quiet = contextlib.redirect_stdout(io.StringIO())
    with pytest.raises(AssertionError) as raised, quiet:
        exec(source, {"check": check})
    assert str(raised.value).strip() == shown.strip()


def test_commands_that_the_book_names_exist():
    text = (BOOK / "start/how-to-use.md").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"`make (\w+)`", text))
    assert named >= {"book", "serve", "lab", "test"}
    assert named <= set(re.findall(r"^(\w+):", makefile, re.M))
    extras = set(re.findall(r"largemodels\[(\w+)\]", text))
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    assert extras
    assert extras <= set(re.findall(r"^(\w+) = \[", project, re.M))


def test_glossary_is_short_and_exact():
    text = (BOOK / "back/glossary.md").read_text("utf-8")
    inside = text.split(":::{glossary}\n")[1].split("\n:::")[0]
    entries = re.split(r"\n\n(?=\S)", inside)
    assert 40 <= len(entries) <= 250
    named = [re.findall(r"^\S.*$", entry, re.M) for entry in entries]
    first = [terms[0].lower() for terms in named]
    assert first == sorted(first)
    for entry, terms in zip(entries, named, strict=True):
        definition = entry.split("\n", len(terms))[-1].split("\n\n")[0]
        assert 4 <= len(definition.split()) <= 45, entry
        assert definition.endswith("."), entry
    every = [term.lower() for terms in named for term in terms]
    assert len(every) == len(set(every))


def test_cover_is_what_the_numpy_wing_computes(stored, data, ends):
    # Four hundred steps carry a rounding of 1e-16 to about 1e-14 here; another BLAS
    # may round otherwise. A share of the 359 test images moves in steps of 3e-3.
    runs = {("scratch", s): e for s, e in zip(cover.SEEDS, ends, strict=True)}
    raw = cover.numbers(runs, data)["raw"]
    for name in ("seeds_apart", "points", "losses"):
        np.testing.assert_allclose(raw[name], stored["raw"][name], rtol=1e-6, atol=1e-9)
    for name in ("accuracy", "halfway"):
        np.testing.assert_allclose(raw[name], stored["raw"][name], rtol=0, atol=3e-3)


@pytest.mark.parametrize("wing", ["pytorch", "tf"])
def test_framework_leads_to_the_same_point(wing, data):
    ours, theirs = (
        cover.flat(cover.train(name, cover.SEEDS[0], data, steps=60))
        for name in ("scratch", wing)
    )
    assert np.linalg.norm(theirs - ours) < cover.FRAMEWORKS_APART


def test_cover_says_no_less_than_it_has_measured(stored):
    assert stored["raw"]["frameworks_apart"] < cover.FRAMEWORKS_APART == 1e-12
    assert "$10^{-12}$" in (BOOK / "index.md").read_text("utf-8")
    words = stored["words"]
    assert words["seeds"] == f"{min(stored['raw']['seeds_apart']):.0f}"
    assert min(stored["raw"]["seeds_apart"]) >= float(words["seeds"])
    assert words["accuracy"] == cover.span(stored["raw"]["accuracy"])
    assert words["halfway"] == cover.span(stored["raw"]["halfway"])


def test_map_of_the_cover_is_the_loss(stored, data, ends):
    middle, axes, _ = cover.plane(ends)
    ticks = np.linspace(-stored["radius"], stored["radius"], cover.GRID)
    examples = data.train_inputs, data.train_labels
    drawn = np.array(stored["map"], dtype=float)
    assert drawn.shape == (cover.GRID, cover.GRID)
    for row in range(7, cover.GRID, 15):
        for column in range(7, cover.GRID, 15):
            if np.isnan(drawn[row, column]):
                assert np.hypot(ticks[row], ticks[column]) > stored["radius"]
                continue
            place = middle + ticks[column] * axes[0] + ticks[row] * axes[1]
            loss = cover.judge(place, *examples)[0]
            # the map is stored with four digits
            np.testing.assert_allclose(drawn[row, column], loss, rtol=6e-4, atol=0)


def test_pictures_are_drawn_from_the_map(stored, tmp_path):
    for name, figure in cover.pictures(stored).items():
        cover.save(figure, tmp_path / "new.svg")
        old, new = (
            np.array(
                re.findall(r"(?<=[ML ])-?\d+\.?\d*", path.read_text("utf-8")), float
            )
            for path in (BOOK / "_static" / f"{name}.svg", tmp_path / "new.svg")
        )
        assert len(old) > 1000
        # coordinates are written to a tenth of a point
        np.testing.assert_allclose(new, old, rtol=0, atol=0.21)
