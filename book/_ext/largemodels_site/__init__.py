"""What the site of this book adds to Jupyter Book, one small module each.

tabs        adjacent cells tagged tab-scratch, tab-pytorch, tab-tf become tabs
folds       setup cells and solutions fold, with the browser's own element
twins       every SVG figure gets a twin for dark mode
terms       glossary terms carry their definition to where they are used
facts       numbers about the book, counted from its notebooks
offline     MathJax from this site, no scripts of other hosts
headers     edit links to the Markdown, descriptions, Open Graph
"""

from largemodels_site import facts, folds, headers, offline, tabs, terms, twins


def setup(app):
    """Register the modules with Sphinx. Returns the extension's metadata."""
    for module in (facts, folds, headers, offline, tabs, terms, twins):
        module.register(app)
    for sheet in ("type.css", "code.css", "blocks.css", "front.css", "print.css"):
        app.add_css_file(f"lm/{sheet}", priority=900)
    for script in ("tabs.js", "terms.js", "reading.js"):
        app.add_js_file(f"lm/{script}", loading_method="defer")
    return {
        "version": "1",
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
