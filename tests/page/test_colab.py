"""The setup cell where other versions run: it adds ours and touches nothing else.

A fresh environment stands for Colab. It holds distributions of other versions (stubs of
PyTorch, TensorFlow and Keras; NumPy, SciPy, scikit-learn and Matplotlib under other
numbers) and no package of ours. The setup cell installs from a copy of this repository
instead of its address, and pip is given no index.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.pagetool.book import SETUP

ROOT = Path(__file__).resolve().parents[2]
STUBS = {"torch": "2.5.1", "tensorflow": "2.17.1", "keras": "3.5.0"}
# Other numbers for what really runs; Colab's own may be older or newer than ours.
RENUMBERED = {
    "numpy": "2.0.2",
    "scipy": "1.13.1",
    "scikit-learn": "1.5.2",
    "matplotlib": "3.10.0",
    "ipython": "8.30.0",
}
BUILDING = ("pip", "setuptools", "wheel")


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(*names):
    """The distributions that these need here, themselves included."""
    found, left = {}, list(names)
    while left:
        name = normal(left.pop())
        if name in found:
            continue
        found[name] = importlib.metadata.distribution(name)
        for line in found[name].requires or ():
            requirement = Requirement(line)
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                left.append(requirement.name)
    return found


def link(distribution, site, with_metadata):
    """Link a distribution's packages into another environment's site-packages."""
    home = Path(distribution.locate_file(""))
    for top in {file.parts[0] for file in distribution.files}:
        metadata = top.endswith((".dist-info", ".egg-info"))
        if top in ("..", "__pycache__") or (metadata and not with_metadata):
            continue
        if not (site / top).exists():
            (site / top).symlink_to(home / top)


def write_metadata(folder, name, version):
    """The least that makes a distribution: pip and importlib.metadata see it."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8"
    )
    (info / "INSTALLER").write_text("stub\n", "utf-8")
    (info / "WHEEL").write_text(
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", "utf-8"
    )
    (info / "RECORD").write_text(f"{info.name}/METADATA,,\n{info.name}/RECORD,,\n")
    return info


def write_wheel(folder, name, version):
    """A wheel of one module, for pip to find."""
    build = folder / "build"
    info = write_metadata(build, name, version)
    (build / f"{name}.py").write_text(f"__version__ = {version!r}\n", "utf-8")
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path in (build / f"{name}.py", *sorted(info.iterdir())):
            wheel.write(path, path.relative_to(build))
    shutil.rmtree(build)


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """The environment's Python, its site-packages, and the folder it works in."""
    folder = tmp_path_factory.mktemp("colab")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    (site,) = (folder / "venv").glob("lib/python3*/site-packages")
    for name, distribution in needed(*RENUMBERED, *BUILDING).items():
        link(distribution, site, with_metadata=name in BUILDING)
    for name, version in RENUMBERED.items():
        write_metadata(site, name, version)
    for name, version in STUBS.items():
        write_metadata(site, name, version)
        (site / name).mkdir()
        (site / name / "__init__.py").write_text(
            f"__version__ = {version!r}\n\ndef set_num_threads(number):\n    pass\n"
        )
    copy = folder / "repository"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "code", copy / "code", ignore=ignored)
    (folder / "wheels").mkdir()
    write_wheel(folder / "wheels", "safetensors", "9.9")
    return python, site, folder


def run(colab, source):
    """Run a notebook's cell in the environment, by IPython."""
    python, _, folder = colab
    cell = folder / "cell.ipy"
    cell.write_text(source, "utf-8")
    keep = ("PATH", "LANG", "LC_ALL", "TMPDIR")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    environment |= {
        "HOME": str(folder),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder / "wheels"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_CACHE_DIR": "1",
        "MPLBACKEND": "agg",
    }
    done = subprocess.run(
        [python, "-m", "IPython", "--colors=NoColor", cell],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def held(colab):
    """Name -> version of all distributions, as the environment's own Python says."""
    source = (
        "import importlib.metadata as m, json; "
        "print(json.dumps({d.name: d.version for d in m.distributions()}))"
    )
    done = subprocess.run(
        [colab[0], "-c", source], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_the_setup_cell_adds_ours_and_leaves_all_others(colab):
    before = held(colab)
    assert STUBS.items() | RENUMBERED.items() <= before.items()
    assert not {"largemodels", "safetensors"} & set(before)
    modules = [colab[1] / name / "__init__.py" for name in STUBS]
    texts = [module.read_bytes() for module in modules]

    copy = colab[2] / "repository"
    setup = SETUP.replace("git+{address}", f"--no-build-isolation {copy}")
    assert f"%pip install -q --no-deps --no-build-isolation {copy}\n" in setup
    said = run(colab, setup)
    assert "safetensors was missing and is installed now." in said

    after = held(colab)
    added = {name: after[name] for name in set(after) - set(before)}
    assert set(added) == {"largemodels", "safetensors"}
    assert added["safetensors"] == "9.9"
    assert {name: after[name] for name in before} == before
    assert [module.read_bytes() for module in modules] == texts

    # The page goes on with what is there, and the cell is silent from now on.
    rest = (
        "import torch, tensorflow, keras, largemodels\n"
        "from largemodels.page import figures, claim, check, show_source\n"
        "print(torch.__version__, tensorflow.__version__, keras.__version__)\n"
        "print(largemodels.__file__)\n"
    )
    versions, place = run(colab, f"{setup}\n{rest}").splitlines()
    assert versions == " ".join(STUBS.values())
    assert Path(place).is_relative_to(colab[1])
    assert Path(sys.prefix) not in Path(place).parents
