/** Translated text: Django's JavaScript catalog where a page has loaded it, the English text elsewhere. */

/** @returns {any} */
const catalog = () => /** @type {any} */ (globalThis).django;

/** @param {string} text @returns {string} */
export function _(text) {
  return catalog()?.gettext(text) ?? text;
}

/** @param {string} one @param {string} many @param {number} count @returns {string} */
export function ngettext(one, many, count) {
  return catalog()?.ngettext(one, many, count) ?? (count === 1 ? one : many);
}

/** Put values in for `%(name)s`. @param {string} text @param {Record<string, string|number>} values */
export function interpolate(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_match, name) => String(values[name] ?? ""));
}
