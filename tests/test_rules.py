"""Each rule of the house finds what is planted, and lets pass what is right."""

import code_rules
import pytest
import tree_rules

RULES = {
    *(code_rules.who_may_import, code_rules.floors_import_upwards),
    *(code_rules.absolute_imports, code_rules.names_that_say_nothing),
    *(code_rules.sizes, code_rules.tolerances, code_rules.skips),
    *(code_rules.docstrings, tree_rules.registries, tree_rules.machine_paths),
}
HOME = "/".join(["", "home", "anna", "book.txt"])
HOST = "pypi" + ".org"

# What each rule must find, and beside it what it must let pass.
PLANTED = [
    (
        code_rules.who_may_import,
        "code/largemodels/metrics.py",
        "def f():\n    import torch\n",
        "import numpy as np\nfrom largemodels.data import digits\n",
    ),
    (
        code_rules.who_may_import,
        "code/largemodels/data/text.py",
        "import importlib\nimportlib.import_module('tensorflow')\n",
        "import sklearn\n",
    ),
    (
        code_rules.who_may_import,
        "code/largemodels/costs/models.py",
        "from largemodels.page import claim\n",
        "from largemodels.configs import MLPConfig\n",
    ),
    (
        code_rules.who_may_import,
        "code/largemodels/costs/models.py",
        "from largemodels import scratch\n",
        "import math\n",
    ),
    (
        code_rules.who_may_import,
        "code/largemodels/tf/layers.py",
        "from largemodels.pytorch.layers import Linear\n",
        "import keras\nfrom largemodels.tf import losses\n",
    ),
    (
        code_rules.who_may_import,
        "code/largemodels/pytorch/layers.py",
        "import keras\n",
        "import torch\n",
    ),
    (
        code_rules.who_may_import,
        "code/largemodels/scratch/ops.py",
        "from scipy.special import softmax\n",
        "from scipy.special import erf\n",
    ),
    (
        code_rules.who_may_import,
        "code/largemodels/scratch/ops.py",
        "from scipy import special\ny = special.expit(x)\n",
        "from scipy import special\ny = special.erf(x)\n",
    ),
    (
        code_rules.who_may_import,
        "code/largemodels/page/check.py",
        "from largemodels.pytorch import losses\n",
        "from largemodels.scratch import losses\nimport matplotlib\n",
    ),
    (
        code_rules.floors_import_upwards,
        "code/largemodels/scratch/losses.py",
        "from largemodels.scratch import layers\n",
        "from largemodels.scratch import functional\n",
    ),
    (
        code_rules.floors_import_upwards,
        "code/largemodels/tf/optimizers.py",
        "from largemodels.tf.layers import Linear\n",
        "from largemodels.tf.tensor import numpy\n",
    ),
    (
        code_rules.floors_import_upwards,
        "code/largemodels/tf/optimizers/adaptive.py",
        "from largemodels.tf.layers import Linear\n",
        "from largemodels.tf.optimizers.base import Optimizer\n",
    ),
    (
        code_rules.absolute_imports,
        "code/largemodels/metrics.py",
        "from . import configs\n",
        "from largemodels import configs\n",
    ),
    (
        code_rules.names_that_say_nothing,
        "tools/a.py",
        "def plot_utils():\n    pass\n",
        "def utilization():\n    pass\n",
    ),
    (
        code_rules.sizes,
        "tools/a.py",
        "x = 1\n" * (code_rules.FILE_LINES + 1),
        "x = 1\n" * code_rules.FILE_LINES,
    ),
    (
        code_rules.sizes,
        "tests/a.py",
        "def f():\n" + "    x = 1\n" * code_rules.TEST_LINES,
        "def f():\n" + "    x = 1\n" * code_rules.FUNCTION_LINES,
    ),
    (
        code_rules.sizes,
        "tools/a.py",
        "def f():\n" + "    x = 1\n" * code_rules.FUNCTION_LINES,
        "def f():\n    '''\n" + "words\n" * 60 + "    '''\n" + "    x = 1\n" * 44,
    ),
    (
        code_rules.tolerances,
        "tests/a.py",
        "np.testing.assert_allclose(a, b, rtol=1e-6)\n",
        "np.testing.assert_allclose(a, b, rtol=1e-6, atol=0)\n",
    ),
    (
        code_rules.tolerances,
        "tests/a.py",
        "assert a == approx(b)\n",
        "CLOSE = {'rel': 0, 'abs': 1}\nassert a == approx(b, **CLOSE)\n",
    ),
    (
        code_rules.tolerances,
        "tests/a.py",
        "CLOSE = dict(rel=0)\nassert a == pytest.approx(b, **CLOSE)\n",
        "CLOSE = dict(rel=0, abs=1)\nassert a == pytest.approx(b, **CLOSE)\n",
    ),
    (
        code_rules.tolerances,
        "tests/a.py",
        "math.isclose(a, b, rel_tol=1)\n",
        "math.isclose(a, b, rel_tol=1, abs_tol=1)\n",
    ),
    (
        code_rules.tolerances,
        "tests/a.py",
        "assert_array_almost_equal(a, b)\n",
        "assert_array_equal(a, b)\n",
    ),
    (
        code_rules.skips,
        "tests/a.py",
        "@pytest.mark.skip\ndef test_a():\n    pass\n",
        "@pytest.mark.gpu\ndef test_a():\n    pytest.skip('no device')\n",
    ),
    (
        code_rules.skips,
        "tests/a.py",
        "torch = pytest.importorskip('torch')\n",
        "rows.skip(3)\n",
    ),
    (
        code_rules.skips,
        "tests/a.py",
        "pytestmark = pytest.mark.skipif(slow, reason='slow')\n",
        "pytestmark = pytest.mark.skipif(chromium.find() is None, reason='none')\n",
    ),
    (
        code_rules.docstrings,
        "code/largemodels/a.py",
        "'''A.'''\n\ndef shown():\n    pass\n",
        "'''A.'''\n\ndef _hidden():\n    pass\n",
    ),
    (
        code_rules.docstrings,
        "code/largemodels/a.py",
        "'''A.'''\n\nclass Shown:\n    '''B.'''\n    def method(self):\n        pass\n",
        "'''A.'''\n\ndef shown():\n    '''B.'''\n    def inner():\n        pass\n",
    ),
    (tree_rules.registries, "README.md", f"see https://{HOST}/x\n", "see Python\n"),
    (
        tree_rules.registries,
        "README.md",
        f"from {tree_rules.PYTORCH_INDEX}\n",
        "from there\n",
    ),
    (
        tree_rules.machine_paths,
        "book/a.md",
        f"It lies at {HOME}.\n",
        "It lies at https://example.org/home/anna or ~/work/x, code/home/a.\n",
    ),
]


@pytest.mark.parametrize(
    ("rule", "path", "bad", "good"), PLANTED, ids=lambda v: getattr(v, "__name__", "")
)
def test_rule_finds_what_is_planted(rule, path, bad, good):
    assert len(rule(path, bad)) == 1
    assert rule(path, good) == []


def test_every_rule_was_planted():
    assert {rule for rule, *_ in PLANTED} == RULES


def test_pytorch_index_may_stand_in_environment_yml_alone():
    line = f"--extra-index-url https://{tree_rules.PYTORCH_INDEX}/whl/cpu\n"
    assert tree_rules.registries("environment.yml", line) == []


def wing_sources(**changed):
    names = {"scratch": "__all__ = ['a', 'b']", "pytorch": "__all__ = ['b', 'a']"}
    names |= {"tf": "__all__ = ['a', 'b']"} | changed
    return {f"code/largemodels/{w}/losses.py": t for w, t in names.items() if t}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"tf": "__all__ = ['a']"}, "differs"),
        ({"tf": None}, "not in tf"),
        ({"tf": "a = 1"}, "without a literal"),
        ({"tf": "__all__ = names()"}, "without a literal"),
    ],
)
def test_unequal_floors_are_found(changed, word):
    assert code_rules.equal_floors(wing_sources()) == []
    (found,) = code_rules.equal_floors(wing_sources(**changed))
    assert word in found


@pytest.mark.parametrize(("names", "faults"), [("['b', 'a']", 0), ("['a']", 1)])
def test_a_floor_may_be_a_folder(names, faults):
    """Its face is __init__.py; what else is in it has no names of its own."""
    folder = "code/largemodels/tf/losses/"
    sources = wing_sources(tf=None) | {
        f"{folder}__init__.py": f"__all__ = {names}",
        f"{folder}losses_of_classes.py": "a = 1",
        f"{folder}layers.py": "a = 1",
    }
    assert len(code_rules.equal_floors(sources)) == faults


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("code/__init__.py", "code/largemodels/__init__.py"),
        ("code/largemodels/tests/test_a.py", "tests/test_a.py"),
        ("code/largemodels/a_test.py", "code/largemodels/latest.py"),
        ("code/largemodels/utils.py", "code/largemodels/utility.py"),
        ("tests/utils/a.py", "tests/util_a.py"),
        ("book/01-start/a.md", "book/start/a.md"),
        ("book/start/ch2_a.md", "book/start/change2.md"),
    ],
)
def test_misplaced_files_are_found(bad, good):
    assert len(tree_rules.where_files_stand([bad])) == 1
    assert tree_rules.where_files_stand([good]) == []


@pytest.mark.parametrize("options", [":tags: [a]", "---\ntags: [a]\n---", "x = 1"])
def test_tolerances_are_found_in_a_cell_on_its_own_line(options):
    code = f"{options}\n%pip x\nif a:\n    !ls\n    np.isclose(a, b)"
    cell = "```{code-cell} ipython3\n" + code + "\n```"
    page = f"np.isclose(a, b)\n\n{cell}\n\n```\nnp.isclose(a, b)\n```\n"
    line = 1 + page.splitlines().index("    np.isclose(a, b)")
    found = code_rules.tolerances("p.md", code_rules.cells(page))
    assert found == [f"p.md:{line}: isclose without atol and rtol"]


TREE = """## The tree

```
README.md LICENSE    the house
book/                the pages
  start/             a part
code/largemodels/    the package
  data/ metrics.py   rooms
```
"""
TREE_FILES = [
    "README.md",
    "LICENSE",
    "book/start/a.md",
    "code/largemodels/data/digits.py",
    "code/largemodels/metrics.py",
]


@pytest.mark.parametrize(
    ("gone", "new", "complaint"),
    [
        ("LICENSE", None, "LICENSE does not exist"),
        (None, "book/end/b.md", "lacks book/end"),
        (None, "code/largemodels/costs.py", "lacks code/largemodels/costs.py"),
        (None, "Makefile", "lacks Makefile"),
    ],
)
def test_a_wrong_tree_is_found(gone, new, complaint):
    wanted = ["code", *TREE_FILES]
    assert [
        c for c in tree_rules.readme_tree(TREE, TREE_FILES) if c[-4:] != "code"
    ] == []
    files = [f for f in [*wanted[1:], new] if f and f != gone]
    found = tree_rules.readme_tree(TREE, files)
    assert [c for c in found if c.endswith(complaint)]


def test_broken_links_are_found():
    page = '[a](book/a.md) [b](https://x.org/b) <img src="c.svg"> ![d](d.svg) [e](#e)'
    files = ["book/a.md", "d.svg"]
    assert tree_rules.broken_links("README.md", page, [*files, "c.svg"]) == []
    (found,) = tree_rules.broken_links("README.md", page, files)
    assert "c.svg" in found


@pytest.mark.parametrize(
    ("toc", "complaint"),
    [
        ({"root": "book/a"}, "lacks book/b"),
        ({"root": "book/a", "chapters": [{"file": "book/c.ipynb"}]}, "does not exist"),
        ({"root": "book/a", "chapters": [{"file": "book/a.ipynb"}]}, "stands twice"),
    ],
)
def test_a_wrong_table_of_contents_is_found(toc, complaint):
    pages = ["book/a.md", "book/b.md", "book/b.ipynb", "book/runs/table.md"]
    right = {"root": "book/a", "parts": [{"chapters": [{"file": "book/b.ipynb"}]}]}
    assert tree_rules.table_of_contents(right, pages) == []
    assert complaint in " ".join(tree_rules.table_of_contents(toc, pages))
