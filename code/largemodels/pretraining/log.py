"""The log of a run: a line of JSON for every update, and the curve drawn from it."""

import contextlib
import json
import math
import os
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN = 640, 360, 56
COLORS = {"loss": "#1f77b4", "validation_loss": "#d62728"}


class RunLog:
    """Writes lines of JSON to a file, each whole before the next is begun.

    path   the file
    after  lines of later steps than this are taken away first: a run that goes on from
           a checkpoint writes them again. None: the file begins anew

    Raises OSError that names the file where there is no room or no permission.
    """

    def __init__(self, path, after=None):
        self.path = Path(path)
        kept = []
        if after is not None and self.path.exists():
            kept = [line for line in read_log(self.path) if line["step"] <= after]
        temporary = self.path.with_suffix(".new")
        with self._named():
            temporary.write_text("".join(map(_line, kept)), encoding="utf-8")
            os.replace(temporary, self.path)

    def write(self, **values):
        """Append one line."""
        with self._named(), open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(values))

    @contextlib.contextmanager
    def _named(self):
        """A full disk shows when a file is closed, and that error names no file."""
        try:
            yield
        except OSError as error:
            what = error.strerror or str(error)
            raise OSError(error.errno, what, str(self.path)) from error


def _line(values):
    return json.dumps(values) + "\n"


def read_log(path):
    """The lines of a log as dictionaries. A last line cut off by a crash is left out.

    Raises ValueError that names another line which is no JSON.
    """
    lines = Path(path).read_text("utf-8").split("\n")
    found = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}:{number} is no line of a log: {error}") from error
    return found


def draw(log, path, title="Loss"):
    """Write an SVG of the losses in a log against the tokens seen. Returns the path.

    log: lines as `read_log` returns them. Raises ValueError where none has a loss.
    """
    curves = {
        name: [
            (line["tokens"], line[name])
            for line in log
            if math.isfinite(line.get(name) if line.get(name) is not None else math.nan)
        ]
        for name in COLORS
    }
    points = [point for curve in curves.values() for point in curve]
    if not points:
        raise ValueError("the log has no losses to draw")
    (left, right), (low, high) = (_range(axis) for axis in zip(*points, strict=True))

    def place(x, y):
        across = MARGIN + (x - left) / (right - left) * (WIDTH - 2 * MARGIN)
        down = MARGIN + (high - y) / (high - low) * (HEIGHT - 2 * MARGIN)
        return f"{across:.1f},{down:.1f}"

    parts = [_frame(title, left, right, low, high)]
    for number, (name, curve) in enumerate(curves.items()):
        color, row = COLORS[name], MARGIN + 16 * number
        parts.append(
            f'<polyline fill="none" stroke="{color}" stroke-width="1.5" '
            f'points="{" ".join(place(*point) for point in curve)}"/>'
            f'<text x="{WIDTH - MARGIN}" y="{row}" fill="{color}" text-anchor="end">'
            f"{name.replace('_', ' ')}</text>"
        )
    path = Path(path)
    path.write_text("\n".join([*parts, "</svg>\n"]), encoding="utf-8")
    return path


def _frame(title, left, right, low, high):
    """The beginning of the file: a title, two axes and their ends."""
    bottom = HEIGHT - MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'role="img" font-family="sans-serif" font-size="12">\n'
        f"<title>{escape(title)}: from {high:.3g} to {low:.3g} nats a token over "
        f"{right:,.0f} tokens</title>\n"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
        f'<text x="{MARGIN}" y="{MARGIN - 24}" font-size="14">{escape(title)}</text>\n'
        f'<path fill="none" stroke="black" d="M{MARGIN},{MARGIN} V{bottom} '
        f'H{WIDTH - MARGIN}"/>\n'
        f'<text x="{MARGIN - 6}" y="{MARGIN}" text-anchor="end">{high:.3g}</text>\n'
        f'<text x="{MARGIN - 6}" y="{bottom}" text-anchor="end">{low:.3g}</text>\n'
        f'<text x="{MARGIN}" y="{bottom + 18}">{left:,.0f}</text>\n'
        f'<text x="{WIDTH - MARGIN}" y="{bottom + 18}" text-anchor="end">'
        f"{right:,.0f} tokens</text>"
    )


def _range(values):
    """The least and the greatest, made different where they are one."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
