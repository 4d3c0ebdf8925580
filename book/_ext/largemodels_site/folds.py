"""Parts that fold: setup cells, solutions, and every `:class: dropdown`.

They become `<details>`: the browser's own element, which keyboards and screen
readers know, which find-in-page opens, and which works without JavaScript.
sphinx-exercise and sphinx-proof also give the same id to the inner part of every
solution, exercise, theorem and proof of a page; those ids are taken off.
"""

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform

from largemodels_site.tabs import is_cell

REPEATED_IDS = {"exercise-content", "solution-content", "proof-content", "proof"}


class fold(nodes.General, nodes.Element):  # noqa: N801 - docutils names nodes so
    """A part that is folded until the reader opens it."""


class fold_title(nodes.TextElement):  # noqa: N801
    """The line of a fold that stays visible."""


def visit_fold(translator, node):
    """Open `<details>`."""
    translator.body.append(translator.starttag(node, "details"))


def depart_fold(translator, node):
    """Close it."""
    translator.body.append("</details>\n")


def visit_fold_title(translator, node):
    """Open `<summary>`."""
    translator.body.append(translator.starttag(node, "summary", suffix=""))


def depart_fold_title(translator, node):
    """Close it."""
    translator.body.append("</summary>\n")


class FoldSetup(SphinxTransform):
    """Cells tagged `setup` fold to one quiet line."""

    default_priority = 194

    def apply(self, **kwargs):
        """Wrap each setup cell."""
        for cell in list(self.document.findall(is_cell)):
            if "tag_setup" in cell["classes"]:
                title = fold_title("", "Setup: what makes this page run anywhere")
                wrapper = fold("", title, classes=["lm-fold", "lm-setup"])
                cell.replace_self(wrapper)
                wrapper += cell


class FoldDropdowns(SphinxPostTransform):
    """Admonitions of class dropdown fold; ids that repeat on a page go."""

    default_priority = 60  # after sphinx-exercise has written its titles (20 to 22)
    formats = ("html",)

    def run(self, **kwargs):
        """Rewrite the doctree of one page."""
        for node in self.document.findall(nodes.Element):
            if REPEATED_IDS.intersection(node.get("ids", ())):
                node["ids"] = [i for i in node["ids"] if i not in REPEATED_IDS]
        exercises = {i: e for e in self.document.findall(is_exercise) for i in e["ids"]}
        for node in list(self.document.findall(nodes.Admonition)):
            if "dropdown" in node.get("classes", ()):
                wrapper = self.fold(node)
                exercise = exercises.get(node.get("target_label"))
                if exercise is not None:
                    exercise += link("Solution", wrapper["ids"][0])
                    wrapper += link("Back to the exercise", exercise["ids"][0])

    def fold(self, node):
        """Replace one admonition by a fold with the same title, ids and content.

        A title that is a link becomes plain text: what opens a fold can hold no link.
        """
        title, *content = node.children
        summary = fold_title("", "", *unlinked(title))
        classes = ["lm-fold", *(c for c in node["classes"] if c != "dropdown")]
        wrapper = fold("", summary, *content, classes=classes, ids=node["ids"])
        node.replace_self(wrapper)
        return wrapper


def is_exercise(node):
    """Whether a node is an exercise of sphinx-exercise."""
    return isinstance(node, nodes.Admonition) and "exercise" in node.get("classes", ())


def unlinked(title):
    """The children of a title, with those of a link in the link's place."""
    for child in title.children:
        yield from child.children if isinstance(child, nodes.reference) else [child]


def link(text, target):
    """A paragraph that leads to another place on the page."""
    reference = nodes.reference("", text, refid=target, internal=True)
    return nodes.paragraph("", "", reference, classes=["lm-to"])


def register(app):
    """Add the nodes and the transforms."""
    app.add_node(fold, html=(visit_fold, depart_fold))
    app.add_node(fold_title, html=(visit_fold_title, depart_fold_title))
    app.add_transform(FoldSetup)
    app.add_post_transform(FoldDropdowns)
