"""The rules of the house, applied to every file and to a planted violation each.

Every rule is a function in code_rules or tree_rules; a test here says which files it
holds for, and the test after it plants what the rule must find.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import code_rules
import pytest
import tree_rules
import yaml

ROOT = Path(__file__).resolve().parent.parent
FILES = tree_rules.tracked(ROOT)
SOURCES = [f for f in FILES if f.endswith(".py")]
PACKAGE = [f for f in SOURCES if f.startswith("code/")]
PAGES = [f for f in FILES if f.startswith("book/") and f.endswith(".md")]
BINARY = {".png", ".jpg", ".woff2", ".ico", ".npz", ".safetensors"}
LEGAL = "LICENSE-CC-BY-4.0"  # not ours to write
HEAVY = [
    "numpy",
    "scipy",
    "sklearn",
    "matplotlib",
    "IPython",
    "torch",
    "tensorflow",
    "keras",
]


def text(name):
    return (ROOT / name).read_text("utf-8")


def complaints(rule, names):
    return [complaint for name in names for complaint in rule(name, text(name))]


def none(found):
    """Assert that nothing was found, and show what was."""
    assert not found, "\n" + "\n".join(found)


def test_there_is_something_to_judge():
    assert len(PACKAGE) > 10
    assert {
        "README.md",
        "Makefile",
        "_toc.yml",
        "code/largemodels/configs/__init__.py",
    } <= {*FILES}


PER_FILE = {
    code_rules.who_may_import: PACKAGE,
    code_rules.floors_import_upwards: PACKAGE,
    code_rules.absolute_imports: SOURCES,
    code_rules.names_that_say_nothing: SOURCES,
    code_rules.sizes: SOURCES,
    code_rules.tolerances: SOURCES,
    code_rules.skips: SOURCES,
    code_rules.docstrings: [f for f in SOURCES if not f.startswith("tests/")],
    tree_rules.registries: [f for f in FILES if Path(f).suffix not in BINARY],
    # A test with a machine's path fails on every other machine; it needs no rule.
    tree_rules.machine_paths: [
        f for f in FILES if Path(f).suffix not in BINARY and not f.startswith("tests/")
    ],
}


@pytest.mark.parametrize("rule", PER_FILE, ids=lambda rule: rule.__name__)
def test_rule_holds(rule):
    assert PER_FILE[rule], "no file to judge"
    none(complaints(rule, [name for name in PER_FILE[rule] if name != LEGAL]))


def test_wings_have_equal_floors():
    wings = {f: text(f) for f in PACKAGE if code_rules.room(f) in code_rules.WINGS}
    none(code_rules.equal_floors(wings))
    floors = {code_rules.floor_of(f) for f in wings}
    expected = {"tensor", "functional", "losses", "layers", "optimizers", "training"}
    assert expected <= floors


def test_files_stand_where_they_belong():
    none(tree_rules.where_files_stand(FILES))


def test_pages_name_both_tolerances():
    assert any("import" in code_rules.cells(text(page)) for page in PAGES)
    none(
        [
            complaint
            for page in PAGES
            for complaint in code_rules.tolerances(page, code_rules.cells(text(page)))
        ]
    )


def test_readme_shows_the_tree():
    none(tree_rules.readme_tree(text("README.md"), FILES))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(name):
    none(tree_rules.broken_links(name, text(name), FILES))


def test_every_page_is_in_the_table_of_contents():
    none(tree_rules.table_of_contents(yaml.safe_load(text("_toc.yml")), FILES))


def modules_after(statement):
    """The names in sys.modules after a statement, in a fresh process."""
    code = f"{statement}; import sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_import_largemodels_is_light():
    assert modules_after("import largemodels").isdisjoint(HEAVY)


FREE = ["page", "configs", "parameters", "metrics", "costs", "pretraining"]


@pytest.mark.parametrize("room", FREE)
def test_rooms_without_framework_load_none(room):
    frameworks = code_rules.FRAMEWORKS
    assert modules_after(f"import largemodels.{room}").isdisjoint(frameworks)


def test_what_would_be_heavy_is_seen():
    assert "numpy" in modules_after("import numpy")


AMERICAN = "An optimizer and its behavior."
BRITISH = AMERICAN.replace("iz", "is").replace("ior", "iour")


@pytest.mark.parametrize(("words", "wrong"), [(AMERICAN, 0), (BRITISH, 2)])
def test_spelling_is_american(tmp_path, words, wrong):
    path = tmp_path / "page.md"
    path.write_text(words)
    command = [sys.executable, "-m", "codespell_lib", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert len(re.findall("==>", done.stdout)) == wrong, done.stdout
    assert (done.returncode != 0) == bool(wrong)
