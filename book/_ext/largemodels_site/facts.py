"""Numbers about the book, counted from its notebooks and never typed.

{fact}`pages`, {fact}`claims`, {fact}`exercises` ... in a Markdown page become the
numbers of this build. The records that claims leave in the notebooks are read here
and taken out before the page is rendered: they are for machines. {fact}`cover-accuracy`
and its like are what `book/cover.py` has computed for the caption of its figure.
"""

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxRole

CLAIM = "application/vnd.largemodels.claim+json"
EXERCISE = re.compile(r"^:{3,}\{exercise(?:-start)?\}", re.M)
NAMES = (
    "pages",
    "cells",
    "figures",
    "claims",
    "holding",
    "refuted",
    "conditional",
    "exercises",
)


def joined(text):
    """Text that a notebook may store as a list of lines."""
    return "".join(text) if isinstance(text, list) else text


def counted(notebook):
    """What one notebook holds, as a dict by the names in NAMES.

    notebook: the parsed JSON; the claims' records are removed from it.
    """
    facts = dict.fromkeys(NAMES, 0)
    facts["pages"] = 1
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            facts["exercises"] += len(EXERCISE.findall(joined(cell["source"])))
        if cell["cell_type"] != "code":
            continue
        facts["cells"] += 1
        for output in cell["outputs"]:
            data = output.get("data", {})
            facts["figures"] += any(mime.startswith("image/") for mime in data)
            record = data.pop(CLAIM, None)
            if record is not None:
                facts["claims"] += 1
                facts[kind_of_verdict(record)] += 1
    return facts


def kind_of_verdict(record):
    """Which of the three kinds of verdict a claim's record has come to."""
    if isinstance(record, list | str):
        record = json.loads(joined(record))
    verdict = record["verdict"]
    if verdict == "holds":
        return "holding"
    return "refuted" if verdict == "does not hold" else "conditional"


def facts_of(env):
    """{docname: facts} of the environment."""
    if not hasattr(env, "lm_facts"):
        env.lm_facts = {}
    return env.lm_facts


def read_notebook(app, docname, source):
    """Count a notebook as it is read, and take the machine's records out."""
    if str(app.env.doc2path(docname)).endswith(".ipynb"):
        notebook = json.loads(source[0])
        facts_of(app.env)[docname] = counted(notebook)
        source[0] = json.dumps(notebook)


def purge(app, env, docname):
    """Forget a page before it is read again."""
    facts_of(env).pop(docname, None)


def merge(app, env, docnames, other):
    """Take over what another reading process has counted."""
    facts_of(env).update(facts_of(other))


def total(env, name):
    """The sum of one fact over all notebooks of the book."""
    return sum(facts[name] for facts in facts_of(env).values())


class fact(nodes.Inline, nodes.TextElement):  # noqa: N801 - docutils names nodes so
    """A number that is known only when all pages have been read."""


class FactRole(SphinxRole):
    """{fact}`name`: a number about the book."""

    def run(self):
        """Leave a node to be filled; an unknown name ends the build."""
        if self.text.startswith("cover-"):
            return [nodes.inline("", self.of_cover(), classes=["lm-fact"])], []
        if self.text not in NAMES:
            raise ExtensionError(f"no fact {self.text!r}; there are {', '.join(NAMES)}")
        return [fact(name=self.text)], []

    def of_cover(self):
        """The words for a number of the cover's figure."""
        file = Path(self.env.srcdir, "book", "cover.json")
        self.env.note_dependency(str(file))
        return json.loads(file.read_text("utf-8"))["words"][self.text[6:]]


class FillFacts(SphinxPostTransform):
    """Put the numbers in."""

    default_priority = 50

    def run(self, **kwargs):
        """Replace each fact by its number."""
        for node in list(self.document.findall(fact)):
            number = f"{total(self.env, node['name']):,}"
            node.replace_self(nodes.inline("", number, classes=["lm-fact"]))


def pages_to_rewrite(app, env):
    """The front page, whenever the numbers have changed since it was written."""
    now = {name: total(env, name) for name in NAMES}
    if getattr(env, "lm_facts_written", now) == now:
        env.lm_facts_written = now
        return []
    env.lm_facts_written = now
    return [env.config.root_doc]


def register(app):
    """Add the role and connect the counting."""
    app.add_role("fact", FactRole())
    app.add_node(fact)
    app.add_post_transform(FillFacts)
    app.connect("source-read", read_notebook)
    app.connect("env-purge-doc", purge)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", pages_to_rewrite)
