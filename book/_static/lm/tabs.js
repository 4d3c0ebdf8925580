/* Framework tabs. The page shows every panel under its name; this puts a row of tabs in
   front of each group. One choice for all groups, remembered across pages. */
(function () {
  "use strict";
  const KEY = "lm-wing";
  const root = document.documentElement;

  function remembered() {
    try {
      return localStorage.getItem(KEY);
    } catch (error) {
      return null; // storage is switched off: the choice lasts for this page
    }
  }

  function remember(wing) {
    try {
      localStorage.setItem(KEY, wing);
    } catch (error) {
      /* as above */
    }
  }

  function button(text, className) {
    const element = document.createElement("button");
    element.type = "button";
    element.textContent = text;
    element.className = className;
    return element;
  }

  /* Show what root.dataset.lmWing says, in every group of the page. */
  function render() {
    const all = root.dataset.lmWing === "all";
    for (const group of document.querySelectorAll(".lm-tabs")) {
      const tabs = [...group.querySelectorAll("[role=tab]")];
      const chosen = tabs.find((tab) => tab.dataset.wing === root.dataset.lmWing);
      const selected = chosen || tabs[0];
      for (const tab of tabs) {
        tab.setAttribute("aria-selected", String(tab === selected && !all));
        tab.tabIndex = tab === selected ? 0 : -1;
      }
      group.querySelector(".lm-tab-all").setAttribute("aria-pressed", String(all));
    }
  }

  /* Choose a wing; what was clicked stays where it is on the screen. */
  function choose(wing, anchor) {
    const before = anchor.getBoundingClientRect().top;
    root.dataset.lmWing = wing;
    render();
    remember(wing);
    window.scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
  }

  function keys(event) {
    const tabs = [...event.currentTarget.querySelectorAll("[role=tab]")];
    const here = tabs.indexOf(event.target);
    const step = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const tab = tabs.at(step % tabs.length);
    tab.focus({ preventScroll: true });
    choose(tab.dataset.wing, tab);
  }

  function build(group, number) {
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", "Framework");
    list.addEventListener("keydown", keys);
    for (const panel of group.querySelectorAll(":scope > .lm-panel")) {
      const wing = panel.className.match(/lm-panel-(\w+)/)[1];
      const tab = button(panel.querySelector(".lm-panel-name").textContent, "lm-tab-" + wing);
      tab.id = `lm-tab-${number}-${wing}`;
      panel.id = `lm-panel-${number}-${wing}`;
      tab.dataset.wing = wing;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      tab.addEventListener("click", () => choose(wing, tab));
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      list.append(tab);
    }
    const all = button("All three", "lm-tab-all");
    all.addEventListener("click", () => {
      const pressed = root.dataset.lmWing === "all";
      choose(pressed ? list.firstChild.dataset.wing : "all", all);
    });
    const row = document.createElement("div");
    row.className = "lm-tab-row";
    row.append(list, all);
    group.prepend(row);
  }

  document.querySelectorAll(".lm-tabs").forEach(build);
  render();
  window.addEventListener("storage", (event) => {
    if (event.key === KEY && event.newValue) {
      root.dataset.lmWing = remembered();
      render();
    }
  });
})();
