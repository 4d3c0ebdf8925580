"""The book itself: pages, notebooks and ledger agree and keep the rules."""

import pytest

from tests.book.small_book import ROOT
from tools.pagetool import check
from tools.pagetool.book import Book

BOOK = Book(ROOT)
PAGES = {page.name: page for page in BOOK.pages()}


def test_book_has_pages():
    assert len(PAGES) >= 3


@pytest.mark.parametrize("name", PAGES)
def test_page_keeps_the_rules(name):
    assert check.page_problems(PAGES[name]) == []


def test_book_keeps_the_rules():
    assert list(check.book_problems(BOOK)) == []
