"""Dark twins: every SVG figure of a notebook once more, in colors for dark ground.

The figure style draws on a transparent ground in a few exact ink colors;
`largemodels.page.figures.DARK` says what each becomes in the dark. The page holds
both images with the same alternative text, and the theme shows the one that fits.
The other has `display: none`, so that nothing is read twice.
"""

import re
from pathlib import Path

from docutils import nodes
from largemodels.page.figures import DARK
from sphinx.transforms import SphinxTransform

POINTS_TO_PIXELS = 96 / 72
WIDTH = re.compile(r'<svg[^>]*?\bwidth="([\d.]+)pt"', re.S)


def recolor(svg, colors=DARK):
    """The SVG text with each color of the map replaced, whatever its case.

    Shapes without a fill are black by default: they inherit the dark twin's ink
    from the root element, because matplotlib leaves a black fill unsaid.
    """
    table = {old.lower(): new for old, new in colors.items()}
    swapped = re.sub(r"#[0-9a-fA-F]{6}\b", lambda m: table.get(m[0].lower(), m[0]), svg)
    ink = table.get("#000000")
    return swapped.replace("<svg ", f'<svg fill="{ink}" ', 1) if ink else swapped


def width_in_pixels(svg):
    """The width in CSS pixels of an SVG that is sized in points, or None."""
    match = WIDTH.search(svg)
    return round(float(match[1]) * POINTS_TO_PIXELS) if match else None


class DarkTwins(SphinxTransform):
    """Put a recolored copy beside every SVG image that a cell has put out."""

    default_priority = 200

    def apply(self, **kwargs):
        """Write the copies into the build folder and add their image nodes."""
        for image in list(self.document.findall(nodes.image)):
            uri = image.get("uri", "")
            if uri.endswith(".svg") and self.is_output(image):
                self.add_twin(image, Path(self.app.srcdir, uri.lstrip("/")))

    @staticmethod
    def is_output(node):
        """Whether the node lies in the outputs of a code cell."""
        while node is not None:
            if node.get("nb_element") == "cell_code_output":
                return True
            node = node.parent
        return False

    def add_twin(self, image, path):
        """Replace one image by a pair, one of which is shown."""
        svg = path.read_text("utf-8")
        dark = path.with_name(f"{path.stem}-dark.svg")
        dark.write_text(recolor(svg), "utf-8")
        width = width_in_pixels(svg)
        if width and "width" not in image:
            image["width"] = str(width)
        # In a container of their own: the theme hides a caption beside .only-dark.
        pair = nodes.container(classes=["lm-twins"])
        image.replace_self(pair)
        twin = image.deepcopy()
        twin["uri"] = image["uri"].removesuffix(".svg") + "-dark.svg"
        twin["classes"] = [*image["classes"], "only-dark"]
        image["classes"] = [*image["classes"], "only-light"]
        pair += [image, twin]


def register(app):
    """Add the transform."""
    app.add_transform(DarkTwins)
