"""Serve the built book on this machine alone, and open it in the browser.

usage: python tools/serve.py [PORT]     (8000, or the next free one)
"""

import contextlib
import errno
import functools
import http.server
import sys
import threading
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing about each."""

    def log_message(self, *_) -> None:
        """Write nothing."""


def listen(folder: Path, port: int, tries: int = 50) -> http.server.ThreadingHTTPServer:
    """A server of the folder on the first free port from `port` on.

    Raises OSError where none of `tries` ports is free.
    """
    handler = functools.partial(Quiet, directory=str(folder))
    for candidate in range(port, port + tries):
        try:
            return http.server.ThreadingHTTPServer((HOST, candidate), handler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise OSError(f"no port from {port} to {port + tries - 1} is free")


def show(address: str) -> None:
    """Open the address in a browser, where there is one."""
    with contextlib.suppress(webbrowser.Error, OSError):
        webbrowser.open(address)


def main(arguments: list[str]) -> int:
    """The command line. Returns the exit code."""
    port = arguments[0] if arguments else "8000"
    if not (port.isdigit() and 0 < int(port) < 65536):
        print(f"A port is a number from 1 to 65535, not {port!r}.", file=sys.stderr)
        return 1
    folder = ROOT / "_build" / "html"
    if not (folder / "index.html").exists():
        print("There is no book in _build/html yet: make book.", file=sys.stderr)
        return 1
    try:
        server = listen(folder, int(port))
    except OSError as error:
        print(f"The book cannot be served: {error}.", file=sys.stderr)
        return 1
    address = f"http://{HOST}:{server.server_port}/"
    print(f"The book is served at {address} (Ctrl-C ends it).", flush=True)
    threading.Thread(target=show, args=[address], daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt), server:
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
