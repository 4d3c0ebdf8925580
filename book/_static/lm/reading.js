/* Small services to the reader: boxes that scroll can be reached by keyboard, a link
   into a fold opens it, and paper is always light, with solutions unfolded. */
(function () {
  "use strict";
  const root = document.documentElement;

  const SCROLLING = [
    "div.math",
    "div.highlight pre",
    ".cell_output",
    ".pst-scrollable-table-container",
    "mjx-container.lm-wide",
  ].join(",");

  /* A formula in a line that is wider than its paragraph scrolls by itself. */
  function narrow() {
    for (const formula of document.querySelectorAll("mjx-container:not([display])")) {
      formula.classList.remove("lm-wide");
      const line = formula.closest("p, li, dd, td, th, summary, h1, h2, h3, h4");
      const room = line ? line.clientWidth : root.clientWidth;
      if (room && formula.getBoundingClientRect().width > room) {
        formula.classList.add("lm-wide");
      }
    }
  }

  /* A box that overflows gets a stop for the Tab key, and loses it again. */
  function reachable() {
    narrow();
    for (const box of document.querySelectorAll(SCROLLING)) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }

  function openTarget() {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    for (let node = target; node; node = node.parentElement) {
      if (node.tagName === "DETAILS") node.open = true;
    }
    if (target) target.scrollIntoView();
  }

  let before = null;
  window.addEventListener("beforeprint", () => {
    const folds = [...document.querySelectorAll("details:not(.lm-setup):not([open])")];
    before = { theme: root.dataset.theme, folds };
    root.dataset.theme = "light";
    for (const fold of folds) fold.open = true;
  });
  window.addEventListener("afterprint", () => {
    if (!before) return;
    root.dataset.theme = before.theme;
    for (const fold of before.folds) fold.open = false;
    before = null;
  });

  const typeset = window.MathJax && window.MathJax.startup && window.MathJax.startup.promise;
  reachable();
  if (typeset) typeset.then(reachable);
  window.addEventListener("load", reachable);
  window.addEventListener("resize", reachable);
  window.addEventListener("hashchange", openTarget);
  if (location.hash) openTarget();
})();
