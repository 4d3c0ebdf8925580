"""The runner of `make test`, the build and the server."""

import http.client
import re
import socket
import subprocess
import sys
import threading

import pytest

from tools import build, check, serve

REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="a" time="1.5"/>
<testcase classname="tests.test_a" name="b" time="0.5"><failure message="x"/></testcase>
<testcase classname="tests.test_a" name="c"><error message="x"/></testcase>
<testcase classname="tests.test_a" name="d"><skipped message="no CUDA"/></testcase>
</testsuite></testsuites>"""


def command(code):
    return (sys.executable, "-c", code)


def step(name, code, **options):
    return check.Step(name, "a step", [command(code)], **options)


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run steps in an empty folder: exit code and what was printed."""

    def runner(*steps, words=()):
        monkeypatch.setattr(check, "ROOT", tmp_path)
        monkeypatch.setattr(check, "STEPS", steps)
        code = check.main(list(words))
        return code, capfd.readouterr().out

    return runner


def writes(report, code=0):
    """A step that writes a report where pytest would."""
    text = (
        "import sys, pathlib;"
        "(path,) = [w[11:] for w in sys.argv if '--junitxml=' in w];"
        f"pathlib.Path(path).write_text({report!r}); sys.exit({code})"
    )
    return text


def test_a_green_run_ends_with_the_count(run):
    passing = REPORT.replace("failure", "system-out").replace("error", "system-out")
    steps = [
        step("one", writes(passing), report=True),
        step("two", writes(passing), report=True),
    ]
    code, shown = run(*steps)
    assert code == 0
    assert shown.splitlines()[-1] == "6 passed, 0 failed"
    assert "Left out: 2 tests (no CUDA)." in shown


def test_a_failure_stops_and_is_counted(run):
    good, bad = step("good", "pass"), step("bad", writes(REPORT, 1), report=True)
    code, shown = run(good, bad, step("never", "print('reached')"))
    assert code == 1
    assert shown.splitlines()[-1] == "1 passed, 2 failed"
    assert "FAILED at bad" in shown
    assert "not run: never" in shown
    assert "reached" not in shown


def test_a_failing_step_without_tests_counts_as_one(run):
    code, shown = run(step("style", "raise SystemExit(3)"))
    assert (code, shown.splitlines()[-1]) == (1, "0 passed, 1 failed")


@pytest.mark.parametrize(("may_be_empty", "expected"), [(True, 0), (False, 1)])
def test_no_test_at_all_fails_unless_it_may(run, may_be_empty, expected):
    empty = step("alone", "raise SystemExit(5)", may_be_empty=may_be_empty)
    assert run(empty)[0] == expected


def test_only_the_named_steps_run(run):
    steps = (step("one", "print('first')"), step("two", "print('second')"))
    code, shown = run(*steps, words=["two"])
    assert code == 0
    assert "second" in shown
    assert "first" not in shown
    assert run(*steps, words=["three"])[0] == 2


def test_the_seconds_of_each_page_are_told(run):
    report = (
        '<t><testcase classname="book.start.a.ipynb" time="1.25"/>'
        '<testcase classname="book.start.a.ipynb" time="2"/>'
        '<testcase classname="book.b.ipynb" time="4"/></t>'
    )
    _, shown = run(step("notebooks", writes(report), report=True))
    assert re.search(r"b +4\.0 s\n +start/a +3\.2 s\n", shown)
    assert re.search(r"2 pages, their cells: +7\.2 s\n", shown)
    assert re.search(r"the median page: +3\.6 s", shown)


def test_frameworks_fail_to_import_where_the_site_is_built(run):
    tried = "; ".join(
        f"exec('try: import {name}\\nexcept ImportError: print(1, end=str())')"
        for name in check.FRAMEWORKS
    )
    code, shown = run(step("site", tried, without_frameworks=True))
    assert code == 0
    assert "111\n" in shown


@pytest.mark.parametrize(("ci", "expected"), [("true", 1), ("", 0)])
def test_without_chromium_only_ci_fails(run, monkeypatch, ci, expected):
    monkeypatch.setattr(check.chromium, "find", lambda: None)
    monkeypatch.setenv("CI", ci)
    code, shown = run(step("browser", "raise SystemExit('no browser')"))
    assert code == expected
    assert ("Left out: browser (no Chromium here)." in shown) == (not expected)


def test_unlocked_leaves_out_what_holds_for_the_lock_alone(run):
    shows = "import sys; print(sys.argv[1:])"
    _, shown = run(step("tests", shows, report=True), words=["--unlocked"])
    assert "'-m', 'not locked'" in shown
    _, shown = run(step("tests", shows, report=True))
    assert "not locked" not in shown


@pytest.mark.parametrize("code", [0, 1])
def test_a_failed_build_forgets_what_it_has_read(tmp_path, monkeypatch, code):
    kept = tmp_path / "_build" / ".doctrees"
    kept.mkdir(parents=True)
    asked = []

    def run(words, **_):
        asked.extend(map(str, words))
        return subprocess.CompletedProcess(words, code)

    monkeypatch.setattr(build.subprocess, "run", run)
    assert build.build(tmp_path) == (code == 0)
    assert kept.exists() == (code == 0)
    assert asked[2:] == ["build", ".", "-W", "-n", "--keep-going"]


def test_the_server_takes_the_next_free_port(tmp_path):
    (tmp_path / "index.html").write_text("<p>the book</p>")
    with socket.socket() as taken:
        taken.bind((serve.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"no port from {port} to {port} is free"):
            serve.listen(tmp_path, port, tries=1)
        with serve.listen(tmp_path, port) as server:
            assert server.server_port > port
            assert server.server_address[0] == "127.0.0.1"
            threading.Thread(target=server.handle_request).start()
            link = http.client.HTTPConnection(*server.server_address, timeout=10)
            link.request("GET", "/")
            assert link.getresponse().read() == b"<p>the book</p>"
            link.close()


def test_make_serve_says_the_address_and_opens_it(tmp_path, monkeypatch, capsys):
    site = tmp_path / "_build" / "html"
    site.mkdir(parents=True)
    (site / "index.html").write_text("<p>the book</p>")
    opened = threading.Event()
    addresses = []

    def browse(address):
        addresses.append(address)
        opened.set()

    def until_opened(self):
        assert opened.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(serve, "ROOT", tmp_path)
    monkeypatch.setattr(serve.webbrowser, "open", browse)
    monkeypatch.setattr(
        serve.http.server.ThreadingHTTPServer, "serve_forever", until_opened
    )
    assert serve.main([]) == 0
    (address,) = addresses
    assert re.fullmatch(r"http://127\.0\.0\.1:8\d\d\d/", address)
    assert f"The book is served at {address}" in capsys.readouterr().out


def test_the_steps_are_those_that_are_written_down():
    text = (check.ROOT / "CONTRIBUTING.md").read_text("utf-8")
    said = re.search(r"The steps are (`.*?)\.\n", text, re.S)[1]
    assert re.findall(r"`(\w+)`", said) == [step.name for step in check.STEPS]


@pytest.mark.parametrize("port", ["0", "65536", "eight", "-1"])
def test_a_port_that_is_none_is_refused(port, capsys):
    assert serve.main([port]) == 1
    assert "from 1 to 65535" in capsys.readouterr().err
