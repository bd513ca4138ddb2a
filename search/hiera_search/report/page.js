"use strict";
// The page works without this: it adds what a pointer shows, selection in place, sorting and copying.
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const chart = document.querySelector(".chart");
  const tip = document.querySelector(".tip");
  const details = new Map(all(".candidate").map((article) => [article.id, article]));
  const links = all("a[href^='#candidate-']");
  const anchor = (link) => link.getAttribute("href").slice(1);

  function choose(id) {
    if (!details.has(id)) return;
    for (const [name, article] of details) article.classList.toggle("chosen", name === id);
    for (const link of links) {
      if (anchor(link) === id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function show(link) {
    const article = details.get(anchor(link));
    tip.replaceChildren(...all(".gist", article).map((part) => part.cloneNode(true)));
    tip.hidden = false;
    const frame = chart.getBoundingClientRect();
    const mark = link.querySelector(".mark").getBoundingClientRect();
    const x = mark.left + mark.width / 2 - frame.left;
    const left = x + 16 + tip.offsetWidth > frame.width ? x - 16 - tip.offsetWidth : x + 16;
    const top = mark.top + mark.height / 2 - frame.top - tip.offsetHeight / 2;
    tip.style.left = `${Math.max(0, Math.min(left, frame.width - tip.offsetWidth))}px`;
    tip.style.top = `${Math.max(0, top)}px`;
  }

  const hide = () => { tip.hidden = true; };

  for (const link of links) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      choose(anchor(link));
      const article = details.get(anchor(link));
      if (!link.closest(".chart")) article.scrollIntoView({ block: "nearest" });
    });
    if (!link.closest(".chart")) continue;
    link.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") show(link); });
    link.addEventListener("pointerleave", hide);
    link.addEventListener("focus", () => { if (link.matches(":focus-visible")) show(link); });
    link.addEventListener("blur", hide);
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  for (const button of all("th button")) {
    button.addEventListener("click", () => {
      const header = button.parentElement;
      const rising = header.getAttribute("aria-sort") !== "ascending";
      for (const other of header.parentElement.children) other.removeAttribute("aria-sort");
      header.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const body = header.closest("table").tBodies[0];
      const value = (row) => row.cells[header.cellIndex].dataset.value;
      const order = (a, b) => (header.dataset.text ? value(a).localeCompare(value(b)) : value(a) - value(b));
      body.append(...[...body.rows].sort((a, b) => (rising ? order(a, b) : order(b, a))));
    });
  }

  for (const button of all("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = button.closest("figure").querySelector("code");
      try {
        await navigator.clipboard.writeText(text.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(text);
        button.textContent = "selected";
      }
      setTimeout(() => { button.textContent = "copy"; }, 1500);
    });
  }

  document.documentElement.classList.add("live");
  const wanted = location.hash.slice(1);
  choose(details.has(wanted) ? wanted : details.keys().next().value);
})();
