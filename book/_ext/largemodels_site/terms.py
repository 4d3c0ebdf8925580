"""Glossary terms: `{term}` links carry the definition to where the term is used.

The definition is the first paragraph of the glossary's entry, as plain text. It
stands in the link's title; where JavaScript runs, `lm/terms.js` shows it in a box
that keyboards reach and Escape closes. Without JavaScript the link is a link.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging

logger = logging.getLogger(__name__)


def definitions_of(env):
    """{docname: {anchor: definition}} of the environment."""
    if not hasattr(env, "lm_definitions"):
        env.lm_definitions = {}
    return env.lm_definitions


def collect(app, doctree):
    """Keep the definitions of a page that holds a glossary."""
    found = {}
    for glossary in doctree.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            paragraph = next(item.findall(nodes.paragraph), None)
            terms = list(item.findall(nodes.term))
            if paragraph is None:
                logger.warning("a term without a definition", location=terms[0])
                continue
            if next(paragraph.findall(nodes.math), None) is not None:
                logger.warning(
                    "mathematics in the first paragraph of a definition: a tooltip"
                    " is plain text; put the formula into a second paragraph",
                    location=terms[0],
                )
            for term in terms:
                found[term["ids"][0]] = " ".join(paragraph.astext().split())
    if found:
        definitions_of(app.env)[app.env.docname] = found


def purge(app, env, docname):
    """Forget what a page said before it is read again."""
    definitions_of(env).pop(docname, None)


def merge(app, env, docnames, other):
    """Take over what another reading process has found."""
    definitions_of(env).update(definitions_of(other))


def pages_to_rewrite(app, env):
    """All pages, when a definition has changed since they were written."""
    written = getattr(env, "lm_definitions_written", None)
    env.lm_definitions_written = {k: dict(v) for k, v in definitions_of(env).items()}
    if written is None or written == env.lm_definitions_written:
        return []
    return sorted(env.found_docs)


def explain(app, doctree, docname):
    """Give each link to a term the term's definition."""
    anchors = {}
    for found in definitions_of(app.env).values():
        anchors.update(found)
    for link in doctree.findall(nodes.reference):
        inner = link.next_node(nodes.inline)
        if inner is None or "std-term" not in inner["classes"]:
            continue
        anchor = link.get("refid") or link.get("refuri", "").rpartition("#")[2]
        if anchor in anchors:
            link["reftitle"] = anchors[anchor]
            link["classes"].append("lm-term")


def register(app):
    """Connect the steps to Sphinx's events."""
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", pages_to_rewrite)
    app.connect("doctree-resolved", explain)
