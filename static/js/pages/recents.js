/** Recents: looking at the page is seeing the missed calls; older ones come as one scrolls. */

import { one, post } from "../ui/dom.js";
import { dayName } from "../ui/sentences.js";

/** @param {() => void} arrived draws what has come */
export function arrivedAtRecents(arrived) {
  markSeen();
  drawDays();
  followScrolling(arrived);
  const filters = document.querySelector("[data-filters]");
  filters?.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement && filters instanceof HTMLFormElement) filters.requestSubmit();
  });
}

function markSeen() {
  if (document.visibilityState !== "visible") {
    document.addEventListener("visibilitychange", markSeen, { once: true });
    return;
  }
  const badge = one("#missed");
  if (badge.hidden) return;
  post("/calls/seen/")
    .then((response) => (badge.hidden = response.ok))
    .catch(() => {}); // off line: they stay marked until the next visit
}

/** "Today" and "Yesterday" for their dates. */
function drawDays() {
  for (const heading of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-day]"))) {
    const [year, month, day] = (heading.dataset.day ?? "").split("-").map(Number);
    heading.textContent = dayName(new Date(year, month - 1, day), new Date());
  }
}

/** @param {() => void} arrived */
function followScrolling(arrived) {
  const more = document.querySelector("[data-more]");
  if (!(more instanceof HTMLAnchorElement)) return;
  const watcher = new IntersectionObserver(
    async ([seen]) => {
      if (!seen.isIntersecting) return;
      watcher.disconnect();
      await append(more);
      drawDays();
      followScrolling(arrived);
      arrived();
    },
    { rootMargin: "400px" },
  );
  watcher.observe(more);
}

/** Put the next page below this one; a day that goes on keeps its one heading. @param {HTMLAnchorElement} more */
async function append(more) {
  const response = await fetch(more.href).catch(() => null); // off line: the link is still there to press
  if (!response?.ok) return;
  const next = new DOMParser().parseFromString(await response.text(), "text/html");
  const days = one("[data-days]");
  const coming = [...(next.querySelector("[data-days]")?.children ?? [])];
  const last = [...days.querySelectorAll("[data-day]")].at(-1);
  if (coming[0]?.getAttribute("data-day") === last?.getAttribute("data-day")) coming.shift();
  days.append(...coming);
  const link = next.querySelector("[data-more]");
  if (link) more.replaceWith(link);
  else more.parentElement?.remove();
}
