"""A small book on which the tests try the page tool."""

import json
from pathlib import Path

from tools import pages

ROOT = Path(__file__).resolve().parents[2]
FRONT = """\
---
# a remark that must survive
kernelspec:
  display_name:   Python 3
  language: python
  name: python3
---

"""
SETUP = """\
```{code-cell} ipython3
:tags: [setup]
```
"""
PAGE = (
    FRONT
    + "# One page\n\nProse, and a source {cite}`known2020`.\n\n"
    + SETUP
    + """
```{code-cell} ipython3
import matplotlib.pyplot as plt
from largemodels.page import claim, figures
```

![A small square](square.svg)

```{code-cell} ipython3
:tags:   [ hide-input ]

for word in ("one", "two"):
    print(word)
```

```{code-cell} ipython3
---
mystnb:
  image:
    alt: "A straight line that rises from one to two"
---
fig, ax = figures.figure()
ax.plot([0, 1], [1, 2], color=figures.method(0))
plt.show()
```


(claim-two-is-more)=
Two is more than one, people say.

```{code-cell} ipython3
claim(
    "Two is more than one.",
    evidence={"one": 1, "two": 2},
    rule="two > one",
    verdict="holds",
    name="two-is-more",
)
```

Three times the same:

```{code-cell} ipython3
:tags: [tab-scratch]
# NumPy
x = 1
```

```{code-cell} ipython3
:tags: [tab-pytorch]
# PyTorch
x = 2
```

```{code-cell} ipython3
:tags: [tab-tf]
# TensorFlow
x = 3
```

What goes wrong:

```{code-cell} ipython3
:tags: [raises-exception]
import json
json.loads("x")
```

:::{exercise} Add
:label: ex-one-add
Add one.
:::

## Solutions

:::{solution} ex-one-add
:class: dropdown
Two.
:::
"""
)
CONFIG = """\
# the only place of the address
title: A book
repository:
  # nowhere else
  url: https://example.org/first/book  # here
  branch: main
"""


def tool(root, *arguments):
    """Run the page tool in this process; return its exit code."""
    return pages.main(["--root", str(root), *map(str, arguments)])


def make_book(root, page=PAGE, name="part/one"):
    """A book with one page."""
    markdown = root / "book" / f"{name}.md"
    markdown.parent.mkdir(parents=True, exist_ok=True)
    markdown.write_text(page, "utf-8")
    (root / "_config.yml").write_text(CONFIG, "utf-8")
    (root / "book" / "references.bib").write_text("@book{known2020,\n}\n", "utf-8")
    return markdown


def counts(path):
    """The execution counts of a notebook's code cells."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]


def edit(path, old, new):
    """Replace text in a file, once."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1, (old, text.count(old))
    path.write_text(text.replace(old, new), "utf-8")
