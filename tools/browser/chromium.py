"""The system's Chromium, driven by Playwright, and a server for one folder."""

import contextlib
import functools
import http.server
import os
import shutil
import threading

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOST = "127.0.0.1"
# No name but this machine's resolves, and the browser itself calls nobody.
ARGUMENTS = (
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOST}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find():
    """The path of a Chromium: the variable CHROMIUM, or a usual name; None if none."""
    return os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, NAMES)), None
    )


@contextlib.contextmanager
def launched():
    """A running browser. Raises RuntimeError where there is no Chromium."""
    path = find()
    if path is None:
        raise RuntimeError(
            f"No Chromium here ({', '.join(NAMES)}): install one, or name one in the "
            "variable CHROMIUM."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing about each."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Write nothing."""


@contextlib.contextmanager
def served(folder):
    """The address, ending in a slash, at which a folder is served on this machine."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer((HOST, 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
