"""The rules of the house about files: where they stand, and what none may contain.

Each is a function from paths and texts to complaints. test_house.py applies them to the
whole repository, and each of them to a planted violation.
"""

import re
import subprocess
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

PYTORCH_INDEX = "download.pytorch" + ".org"
# Spelled in two parts, so that this file does not name them.
REGISTRIES = tuple(
    name + end
    for name, end in (
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("npmjs", ".org"),
        ("npmjs", ".com"),
        ("anaconda", ".org"),
        ("deb.debian", ".org"),
        ("download.pytorch", ".org"),
    )
)
HOME = re.compile(r"(?<![\w.~}>:/-])/(?:home|root|work|tmp|Users|opt|mnt|srv)/[\w.-]")


def where_files_stand(paths: list[str]) -> list[str]:
    """No __init__.py in code/, no tests below it, no utils, no chapter numbers."""
    complaints = []
    for path in paths:
        parts = PurePosixPath(path).parts
        stems = [PurePosixPath(part).stem.lower() for part in parts]
        if path == "code/__init__.py":
            complaints.append(f"{path}: would hide the standard library's module code")
        if parts[0] == "code" and re.search(r"(^|/)tests?[/_.]|_test\.py$", path):
            complaints.append(f"{path}: a test below code/")
        if {"utils", "util"} & set(stems):
            complaints.append(f"{path}: a name that says nothing")
        numbered = [s for s in stems if re.match(r"(ch|chapter|part)?[-_]?\d+", s)]
        if numbered and parts[0] in ("book", "code", "tests", "tools"):
            complaints.append(f"{path}: a number in the name {numbered[0]!r}")
    return complaints


def registries(path: str, text: str) -> list[str]:
    """No package registry is named; PyTorch's index in environment.yml alone."""
    complaints = []
    for number, line in enumerate(text.splitlines(), 1):
        for host in REGISTRIES:
            allowed = path == "environment.yml" and host == PYTORCH_INDEX
            if host in line and not allowed:
                complaints.append(f"{path}:{number}: names {host}")
    return complaints


def machine_paths(path: str, text: str) -> list[str]:
    """No path that exists only on the machine of whoever wrote it."""
    return [
        f"{path}:{number}: {match[0]}..., a path of one machine"
        for number, line in enumerate(text.splitlines(), 1)
        for match in HOME.finditer(line)
    ]


def broken_links(path: str, text: str, files: list[str]) -> list[str]:
    """What a Markdown file at the top links to or shows, and is not there."""
    found = re.findall(r"\]\(([^)#\s]+)|(?:src|srcset)=\"([^\"]+)\"", text)
    links = [one or other for one, other in found]
    return [
        f"{path}: links to {link}, which does not exist"
        for link in links
        if "://" not in link and link not in files
    ]


def tree_paths(readme: str) -> list[str]:
    """The paths in the README's folder tree (the block after "## The tree").

    A line holds names with one space between them, then two and what they are; it
    stands two spaces deeper than the folder that they are in.
    """
    block = re.search(r"^## The tree\n.*?^```\w*\n(.*?)^```", readme, re.M | re.S)
    paths, folders = [], []
    for line in block[1].splitlines() if block else ():
        depth = (len(line) - len(line.lstrip())) // 2
        words = [w for w in re.split(r"\s{2,}", line.strip())[0].split() if w]
        for word in words:
            paths.append("/".join([*folders[:depth], word.rstrip("/")]))
        if words and words[0].endswith("/"):
            folders[depth:] = [words[0].rstrip("/")]
    return paths


def readme_tree(readme: str, files: list[str]) -> list[str]:
    """The tree names what exists, and leaves out no room and no part."""
    shown = tree_paths(readme)
    existing = {*files, *(str(p) for f in files for p in PurePosixPath(f).parents)}
    wanted = {PurePosixPath(f).parts[0] for f in files}
    for file in files:
        parts = PurePosixPath(file).parts
        if parts[0] == "book" and len(parts) > 2:
            wanted.add("/".join(parts[:2]))
        if parts[:2] == ("code", "largemodels") and parts[2] != "__init__.py":
            wanted.add("/".join(parts[:3]))
    complaints = [f"README.md: {p} does not exist" for p in shown if p not in existing]
    passed = {str(parent) for p in shown for parent in PurePosixPath(p).parents}
    lacking = sorted(wanted - passed - set(shown))
    complaints += [f"README.md: lacks {p}" for p in lacking]
    doubled = {p for p in shown if shown.count(p) > 1}
    return complaints + [f"README.md: {p} stands twice" for p in sorted(doubled)]


def table_of_contents(toc: dict, files: list[str]) -> list[str]:
    """_toc.yml lists only pages that exist, each once, and every page.

    What stands in book/runs/ is no page: a table that pages include.
    """
    listed = []

    def collect(node) -> None:
        if isinstance(node, dict):
            listed.extend(node[key] for key in ("root", "file") if key in node)
            node = list(node.values())
        for child in node if isinstance(node, list) else ():
            collect(child)

    collect(toc)
    found = [f for f in files if re.match(r"book/(?!runs/).*\.md$", f)]
    pages = {f.removesuffix(".md") for f in found}
    names = [re.sub(r"\.(ipynb|md)$", "", name) for name in listed]
    complaints = [f"_toc.yml: {n} does not exist" for n in names if n not in pages]
    complaints += [
        f"_toc.yml: {n} stands twice" for n in sorted(set(names)) if names.count(n) > 1
    ]
    return complaints + [f"_toc.yml: lacks {n}" for n in sorted(pages - set(names))]


def tracked(root: Path) -> list[str]:
    """The files of the repository, without what git ignores, as paths from its root.

    A folder that is no clone (unpacked from an archive) is walked instead.
    """
    if (root / ".git").exists():
        command = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=True
        )
        names = set(done.stdout.split("\0")) - {""}
        return sorted(name for name in names if (root / name).is_file())
    ignored = (root / ".gitignore").read_text("utf-8").split()
    patterns = [pattern.rstrip("/") for pattern in ignored]
    found = []
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if not any(fnmatch(part, one) for part in parts for one in patterns):
            found += ["/".join(parts)] if path.is_file() else []
    return sorted(found)
