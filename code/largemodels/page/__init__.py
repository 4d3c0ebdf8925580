"""What every page of the book imports: begin, figures, claim, check, show_source.

Importing this room sets the thread variables of the environment before NumPy is
imported, and imports no framework. `begin()` is the one call of the setup cell.
"""

from largemodels.page.quiet import environment

environment()

from largemodels.page import figures  # noqa: E402  (the environment comes first)
from largemodels.page.checks import WrongAnswer, check  # noqa: E402
from largemodels.page.claims import ClaimError, claim  # noqa: E402
from largemodels.page.sources import show_source  # noqa: E402
from largemodels.page.start import begin  # noqa: E402

__all__ = [
    "ClaimError",
    "WrongAnswer",
    "begin",
    "check",
    "claim",
    "figures",
    "show_source",
]
