/** Addresses to copy and share, of links and invitations, and the form that makes a link. */

import { one } from "../ui/dom.js";
import { _ } from "../text.js";

const COPIED_MS = 2000;

export function arrivedAtAddresses() {
  for (const box of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-copy]"))) wireAddress(box);
  const form = document.querySelector("[data-link-form]");
  if (form instanceof HTMLFormElement) wireForm(form);
}

/** @param {HTMLElement} box */
function wireAddress(box) {
  const field = /** @type {HTMLInputElement} */ (/** @type {unknown} */ (one("input", box)));
  const copy = one("[data-act='copy']", box);
  const share = one("[data-act='share']", box);
  field.onfocus = () => field.select();
  copy.hidden = !navigator.clipboard;
  copy.onclick = async () => {
    await navigator.clipboard.writeText(field.value);
    const text = one("[data-text]", copy);
    text.textContent = _("Copied");
    setTimeout(() => (text.textContent = _("Copy")), COPIED_MS);
  };
  share.hidden = !navigator.share;
  // The person may close the sheet without sharing.
  share.onclick = () => navigator.share({ url: field.value }).catch(() => {});
}

/** @param {HTMLFormElement} form */
function wireForm(form) {
  const fields = /** @type {any} */ (form.elements);
  fields.time_zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const guests = one("[data-guests]", form);
  const draw = () => (guests.hidden = fields.single.value !== "n");
  fields.single.addEventListener("change", draw);
  draw();
}
