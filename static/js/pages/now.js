/** The admin's page of what goes on: asks for itself again every few seconds, and swaps what has changed. */

const REFRESH_MS = 3000;

const now = /** @type {HTMLElement} */ (document.querySelector("#now"));
const stale = /** @type {HTMLElement} */ (document.querySelector("#stale"));

async function refresh() {
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    const next = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("#now");
    if (!next && isAnother(response)) return location.reload();
    if (!next) throw new Error(`${response.status}`);
    if (next.textContent !== now.textContent) swap(next);
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
}

/** Signed out meanwhile, or no admin any more: the page that comes then says so. @param {Response} response */
function isAnother({ ok, redirected, status }) {
  return ok || status === 401 || status === 403 || (redirected && status < 500);
}

/** Whoever stands on a link with the keyboard stays on it. @param {Element} next */
function swap(next) {
  const focused = document.activeElement;
  const href = focused instanceof HTMLAnchorElement && now.contains(focused) ? focused.getAttribute("href") : null;
  now.replaceChildren(...next.childNodes);
  const link = href && [...now.querySelectorAll("a")].find((each) => each.getAttribute("href") === href);
  if (link) link.focus({ preventScroll: true });
}

async function loop() {
  if (document.visibilityState === "visible") await refresh();
  setTimeout(loop, REFRESH_MS);
}

document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());
setTimeout(loop, REFRESH_MS);
