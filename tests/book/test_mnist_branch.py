"""What the page on three frameworks does where MNIST is at hand."""

import itertools
import re
import runpy

import numpy as np
import pytest
from largemodels.data import mnist
from largemodels.data.split import Split

from tests.book import notebooks

PAGE = "backprop/three-frameworks"


def stand_in():
    """Images in the shape of MNIST: of each digit, other pixels are dark."""
    labels = np.arange(60_000) % 10
    inputs = np.repeat(np.eye(10, 112, dtype="float32"), 7, axis=1)[labels]
    test = np.arange(50) % 10
    return Split(inputs, labels, inputs[:50], test)


def sources():
    """The code cells of the page, without the setup."""
    (page,) = [page for page in notebooks.book() if page.name == PAGE]
    return [notebooks.joined(cell["source"]) for _, cell in page.code()][1:]


# From Python 3.13 on AutoGraph's own syntax trees warn, and as an error that ends it.
@pytest.mark.filterwarnings("ignore:.*___pyct_anno:DeprecationWarning")
def test_the_classic_network_is_trained_in_all_three(tmp_path, monkeypatch, capsys):
    cells = sources()
    ready = next(i for i, cell in enumerate(cells) if "def train(" in cell) + 1
    (classic,) = [cell for cell in cells if cell.startswith("classic = ")]
    (branch,) = [cell for cell in cells if "mnist.load()" in cell]
    file = tmp_path / "cells.py"  # TensorFlow reads the source of what it compiles
    file.write_text("\n\n".join([*cells[:ready], classic]), encoding="utf-8")
    found = runpy.run_path(str(file))
    order = found["batches"]

    def few(*given, **named):
        return itertools.islice(order(*given, **named), 30)

    monkeypatch.setitem(found, "batches", few)
    monkeypatch.setattr(mnist, "load", stand_in)
    capsys.readouterr()
    exec(branch, found)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["NumPy", "PyTorch", "TensorFlow"]
    shares = {re.fullmatch(r"\w+ +(\d+\.\d)% held out", line)[1] for line in lines}
    (share,) = shares  # the same in all three
    assert float(share) > 90
