/**
 * Links swap the main part of the page, so that a call survives walking through the app. Whatever is not a plain page of the
 * app (the admin, signing in, an error, a file) loads as it always would.
 */

import { one } from "./dom.js";

export class Navigation {
  /** @param {{arrived: () => void, mayLeave: () => boolean}} parts `arrived` runs on each new page, the first included */
  constructor(parts) {
    this._parts = parts;
    /** @type {AbortController|null} */
    this._loading = null;
    document.addEventListener("click", (event) => this._click(event));
    document.addEventListener("submit", (event) => this._submit(event));
    addEventListener("popstate", () => this._load(location.href, {}));
    addEventListener("beforeunload", (event) => {
      if (!this._parts.mayLeave()) event.preventDefault();
    });
    this._arrived();
  }

  /** @param {MouseEvent} event */
  _click(event) {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented || !isOurs(link, event)) return;
    event.preventDefault();
    this.go(link.href);
  }

  /** @param {string} url */
  async go(url) {
    if (await this._load(url, {})) scrollTo(0, 0);
  }

  /** @param {SubmitEvent} event */
  _submit(event) {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || event.defaultPrevented || form.closest("[data-whole-page]")) return;
    if (!document.querySelector("#page")?.contains(form)) return;
    event.preventDefault();
    const fields = new FormData(form, event.submitter);
    const url = new URL(form.action);
    if (form.method === "get") {
      url.search = new URLSearchParams(/** @type {any} */ (fields)).toString();
      this._load(url.href, {});
    } else {
      this._load(url.href, { method: "POST", body: fields });
    }
  }

  /**
   * @param {string} url @param {RequestInit} request
   * @returns {Promise<boolean>} whether the page was swapped
   */
  async _load(url, request) {
    this._loading?.abort();
    const loading = (this._loading = new AbortController());
    try {
      const response = await fetch(url, { ...request, signal: loading.signal, headers: { Accept: "text/html" } });
      const text = await response.text();
      if (loading.signal.aborted) return false;
      const next = new DOMParser().parseFromString(text, "text/html");
      const page = next.querySelector("#page");
      if (!(page instanceof HTMLElement) || !next.body.classList.contains("app")) throw new Error("another layout");
      this._swap(page, next, response.url);
      return true;
    } catch (error) {
      if (loading.signal.aborted) return false; // another page is on its way
      if (!request.method) location.assign(url);
      else location.reload();
      return false;
    }
  }

  /** @param {HTMLElement} page @param {Document} next @param {string} url */
  _swap(page, next, url) {
    const here = one("#page");
    here.dataset.page = page.dataset.page;
    here.replaceChildren(...page.childNodes);
    document.title = next.title;
    const badge = next.querySelector("#missed");
    if (badge) one("#missed").replaceWith(badge);
    if (url !== location.href) history.pushState(null, "", url);
    this._arrived();
    here.focus({ preventScroll: true });
  }

  _arrived() {
    const page = one("#page").dataset.page;
    for (const link of document.querySelectorAll("[data-nav]")) {
      if (link instanceof HTMLElement && link.dataset.nav === page) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this._parts.arrived();
  }
}

/** Whether a click on this link is ours to follow. @param {HTMLAnchorElement} link @param {MouseEvent} event */
export function isOurs(link, event) {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return false;
  if (link.target || link.download || link.closest("[data-whole-page]") || link.origin !== location.origin) return false;
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return false;
  return !/^\/(admin|accounts|setup|static)\//.test(link.pathname);
}
