"""Setting up .venv, in every state that it can be found in; failures in one sentence.

pip is not run here: what it would be asked to do is recorded.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import install

ROOT = Path(__file__).resolve().parent.parent


class Tree:
    """A folder with pyproject.toml and the lock, where commands are recorded."""

    def __init__(self, root):
        self.root, self.asked = root, []
        for name in ("pyproject.toml", "requirements.lock"):
            shutil.copy(ROOT / name, root / name)

    def call(self, command, root, quiet=False):
        self.asked.append(" ".join(map(str, command)))
        if " -m venv " in self.asked[-1]:
            self.make_venv()

    def make_venv(self, born=None):
        venv = self.root / ".venv"
        (venv / "bin").mkdir(parents=True)
        (venv / "bin" / "python").touch()
        (venv / "pyvenv.cfg").write_text(f"command = python -m venv {born or venv}\n")

    def set_up(self, *groups, exactly=None):
        """What is asked for in this call."""
        self.asked.clear()
        install.set_up(self.root, set(groups), exactly)
        return self.asked


@pytest.fixture
def tree(tmp_path, monkeypatch):
    made = Tree(tmp_path)
    monkeypatch.setattr(install, "call", made.call)
    monkeypatch.setattr(
        install,
        "version_of",
        lambda venv: install.RUNNING if (venv / "bin" / "python").exists() else None,
    )
    return made


def test_a_fresh_folder_gets_what_is_locked(tree, capsys):
    venv, build, package = tree.set_up("book")
    assert venv.endswith(f"-m venv {tree.root / '.venv'}")
    assert build.endswith("install -q -c requirements.lock setuptools")
    expected = "install -c requirements.lock --no-build-isolation -e .[book]"
    assert package.endswith(expected)
    assert "there is none yet" in capsys.readouterr().out


def test_the_second_time_nothing_is_done(tree):
    tree.set_up("book")
    assert tree.set_up("book") == []


def test_more_groups_are_added_and_kept(tree):
    tree.set_up("book")
    *_, package = tree.set_up("tf", "pytorch")
    assert package.endswith("-e .[book,pytorch,tf]")
    assert tree.set_up("book") == tree.set_up("pytorch") == []


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_change_installs_again(tree, name):
    tree.set_up("book")
    with (tree.root / name).open("a") as file:
        file.write("# changed\n")
    assert len(tree.set_up("book")) == 2
    assert tree.set_up("book") == []


def test_an_interrupted_installation_is_done_again(tree, monkeypatch):
    def interrupted(command, root, quiet=False):
        raise KeyboardInterrupt

    tree.set_up("book")
    with monkeypatch.context() as patch:
        patch.setattr(install, "call", interrupted)
        with pytest.raises(KeyboardInterrupt):
            install.set_up(tree.root, {"tf"})
    assert len(tree.set_up("book")) == 2


def test_a_moved_folder_is_made_anew(tree, capsys):
    tree.make_venv(born=tree.root / "elsewhere" / ".venv")
    stale = tree.root / ".venv" / "stale"
    stale.touch()
    assert len(tree.set_up("book")) == 3
    assert "was moved" in capsys.readouterr().out
    assert not stale.exists()
    assert tree.set_up("book") == []


def test_one_that_does_not_run_is_made_anew(tree, capsys):
    tree.make_venv()
    (tree.root / ".venv" / "bin" / "python").unlink()
    assert len(tree.set_up("book")) == 3
    assert "does not run" in capsys.readouterr().out


def test_another_python_is_used_only_when_asked_for(tree, capsys):
    tree.set_up("book")
    assert tree.set_up("book", exactly=install.RUNNING) == []
    assert len(tree.set_up("book", exactly="3.99")) == 3
    assert f"runs on Python {install.RUNNING}, not 3.99" in capsys.readouterr().out


@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_an_unsupported_python_is_replaced(version):
    venv = Path(sys.prefix)
    assert "runs on Python" in install.why_new(venv, version, None)
    assert install.why_new(venv, "3.11", None) is None


def test_an_unknown_group_is_refused(tree):
    with pytest.raises(install.InstallError, match="has no group tensorflow"):
        tree.set_up("tensorflow")


def test_the_running_environment_is_recognized():
    venv = Path(sys.prefix)
    assert install.version_of(venv) == install.RUNNING
    assert install.birthplace(venv).resolve() == venv.resolve()
    assert install.version_of(ROOT / "book") is None
    assert install.birthplace(ROOT / "book") is None


@pytest.mark.parametrize(
    "line",
    [
        "command = /usr/bin/python3.12 -m venv /x/a house/.venv",
        "command = /opt dir/python -m venv --prompt=ab /x/a house/.venv",
        "command = python -m venv --without-scm-ignore-files --clear /x/a house/.venv",
    ],
)
def test_the_birthplace_is_read(tmp_path, line):
    (tmp_path / "pyvenv.cfg").write_text(f"home = /usr/bin\n{line}\nversion = 3\n")
    assert install.birthplace(tmp_path) == Path("/x/a house/.venv")


@pytest.mark.parametrize(
    ("groups", "free", "need"),
    [({"book"}, 1.4, "1.5 GB"), ({"book", "tf"}, 4.9, "5 GB of free disk space (8 on")],
)
def test_too_little_room_is_told_before(groups, free, need):
    with pytest.raises(install.InstallError) as caught:
        install.check_space(ROOT, groups, free=int(free * 1e9))
    assert need in str(caught.value)
    assert f"there are {free:.1f}" in str(caught.value)
    install.check_space(ROOT, groups, free=5 * 10**9)


@pytest.mark.parametrize(("platform", "told"), [("linux", True), ("darwin", False)])
def test_little_space_for_cuda_is_told_beforehand(platform, told, monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", platform)
    install.check_space(ROOT, {"pytorch"}, free=6 * 10**9)
    assert ("6.0 GB of disk are free" in capsys.readouterr().out) == told
    install.check_space(ROOT, {"pytorch"}, free=9 * 10**9)
    install.check_space(ROOT, {"book"}, free=6 * 10**9)
    assert capsys.readouterr().out == ""


SAID = {
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on "
    "device": "The disk is full",
    "WARNING: Retrying (Retry(total=1)) after connection broken by 'NewConnectionError("
    "': [Errno -3] Temporary failure in name resolution')': /simple/setuptools/\n"
    "ERROR: No matching distribution found for setuptools": "cannot be reached",
    "ReadTimeoutError: HTTPSConnectionPool(host='x', port=443): Read timed out.": (
        "cannot be reached"
    ),
    "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] "
    "certificate verify failed')) NewConnectionError": "certificate is not trusted",
    "ERROR: Could not find a version that satisfies the requirement torch==2.13.0\n"
    "ERROR: No matching distribution found for torch==2.13.0": "has no torch==2.13.0",
    "ERROR: ResolutionImpossible: for help visit": "contradict each other",
    "PermissionError: [Errno 13] Permission denied: 'x'": "cannot be written",
    "Traceback (most recent call last):\n  boom": "holds what pip said",
}


@pytest.mark.parametrize(("said", "sentence"), SAID.items(), ids=SAID.values())
def test_a_failure_is_one_sentence(said, sentence):
    told = install.explain(said)
    assert sentence in told
    assert "\n" not in told
    assert "Traceback" not in told


def test_a_failing_command_leaves_its_log(tmp_path, capfd):
    code = "import sys; print('50 %'); sys.exit('Traceback: [Errno 28] No space left')"
    with pytest.raises(install.InstallError, match="The disk is full"):
        install.call([sys.executable, "-c", code + " "], tmp_path)
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("50 %\n", "")
    assert "Traceback" in (tmp_path / install.LOG).read_text()


def test_pip_that_reaches_no_index_is_one_sentence(tmp_path, capfd):
    nowhere = "http://127.0.0.1:9/simple"  # the port that discards: nobody listens
    pip = [sys.executable, "-m", "pip", "--isolated", "install", "--retries", "1"]
    pip += ["--index-url", nowhere, "--target", str(tmp_path / "x"), "no-such-package"]
    with pytest.raises(install.InstallError, match="index cannot be reached") as caught:
        install.call(pip, tmp_path)
    assert "\n" not in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err


def test_a_good_command_leaves_none(tmp_path):
    install.call([sys.executable, "-c", "import sys; sys.stderr.write('x')"], tmp_path)
    assert not (tmp_path / install.LOG).exists()


# Finding a Python: tools/install.sh, with programs in the place of Python.


def finds(folder, programs, python=""):
    """Run install.sh where only these programs are on the path."""
    for name, text in programs.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    for name in ("dirname", "sh"):
        (folder / name).symlink_to(shutil.which(name))
    return subprocess.run(
        ["sh", str(ROOT / "tools" / "install.sh"), "book"],
        env={"PATH": str(folder), "PYTHON": python},
        capture_output=True,
        text=True,
    )


def python(version, *, complete=True):
    """A program that answers as a Python of this version would."""
    fits = version[:2] == (3, 11)
    number = ".".join(map(str, version))
    return f"""case "$2" in
*print*) echo {number} ;;
*sys.exit*) exit {int(not fits)} ;;
*ensurepip*) exit {int(not complete)} ;;
*) echo "ran $0 $@" ;;
esac"""


def test_the_first_good_python_is_taken(tmp_path):
    programs = {"python3": python((3, 9, 1)), "python3.11": python((3, 11, 7))}
    done = finds(tmp_path, programs)
    assert done.returncode == 0
    assert "python3.11 tools/install.py book" in done.stdout


def test_a_named_python_is_taken_exactly(tmp_path):
    done = finds(tmp_path, {"mine": python((3, 11, 7))}, python="mine")
    assert "mine tools/install.py --exactly book" in done.stdout


MISSING = {
    "No Python was found": ({}, ""),
    "python3 is Python 3.9.1": ({"python3": python((3, 9, 1))}, ""),
    "python3.12 lacks": ({"python3.12": python((3, 11, 0), complete=False)}, ""),
    "PYTHON=absent does not run": ({"python3": python((3, 11, 7))}, "absent"),
    "python3.13 is Python": (
        {"python3.13": python((3, 14, 0)), "python3.12": "exit 127"},
        "",
    ),
}


@pytest.mark.parametrize("sentence", MISSING)
def test_no_fitting_python_is_one_sentence(tmp_path, sentence):
    programs, name = MISSING[sentence]
    done = finds(tmp_path, programs, name)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr


def test_the_real_pythons_are_judged_by_version():
    """The test that install.sh asks of a Python, asked of this one."""
    text = (ROOT / "tools" / "install.sh").read_text()
    (test,) = [one for one in text.splitlines() if one.startswith("supported=")]
    code = test.partition("=")[2].strip("'")
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    too_old = code.replace("sys.version_info[:2]", "(3, 10)")
    assert subprocess.run([sys.executable, "-c", too_old]).returncode == 1


def test_the_stamp_names_groups_and_lock(tree):
    tree.set_up("book")
    stamp = json.loads((tree.root / ".venv" / install.STAMP).read_text())
    assert stamp["groups"] == ["book"]
    assert stamp["fingerprint"] == install.fingerprint(tree.root, install.RUNNING)
    assert os.path.getsize(tree.root / ".venv" / install.STAMP) < 500
