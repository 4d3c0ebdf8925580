"""The repository as a home: workflows, continuous integration, citation, licenses."""

import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from ruamel.yaml import YAML

from tools import install

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def program(*words):
    """Run a program of this environment in the project's root."""
    path = Path(sys.executable).with_name(words[0])
    return subprocess.run([path, *words[1:]], cwd=ROOT, capture_output=True, text=True)


def against(name, text):
    """What is wrong with a YAML text by a published schema."""
    tree = YAML(typ="safe", pure=True).load(text)
    schema = get_builtin_schema(f"vendor.{name}")
    kind = jsonschema.validators.validator_for(schema)
    return [error.message for error in kind(schema).iter_errors(tree)]


def test_the_workflows_follow_the_schema():
    assert len(WORKFLOWS) == 3
    for path in WORKFLOWS:
        text = path.read_text("utf-8")
        assert against("github-workflows", text) == [], path.name
        assert against("github-workflows", text.replace("runs-on:", "run-on:"))


def test_the_workflows_are_safe():
    done = program("zizmor", "--offline", "--persona", "regular", ".github")
    assert done.returncode == 0, done.stdout


def test_an_unsafe_workflow_is_seen(tmp_path):
    text = WORKFLOWS[0].read_text("utf-8")
    unpinned = re.sub(r"actions/checkout@\w+ # .*", "actions/checkout@main", text)
    path = tmp_path / "unpinned.yml"
    path.write_text(unpinned)
    done = program("zizmor", "--offline", "--persona", "regular", str(path))
    assert "unpinned-uses" in done.stdout
    assert done.returncode != 0


def jobs():
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text("utf-8"))["jobs"].items():
            yield f"{path.stem}/{name}", job


def test_every_job_is_bounded_and_may_do_little():
    found = dict(jobs())
    assert all(0 < job["timeout-minutes"] <= 90 for job in found.values())
    writing = {
        name: sorted(
            key for key, right in job["permissions"].items() if right != "read"
        )
        for name, job in found.items()
    }
    assert {name: rights for name, rights in writing.items() if rights} == {
        "deploy/deploy": ["id-token", "pages"],
        "weekly/report": ["issues"],
    }
    for path in WORKFLOWS:
        whole = yaml.safe_load(path.read_text("utf-8"))
        assert whole["permissions"] == {}
        assert whole["concurrency"]["group"]


def test_actions_are_pinned_beside_their_version():
    lines = [one for path in WORKFLOWS for one in path.read_text("utf-8").splitlines()]
    uses = [one.partition("uses: ")[2] for one in lines if "uses: " in one]
    assert len(uses) >= 7
    pin = re.compile(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [one for one in uses if not pin.fullmatch(one)] == []
    assert len(set(uses)) == len({one.partition("@")[0] for one in uses})


def test_nothing_is_interpolated_into_a_shell():
    for name, job in jobs():
        for step in job["steps"]:
            assert "${{" not in step.get("run", ""), name


def steps(name):
    """The steps of a job."""
    return dict(jobs())[name]["steps"]


def test_each_job_of_the_matrix_tests_its_own_python():
    job = dict(jobs())["test/test"]
    assert job["strategy"]["matrix"]["python"] == list(install.SUPPORTED)
    (run,) = [step for step in job["steps"] if step.get("run") == "bash .ci/run"]
    assert run["env"] == {"PYTHON": "python${{ matrix.python }}"}
    (setup,) = [s for s in job["steps"] if "setup-python" in s.get("uses", "")]
    assert setup["with"] == {"python-version": "${{ matrix.python }}"}


def test_a_fork_gets_its_own_address_before_the_site_is_built():
    found = steps("deploy/build")
    said = [step.get("run", "") for step in found]
    (place,) = [i for i, words in enumerate(said) if "repository" in words]
    assert said[place] == '.venv/bin/python tools/pages.py repository "$ADDRESS"'
    address = found[place]["env"]["ADDRESS"]
    assert address == "${{ github.server_url }}/${{ github.repository }}"
    assert place < said.index("make book")


def test_a_failure_of_the_weekly_run_is_reported():
    report = dict(jobs())["weekly/report"]
    assert report["needs"] == "newest"
    assert report["if"].startswith("failure() && ")
    (step,) = report["steps"]
    assert 'gh issue create --title "$TITLE"' in step["run"]
    assert "tools/check.py --unlocked" in steps("weekly/newest")[-1]["run"]


def test_ci_calls_make_test_and_leaves_nothing_out():
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.search(r"^export CI=true\b", text, re.M)
    assert text.rstrip().endswith("exec make test")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"]).returncode == 0


def test_the_citation_is_valid():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    assert against("citation-file-format", text) == []
    assert against("citation-file-format", text.replace("authors:", "author:"))


def test_the_licenses_say_which_covers_what():
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "MIT License" in text
    assert "https://creativecommons.org/licenses/by/4.0/legalcode" in text
    legal = (ROOT / "LICENSE-CC-BY-4.0").read_text("utf-8")
    assert legal.startswith("Attribution 4.0 International\n")
    sections = re.findall(r"^Section (\d) -- ", legal, re.M)
    assert sections == list("12345678")
