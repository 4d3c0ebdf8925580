"""begin(): prints nothing, may be called again, and installs only what is ours."""

import importlib.util
import subprocess
import tomllib
from pathlib import Path

import pytest
from largemodels.page import begin, claim, start

ROOT = Path(__file__).resolve().parents[2]
# Chosen by the environment in which a page runs, never by the page.
LEFT_ALONE = {"ipython", "matplotlib", "numpy", "scikit-learn", "scipy"}


def test_prints_nothing_outside_a_notebook_and_again(capfd):
    begin()
    begin()
    assert capfd.readouterr() == ("", "")


def test_each_dependency_is_ours_to_install_or_left_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needs = {line.split(">")[0].split("=")[0]: line for line in project["dependencies"]}
    assert set(start.SMALL) == set(needs) - LEFT_ALONE
    for name, requirement in start.SMALL.items():
        assert requirement == needs[name]


@pytest.fixture
def missing(monkeypatch):
    """Safetensors is missing; what pip is asked for is returned, and it says `code`."""
    asked, code = [], [0]
    find = importlib.util.find_spec

    def find_spec(name, *rest):
        return None if name == "safetensors" else find(name, *rest)

    def run(command, **settings):
        asked.append(command)
        return subprocess.CompletedProcess(command, code[0], b"", b"")

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    monkeypatch.setattr(start.subprocess, "run", run)
    return asked, code


def test_a_missing_small_package_is_installed_without_dependencies(missing, capsys):
    asked, _ = missing
    begin()
    (command,) = asked
    assert "--no-deps" in command
    assert command[-1] == "safetensors>=0.4.3"
    assert capsys.readouterr().out == "safetensors was missing and is installed now.\n"


def test_a_failed_install_is_one_line(missing, capsys):
    missing[1][0] = 1
    begin()
    assert capsys.readouterr().out == (
        "safetensors is missing and could not be installed: pip install safetensors\n"
    )


def test_begin_starts_the_page_anew(capsys):
    claim("Two is more than one.", {"two": 2}, "two > 1", "holds", "more")
    begin()
    claim("Two exceeds one.", {"two": 2}, "two > 1", "holds", "more")
    assert "Two exceeds one." in capsys.readouterr().out
