"""The rules of the house about code, each a function from source text to complaints.

Nothing of the book is imported here, and no framework: the text alone is judged.
test_house.py applies the rules to every file, and each of them to a planted violation.
"""

import ast
import re
import sys
from pathlib import PurePosixPath

WINGS = {"scratch": {"numpy"}, "pytorch": {"torch", "numpy"}}
WINGS["tf"] = {"tensorflow", "keras", "numpy"}
FRAMEWORKS = {"torch", "tensorflow", "keras", "jax", "transformers"}
TRADE = {"numpy", "scipy", "sklearn", "safetensors"}  # what a framework-free room uses
PAGE = {"numpy", "matplotlib", "matplotlib_inline", "IPython", "pygments"}
# The floors from below: each may use those before it, none those after it.
FLOORS = (
    {"tensor"},
    {"functional"},
    {"losses"},
    {"layers"},
    {"convolution", "recurrent", "attention"},
    {"transformer"},
    {"generation"},
)
MODEL_FREE = {"optimizers", "training"}
FILE_LINES = 350
FUNCTION_LINES = 45
TEST_LINES = 70  # a test may carry its data
# Both tolerances, by the name of the function that compares.
TOLERANCES = {
    "allclose": ("rtol", "atol"),
    "isclose": ("rtol", "atol"),
    "assert_allclose": ("rtol", "atol"),
    "assert_close": ("rtol", "atol"),
    "approx": ("rel", "abs"),
    "math.isclose": ("rel_tol", "abs_tol"),
}
DECIMALS = {"assert_almost_equal", "assert_array_almost_equal", "assertAlmostEqual"}
SKIPS = {"skip", "skipif", "skipIf", "skipUnless", "importorskip", "xfail"}
BROWSERLESS = "pytest.mark.skipif(chromium.find() is None,"
CELL = re.compile(
    r"^```\{code-cell\}[^\n]*\n(?P<options>---\n.*?^---\n|(:[^\n]*\n)*)"
    r"(?P<code>.*?)^```$",
    re.M | re.S,
)


def room(path: str) -> str | None:
    """The room of the package that a file stands in, or None outside the package."""
    parts = PurePosixPath(path).parts
    if parts[:2] != ("code", "largemodels") or len(parts) < 3:
        return None
    return parts[2].removesuffix(".py")


def imports(tree: ast.AST) -> list[tuple[int, str]]:
    """Line and full name of all that is imported, also by import_module("name")."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found += [(node.lineno, f"{node.module}.{a.name}") for a in node.names]
        elif isinstance(node, ast.Call) and node.args:
            name = called(node).rpartition(".")[2]
            first = node.args[0]
            if name in ("import_module", "__import__") and is_text(first):
                found.append((node.lineno, first.value))
    return found


def called(node: ast.Call) -> str:
    """The dotted name of what is called: "np.isclose"."""
    return ast.unparse(node.func)


def is_text(node: ast.AST) -> bool:
    """Whether a node is a string constant."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def who_may_import(path: str, text: str) -> list[str]:
    """Rooms without framework import none; a wing its own; nobody another wing."""
    here = room(path)
    if here is None or here == "__init__":
        return []
    tree = ast.parse(text)
    complaints = more_than_erf(path, tree) if here == "scratch" else []
    for line, name in imports(tree):
        first, *rest = name.split(".")
        if first == "largemodels":
            allowed = may_enter(here, rest[0] if rest else "")
        else:
            allowed = first in sys.stdlib_module_names or may_use(here, name)
        if not allowed:
            complaints.append(f"{path}:{line}: {here} may not import {name}")
    return complaints


def may_enter(here: str, other: str) -> bool:
    """Whether a file in one room may import another room of the package."""
    if other == here:
        return True
    if other in WINGS:
        return here == "page" and other == "scratch"
    return other != "page"


def more_than_erf(path: str, tree: ast.AST) -> list[str]:
    """What scratch uses of scipy.special besides erf, which NumPy lacks."""
    return [
        f"{path}:{node.lineno}: scratch may use no {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) in ("special", "scipy.special")
        and node.attr != "erf"
    ]


def may_use(here: str, name: str) -> bool:
    """Whether a file in this room may import this package of somebody else."""
    if here == "scratch" and name in ("scipy.special", "scipy.special.erf"):
        return True
    return name.split(".")[0] in WINGS.get(here, PAGE if here == "page" else TRADE)


def absolute_imports(path: str, text: str) -> list[str]:
    """No relative import."""
    return [
        f"{path}:{node.lineno}: a relative import"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def floor_of(path: str) -> str | None:
    """The floor that a file in a wing is; or is a part of, where that is a folder."""
    parts = PurePosixPath(path).parts
    if room(path) not in WINGS or len(parts) not in (4, 5):
        return None
    return parts[3].removesuffix(".py")


def rank(floor: str) -> int | None:
    """The height of a floor, or None for a file that is none."""
    return next((i for i, names in enumerate(FLOORS) if floor in names), None)


def floors_import_upwards(path: str, text: str) -> list[str]:
    """A floor imports only lower ones; optimizers and training know no model."""
    here, floor = room(path), floor_of(path)
    if floor is None:
        return []
    complaints = []
    for line, name in imports(ast.parse(text)):
        parts = name.split(".")
        if parts[:2] != ["largemodels", here] or len(parts) < 3 or parts[2] == floor:
            continue
        other = rank(parts[2])
        if floor in MODEL_FREE and other is not None and other >= rank("layers"):
            complaints.append(f"{path}:{line}: {floor} may know no model ({name})")
        elif rank(floor) is not None and other is not None and other >= rank(floor):
            complaints.append(f"{path}:{line}: {floor} may not import {parts[2]}")
    return complaints


def public_names(text: str) -> list[str] | None:
    """The names in `__all__`, sorted, or None where there is no literal one."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            try:
                return sorted(ast.literal_eval(node.value))
            except ValueError:
                return None
    return None


def equal_floors(sources: dict[str, str]) -> list[str]:
    """Where one wing has a floor, all have it, with the same public names.

    sources: path -> text of every file in the wings
    """
    known = set().union(*FLOORS, MODEL_FREE)
    by_floor = {}
    for path, text in sources.items():
        floor = floor_of(path)
        face = PurePosixPath(path).stem in (floor, "__init__")  # not a part of a folder
        if floor in known and face:
            by_floor.setdefault(floor, {})[room(path)] = public_names(text)
    complaints = []
    for floor, wings in sorted(by_floor.items()):
        if missing := sorted(set(WINGS) - set(wings)):
            complaints.append(f"{floor}: not in {', '.join(missing)}")
        if None in wings.values():
            complaints.append(f"{floor}: a wing without a literal __all__")
        elif len(set(map(tuple, wings.values()))) > 1:
            every = set().union(*wings.values())
            gaps = {wing: sorted(every - set(names)) for wing, names in wings.items()}
            complaints.append(f"{floor}: __all__ differs; missing: {gaps}")
    return complaints


def names_that_say_nothing(path: str, text: str) -> list[str]:
    """No function, class or argument called utils."""
    kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    return [
        f"{path}:{node.lineno}: {node.name} says nothing"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, kinds) and re.search(r"(^|_)utils?($|_)", node.name.lower())
    ]


def sizes(path: str, text: str) -> list[str]:
    """A file is read in one sitting, a function seen at once (without docstring)."""
    complaints = []
    most = TEST_LINES if path.startswith("tests/") else FUNCTION_LINES
    if (lines := text.count("\n")) > FILE_LINES:
        complaints.append(f"{path}: {lines} lines, more than {FILE_LINES}")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= node.body[0].end_lineno - node.body[0].lineno + 1
            if lines > most:
                here = f"{path}:{node.lineno}: {node.name}"
                complaints.append(f"{here} has {lines} lines, more than {most}")
    return complaints


def dictionaries(tree: ast.Module) -> dict[str, set[str]]:
    """The keys of each dictionary that a module names at its top."""
    found = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign) or not isinstance(
            node.targets[0], ast.Name
        ):
            continue
        keys = set()
        if isinstance(node.value, ast.Dict):
            keys = {key.value for key in node.value.keys if key and is_text(key)}
        elif isinstance(node.value, ast.Call) and called(node.value) == "dict":
            keys = {keyword.arg for keyword in node.value.keywords}
        found[node.targets[0].id] = keys
    return found


def tolerances(path: str, text: str) -> list[str]:
    """Every comparison of floats names its relative and its absolute tolerance."""
    tree = ast.parse(text)
    named = dictionaries(tree)
    complaints = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        full = called(node)
        short = full.rpartition(".")[2]
        needed = TOLERANCES.get(full) or TOLERANCES.get(short)
        given = {keyword.arg for keyword in node.keywords if keyword.arg}
        for keyword in node.keywords:
            if keyword.arg is None:
                given |= named.get(ast.unparse(keyword.value), set())
        if short in DECIMALS:
            complaints.append(f"{path}:{node.lineno}: {short}: use assert_allclose")
        elif needed and not set(needed) <= given:
            lacks = " and ".join(sorted(set(needed) - given))
            complaints.append(f"{path}:{node.lineno}: {short} without {lacks}")
    return complaints


def cells(text: str) -> str:
    """The code cells of a page's Markdown as one module, on their own lines."""
    lines = [""] * (text.count("\n") + 1)
    for match in CELL.finditer(text):
        start = text[: match.start("code")].count("\n")
        for offset, line in enumerate(match["code"].splitlines()):
            bare = line.lstrip()
            magic = bare.startswith(("%", "!"))
            lines[start + offset] = line.replace(bare, "pass") if magic else line
    return "\n".join(lines)


def skips(path: str, text: str) -> list[str]:
    """Nothing is skipped but what needs a GPU, or a browser where there is none."""
    tree = ast.parse(text)
    complaints = []
    kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, kinds):
            marks = [ast.unparse(decorator) for decorator in node.decorator_list]
            if any(mark.startswith("pytest.mark.gpu") for mark in marks):
                for inner in ast.walk(node):
                    inner.may_skip = True
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node).startswith(BROWSERLESS):
            node.func.may_skip = True
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if name in SKIPS and not getattr(node, "may_skip", False):
            owner = ast.unparse(node)
            if owner == name or owner.startswith(("pytest.", "unittest.")):
                complaints.append(f"{path}:{node.lineno}: {owner} without the gpu mark")
    return complaints


def docstrings(path: str, text: str) -> list[str]:
    """Every module, and every public class and function, says what it is for."""
    tree = ast.parse(text)
    complaints = [] if ast.get_docstring(tree) else [f"{path}: no docstring"]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node) if is_open(node) else ():
            if not isinstance(child, kinds) or child.name.startswith("_"):
                continue
            if not ast.get_docstring(child):
                complaints.append(f"{path}:{child.lineno}: {child.name}: no docstring")
    return complaints


def is_open(node: ast.AST) -> bool:
    """Whether what is defined directly in this node can be reached from outside."""
    if isinstance(node, ast.ClassDef):
        return not node.name.startswith("_")
    return isinstance(node, ast.Module)
