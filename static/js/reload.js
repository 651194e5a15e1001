/**
 * Loads the page again when one of its scripts could not be fetched: a browser gives up what it is fetching when the machine's
 * network changes, and a page that has not all of its scripts looks whole and never comes on line.
 *
 * A classic script that stands before all others and imports nothing, for it must be there when they are not.
 */

{
  const KEY = "earshot.reloads";

  /** How long before each time. After the last it stays as it is: the network is not what is wrong. */
  const WAITS_MS = [500, 2000, 5000];

  let whole = true;

  const failed = (/** @type {Event} */ { target }) => {
    if (!whole || !(target instanceof HTMLScriptElement)) return;
    whole = false;
    const times = Number(sessionStorage.getItem(KEY));
    if (times >= WAITS_MS.length) return;
    sessionStorage.setItem(KEY, String(times + 1));
    setTimeout(() => location.reload(), WAITS_MS[times]);
  };

  addEventListener("error", failed, true); // an element's error does not bubble
  addEventListener("load", () => whole && sessionStorage.removeItem(KEY));
}
