"""Check the built site without a browser: links, anchors, ids, assets, hosts, images.

usage: python tools/site_check.py DIR

Every page of DIR is read once. What is wrong is printed, a line a fault, as
`page: fault`; the exit code is 1 if there is any. Nothing is fetched.
"""

import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# A page with its own images; fonts and scripts are shared, and cached by the browser.
LARGEST_PAGE = 2_500_000  # bytes
LEAST_DESCRIPTION = 40  # characters
FETCHED = {  # tag -> the attribute from which a browser fetches by itself
    "script": "src",
    "img": "src",
    "iframe": "src",
    "embed": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "track": "src",
    "input": "src",
    "object": "data",
    "use": "href",
    "image": "href",
}
# Relations of <link> that only name an address.
NAMED_ONLY = {"canonical", "next", "prev", "search", "index", "author", "license"}
CSS_ADDRESS = re.compile(r"""url\(\s*['"]?([^'")]+)['"]?\s*\)|@import\s+['"]([^'"]+)""")
ADDRESS_IN_SCRIPT = re.compile(r"""['"](?:https?:)?//[\w.-]+[^'"]*['"]""")
REDIRECT = re.compile(r'http-equiv="refresh" content="[\d.]+;\s*url=([^"]+)"', re.I)
FILE_NAME = re.compile(r"\.(svg|png|jpe?g|gif|webp)$", re.I)


@dataclass
class Page:
    """What one page says."""

    path: Path
    ids: Counter = field(default_factory=Counter)
    links: list = field(default_factory=list)  # addresses that a reader may follow
    fetched: list = field(default_factory=list)  # addresses that the browser fetches
    images: list = field(default_factory=list)  # (source, alternative text or None)
    styles: list = field(default_factory=list)  # CSS in the page itself
    scripts: list = field(default_factory=list)  # JavaScript in the page itself
    title: str = ""
    description: str = ""
    language: str = ""


class Reader(HTMLParser):
    """Fill a Page from HTML."""

    def __init__(self, page):
        super().__init__()
        self.page = page
        self.inside = None

    def handle_starttag(self, tag, attributes):
        """Note what a tag refers to."""
        values = dict(attributes)
        page = self.page
        if values.get("id"):
            page.ids[values["id"]] += 1
        if tag == "a" and values.get("name"):
            page.ids.setdefault(values["name"], 1)
        if values.get("style"):
            page.styles.append(values["style"])
        if tag == "html":
            page.language = values.get("lang") or ""
        if tag == "meta" and values.get("name") == "description":
            page.description = values.get("content") or ""
        if tag in ("a", "area") and values.get("href") is not None:
            page.links.append(values["href"])
        if tag == "link" and values.get("href"):
            named = set((values.get("rel") or "").split()) <= NAMED_ONLY
            (page.links if named else page.fetched).append(values["href"])
        if tag in FETCHED and values.get(FETCHED[tag]):
            page.fetched.append(values[FETCHED[tag]])
        if values.get("srcset"):
            page.fetched += [part.split()[0] for part in values["srcset"].split(",")]
        if tag == "img":
            page.images.append((values.get("src") or "", values.get("alt")))
        if tag in ("title", "style") or (tag == "script" and not values.get("src")):
            self.inside = tag

    def handle_endtag(self, tag):
        """Leave a tag whose text is kept."""
        if tag == self.inside:
            self.inside = None

    def handle_data(self, data):
        """Keep the text of titles, styles and scripts."""
        if self.inside == "title" and not self.page.title:
            self.page.title = data.strip()
        elif self.inside == "style":
            self.page.styles.append(data)
        elif self.inside == "script":
            self.page.scripts.append(data)


def read(path):
    """The Page of an HTML file."""
    page = Page(path)
    reader = Reader(page)
    reader.feed(path.read_text("utf-8"))
    reader.close()
    return page


def is_foreign(address):
    """Whether an address leads to another host."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https", "ftp", "ws", "wss")


def target(site, source, address):
    """The file that a local address on the page or sheet `source` leads to."""
    path = unquote(urlsplit(address).path)
    if not path:
        return source
    found = site / path.lstrip("/") if path.startswith("/") else source.parent / path
    found = found.resolve()
    return found / "index.html" if found.is_dir() else found


def fetch_faults(site, source, addresses):
    """Faults of what a browser would fetch for a page or a style sheet."""
    for address in addresses:
        if address.startswith(("data:", "#", "blob:", "about:")):
            continue
        if is_foreign(address):
            yield f"fetches from another host: {address}"
        elif not target(site, source, address).is_file():
            yield f"asset is missing: {address}"


def in_css(text):
    """The addresses in a piece of CSS."""
    return [first or second for first, second in CSS_ADDRESS.findall(text)]


def link_faults(site, page, pages):
    """Links to files that are not there, and to anchors that are not there."""
    for address in page.links:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            if parts.scheme == "file" or parts.hostname in ("localhost", "127.0.0.1"):
                yield f"link leads to one machine only: {address}"
            continue
        file = target(site, page.path, address)
        if not file.is_file():
            yield f"link leads nowhere: {address}"
        elif parts.fragment and file in pages:
            anchor = unquote(parts.fragment)
            if anchor not in pages[file].ids:
                yield f"link leads to a missing anchor: {address}"


def image_faults(page):
    """Images that say nothing to whoever cannot see them."""
    for source, alternative in page.images:
        name = unquote(Path(urlsplit(source).path).name)
        if alternative is None:
            yield f"image without alternative text: {name}"
        elif alternative and (alternative == source or FILE_NAME.search(alternative)):
            yield f"a file name as alternative text: {alternative}"
        elif not alternative.strip() and "/_images/" in f"/{source}":
            yield f"image of the page with empty alternative text: {name}"


def script_faults(page):
    """Scripts in the page that name another host."""
    for script in page.scripts:
        for address in ADDRESS_IN_SCRIPT.findall(script):
            yield f"a script in the page names another host: {address}"


def weight(site, page):
    """Bytes of the page and of its own images, each counted once."""
    files = {target(site, page.path, source) for source, _ in page.images}
    own = [file for file in files if "_images" in file.parts and file.is_file()]
    return sum(file.stat().st_size for file in [page.path, *own])


def page_faults(site, page, pages):
    """All faults of one page."""
    yield from (f"id stands {n} times: {i}" for i, n in page.ids.items() if n > 1)
    yield from link_faults(site, page, pages)
    yield from fetch_faults(site, page.path, page.fetched)
    for style in page.styles:
        yield from fetch_faults(site, page.path, in_css(style))
    yield from image_faults(page)
    yield from script_faults(page)
    if not page.title:
        yield "has no title"
    if not page.language:
        yield "does not say its language"
    if len(page.description) < LEAST_DESCRIPTION and is_content(site, page):
        yield f"needs a description of {LEAST_DESCRIPTION} characters or more"
    size = weight(site, page)
    if size > LARGEST_PAGE:
        yield f"weighs {size:,} bytes with its images; the limit is {LARGEST_PAGE:,}"


def is_content(site, page):
    """Whether someone wrote the page, as against an index or the search."""
    return page.path.relative_to(site).parts[0] == "book"


def style_faults(site):
    """Faults of all style sheets of the site."""
    for sheet in sorted(site.rglob("*.css")):
        addresses = in_css(sheet.read_text("utf-8", "replace"))
        for fault in fetch_faults(site, sheet, addresses):
            yield f"{sheet.relative_to(site)}: {fault}"


def html_files(site):
    """The pages of the site; not what extensions keep among the static files."""
    for path in sorted(site.rglob("*.html")):
        if path.relative_to(site).parts[0] not in ("_static", "_sources"):
            yield path


def check(folder):
    """(faults as lines, number of pages, number of links) of a built site."""
    site = Path(folder).resolve()
    pages = {path: read(path) for path in html_files(site)}
    if not pages:
        return [f"no page in {folder}: build the book first"], 0, 0
    faults = []
    for path, page in pages.items():
        name = path.relative_to(site)
        onward = redirect(page)
        if onward:
            if not target(site, path, onward).is_file():
                faults.append(f"{name}: sends the reader nowhere: {onward}")
            continue
        faults += [f"{name}: {fault}" for fault in page_faults(site, page, pages)]
    faults += style_faults(site)
    return faults, len(pages), sum(len(page.links) for page in pages.values())


def redirect(page):
    """Where a page that only sends the reader on leads, or None."""
    found = REDIRECT.search(page.path.read_text("utf-8"))
    return found and found[1]


def main(arguments):
    """The command line. Returns the exit code."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(__doc__.splitlines()[2], file=sys.stderr)
        return 2
    start = time.perf_counter()
    faults, pages, links = check(arguments[0])
    for fault in faults:
        print(fault)
    seconds = time.perf_counter() - start
    print(f"{pages} pages, {links} links, {len(faults)} faults, {seconds:.1f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
