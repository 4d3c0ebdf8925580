"""What is asked of one open page. Each function returns faults, a line each.

`page` is a Playwright page that has been loaded.
"""

import functools
from pathlib import Path

# What each wing is called on its tab, in the order of the tabs.
TABS = {"scratch": "NumPy", "pytorch": "PyTorch", "tf": "TensorFlow"}
NARROW = 375  # pixels, a small phone
CODE_WIDTH = 88  # characters that fit at 1280 pixels

FORMULAS = """async () => {
  if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
  const faults = [];
  for (const math of document.querySelectorAll(".bd-article .math")) {
    if (!math.querySelector("mjx-container")) {
      faults.push("formula is not typeset: " + math.textContent.trim().slice(0, 60));
    }
  }
  for (const error of document.querySelectorAll("mjx-merror, [data-mjx-error]")) {
    faults.push("formula has an error: " + error.textContent.slice(0, 80));
  }
  const skipped = "pre, code, script, style, noscript, mjx-container, .math";
  const texts = document.createTreeWalker(
    document.querySelector(".bd-article") || document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent;
    if (texts.currentNode.parentElement.closest(skipped)) continue;
    const raw = text.match(/\\$[^$\\s][^$]*\\$|\\\\[(\\[][^\\n]{0,40}|\\\\begin\\{/);
    if (raw) faults.push("raw mathematics in the text: " + raw[0].slice(0, 60));
  }
  return faults;
}"""

OVERFLOW = """(limit) => {
  const root = document.documentElement;
  if (root.scrollWidth <= limit && document.body.scrollWidth <= limit) return [];
  const boxes = ["auto", "scroll", "hidden", "clip"];
  const scrolls = (node) => {
    for (let box = node; (box = box.parentElement) && box !== document.body; )
      if (boxes.includes(getComputedStyle(box).overflowX)) return true;
    return false;
  };
  const wide = [...document.querySelectorAll("body *")].filter((node) =>
    node.getBoundingClientRect().right > limit + 1 && !scrolls(node));
  const name = (node) => node.tagName.toLowerCase() + "." + node.className;
  return [`${root.scrollWidth} pixels wide on a screen of ${limit}: ` +
    wide.slice(0, 3).map(name).join(", ")];
}"""

CODE = """(columns) => [...document.querySelectorAll(".bd-article div.highlight pre")]
  .filter((pre) => pre.offsetParent && pre.scrollWidth > pre.clientWidth + 1)
  .map((pre) => pre.textContent.split("\\n"))
  .filter((lines) => Math.max(...lines.map((line) => line.length)) <= columns)
  .map((lines) => "code of " + columns + " characters or fewer has to be scrolled: " +
    lines.reduce((a, b) => (b.length > a.length ? b : a)).slice(0, 60))"""

IMAGES = """() => {
  const faults = [];
  for (const image of document.querySelectorAll(".bd-article img")) {
    if (!image.complete || !image.naturalWidth) {
      faults.push("image does not load: " + image.src.split("/").pop());
    }
  }
  return faults;
}"""

TWINS = """(mode) => {
  const faults = [];
  for (const pair of document.querySelectorAll(".lm-twins")) {
    for (const image of pair.querySelectorAll("img")) {
      const wanted = image.classList.contains("only-" + mode);
      const hidden = [...(function* () {
        for (let n = image; n; n = n.parentElement) {
          if (n.tagName !== "DETAILS" || n.open) yield n;
        }
      })()].some((n) => getComputedStyle(n).display === "none");
      if (wanted === hidden && !pair.closest("details:not([open]), .lm-panel")) {
        faults.push(`${hidden ? "missing" : "shown"} in ${mode} mode: ` +
          image.src.split("/").pop());
      }
    }
  }
  return faults;
}"""

VISIBLE_PANELS = """() => [...document.querySelectorAll(".lm-tabs")].map((group) =>
  [...group.querySelectorAll(":scope > .lm-panel")]
    .filter((panel) => getComputedStyle(panel).display !== "none")
    .map((panel) => panel.className.match(/lm-panel-(\\w+)/)[1]))"""

ALL_PANELS = """() => [...document.querySelectorAll(".lm-tabs")].map((group) =>
  [...group.querySelectorAll(":scope > .lm-panel")]
    .map((panel) => panel.className.match(/lm-panel-(\\w+)/)[1]))"""

PANEL_NAMES = """() => [...document.querySelectorAll(".lm-panel-name")]
  .filter((name) => getComputedStyle(name).display !== "none").length"""


def formulas(page):
    """Every formula is typeset, and none has an error."""
    return page.evaluate(FORMULAS)


def narrow(page):
    """On a phone nothing but boxes of their own scrolls sideways."""
    before = page.viewport_size
    page.set_viewport_size({"width": NARROW, "height": 800})
    faults = page.evaluate(OVERFLOW, NARROW)
    page.set_viewport_size(before)
    return faults


def code(page):
    """Lines of 88 characters are read without scrolling, at the present width."""
    return page.evaluate(CODE, CODE_WIDTH)


def images(page):
    """Every image of the page has loaded."""
    page.wait_for_load_state("load")
    return page.evaluate(IMAGES)


def twins(page, mode):
    """Of each pair of figures the one for this mode is shown. mode: light or dark."""
    return page.evaluate(TWINS, mode)


COLORS = """() => {
  const style = getComputedStyle(document.documentElement);
  return ["--lm-paper", "--lm-accent", "--lm-serif"]
    .filter((name) => !style.getPropertyValue(name).trim())
    .map((name) => "the style sheets do not set " + name);
}"""

CLOSED = """() => [...document.querySelectorAll(
  ".bd-article details:not(.lm-setup):not([open])")].length"""


def colors(page):
    """The book's colors and fonts are set."""
    return page.evaluate(COLORS)


def printing(page):
    """Paper is light, every fold but the setup open; afterwards all is as before."""
    before = page.evaluate("document.documentElement.dataset.theme")
    closed = page.evaluate(CLOSED)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    faults = twins(page, "light")
    if still := page.evaluate(CLOSED):
        faults.append(f"{still} folds stay closed")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    after = page.evaluate("document.documentElement.dataset.theme")
    if (after, page.evaluate(CLOSED)) != (before, closed):
        faults.append("the page is not as before, after printing")
    return faults


def groups(page):
    """For each group of tabs, the wings whose panels are shown."""
    return page.evaluate(VISIBLE_PANELS)


def wanted(groups_of_all, wing):
    """What `groups` should say once a wing is chosen: it, or the first there is."""
    return [[wing if wing in group else group[0]] for group in groups_of_all]


def tabs(page):
    """Tabs work by click and by keyboard, and all groups follow one choice."""
    every = page.evaluate(ALL_PANELS)
    if not every:
        return []
    faults = []
    for wing, name in TABS.items():
        tab = page.locator(f"[role=tab]:text-is('{name}'):visible").first
        if tab.count() and any(wing in group for group in every):
            tab.click()
            if groups(page) != wanted(every, wing):
                faults.append(f"a click on {name} shows {groups(page)}")
            if tab.get_attribute("aria-selected") != "true":
                faults.append(f"after a click the tab {name} is not marked as selected")
    return faults + keyboard(page, every)


def keyboard(page, every):
    """Arrow keys go from tab to tab, around the end; Home and End jump."""
    first = page.locator("[role=tablist]:visible").first
    names = first.locator("[role=tab]").all_text_contents()
    first.locator("[role=tab]").first.click()
    path = {"ArrowRight": 1, "End": len(names) - 1, "Home": 0, "ArrowLeft": -1}
    wings = {name: wing for wing, name in TABS.items()}
    faults = []
    for key, index in path.items():
        page.keyboard.press(key)
        name = names[index]
        focused = page.evaluate("document.activeElement.textContent")
        shown = groups(page)
        if focused != name or shown != wanted(every, wings[name]):
            reached = f"the focus to {focused!r} and shows {shown}"
            faults.append(f"the key {key} gives {reached}, not {name!r}")
    return faults


def all_shown(page):
    """Every panel is shown under its name, as without JavaScript and on paper."""
    shown = sum(len(group) for group in groups(page))
    panels = page.locator(".lm-panel").count()
    names = page.evaluate(PANEL_NAMES)
    if shown == names == panels:
        return []
    return [f"of {panels} panels {shown} are shown, {names} with a name"]


@functools.cache
def axe_script():
    """The text of axe-core, from the Python package that carries it."""
    import axe_core_python

    return Path(axe_core_python.__file__).with_name("axe.min.js").read_text("utf-8")


# What MathJax makes is MathJax's, with its own assistive text, and has thousands of
# elements a page; code has as many, in a dozen colors. Axe takes a minute for them: it
# gets a letter in the place of each formula, and each kind of token twice.
SIMPLIFY = """() => {
  for (const formula of document.querySelectorAll("mjx-container")) {
    formula.replaceWith(document.createTextNode("x"));
  }
  const seen = {};
  const tokens = [...document.querySelectorAll("pre span:not(:has(*))")];
  for (const token of tokens.filter((token) => token.offsetParent)) {
    seen[token.className] = (seen[token.className] || 0) + 1;
    token.often = seen[token.className] > 2;
  }
  for (const token of tokens) if (token.often) token.replaceWith(token.textContent);
}"""
ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """(rules) => axe.run({ resultTypes: ["violations"], runOnly: rules })
  .then((result) => result.violations.flatMap((fault) => fault.nodes.map((node) =>
    `${fault.id} at ${node.target.join(" ").slice(0, 100)}: ` +
    (node.any.concat(node.all, node.none)[0] || fault).message?.slice(0, 160))))"""


def accessible(page, rules=ALL_RULES):
    """What axe-core finds. The page is simplified for it, and no use afterwards."""
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(SIMPLIFY)
        page.evaluate(axe_script())
    return page.evaluate(RUN_AXE, list(rules))
