"""The documentation text: fixed bytes, plain characters, nothing imported."""

import ast
import subprocess
import sys

import pytest
from largemodels.data import text


@pytest.fixture(scope="module")
def documents():
    return text.documents()


def test_the_checksum_is_that_of_the_locked_releases():
    if text.installed() == text.VERSIONS:
        assert text.documentation(verify=True) == text.documentation()
    else:
        with pytest.raises(RuntimeError, match=r"belongs to numpy .* installed are"):
            text.documentation(verify=True)


def test_other_bytes_are_refused_with_the_releases(monkeypatch):
    monkeypatch.setattr(text, "documents", lambda: ("something else",))
    assert text.documentation() == "something else\f"
    with pytest.raises(RuntimeError) as caught:
        text.documentation(verify=True)
    for part in ("numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1", text.SHA256):
        assert part in str(caught.value)


def test_there_are_megabytes_of_it(documents):
    assert len(text.documentation()) > 3_000_000
    assert len(documents) > 3000
    assert len(set(documents)) == len(documents)


def test_documents_are_plain_and_clean(documents):
    assert text.documentation().isascii()
    assert text.documentation().count(text.SEPARATOR) == len(documents)
    for document in documents:
        assert len(document) >= text.SHORTEST
        assert document == document.strip()
        assert ">>>" not in document
        assert "\n\n\n" not in document
        assert " \n" not in document
        assert document.replace("\n", "").isprintable()


def test_all_three_libraries_speak(documents):
    everything = "\n".join(documents)
    for sentence in (
        "Compute the condition number of a matrix.",  # numpy.linalg.cond
        "Return evenly spaced values within a given interval.",  # numpy.arange, in C
        "Minimization of scalar function of one or more variables.",  # scipy.optimize
        "Linear Discriminant Analysis.",  # scikit-learn
    ):
        assert sentence in everything


def test_no_library_is_imported_and_no_order_is_left_to_chance():
    program = (
        "import sys, hashlib\n"
        "from largemodels.data import text\n"
        "text.FOLDERS = {'numpy': 'linalg fft', 'scipy': 'fft', 'sklearn': 'svm'}\n"
        "print(hashlib.sha256(text.documentation().encode()).hexdigest())\n"
        "print({'numpy', 'scipy', 'sklearn'} & set(sys.modules))\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": ":".join(filter(None, sys.path)),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1
    assert answers.pop().splitlines()[1] == "set()"


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setattr(text, "FOLDERS", {"sklearn_of_no_one": "tree"})
    monkeypatch.setitem(text.DISTRIBUTIONS, "sklearn_of_no_one", "scikit-nothing")
    with pytest.raises(ModuleNotFoundError, match="scikit-nothing is not installed"):
        text.source_files()


def test_docstrings_are_those_of_public_things_and_of_add_newdoc():
    tree = ast.parse(
        '"""The module."""\n'
        "class Public:\n"
        '    """The class."""\n'
        "    def method(self):\n"
        '        """The method."""\n'
        "    def _hidden(self):\n"
        '        """Hidden."""\n'
        "async def later():\n"
        '    """Later."""\n'
        'add_newdoc("module", "name", """In C.""")\n'
        'add_newdoc("module", "name", ("attribute", """Of a class."""))\n'
        "def nothing(): pass\n"
        'text = "no documentation"\n'
    )
    assert text._docstrings(tree) == [
        "The module.",
        "The class.",
        "The method.",
        "Later.",
        "module",
        "name",
        "In C.",
        "module",
        "name",
        "attribute",
        "Of a class.",
    ]


RAW = """Compute   a norm.

    The text of %(place)s goes; this stays.

    A line   with a    gap.  \t

    Parameters
    ----------
    x : array
        The vector.

    ==== ====
    a    b
    ==== ====
    | cell |
    +----+

    Notes
    -----

    Examples
    --------
    Prose of an example.

    >>> norm([3, 4])
    5.0

    More prose.

    See Also
    --------
    sqrt : a root
    >>> left
    5

    other : the end
    """

CLEANED = """Compute a norm.

A line with a gap.

Parameters
x : array
    The vector.

a b

See Also
sqrt : a root

other : the end"""


def test_cleaning_keeps_prose_and_headings():
    assert text.clean(RAW) == CLEANED
    assert text.clean(CLEANED) == CLEANED
    assert text.clean(RAW.replace("\n", "\r\n")) == CLEANED


def test_cleaning_of_short_strings():
    assert text.clean("") == ""
    assert text.clean("  One line.  ") == "One line."
    assert text.clean("\n    Title\n    =====\n\n    Body.\n") == "Title\n\nBody."
    assert text.clean("=====\nTitle\n=====\n\nBody.") == "Title\n\nBody."
