"""The site check finds each fault that is planted, and nothing in a good site."""

import pytest

from tools import site_check

HEAD = """<!DOCTYPE html><html lang="en"><head><title>A page</title>
<meta name="description" content="A page that holds what a page of a site may hold.">
<link rel="canonical" href="https://elsewhere.example/page.html">
<link rel="stylesheet" href="../_static/look.css?digest=1"><style>p { top: 0 }</style>
<script src="../_static/act.js"></script><script>var name = "no address";</script>
</head><body><main id="top">"""
BODY = """<a href="#top">up</a> <a href="other.html#here">other</a>
<a href="https://elsewhere.example">out</a> <a href="../_sources/page.md">source</a>
<img src="../_images/a%20b.svg" alt="Two curves that fall.">
<img src="data:," alt="">"""
GOOD = {
    "book/page.html": HEAD + BODY + "</main></body></html>",
    "book/other.html": HEAD + '<p id="here">text</p></main></body></html>',
    "index.html": '<meta http-equiv="Refresh" content="0; url=book/page.html" />',
    "search.html": HEAD.replace('name="description"', 'name="x"').replace("../", "")
    + "</main></body></html>",
    "_static/look.css": '@import "more.css"; p { background: url(data:image/gif,) }',
    "_static/more.css": "p { src: url('act.js') }",
    "_static/act.js": "",
    "_static/part.html": '<a href="nowhere.html">not a page of the site</a>',
    "_images/a b.svg": "<svg/>",
    "_sources/page.md": "",
}


@pytest.fixture
def site(tmp_path):
    """A site without a fault."""
    for name, text in GOOD.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    return tmp_path


def change(site, name, old, new):
    """Plant a fault: replace a piece of a file that must be there."""
    text = (site / name).read_text("utf-8")
    assert old in text
    (site / name).write_text(text.replace(old, new), "utf-8")


def test_good_site_has_no_fault(site, capsys):
    assert site_check.check(site) == ([], 4, 7)
    assert site_check.main([str(site)]) == 0
    assert "4 pages, 7 links, 0 faults" in capsys.readouterr().out


PAGE, OTHER = "book/page.html", "book/other.html"
FAULTS = {
    "broken link": (PAGE, "other.html#", "gone.html#", "link leads nowhere: gone.html"),
    "missing anchor": (PAGE, "#here", "#there", "missing anchor: other.html#there"),
    "anchor on the page": (PAGE, "#top", "#bottom", "missing anchor: #bottom"),
    "link to this machine": (
        PAGE,
        'https://elsewhere.example">',
        'http://localhost/">',
        "one",
    ),
    "duplicate id": (OTHER, "</p>", '</p><p id="here">', "id stands 2 times: here"),
    "missing image": (PAGE, "a%20b", "c", "asset is missing: ../_images/c.svg"),
    "missing sheet": (PAGE, "look.css", "no.css", "asset is missing: ../_static/no"),
    "missing script": (PAGE, "act.js", "no.js", "asset is missing: ../_static/no.js"),
    "foreign script": (PAGE, "../_static/act.js", "//x.org/a.js", "host: //x.org/a.js"),
    "foreign sheet": (
        PAGE,
        "../_static/look.css",
        "https://x.org/a",
        "host: https://x",
    ),
    "foreign image": (
        PAGE,
        "../_images/a%20b.svg",
        "http://x.org/a",
        "host: http://x.o",
    ),
    "foreign frame": (OTHER, "<p ", '<iframe src="https://x.org"></iframe><p ', "host"),
    "preconnect": (PAGE, "canonical", "preconnect", "another host: https://elsewhere"),
    "style in the page": (PAGE, "top: 0", "src: url(//x.org/f)", "host: //x.org/f"),
    "style of a tag": (OTHER, "<p ", '<p style="src: url(//x.org)" ', "host: //x.org"),
    "script in the page": (PAGE, "no address", "https://x.org/a", "names another host"),
    "foreign font": ("_static/more.css", "act.js", "//x.org/f.woff", "host: //x.org/f"),
    "foreign import": ("_static/look.css", "more.css", "//x.org/m", "host: //x.org/m"),
    "missing font": (
        "_static/more.css",
        "act.js",
        "f.woff",
        "asset is missing: f.woff",
    ),
    "no alternative text": (PAGE, ' alt="Two curves that fall."', "", "a b.svg"),
    "empty alternative": (PAGE, "Two curves that fall.", "", "empty alternative text"),
    "file name as text": (PAGE, "Two curves that fall.", "a/b.svg", "file name as alt"),
    "no title": (PAGE, "<title>A page</title>", "", "has no title"),
    "no language": (PAGE, ' lang="en"', "", "does not say its language"),
    "no description": (PAGE, 'name="description"', 'name="x"', "needs a description"),
    "sent nowhere": ("index.html", "book/page", "gone", "nowhere: gone.html"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found(site, fault, capsys):
    name, old, new, said = FAULTS[fault]
    change(site, name, old, new)
    found = site_check.check(site)[0]
    assert len(found) == 1, found
    assert found[0].startswith(f"{name}: ")
    assert said in found[0]
    assert site_check.main([str(site)]) == 1
    assert "1 faults" in capsys.readouterr().out


def test_heavy_page_is_found(site, monkeypatch):
    monkeypatch.setattr(site_check, "LARGEST_PAGE", 1000)
    assert site_check.check(site)[0] == []
    (site / "_images/a b.svg").write_text("x" * 1000)
    (fault,) = site_check.check(site)[0]
    assert fault.startswith("book/page.html: weighs 1,")


def test_where_there_is_no_site_it_says_so(tmp_path, capsys):
    assert site_check.check(tmp_path)[0] == [
        f"no page in {tmp_path}: build the book first"
    ]
    assert site_check.main(["nowhere"]) == 2
    assert "site_check.py DIR" in capsys.readouterr().err
