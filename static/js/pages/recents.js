/** Recents: looking at the page is seeing the missed calls. */

import { one, post } from "../ui/dom.js";

export function arrivedAtRecents() {
  if (document.visibilityState !== "visible") {
    document.addEventListener("visibilitychange", arrivedAtRecents, { once: true });
    return;
  }
  const badge = one("#missed");
  if (badge.hidden) return;
  post("/calls/seen/")
    .then((response) => (badge.hidden = response.ok))
    .catch(() => {}); // off line: they stay marked until the next visit
}
