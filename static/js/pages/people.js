/** People: the search that filters while one types, and presence that changes while one looks. */

import { one } from "../ui/dom.js";
import { presenceLine, when } from "../ui/sentences.js";
import { _, interpolate } from "../text.js";

/** Whoever is shown with a presence dot, anywhere on the page. @returns {string[]} */
export function shownPeople() {
  const dots = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-presence-of]"));
  return [...new Set([...dots].map((dot) => dot.dataset.presenceOf ?? ""))].filter(Boolean).sort();
}

/** @param {import("../protocol.js").PresenceView[]} views */
export function showPresence(views) {
  for (const view of views) {
    for (const dot of document.querySelectorAll(`[data-presence-of="${CSS.escape(view.id)}"]`))
      if (dot instanceof HTMLElement) dot.dataset.status = view.status;
    for (const line of document.querySelectorAll(`[data-presence-line="${CSS.escape(view.id)}"]`))
      line.textContent = lineFor(view, line);
  }
}

/** Off line says since when, as far as the page knows. @param {import("../protocol.js").PresenceView} view @param {Element} line */
function lineFor(view, line) {
  const holder = line.closest("[data-last-seen]");
  const seen = view.seconds === undefined ? holder?.getAttribute("data-last-seen") : Date.now() - view.seconds * 1000;
  if (view.status !== "offline" || !seen) return presenceLine(view);
  return interpolate(_("Last seen %(when)s"), { when: when(new Date(seen), new Date()) });
}

export function arrivedAtPeople() {
  const field = /** @type {HTMLInputElement} */ (one(".search input"));
  field.addEventListener("input", () => filter(field.value));
}

/** @param {string} text */
function filter(text) {
  const wanted = text.trim().replace(/^@/, "").toLocaleLowerCase();
  let shown = 0;
  for (const row of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".people__list [data-person]"))) {
    const fits = [row.dataset.name, row.dataset.handle].some((each) => each?.toLocaleLowerCase().includes(wanted));
    row.hidden = !fits;
    if (fits) shown += 1;
  }
  for (const list of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".people__list [data-list]"))) {
    const empty = !list.querySelector("[data-person]:not([hidden])");
    list.hidden = empty;
    if (list.previousElementSibling instanceof HTMLElement) list.previousElementSibling.hidden = empty;
  }
  one("[data-none]").hidden = shown > 0 || wanted === "";
}
