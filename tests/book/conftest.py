"""Fixtures: a small book whose one page has run, and fresh copies of it."""

import shutil

import pytest

from tests.book.small_book import make_book, tool


@pytest.fixture(scope="session")
def executed(tmp_path_factory):
    """A book whose page has run: its folder."""
    root = tmp_path_factory.mktemp("book")
    make_book(root)
    assert tool(root, "run") == 0
    return root


@pytest.fixture
def book(executed, tmp_path):
    """A fresh copy of the executed book."""
    root = tmp_path / "project"
    shutil.copytree(executed, root)
    return root


@pytest.fixture
def markdown(book):
    """The Markdown of its page."""
    return book / "book" / "part" / "one.md"


@pytest.fixture
def notebook(markdown):
    """The notebook of its page."""
    return markdown.with_suffix(".ipynb")
