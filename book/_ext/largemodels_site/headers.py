"""What stands around a page: edit links, descriptions, Open Graph, the address.

Pages are edited as Markdown, though the site reads the notebook beside it. The
address at which GitHub serves the book follows from the repository's, which stands in
_config.yml alone; Markdown pages say REPOSITORY_ADDRESS and REPOSITORY_NAME for it.
"""

import html
from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.addnodes import toctree
from sphinx.util import logging

logger = logging.getLogger(__name__)
DESCRIPTION_LENGTH = 200
GENERATED = {"book/back/claims"}  # written by a tool: nothing there to edit by hand


def site_address(repository):
    """Where GitHub Pages serves a repository's site.

    https://github.com/OWNER/NAME -> https://OWNER.github.io/NAME/
    """
    parts = [part for part in urlsplit(repository).path.split("/") if part]
    if len(parts) != 2:
        raise ValueError(f"https://host/owner/name expected, got {repository!r}")
    owner, name = parts
    return f"https://{owner.lower()}.github.io/{name}/"


def set_address(app, config):
    """Derive the site's address unless the configuration names one; find templates."""
    config.templates_path.insert(0, str(Path(__file__).with_name("templates")))
    if not config.html_baseurl:
        options = config.html_theme_options
        config.html_baseurl = site_address(options["repository_url"])


def say_address(app, docname, source):
    """Put the repository's address and name into a page that speaks of them."""
    address = app.config.html_theme_options["repository_url"]
    source[0] = source[0].replace("REPOSITORY_ADDRESS", address)
    source[0] = source[0].replace("REPOSITORY_NAME", address.rstrip("/").split("/")[-1])


def first_paragraph(doctree):
    """The first paragraph of prose on the page, as plain text."""
    for node in doctree.findall(nodes.paragraph):
        text = " ".join(node.astext().split())
        in_prose = isinstance(node.parent, nodes.section | nodes.document)
        if in_prose and len(text) > 40 and next(node.findall(toctree), None) is None:
            return text
    return ""


def shortened(text, length=DESCRIPTION_LENGTH):
    """The text, ended at a word when it is longer than `length` characters."""
    if len(text) <= length:
        return text
    return text[: length - 1].rsplit(" ", 1)[0].rstrip(",;:. ") + "…"


def page_tags(app, pagename, title, description):
    """The meta elements of one page, as HTML."""
    named = {"description": description}
    graph = {
        "og:title": title,
        "og:description": description,
        "og:type": "article",
        "og:site_name": app.config.html_title,
        "og:url": f"{app.config.html_baseurl}{pagename}.html",
    }
    tags = [
        f'<meta {kind}="{key}" content="{html.escape(value)}"/>'
        for kind, values in (("name", named), ("property", graph))
        for key, value in values.items()
        if value
    ]
    return "\n".join(tags)


def describe(app, pagename, templatename, context, doctree):
    """Add description and Open Graph to a page that has content."""
    if doctree is None:
        title = description = app.config.html_title
    else:
        title = app.env.titles[pagename].astext()
        given = (context.get("meta") or {}).get("description")
        description = shortened(given or first_paragraph(doctree))
        if not description:
            logger.warning("no paragraph describes the page", location=pagename)
    tags = page_tags(app, pagename, title, description)
    context["metatags"] = context.get("metatags", "") + "\n" + tags


def edit_the_source(app, pagename, templatename, context, doctree):
    """Let the edit button open the Markdown, and none open what a tool writes."""
    kept = []
    for entry in context.get("header_buttons", []):
        if "buttons" in entry:
            buttons = [edited(button, pagename) for button in entry["buttons"]]
            entry = {**entry, "buttons": [b for b in buttons if b]}
        kept.append(entry)
    context["header_buttons"] = kept


def edited(button, pagename):
    """One button of a menu, mended; None where it has to go."""
    if button.get("label") != "source-edit-button":
        return button
    if pagename in GENERATED:
        return None
    url = button["url"]
    if url.endswith(".ipynb"):
        url = url.removesuffix(".ipynb") + ".md"
    return {**button, "url": url}


def mend_citations(app, pagename, templatename, context, doctree):
    """Give the list of works the roles that are current: items of a list."""
    if context.get("body"):
        context["body"] = context["body"].replace(
            'role="doc-biblioentry"', 'role="listitem"'
        )


def light_without_script(app, exception):
    """Let the pages be light until a script has asked the reader's settings.

    The theme writes "auto" there, which no style sheet knows: without JavaScript both
    twins of every figure would be shown, and none of the book's colors.
    """
    if exception is not None or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text("utf-8")
        mended = text.replace(' data-theme="auto"', ' data-theme="light"', 1)
        if mended != text:
            page.write_text(mended, "utf-8")


def register(app):
    """Connect to the building of each page."""
    app.connect("config-inited", set_address)
    app.connect("source-read", say_address)
    app.connect("html-page-context", describe)
    app.connect("html-page-context", mend_citations)
    app.connect("html-page-context", edit_the_source, priority=902)
    app.connect("build-finished", light_without_script)
