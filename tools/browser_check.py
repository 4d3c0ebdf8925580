"""Look at every page of the built site in the system's Chromium.

usage: python tools/browser_check.py DIR [PAGE...]      (pages relative to DIR)

Each page is opened from a server on this machine, in light and in dark, at 1280 and at
375 pixels, without JavaScript, and as a file. A line a page says what was seen; faults
follow. Exit code 1 if there is a fault, 2 if there is no browser.
"""

import contextlib
import queue
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

if not __package__:  # run as a file: the project's root takes the place of tools/
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools.browser import chromium, looks
from tools.site_check import html_files, read, redirect

WORKERS = 2
SIZE = {"width": 1280, "height": 900}
FETCHES = ("has been blocked by CORS policy", "net::ERR_FAILED", "Failed to fetch")
PATIENCE = 10_000  # milliseconds that the search may take


@dataclass
class Seen:
    """What one page has shown."""

    name: str
    faults: list = field(default_factory=list)
    seconds: float = 0.0
    formulas: int = 0
    tabs: int = 0
    figures: int = 0

    def add(self, place, found):
        """Note faults, with the way of looking that found them."""
        self.faults += [f"{place}: {fault}" for fault in found]

    def line(self):
        """The line that is printed."""
        state = "ok" if not self.faults else f"{len(self.faults)} faults"
        seen = f"{self.formulas} formulas, {self.tabs} tabs, {self.figures} figures"
        return f"{self.name}: {state} ({seen}, {self.seconds:.1f} s)"


@contextlib.contextmanager
def opened(browser, seen, place, address, home, **settings):
    """A page at an address; errors of its console and foreign requests are faults.

    home: how every address of the site begins
    """
    settings = {"viewport": SIZE, "color_scheme": "light", **settings}
    settings["reduced_motion"] = "reduce"  # so that no color is caught on its way
    context = browser.new_context(**settings)
    page = context.new_page()
    found = []

    def note_request(request):
        if not request.url.startswith((home, "data:", "blob:")):
            found.append(f"asks another host: {request.url}")

    def note_response(response):
        if response.status >= 400:
            found.append(f"answered {response.status}: {response.url}")

    page.on("request", note_request)
    page.on("response", note_response)
    page.on("pageerror", lambda error: found.append(f"script error: {error}"))
    page.on(
        "console",
        lambda message: message.type == "error" and found.append(message.text),
    )
    try:
        page.goto(address, wait_until="load")
        yield page
        seen.add(place, dict.fromkeys(found))
    finally:
        context.close()


def look_at(browser, site, base, name):
    """Everything about one page. Returns Seen."""
    seen, start = Seen(name), time.perf_counter()
    with opened(browser, seen, "light", base + name, base) as page:
        seen.formulas = page.locator("mjx-container").count()
        seen.figures = page.locator(".bd-article img:not(.only-dark)").count()
        seen.tabs = page.locator(".lm-tabs").count()
        seen.add("light", looks.formulas(page))
        seen.add("light", looks.images(page) + looks.twins(page, "light"))
        seen.add("1280 pixels", looks.code(page))
        seen.add("375 pixels", looks.narrow(page))
        seen.add("tabs", looks.tabs(page))
        seen.add("axe, light", looks.accessible(page))
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        seen.add("dark", looks.twins(page, "dark"))
        seen.add("axe, dark", looks.accessible(page, ["color-contrast"]))
        page.emulate_media(media="print")
        seen.add("print", looks.all_shown(page) + looks.printing(page))
    settings = {"java_script_enabled": False}
    with opened(browser, seen, "no script", base + name, base, **settings) as page:
        seen.add("no script", looks.all_shown(page) + looks.colors(page))
        seen.add("no script", looks.twins(page, "light"))
    address = Path(site, name).as_uri()
    with opened(browser, seen, "as a file", address, site.as_uri()) as page:
        seen.add("as a file", looks.formulas(page))
    seen.seconds = time.perf_counter() - start
    return seen


def remembered(browser, base, names):
    """The choice of a framework holds on another page, and after a reload."""
    seen, start = Seen("the choice of a framework"), time.perf_counter()
    with_tabs = names[:2] if len(names) > 1 else names * 2
    if not names:
        return seen
    with opened(browser, seen, "tabs", base + with_tabs[0], base) as page:
        page.locator("[role=tab]:text-is('TensorFlow'):visible").first.click()
        for place, name in (("another page", with_tabs[1]), ("a reload", None)):
            page.goto(base + name) if name else page.reload()
            if any(group != ["tf"] for group in looks.groups(page)):
                seen.add(
                    place, [f"TensorFlow was chosen, {looks.groups(page)} is shown"]
                )
    seen.tabs, seen.seconds = len(with_tabs), time.perf_counter() - start
    return seen


def search(browser, site, base):
    """The search finds a word of the book, from a server and from a file."""
    seen, start = Seen("the search"), time.perf_counter()
    for place, home in (("served", base), ("as a file", site.as_uri() + "/")):
        address = f"{home}search.html?q=gradient"
        looked = Seen(place)
        with opened(browser, looked, place, address, home) as page:
            try:
                page.wait_for_selector("#search-results li a", timeout=PATIENCE)
            except Exception:
                looked.add(place, ["finds nothing for the word gradient"])
        # No browser lets a file fetch the pages that the results would quote.
        known = () if place == "served" else FETCHES
        seen.faults += [f for f in looked.faults if not any(k in f for k in known)]
    seen.seconds = time.perf_counter() - start
    return seen


def look_safely(browser, look, name, *arguments):
    """One look; what makes the browser give up is a fault like any other."""
    try:
        return look(browser, *arguments)
    except Exception as error:
        return Seen(
            name, [f"the browser gave up: {str(error).strip().splitlines()[0]}"]
        )


def work(tasks, results):
    """Take tasks until there are none, with a browser of this thread's own."""
    try:
        with chromium.launched() as browser:
            while True:
                results.put(look_safely(browser, *tasks.get_nowait()))
    except queue.Empty:
        results.put(None)
    except BaseException as error:
        results.put(error)


def content_pages(site):
    """The pages that someone wrote, as names relative to the site."""
    found = [path for path in html_files(site) if not redirect(read(path))]
    names = [path.relative_to(site).as_posix() for path in found]
    return [name for name in names if name.startswith("book/")]


def tasks_for(site, base, names):
    """(look, what it is called, its arguments) for everything that is looked at."""
    texts = {name: Path(site, name).read_text("utf-8") for name in names}
    with_tabs = [name for name in names if "lm-has-tf" in texts[name]]
    # The heaviest first, so that two workers end at about the same time.
    names = sorted(names, key=lambda name: -len(texts[name]))
    tasks = [(look_at, name, site, base, name) for name in names]
    tasks.append((remembered, "the choice of a framework", base, with_tabs))
    return [*tasks, (search, "the search", site, base)]


def check(folder, names=None, say=print):
    """Look at the pages, or at those named; say a line for each. Returns all Seen.

    Raises RuntimeError where there is no Chromium.
    """
    site = Path(folder).resolve()
    everything, tasks, results = [], queue.Queue(), queue.Queue()
    with chromium.served(site) as base:
        for task in tasks_for(site, base, names or content_pages(site)):
            tasks.put(task)
        threads = [
            threading.Thread(target=work, args=(tasks, results), daemon=True)
            for _ in range(WORKERS)
        ]
        for thread in threads:
            thread.start()
        working = len(threads)
        while working:
            seen = results.get()
            if isinstance(seen, BaseException):
                raise seen
            if seen is None:
                working -= 1
                continue
            everything.append(seen)
            say(seen.line())
            for fault in seen.faults:
                say(f"    {fault}")
    return everything


def main(arguments):
    """The command line. Returns the exit code."""
    if not arguments or not Path(arguments[0]).is_dir():
        print(__doc__.splitlines()[2], file=sys.stderr)
        return 2
    start = time.perf_counter()
    try:
        everything = check(arguments[0], arguments[1:] or None)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    faults = sum(len(seen.faults) for seen in everything)
    seconds = time.perf_counter() - start
    print(f"{len(everything)} looks, {faults} faults, {seconds:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
