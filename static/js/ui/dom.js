/** The few things that every screen does with the document. */

/**
 * The one element that a selector names; a template that lacks it is a bug, said at once.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} selector @param {ParentNode} [root] @returns {T}
 */
export function one(selector, root = document) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`nothing matches ${selector}`);
  return /** @type {T} */ (found);
}

/** @param {string} id a <template> @returns {HTMLElement} a copy of its first element */
export function fromTemplate(id) {
  const template = /** @type {HTMLTemplateElement} */ (one(`#${id}`));
  return /** @type {HTMLElement} */ (/** @type {Element} */ (template.content.firstElementChild).cloneNode(true));
}

/** Whether somebody is writing: keys belong to the text then. */
export function isTyping() {
  const at = document.activeElement;
  return at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName));
}

/** @param {HTMLElement} avatar @param {{name: string, hue: number}} person */
export function fillAvatar(avatar, person) {
  avatar.dataset.hue = String(person.hue);
  avatar.textContent = initials(person.name);
}

/** The first letters of the first and the last word, as accounts.models.User.initials. @param {string} name */
export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean);
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends.map((word) => [...word][0]).join("").toUpperCase();
}

/** What the server tells the scripts of this page (calls/context_processors.py). */
export function pageSettings() {
  return JSON.parse(one("#telephone").textContent ?? "{}");
}

/** A report of a page that is being left; if it comes to nothing there is nobody to tell. @param {string} device @param {object} report */
export function postLastWord(device, report) {
  post(`/calls/quality/?${new URLSearchParams({ device })}`, JSON.stringify(report), { keepalive: true }).catch(() => {});
}

/**
 * POST to one of our own addresses. `keepalive`: it goes out even if the page is gone in a moment.
 * @param {string} url @param {BodyInit} [body] @param {{keepalive?: boolean}} [options]
 */
export function post(url, body, options) {
  return fetch(url, {
    ...options,
    method: "POST",
    body,
    headers: { "X-CSRFToken": pageSettings().csrfToken, "X-Requested-With": "fetch" },
  });
}
