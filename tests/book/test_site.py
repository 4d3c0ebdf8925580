"""What the site's extension makes of a small book, built where no framework imports."""

import re
import sys
from types import SimpleNamespace

import pytest
from bs4 import BeautifulSoup
from largemodels.page import figures

from tests.book import site_book
from tools import site_check

ROOT = site_book.ROOT
sys.path.insert(0, str(ROOT / "book" / "_ext"))
from largemodels_site import facts, headers, tabs, terms, twins  # noqa: E402


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    return site_book.built(tmp_path_factory) / "_build" / "html"


@pytest.fixture(scope="session")
def pages(site):
    """The pages of the small book, parsed, by name."""
    names = ("index", "start/rich", "start/second", "back/glossary")
    files = {name: site / "book" / f"{name}.html" for name in names}
    return {
        n: BeautifulSoup(f.read_text("utf-8"), "html.parser") for n, f in files.items()
    }


@pytest.fixture(scope="session")
def rich(pages):
    return pages["start/rich"]


def test_site_has_no_fault(site):
    found, number, links = site_check.check(site)
    assert found == []
    assert number >= 6
    assert links > 50


def test_tabs_hold_every_framework_with_its_output(pages):
    groups = pages["start/rich"].select("div.lm-tabs")
    assert len(groups) == 3  # two in the text, one in a solution
    for group in groups:
        panels = group.find_all("div", class_="lm-panel", recursive=False)
        names = [panel.select_one("p.lm-panel-name").text for panel in panels]
        assert names == ["NumPy", "PyTorch", "TensorFlow"]
        outputs = [panel.select_one("div.cell_output").text.strip() for panel in panels]
        assert outputs == ["scratch", "pytorch", "tf"]
    assert groups[2].find_parent("details") is not None
    (pair,) = pages["start/second"].select("div.lm-tabs")
    assert {"lm-has-pytorch", "lm-has-tf"} < set(pair["class"])
    assert "lm-has-scratch" not in pair["class"]


def test_runs_of_cells_end_where_a_wing_comes_again():
    def cell(wing):
        tag = {"nb_element": "cell_code", "classes": [f"tag_tab-{wing}"]}
        return tabs.nodes.container(**tag)

    other = tabs.nodes.paragraph()
    order = ["scratch", "tf", None, "scratch", "pytorch", "tf", "scratch"]
    children = [cell(wing) if wing else other for wing in order]
    found = [[wing for wing, _ in run] for run in tabs.runs_of_cells(children)]
    assert found == [["scratch", "tf"], ["scratch", "pytorch", "tf"], ["scratch"]]


def test_setup_cell_is_folded(rich):
    fold = rich.select_one("details.lm-setup")
    assert "begin()" in fold.select_one("pre").text
    assert fold.select_one("summary").text.startswith("Setup")
    assert not fold.has_attr("open")


def test_solutions_are_folded_and_linked_with_their_exercises(rich):
    solutions = rich.select("details.solution")
    assert [s.select_one("summary").text.split("(")[0] for s in solutions] == [
        "Solution to Exercise 1.1 ",
        "Solution to Exercise 1.2 ",
    ]
    for solution, exercise in zip(solutions, rich.select("div.exercise"), strict=True):
        assert not solution.select("summary a")
        assert exercise.select_one("p.lm-to a")["href"] == f"#{solution['id']}"
        assert solution.select_one("p.lm-to a")["href"] == f"#{exercise['id']}"


def test_no_id_stands_twice(pages):
    for page in pages.values():
        ids = [node["id"] for node in page.select("[id]")]
        assert len(ids) == len(set(ids))


def test_svg_has_a_dark_twin_with_the_same_text(site, rich):
    (pair,) = rich.select("div.lm-twins")
    light, dark = pair.select("img")
    assert light["class"] == ["only-light"]
    assert dark["class"] == ["only-dark"]
    assert light["alt"] == dark["alt"] == "Three falling curves."
    colors = {}
    for image in (light, dark):
        file = site / "book" / "start" / image["src"]
        colors[image["src"]] = set(re.findall(r"#[0-9a-f]{6}\b", file.read_text()))
    changed = set(figures.DARK) & colors[light["src"]]
    assert changed >= {figures.INK, figures.GRID}
    assert not changed & colors[dark["src"]]
    assert {figures.DARK[color] for color in changed} <= colors[dark["src"]]


def test_png_has_no_twin(rich):
    image = rich.select_one('img[alt="The same three curves, as pixels."]')
    assert image["src"].endswith(".png")
    assert image.find_parent(class_="lm-twins") is None


def test_recolor_ignores_case_and_lights_what_is_black_by_default():
    svg = '<svg width="10pt"><path style="fill: #24292F"/><path d="M0 0"/></svg>'
    dark = twins.recolor(svg, {"#24292f": "#e6e8eb", "#000000": "#ffffff"})
    assert '<svg fill="#ffffff" width' in dark
    assert "fill: #e6e8eb" in dark
    assert twins.recolor(svg, {"#111111": "#222222"}) == svg
    assert twins.width_in_pixels('<svg x="1" width="460.8pt">') == 614


def test_dark_paper_is_what_the_figures_are_recolored_for():
    css = (ROOT / "book/_static/lm/type.css").read_text("utf-8")
    dark = css.split('html[data-theme="dark"] {')[1].split("}")[0]
    assert f"--lm-paper: {figures.DARK['#ffffff']};" in dark


def test_mathematics_comes_from_the_site(site, rich):
    scripts = [script.get("src", "") for script in rich.select("script")]
    (mathjax,) = [src for src in scripts if "mathjax" in src.lower()]
    assert mathjax.startswith("../../_static/mathjax/tex-mml-chtml.js")
    parts = ("tex-mml-chtml.js", "output/chtml/fonts/woff-v2/MathJax_Main-Regular.woff")
    assert all((site / "_static/mathjax" / part).is_file() for part in parts)
    assert '"softmax"' in str(rich)


def test_no_trace_of_scripts_that_load_from_elsewhere(pages):
    for page in pages.values():
        assert not re.search(r"thebe|unpkg|togglebutton|cdn\.", str(page), re.I)


def test_edit_opens_the_markdown_and_launch_the_notebook(pages):
    def addresses(name):
        links = pages[name].select(".article-header-buttons a")
        return [link.get("href", "") for link in links]

    on_notebook, on_markdown = addresses("start/rich"), addresses("back/glossary")
    edits = [a for a in on_notebook + on_markdown if "/edit/" in a]
    assert [a.split("/edit/main/")[1] for a in edits] == [
        "book/start/rich.md",
        "book/back/glossary.md",
    ]
    for host in ("mybinder.org", "colab.research.google.com"):
        (launch,) = [a for a in on_notebook if host in a]
        assert launch.endswith("start/rich.ipynb")
        assert not [a for a in on_markdown if host in a]


def test_nobody_edits_what_a_tool_writes():
    edit = {"label": "source-edit-button", "url": "https://host/edit/x.ipynb"}
    assert headers.edited(edit, "book/start/x")["url"] == "https://host/edit/x.md"
    assert headers.edited(edit, "book/back/claims") is None


def test_terms_carry_their_definition(rich, pages):
    links = {a.text: a for a in rich.select("a.lm-term")}
    assert links["logit"]["title"] == "A number before the softmax, one for each class."
    assert links["gradient"]["title"] == "The vector of partial derivatives."
    assert links["logit"]["href"] == "../back/glossary.html#term-logit"
    assert pages["index"].select_one("a.lm-term").text == "logit"


def test_pages_are_written_again_when_a_definition_changes():
    env = SimpleNamespace(
        lm_definitions={"glossary": {"term-x": "old"}}, found_docs={"a", "glossary"}
    )
    assert terms.pages_to_rewrite(None, env) == []
    assert terms.pages_to_rewrite(None, env) == []
    env.lm_definitions["glossary"]["term-x"] = "new"
    assert terms.pages_to_rewrite(None, env) == ["a", "glossary"]


def test_numbers_are_counted_from_the_notebooks(pages):
    found = [node.text for node in pages["index"].select("span.lm-fact")]
    assert found == ["2", "3", "1", "2"]  # pages, claims, refuted, exercises


def test_front_page_is_written_again_when_a_number_changes():
    env = SimpleNamespace(
        lm_facts={"a": dict.fromkeys(facts.NAMES, 1)},
        config=SimpleNamespace(root_doc="book/index"),
    )
    assert facts.pages_to_rewrite(None, env) == []
    env.lm_facts["b"] = dict.fromkeys(facts.NAMES, 1)
    assert facts.pages_to_rewrite(None, env) == ["book/index"]
    assert facts.pages_to_rewrite(None, env) == []


def test_unknown_fact_ends_the_build():
    role = facts.FactRole()
    role.text = "miracles"
    with pytest.raises(facts.ExtensionError, match="no fact 'miracles'; there are"):
        role.run()


def test_records_for_machines_are_not_shown(rich):
    assert len(rich.select("div.lm-claim")) == 3
    assert "vnd.largemodels" not in str(rich)
    assert "&quot;conditions&quot;" not in str(rich)


def test_pages_are_described(rich):
    said = {m.get("name") or m.get("property"): m.get("content") for m in rich("meta")}
    assert said["description"].startswith("This first paragraph describes the page")
    assert said["og:title"] == "A rich page"
    assert said["og:description"] == said["description"]
    assert said["og:url"].endswith("github.io/largemodels/book/start/rich.html")


def test_long_descriptions_end_at_a_word():
    words = "word " * 60
    assert headers.shortened(words.strip(), 23) == "word word word word…"
    assert headers.shortened("a short one", 23) == "a short one"


@pytest.mark.parametrize("address", ["https://github.com/owner", "nonsense"])
def test_address_of_the_site_needs_owner_and_name(address):
    with pytest.raises(ValueError, match="owner/name"):
        headers.site_address(address)


def test_address_of_the_repository_stands_in_the_configuration_alone(pages):
    assert "REPOSITORY" not in pages["index"].text
    (address,) = re.findall(
        r"^  url: (\S+)$", (ROOT / "_config.yml").read_text("utf-8"), re.M
    )
    assert address in pages["index"].text
    written = ("index.md", "start/how-to-use.md", "notation.md", "back/glossary.md")
    for name in written:
        assert address not in (ROOT / "book" / name).read_text("utf-8")
