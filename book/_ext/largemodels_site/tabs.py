"""Framework tabs: the same step in NumPy, PyTorch and TensorFlow, side by side.

In the notebook the cells stand one after another, tagged `tab-scratch`,
`tab-pytorch` and `tab-tf`. Here each run of adjacent tagged cells becomes one
group of panels, outputs included. The HTML shows all panels, each under its
name; only where JavaScript runs does `lm/tabs.js` put tabs in front of them.
"""

from docutils import nodes
from largemodels.page.figures import WING_NAMES
from sphinx.transforms import SphinxTransform

# Runs before the first paint, so that no reader sees three panels collapse to one.
CHOOSE_EARLY = """
(function () {
  var root = document.documentElement, wing = null;
  try { wing = localStorage.getItem("lm-wing"); } catch (error) { }
  root.classList.add("lm-js");
  root.dataset.lmWing = /^(WINGS|all)$/.test(wing) ? wing : "FIRST";
})();
""".replace("WINGS", "|".join(WING_NAMES)).replace("FIRST", next(iter(WING_NAMES)))


def is_cell(node):
    """Whether a doctree node is a code cell with its outputs."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def wing_of(node):
    """The wing that a cell is tagged with, or None."""
    if is_cell(node):
        for wing in WING_NAMES:
            if f"tag_tab-{wing}" in node["classes"]:
                return wing
    return None


def runs_of_cells(children):
    """Lists of adjacent tagged cells; a wing that comes again begins a new list.

    children: doctree nodes of one parent. Yields lists of (wing, node).
    """
    run = []
    for child in children:
        wing = wing_of(child)
        if run and (wing is None or wing in dict(run)):
            yield run
            run = []
        if wing is not None:
            run.append((wing, child))
    if run:
        yield run


def group(run):
    """One container for a run of cells: a panel for each, under its name."""
    classes = ["lm-tabs", *(f"lm-has-{wing}" for wing, _ in run)]
    tabs = nodes.container(classes=classes)
    for wing, cell in run:
        panel = nodes.container(classes=["lm-panel", f"lm-panel-{wing}"])
        name = WING_NAMES[wing]
        panel += nodes.paragraph("", name, classes=["lm-panel-name"])
        panel += cell
        tabs += panel
    return tabs


class FrameworkTabs(SphinxTransform):
    """Put every run of adjacent tagged cells into one group of panels."""

    default_priority = 195  # after gated solutions (10) have taken their cells in

    def apply(self, **kwargs):
        """Rebuild the children of each node that holds tagged cells."""
        parents = {id(n.parent): n.parent for n in self.document.findall(wing_of)}
        for parent in parents.values():
            for run in list(runs_of_cells(parent.children)):
                first = parent.index(run[0][1])
                cells = [cell for _, cell in run]
                for cell in cells:
                    parent.remove(cell)
                parent.insert(first, group(run))


def register(app):
    """Add the transform and the early script."""
    app.add_transform(FrameworkTabs)
    app.add_js_file(None, body=CHOOSE_EARLY, priority=1)
