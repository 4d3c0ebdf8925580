"""What fetch() refuses, and the folder that downloads go to."""

import sys
from pathlib import Path

import pytest
from largemodels.data import downloads
from largemodels.data.downloads import fetch


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"url": "ftp://127.0.0.1/x"}, ValueError, "http or https address, got 'ftp"),
        ({"url": "file:///etc/passwd"}, ValueError, "http or https address"),
        ({"url": "https:///x"}, ValueError, "http or https address"),
        ({"url": "http://127.0.0.1/"}, ValueError, "name must be the name of a file"),
        (
            {"name": "../x"},
            ValueError,
            r"name must be the name of a file, got '\.\./x'",
        ),
        ({"sha256": "abc"}, ValueError, "sha256 must be 64 hexadecimal digits"),
        ({"sha256": "g" * 64}, ValueError, "sha256 must be 64 hexadecimal digits"),
        ({"md5": 7}, ValueError, "md5 must be 32 hexadecimal digits, got 7"),
        ({"size": -1}, ValueError, "size must be at least 0, got -1"),
    ],
)
def test_wrong_arguments_are_refused(tmp_path, arguments, error, message):
    given = {"url": "http://127.0.0.1:9/x", "folder": tmp_path} | arguments
    with pytest.raises(error, match=message):
        fetch(given.pop("url"), **given)


HOME = Path("/home/someone")


@pytest.mark.parametrize(
    ("platform", "environment", "folder"),
    [
        ("linux", {}, HOME / ".cache/largemodels"),
        ("linux", {"XDG_CACHE_HOME": "/cache"}, Path("/cache/largemodels")),
        ("linux", {"XDG_CACHE_HOME": "relative"}, HOME / ".cache/largemodels"),
        ("darwin", {}, HOME / "Library/Caches/largemodels"),
        ("win32", {}, HOME / "AppData/Local/largemodels/Cache"),
        ("win32", {"LOCALAPPDATA": "/local"}, Path("/local/largemodels/Cache")),
        ("linux", {"LARGEMODELS_DATA": "/data"}, Path("/data")),
        ("darwin", {"LARGEMODELS_DATA": "~/data"}, HOME / "data"),
    ],
)
def test_the_folder_is_the_chosen_one_or_the_platforms(
    monkeypatch, platform, environment, folder
):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "LARGEMODELS_DATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"HOME": str(HOME)} | environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert downloads.data_folder() == folder


def test_the_folder_is_where_files_go(site, tmp_path, monkeypatch):
    monkeypatch.setenv("LARGEMODELS_DATA", str(tmp_path / "chosen"))
    given = {"size": len(site.content), "quiet": True}
    assert fetch(site.url, **given).parent == tmp_path / "chosen"
