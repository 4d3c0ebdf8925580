"""What this room puts out: bundles for a notebook, text elsewhere, short errors."""

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display


class PageError(AssertionError):
    """An error whose message says all there is to say.

    A notebook shows the message alone: no frames of this package, and no paths, which
    would differ from machine to machine.
    """

    def _render_traceback_(self):
        return [f"{type(self).__name__}: {self}"]


def publish(bundle):
    """Display a bundle of representations by MIME type; outside IPython, its text."""
    if InteractiveShell.initialized():
        display(bundle, raw=True)
    else:
        print(bundle["text/plain"])
