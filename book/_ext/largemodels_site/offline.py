"""Nothing from other hosts: MathJax from this site, and no dormant scripts.

MathJax 3 comes from the Python package sphinx-mathjax-offline. Of its 22 MB the
site takes what it uses: the component that typesets, its fonts, the extensions
that TeX input may ask for, and the parts behind MathJax's accessibility menu.
"""

import importlib.util
import re
import shutil
from pathlib import Path

from sphinx.errors import ExtensionError

MATHJAX = "mathjax/tex-mml-chtml.js"
PARTS = (
    "tex-mml-chtml.js",
    "output/chtml/fonts",
    "input/tex/extensions",
    "input/mml",
    "a11y",
    "sre",
)
# sphinx-thebe loads its code from another host when asked; sphinx-togglebutton folds
# with a script what here folds by itself.
DORMANT = ("thebe", "togglebutton", "toggleHint", "toggleOpenOnPrint")
THEBE_BLOCK = re.compile(
    r'<script type="text/x-thebe-config">.*?</script>\s*'
    r"(?:<script>kernelName = .*?</script>)?",
    re.S,
)


def mathjax_folder():
    """Where the installed package keeps MathJax."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None:
        raise ExtensionError("sphinx-mathjax-offline is not installed; run: make book")
    return Path(spec.origin).parent / "static" / "mathjax"


def copy_mathjax(app, exception):
    """Put MathJax into the site, once."""
    if exception is not None or app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir, "_static", "mathjax")
    for part in PARTS:
        if (target / part).exists():
            continue
        (target / part).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (source / part).is_dir() else shutil.copy2
        copy(source / part, target / part)


def is_dormant(file):
    """Whether a style sheet or script of a page belongs to what is left out."""
    text = str(getattr(file, "filename", file) or "")
    text += str((getattr(file, "attributes", None) or {}).get("body", ""))
    return any(word.lower() in text.lower() for word in DORMANT)


def drop_dormant(app, pagename, templatename, context, doctree):
    """Take the scripts and styles of unused extensions off the page."""
    for key in ("script_files", "css_files"):
        context[key] = [file for file in context[key] if not is_dormant(file)]
    if context.get("body"):
        context["body"] = THEBE_BLOCK.sub("", context["body"])


def register(app):
    """Point Sphinx to the local MathJax and connect the rest."""
    app.config.mathjax_path = MATHJAX
    app.connect("build-finished", copy_mathjax)
    app.connect("html-page-context", drop_dormant, priority=900)
