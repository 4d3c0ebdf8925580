"""The browser check passes the small book and finds each fault that is planted."""

import contextlib
import re
import shutil

import pytest

from tests.book import site_book
from tools import browser_check
from tools.browser import chromium

pytestmark = [
    pytest.mark.skipif(
        chromium.find() is None, reason="no Chromium here to look at the site with"
    ),
    # asyncio of Python 3.12 and 3.13 hides this warning of its own, but with a filter
    # that all threads share: another one can take it away at that moment.
    pytest.mark.filterwarnings("ignore:'get_child_watcher':DeprecationWarning"),
]
RICH = "book/start/rich.html"
FAULTY = "book/start/faulty.html"
PLANTED = """
<p>raw $x^2$ here</p>
<div class="math notranslate nohighlight">\\[ \\frac{1} \\]</div>
<img src="http://foreign.example/x.png" alt="from elsewhere">
<img src="gone.png" alt="gone">
<script>console.error("planted in the console");</script>
<script>throw new Error("planted in a script");</script>
<div style="width: 900px">wide</div>
<div class="highlight"><pre style="font-size: 2rem">{line}</pre></div>
<p style="color: #bbb">pale</p>
<button></button>
""".replace("{line}", "x" * 80)
FOUND = (
    "light: raw mathematics in the text: $x^2$",
    "light: formula has an error",
    "light: asks another host: http://foreign.example/x.png",
    "light: answered 404",
    "light: image does not load: gone.png",
    "light: planted in the console",
    "light: script error: planted in a script",
    "light: shown in light mode",
    "dark: shown in dark mode",
    "375 pixels: 9",
    "1280 pixels: code of 88 characters or fewer has to be scrolled: xxx",
    "axe, light: color-contrast at p",
    "axe, light: button-name at",
    "tabs: a click on TensorFlow shows",
    "tabs: the key End gives the focus to 'TensorFlow' and shows [[], ['tf'],",
    "print: of 9 panels 8 are shown, 9 with a name",
    "print: shown in light mode",
    "no script: of 9 panels 8 are shown, 9 with a name",
    "no script: shown in light mode",
    "as a file: formula has an error",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A copy of the small book's site, to plant faults in."""
    built = site_book.built(tmp_path_factory) / "_build" / "html"
    copy = tmp_path_factory.mktemp("faulty") / "html"
    return shutil.copytree(built, copy)


@pytest.fixture(scope="module")
def browser():
    with chromium.launched() as browser:
        yield browser


def replace(file, old, new):
    """Plant a fault in a file, once."""
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_small_book_has_no_fault(site, capsys):
    assert browser_check.main([str(site)]) == 0
    said = capsys.readouterr().out
    assert re.search(
        r"^book/start/rich\.html: ok \(\d\d formulas, 3 tabs, 2 fig", said, re.M
    )
    assert "the choice of a framework: ok" in said
    assert "the search: ok" in said
    assert "6 looks, 0 faults" in said


def test_planted_faults_are_found(site, browser):
    page = site / FAULTY
    shutil.copy(site / RICH, page)
    replace(page, '<section id="three-ways">', f'{PLANTED}<section id="three-ways">')
    replace(page, "only-dark", "always")  # the link around the twin
    replace(page, "only-dark", "always")  # and the twin
    replace(
        page, 'lm-panel-tf docutils container"', 'lm-panel-tf" style="display: none"'
    )
    with chromium.served(site) as base:
        seen = browser_check.look_at(browser, site, base, FAULTY)
    page.unlink()
    missed = [f for f in FOUND if not any(s.startswith(f) for s in seen.faults)]
    assert missed == [], "\n".join(seen.faults)
    assert seen.line().startswith(f"{FAULTY}: {len(seen.faults)} faults (")


@contextlib.contextmanager
def planted(file, old, new):
    """A file of the site with a fault in it; what stood there comes back."""
    kept = file.read_text("utf-8")
    replace(file, old, new)
    try:
        yield
    finally:
        file.write_text(kept, "utf-8")


def test_choice_that_is_forgotten_is_found(site, browser):
    fault = "localStorage.setItem(KEY, wing)", "void wing"
    with (
        planted(site / "_static/lm/tabs.js", *fault),
        chromium.served(site) as base,
    ):
        names = [RICH, "book/start/second.html"]
        faults = browser_check.remembered(browser, base, names).faults
    assert [fault.split(":")[0] for fault in faults] == ["another page", "a reload"]


def test_search_that_finds_nothing_is_found(site, browser, monkeypatch):
    monkeypatch.setattr(browser_check, "PATIENCE", 500)
    index = site / "searchindex.js"
    nothing = "Search.setIndex({terms: {}, titleterms: {}, docnames: []})"
    with (
        planted(index, index.read_text("utf-8"), nothing),
        chromium.served(site) as base,
    ):
        faults = browser_check.search(browser, site, base).faults
    assert "as a file: finds nothing for the word gradient" in faults
    assert "served: finds nothing for the word gradient" in faults


def faults_of_rich(browser, site):
    """What a look at the rich page finds."""
    with chromium.served(site) as base:
        return browser_check.look_at(browser, site, base, RICH).faults


def test_printing_that_changes_nothing_is_found(site, browser):
    with planted(site / "_static/lm/reading.js", '"beforeprint"', '"never"'):
        faults = faults_of_rich(browser, site)
    assert any(re.match(r"print: \d folds stay closed", fault) for fault in faults)


def test_page_without_its_colors_is_found(site, browser):
    fault = 'html:not([data-theme="dark"])', 'html[data-theme="auto"]'
    with planted(site / "_static/lm/type.css", *fault):
        faults = faults_of_rich(browser, site)
    assert "no script: the style sheets do not set --lm-paper" in faults


def test_search_that_asks_another_host_is_found(site, browser):
    image = '<img src="http://foreign.example/x.png"></body>'
    with (
        planted(site / "search.html", "</body>", image),
        chromium.served(site) as base,
    ):
        faults = browser_check.search(browser, site, base).faults
    assert "served: asks another host: http://foreign.example/x.png" in faults
    assert "as a file: asks another host: http://foreign.example/x.png" in faults


def test_without_a_browser_it_says_so(site, monkeypatch, capsys):
    monkeypatch.setattr(chromium, "find", lambda: None)
    assert browser_check.main([str(site)]) == 2
    assert "No Chromium here" in capsys.readouterr().err
    assert browser_check.main([]) == 2
