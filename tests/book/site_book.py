"""A book of four pages with everything that a page may hold, for the site's tests.

No cell is executed: outputs are drawn or written here, as the page tool stores them.
"""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import matplotlib as mpl
import nbformat
from largemodels.page import claims, figures
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[2]
WORDS = {"scratch": "# NumPy", "pytorch": "# PyTorch", "tf": "# TensorFlow"}
LONG_LINE = "x = " + " + ".join(["activation"] * 6) + "  # (B, T)"
LONG_LINE += "." * (88 - len(LONG_LINE))

TOC = """\
format: jb-book
root: book/index
parts:
  - caption: Start
    numbered: 1
    chapters:
      - file: book/start/rich.ipynb
      - file: book/start/second.ipynb
  - caption: Back matter
    chapters:
      - file: book/back/glossary
"""
INDEX = """\
# A small book

This book exists so that the site can be tested, and it has {fact}`pages` pages with
{fact}`claims` claims, {fact}`refuted` refuted, and {fact}`exercises` exercises.

Read [the rich page](start/rich.ipynb) or the glossary's {term}`logit`, at
REPOSITORY_ADDRESS.
"""
GLOSSARY = """\
# Glossary

What the words of this small book mean, for the tests of its hover definitions.

:::{glossary}
logit
score
  A number before the softmax, one for each class.

gradient
  The vector of partial derivatives.

  In symbols $\\grad f$.
:::
"""
BIB = """\
@article{someone2020, author = {Ann Someone and Bob Other}, title = {A title},
  journal = {Journal of Tests}, year = {2020}, doi = {10.0000/test}}
"""
OPENING = """\
# A rich page

This first paragraph describes the page: it says what a {term}`logit` is for, and why
the {term}`gradient <gradient>` matters when models are large.

You will be able to **derive** $\\softmax(z)_i = e^{z_i} / \\sum_j e^{z_j}$, with
$z \\in \\RR^K$, and to **measure** it {cite}`someone2020`."""
MATHEMATICS = r"""## Mathematics that is wide

$$
\operatorname{Attention}(Q, K, V) = \softmax\!\left(\frac{Q K^\top}{\sqrt{H}}\right) V
= \begin{pmatrix} a_{11} & a_{12} & \dots & a_{1S} \\ a_{T1} & a_{T2} & \dots & a_{TS}
\end{pmatrix} + \norm{x}^2 + \inner{x}{y} + \EE[\grad f(x)] + \Var(x) - \HH(p)
$$ (eq:rich-wide)

By {eq}`eq:rich-wide` and {prf:ref}`thm-rich-descent` the loss falls.

$$ \argmin_{w} f(w) $$

::::{prf:theorem} Descent
:label: thm-rich-descent

If $f$ is $L$-smooth then, for every $\eta \le 1/L$,
$f(w - \eta \grad f(w)) \le f(w) - \tfrac{\eta}{2}\norm{\grad f(w)}^2 + 0 + 0 + 0 + 0$.
::::

:::{prf:proof}
By the definition of smoothness, with the step put in.
:::

:::{prf:proof}
A second proof, because ids must not repeat.
:::

:::{admonition} Before you go on, predict
:class: tip
How large is the gradient?
:::

| what | NumPy | PyTorch | TensorFlow | why they differ, at some length |
| :--- | ---: | ---: | ---: | :--- |
| epsilon of layer normalization | 1e-5 | 1e-5 | 1e-3 | a default that nobody sees |
| momentum of batch normalization | 0.9 | 0.1 | 0.99 | two mean the opposite |"""
EXERCISES = r"""## Exercises

:::{exercise} The first loss, $\ell_0$
:label: ex-rich-first
What is the first loss over $K$ classes?
:::

:::{exercise} The second loss
:label: ex-rich-second
And the second?
:::

## Read on

- Someone and Other {cite}`someone2020`, for everything.

:::{bibliography}
:::

## Solutions

:::{solution} ex-rich-first
:class: dropdown
It is $\log K$.
:::

:::{solution-start} ex-rich-second
:class: dropdown
:::"""


def picture(kind):
    """The data of a drawn figure, "svg" as text or "png" as base64."""
    with mpl.rc_context(figures.STYLE):
        figure = Figure(figsize=(6.4, 3.2))
        ax = figure.subplots()
        for shift, color in enumerate(figures.METHODS[:3]):
            losses = [2.3, 1.2 + shift / 4, 0.8, 0.6 + shift / 5]
            ax.plot([0, 1, 2, 3], losses, color=color)
        ax.set(xlabel="step", ylabel="loss (nats)", title="The loss falls")
        file = io.BytesIO()
        date = {"Date": None} if kind == "svg" else None
        figure.savefig(file, format=kind, metadata=date)
    data = file.getvalue()
    return data.decode() if kind == "svg" else base64.b64encode(data).decode()


def claim(verdict):
    """What largemodels.page.claim displays for a claim with this verdict."""
    rules = {
        "holds": "more > plain",
        "does not hold": "more < plain",
        "holds when warm, or long": {
            "warm": "more > plain",
            "long": "more > 0",
            "cold": "more < plain",
        },
    }
    name = "rich-" + verdict.replace(" ", "-").replace(",", "")
    evidence = {"plain": 0.97, "more": 0.98}
    with mock.patch.object(claims, "publish") as publish:
        claims.forget()
        claims.claim("More always help.", evidence, rules[verdict], verdict, name)
    return publish.call_args.args[0]


def code(source, *outputs, tags=(), alt=None):
    """A code cell with stored outputs: text, or a dictionary of mime types."""
    metadata = {"tags": list(tags)} if tags else {}
    if alt:
        metadata["mystnb"] = {"image": {"alt": alt}}
    cell = nbformat.v4.new_code_cell(source, metadata=metadata)
    for output in outputs:
        if isinstance(output, str):
            cell.outputs.append(nbformat.v4.new_output("stream", text=output))
        else:
            cell.outputs.append(nbformat.v4.new_output("display_data", data=output))
    return cell


def tabs(*wings):
    """Adjacent tagged cells, each with an output of its own."""
    return [
        code(f"{WORDS[w]}\nprint({w!r})", f"{w}\n", tags=[f"tab-{w}"]) for w in wings
    ]


def rich_cells():
    """The cells of the page that holds everything."""
    text = nbformat.v4.new_markdown_cell
    svg = {"image/svg+xml": picture("svg")}
    png = {"image/png": picture("png")}
    source = "`largemodels/losses.py`\n\n```python\ndef loss(x):\n    return x\n```"
    verdicts = ("holds", "does not hold", "holds when warm, or long")
    return [
        text(OPENING),
        code("from largemodels.page import begin\nbegin()", tags=["setup"]),
        code("import numpy as np\n" + LONG_LINE, "12 digits\n"),
        text("## Three ways\n\nThe same step in each framework:"),
        *tabs("scratch", "pytorch", "tf"),
        text("and once more, so that one choice serves both:"),
        *tabs("scratch", "pytorch", "tf"),
        text(MATHEMATICS),
        code("draw()", svg, alt="Three falling curves."),
        code("draw_pixels()", png, alt="The same three curves, as pixels."),
        code("show_source(loss)", {"text/plain": source, "text/markdown": source}),
        *(code("claim(...)", claim(verdict)) for verdict in verdicts),
        text(EXERCISES),
        *tabs("scratch", "pytorch", "tf"),
        text(":::{solution-end}\n:::"),
    ]


def second_cells():
    """A second page: its tabs have no NumPy."""
    words = "# A second page\n\nIts tabs have two frameworks only, and this paragraph"
    return [
        nbformat.v4.new_markdown_cell(f"{words} describes it.\n\n## A section"),
        *tabs("pytorch", "tf"),
    ]


def write_notebook(path, cells):
    """Store cells as an executed notebook."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    language = {"name": "python", "pygments_lexer": "ipython3"}
    notebook = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": kernel, "language_info": language}
    )
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        if cell.cell_type == "code":
            cell.execution_count = number
    path.write_text(json.dumps(notebook, indent=1), "utf-8")


def make(folder):
    """Write the small book, with the project's own configuration and extension."""
    folder = Path(folder)
    for name in ("start", "back"):
        (folder / "book" / name).mkdir(parents=True, exist_ok=True)
    shutil.copy2(ROOT / "_config.yml", folder)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("_ext", "_static"):
        source, target = ROOT / "book" / name, folder / "book" / name
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignored)
    texts = {"_toc.yml": TOC, "book/index.md": INDEX}
    texts |= {"book/back/glossary.md": GLOSSARY, "book/references.bib": BIB}
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    write_notebook(folder / "book/start/rich.ipynb", rich_cells())
    write_notebook(folder / "book/start/second.ipynb", second_cells())
    return folder


def build(folder, environment):
    """Build the book with warnings as errors. Returns what Jupyter Book said."""
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", ".", "-W", "-n", "--keep-going"]
    settings = {"capture_output": True, "text": True, "check": False}
    done = subprocess.run(command, cwd=folder, env=environment, **settings)
    return f"exit code {done.returncode}\n{done.stdout}{done.stderr}"


def without_frameworks(folder):
    """An environment in which importing a framework fails; folder holds the stubs."""
    folder.mkdir()
    for name in ("torch", "tensorflow", "keras"):
        text = f"raise ImportError('the site is built without {name}')\n"
        folder.joinpath(f"{name}.py").write_text(text)
    return {**os.environ, "PYTHONPATH": str(folder)}


def built(tmp_path_factory):
    """The folder of the small book, built once for all workers of a test run.

    Raises AssertionError with what the build said where it fails.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    folder, report = base / "site-book", base / "site-book.txt"
    try:
        folder.mkdir()
    except FileExistsError:
        deadline = time.monotonic() + 300
        while not report.exists() and time.monotonic() < deadline:
            time.sleep(0.2)
    else:
        make(folder)
        said = build(folder, without_frameworks(base / "no-frameworks"))
        report.with_suffix(".part").write_text(said, "utf-8")
        report.with_suffix(".part").rename(report)
    said = report.read_text("utf-8")
    assert said.startswith("exit code 0"), said
    return folder
