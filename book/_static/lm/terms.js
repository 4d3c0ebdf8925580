/* Definitions of glossary terms: shown on hover and on focus, closed by Escape, and one
   can move the pointer onto them. Without this script they are the links' titles. */
(function () {
  "use strict";
  const box = document.createElement("div");
  box.id = "lm-definition";
  box.setAttribute("role", "tooltip");
  box.hidden = true;
  let shownFor = null;
  let timer = null;

  function hide() {
    clearTimeout(timer);
    box.hidden = true;
    if (shownFor) shownFor.removeAttribute("aria-describedby");
    shownFor = null;
  }

  function show(link) {
    clearTimeout(timer);
    if (shownFor === link) return;
    hide();
    shownFor = link;
    box.textContent = link.dataset.definition;
    link.setAttribute("aria-describedby", box.id);
    box.hidden = false;
    const place = link.getClientRects()[0];
    const left = Math.min(place.left, root().clientWidth - box.offsetWidth - 12);
    const below = place.bottom + 6 + box.offsetHeight < window.innerHeight;
    const top = below ? place.bottom + 6 : place.top - box.offsetHeight - 6;
    box.style.left = `${Math.max(12, left)}px`;
    box.style.top = `${top}px`;
  }

  function root() {
    return document.documentElement;
  }

  function later(action) {
    clearTimeout(timer);
    timer = setTimeout(action, 200);
  }

  for (const link of document.querySelectorAll("a.lm-term[title]")) {
    link.dataset.definition = link.title;
    link.removeAttribute("title");
    link.addEventListener("mouseenter", () => later(() => show(link)));
    link.addEventListener("mouseleave", () => later(hide));
    link.addEventListener("focus", () => show(link));
    link.addEventListener("blur", hide);
  }
  box.addEventListener("mouseenter", () => clearTimeout(timer));
  box.addEventListener("mouseleave", () => later(hide));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
  window.addEventListener("scroll", hide, { passive: true });
  document.body.append(box);
})();
