"""A web server on this machine that misbehaves as it is told."""

import http.server
import re
import threading
from dataclasses import dataclass, field

import pytest
from largemodels.data import downloads


@dataclass
class Site:
    """What the server does, and what it was asked.

    content  the bytes of the one file
    ranges   whether it knows Range
    cuts     for each coming connection, after how many bytes it is cut (None: not)
    status   for each coming request, an error status to answer with (None: none)
    during   called before the body is sent
    asked    the Range header of every request, None where there was none
    """

    content: bytes
    ranges: bool = True
    with_length: bool = True
    wrong_start: int = 0
    cuts: list = field(default_factory=list)
    status: list = field(default_factory=list)
    during: object = None
    asked: list = field(default_factory=list)
    url: str = ""


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves the Site of its server under any path."""

    def do_GET(self):
        site = self.server.site
        asked = self.headers.get("Range")
        site.asked.append(asked)
        if status := site.status.pop(0) if site.status else None:
            self.send_error(status)
            return
        start, total = 0, len(site.content)
        if asked and site.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start -= site.wrong_start
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        if site.with_length:
            self.send_header("Content-Length", str(total - start))
        self.end_headers()
        if site.during:
            site.during()
        cut = site.cuts.pop(0) if site.cuts else None
        self.wfile.write(site.content[start : total if cut is None else start + cut])

    def log_message(self, *words):
        """Say nothing."""


@pytest.fixture
def site(monkeypatch):
    """A running Site at 127.0.0.1 whose downloads do not pause."""
    monkeypatch.setattr(downloads, "PAUSE", 0.0)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.site = Site(bytes(range(256)) * 40)
        server.site.url = f"http://127.0.0.1:{server.server_port}/files/some%20data.bin"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.site
        server.shutdown()
        thread.join()
