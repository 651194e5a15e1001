/** Short sentences that come and go. */

import { fromTemplate, one } from "./dom.js";

const SHOWN_MS = 6000;

/** @param {string} text */
export function toast(text) {
  const element = fromTemplate("toast-template");
  element.textContent = text;
  one("#toasts").append(element);
  setTimeout(() => element.remove(), SHOWN_MS);
}
