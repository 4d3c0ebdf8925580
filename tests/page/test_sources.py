"""show_source(): our own source, without places that change."""

import functools

import pytest
from largemodels import metrics, validation
from largemodels.page import claims, figures, show_source, sources


@pytest.fixture
def shown(monkeypatch):
    published = []
    monkeypatch.setattr(sources, "publish", published.append)

    def show(*objects, **settings):
        show_source(*objects, **settings)
        return published[-1]

    return show


def test_a_function_with_its_docstring(shown):
    bundle = shown(figures.figure)
    assert bundle["text/markdown"] == (
        "`largemodels/page/figures.py`\n\n"
        "```python\n"
        "def figure(width=4.8, height=3.6, **subplots):\n"
        '    """A figure of the book: like plt.subplots(**subplots), in inches."""\n'
        "    return plt.subplots("
        "figsize=(width, height), layout=Layout(), **subplots)\n"
        "```"
    )
    assert bundle["text/plain"].startswith("# largemodels/page/figures.py\ndef figure")


def test_without_docstring_classes_methods_and_several(shown):
    text = shown(metrics.History.record, metrics.Interval, docstring=False)
    markdown = text["text/markdown"]
    assert markdown.count("```python\n") == 2
    assert '"""' not in markdown
    assert "\n    def record" not in markdown  # dedented
    assert "def record(self" in markdown
    assert "@dataclass(frozen=True)\nclass Interval:\n    mean: float\n" in markdown
    assert "    def half(self)" in markdown


def test_a_property_a_bound_method_and_a_wrapped_function(shown):
    assert "def half(self)" in shown(metrics.Interval.half)["text/plain"]
    bound = metrics.History().as_arrays
    assert "def as_arrays(self)" in shown(bound)["text/plain"]
    wrapped = functools.wraps(claims.decide)(lambda *a: None)
    assert "def decide(" in shown(wrapped)["text/plain"]


def test_a_package_is_named_by_its_file(shown):
    from largemodels.page import answers

    assert (
        "`largemodels/page/answers/__init__.py`" in shown(answers.get)["text/markdown"]
    )


ONLY = 'def f():\n    """Only."""'
COMMENTED = '''\
def f():
    """Doc.

    More.
    """

    # why
    return 1'''
NESTED = '''\
class A:
    """Doc."""

    @property
    def b(self):
        """Doc."""
        return """no doc"""'''


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ('def f():\n    """Doc."""\n    return 1', "def f():\n    return 1"),
        (COMMENTED, "def f():\n    # why\n    return 1"),
        (ONLY, ONLY),
        (
            NESTED,
            'class A:\n    @property\n    def b(self):\n        return """no doc"""',
        ),
        ("def f():\n    return 1", "def f():\n    return 1"),
    ],
)
def test_docstrings_go_and_nothing_else_does(source, left):
    assert sources.without_docstrings(source) == left


def test_a_fence_is_longer_than_what_it_holds():
    fenced = sources._fenced("largemodels/x.py", 'a = "````"')
    assert fenced.split("\n")[2] == "`````python"
    assert fenced.endswith("\n`````")


@pytest.mark.parametrize("thing", [3, metrics, "largemodels.metrics"])
def test_what_has_no_source_is_refused(thing):
    with pytest.raises(TypeError, match="functions, classes and methods, got"):
        show_source(thing)


def test_what_is_not_ours_is_refused():
    with pytest.raises(ValueError, match=r"largemodels holds, got textwrap\.dedent"):
        show_source(sources.textwrap.dedent)
    with pytest.raises(TypeError, match="something to show"):
        show_source()


def test_outside_a_notebook_it_prints(capsys):
    show_source(validation.one_of, docstring=False)
    out = capsys.readouterr().out
    assert out.startswith("# largemodels/validation.py\ndef one_of(")
