"""The lock is whole and portable, and environment.yml says the same."""

import importlib.metadata
import re
import sysconfig
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.version import Version

from tests.tree_rules import PYTORCH_INDEX
from tools import install, lock

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
ENVIRONMENT = (ROOT / "environment.yml").read_text("utf-8")
OURS = {"largemodels", "pip"}  # the package itself, and what installs it
PIN = re.compile(
    r"[A-Za-z0-9][\w.-]*==[0-9][0-9a-z.]*"
    r'( ; (sys_platform == "(linux|darwin)"|python_version < "3\.1[0-9]"))?'
)


def pinned(text=LOCK):
    """Normal name -> version."""
    pairs = [one.partition(" ;")[0].split("==") for one in lock.pins(text)]
    return {lock.normal(name): version for name, version in pairs}


def misfits(requirements, versions):
    """The requirements that the locked versions do not meet."""
    found = []
    for one in map(Requirement, requirements):
        version = versions.get(lock.normal(one.name))
        if version is None or not one.specifier.contains(version):
            found.append(str(one))
    return found


def everything_in_pyproject():
    project = PROJECT["project"]
    groups = project["optional-dependencies"].values()
    return [
        *PROJECT["build-system"]["requires"],
        *project["dependencies"],
        *(one for group in groups for one in group),
    ]


def test_every_line_of_the_lock_pins():
    assert len(lock.pins(LOCK)) == len(pinned()) > 150
    assert [one for one in lock.pins(LOCK) if not PIN.fullmatch(one)] == []


@pytest.mark.parametrize(
    "line",
    [
        "torch==2.13.0+cpu",
        "torch>=2.13",
        "torch @ file:///wheels/torch.whl",
        "--index-url https://example.org",
        "-e .",
        "torch==2.13.0 --hash=sha256:00",
        "torch==2.13.0 ; extra == 'x'",
        "torch",
    ],
)
def test_a_line_that_is_not_portable_is_no_pin(line):
    assert not PIN.fullmatch(line)


def test_the_lock_allows_what_pyproject_asks_for():
    assert misfits(everything_in_pyproject(), pinned()) == []
    assert misfits(["numpy<2", "torch>=99", "absent"], pinned()) == [
        "numpy<2",
        "torch>=99",
        "absent",
    ]


def test_jupyter_book_is_version_1():
    for group in PROJECT["project"]["optional-dependencies"]["book"]:
        if group.startswith("jupyter-book"):
            assert not Requirement(group).specifier.contains("2.0")
    assert Version(pinned()["jupyter-book"]).major == 1
    assert Version(importlib.metadata.version("jupyter-book")).major == 1


def strangers(distributions, versions):
    """What is installed and not locked, or not at the locked version."""
    found = []
    for name, version in distributions:
        if lock.normal(name) not in OURS:
            public = version.partition("+")[0]
            if versions.get(lock.normal(name)) != public:
                found.append(f"{name}=={version}")
    return sorted(found)


def installed():
    """What stands in this environment. (setuptools adds its own copies to sys.path.)"""
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    return list(importlib.metadata.distributions(path=sorted(places)))


@pytest.mark.locked
def test_what_is_installed_is_what_is_locked():
    here = [(d.name, d.version) for d in installed()]
    assert strangers(here, pinned()) == [], "rm -rf .venv, then make test again"


def test_a_stranger_is_seen():
    versions = {"torch": "2.13.0", "ruamel-yaml": "1"}
    here = [("torch", "2.13.0+cpu"), ("ruamel.yaml", "1"), ("pip", "99")]
    assert strangers(here, versions) == []
    assert strangers([("torch", "2.12.0"), ("six", "1")], versions) == [
        "six==1",
        "torch==2.12.0",
    ]


PLATFORMS = [
    {
        "python_version": python,
        "python_full_version": python + ".0",
        "sys_platform": platform,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[platform],
        "os_name": "posix",
        "platform_machine": machine,
    }
    for python in install.SUPPORTED
    for platform, machine in (
        ("linux", "x86_64"),
        ("linux", "aarch64"),
        ("darwin", "arm64"),
    )
]


def unlocked_needs(requirements, versions):
    """Requirements that hold on some supported machine, and that the lock lacks."""
    found = set()
    for one in map(Requirement, requirements):
        for platform in PLATFORMS:
            here = {**default_environment(), **platform, "extra": ""}
            needed = one.marker is None or one.marker.evaluate(here)
            version = versions.get(lock.normal(one.name))
            if needed and (version is None or not one.specifier.contains(version)):
                found.add(str(one))
    return sorted(found)


@pytest.mark.locked
def test_the_lock_is_complete_on_every_supported_machine():
    missing = {}
    for distribution in installed():
        needs = unlocked_needs(distribution.requires or (), pinned())
        if needs and lock.normal(distribution.name) not in OURS:
            missing[distribution.name] = needs
    assert missing == {}


def test_a_need_of_another_machine_is_seen():
    mac = 'appnope>=0.1; platform_system == "Darwin"'
    old = 'tomli; python_version < "3.11"'
    assert unlocked_needs([mac, old], {}) == [str(Requirement(mac))]
    assert unlocked_needs([mac, old], {"appnope": "0.1"}) == []


def test_environment_yml_is_the_lock():
    assert lock.environment_text(ENVIRONMENT, LOCK) == ENVIRONMENT


def wrong_environment(text):
    """What is wrong with the keys and the pins of an environment.yml."""
    tree = yaml.safe_load(text)
    complaints = []
    if list(tree) != ["name", "channels", "dependencies"]:
        return [f"keys {list(tree)}"]
    if not all(isinstance(tree[key], list) for key in ("channels", "dependencies")):
        return ["channels and dependencies are lists"]
    *conda, pip = tree["dependencies"]
    if [re.split("[=<>]", one)[0] for one in conda] != ["python", "pip"]:
        complaints.append(f"conda brings {conda}")
    if not isinstance(pip, dict) or list(pip) != ["pip"]:
        return [*complaints, "no pip section at the end"]
    options = [one for one in pip["pip"] if one.startswith("-")]
    if options != [f"--extra-index-url https://{PYTORCH_INDEX}/whl/cpu", "-e ."]:
        complaints.append(f"options {options}")
    free = [o for o in pip["pip"] if o not in options and not PIN.fullmatch(o)]
    return complaints + [f"not pinned: {one}" for one in free]


def test_environment_yml_has_the_right_keys():
    assert wrong_environment(ENVIRONMENT) == []
    python = yaml.safe_load(ENVIRONMENT)["dependencies"][0].partition("=")[2]
    assert python in install.SUPPORTED


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("dependencies:", "dependencis:", "keys"),
        ("  - python=3.11", "  - python=3.11\n  - numpy", "conda brings"),
        ("  - pip:", "  - pips:", "no pip section"),
        ("numpy==2", "numpy>=2", "not pinned: numpy>=2"),
        ("      - -e .", "      - --pre", "options"),
        (
            f"https://{PYTORCH_INDEX}/whl/cpu",
            "https://mirror.example/simple",
            "options",
        ),
    ],
)
def test_a_wrong_environment_yml_is_seen(old, new, complaint):
    assert old in ENVIRONMENT
    (found,) = wrong_environment(ENVIRONMENT.replace(old, new, 1))
    assert complaint in found


def test_a_changed_lock_changes_environment_yml():
    changed = LOCK.replace("\nnumpy==", "\nnumpy==9")
    assert lock.environment_text(ENVIRONMENT, changed) != ENVIRONMENT


def test_the_lock_drops_local_versions_and_marks_platforms():
    packages = {"torch": "2.13.0+cpu", "nvidia-nccl": "1", "pip": "1", "B": "2"}
    assert lock.pins(lock.lock_text(packages)) == [
        "B==2",
        'nvidia-nccl==1 ; sys_platform == "linux"',
        "torch==2.13.0",
    ]
