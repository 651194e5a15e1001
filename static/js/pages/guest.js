/** The page behind a link: what a guest sees before and after a call. It draws; guest.js decides. */

import { Media, MediaError } from "../media.js";
import { _, interpolate } from "../text.js";
import { fillDevices } from "../ui/devices.js";
import { fillAvatar, one } from "../ui/dom.js";
import { mediaSentence } from "../ui/sentences.js";

/** @typedef {import("../protocol.js").PersonView} PersonView */
/**
 * @typedef {{state: string, owner?: PersonView, title?: string, kind?: "voice"|"video", passcode?: "needed"|"wrong",
 *   guest?: {name: string, line: string}|null, page?: string|null, from?: string, weekdays?: string, opens?: string|null,
 *   closes?: string|null, zone?: string, errors?: Record<string, string[]>}} LinkView what the server says of a link
 */

/** 1 January 2024 was a Monday. */
const MONDAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;

export class GuestPage extends EventTarget {
  constructor() {
    super();
    this._root = one("#guest");
    this._video = /** @type {HTMLVideoElement} */ (/** @type {unknown} */ (one(".guest__preview video", this._root)));
    /** @type {Media|null} */
    this._media = null;
    this._root.addEventListener("submit", (event) => this._submit(/** @type {SubmitEvent} */ (event)));
    this._root.addEventListener("change", (event) => this._choose(event));
    this._root.addEventListener("click", (event) => {
      const button = /** @type {Element} */ (event.target).closest("[data-act]");
      if (button instanceof HTMLElement) this._say(button.dataset.act ?? "", null);
    });
  }

  /** @param {string} view */
  show(view) {
    for (const each of /** @type {NodeListOf<HTMLElement>} */ (this._root.querySelectorAll("[data-view]")))
      each.hidden = each.dataset.view !== view;
    if (view !== "entry") this.closePreview();
    const heading = this._root.querySelector(`[data-view="${view}"] h1`);
    if (heading instanceof HTMLElement) heading.focus({ preventScroll: true });
  }

  /** Why the link lets nobody call. @param {LinkView} link */
  showClosed(link) {
    if (link.from)
      one("[data-when-open]", this._root).textContent = interpolate(_("Come back on %(when)s."), {
        when: new Date(link.from).toLocaleString([], { dateStyle: "long", timeStyle: "short" }),
      });
    if (link.weekdays) one("[data-hours]", this._root).textContent = hoursSentence(link);
    this.show(this._root.querySelector(`[data-view="${link.state}"]`) ? link.state : "unknown");
  }

  /** @param {boolean} wrong */
  askPasscode(wrong) {
    this.show("passcode");
    this._error("passcode", wrong ? _("This is not the passcode. Try again.") : "");
    one("#passcode").focus();
  }

  /** @param {LinkView} link */
  showSignedIn(link) {
    const own = link.page === "/links/";
    one("[data-signed-in]", this._root).textContent = own
      ? _("This is a link of your own, and it works. Give it to somebody else.")
      : interpolate(_("Call %(name)s as yourself."), { name: link.owner?.name ?? "" });
    /** @type {HTMLAnchorElement} */ (one("[data-page-link]", this._root)).href = link.page ?? "/";
    this.show("signed_in");
  }

  /** @param {LinkView & {owner: PersonView}} link */
  showEntry(link) {
    const { owner, title, kind, guest } = link;
    fillAvatar(one("[data-avatar]", this._root), owner);
    one("[data-who]", this._root).textContent = interpolate(_("Call %(name)s"), { name: owner.name });
    one("[data-title]", this._root).textContent = title ?? "";
    one("[data-call-text='video']", this._root).textContent = interpolate(_("Video call %(name)s"), { name: owner.name });
    one("[data-call-text='voice']", this._root).textContent = interpolate(_("Voice call %(name)s"), { name: owner.name });
    one("[name='kind'][value='video']", this._root).hidden = kind === "voice";
    one(".guest__preview", this._root).hidden = kind === "voice";
    if (guest) {
      /** @type {HTMLInputElement} */ (one("#guest-name")).value = guest.name;
      /** @type {HTMLInputElement} */ (one("#guest-line")).value = guest.line;
    }
    this.show("entry");
    this._openPreview(kind !== "voice");
  }

  /**
   * @param {import("../ui/sentences.js").Said} said @param {string} name
   * @param {{wait: boolean, write: boolean}} may what there is to do besides calling again
   */
  showAfter(said, name, may) {
    one("[data-sentence]", this._root).textContent = said.sentence;
    one("[data-advice]", this._root).textContent = said.advice;
    one("[data-act='wait']", this._root).hidden = !may.wait;
    one("[data-form='message']", this._root).hidden = !may.write;
    one("[data-wait-text]", this._root).textContent = interpolate(_("Wait for %(name)s"), { name });
    this._error("text", "");
    this.show("after");
  }

  /** @param {string} name */
  showWaiting(name) {
    one("[data-waiting-text]", this._root).textContent = interpolate(_("Waiting for %(name)s"), { name });
    this.show("waiting");
  }

  /** @param {string} name */
  showLeft(name) {
    /** @type {HTMLTextAreaElement} */ (one("#message")).value = "";
    one("[data-left-text]", this._root).textContent = interpolate(_("%(name)s finds it among their calls."), { name });
    this.show("left");
  }

  /** @param {Record<string, string[]>} errors */
  showErrors(errors) {
    for (const [name, [first]] of Object.entries(errors)) this._error(name, first);
  }

  /** The camera is for the call now. */
  closePreview() {
    this._media?.close();
    this._media = null;
    this._video.srcObject = null;
  }

  /** @param {boolean} camera */
  async _openPreview(camera) {
    const media = new Media();
    this._media?.close();
    this._media = media;
    const problem = one("[data-problem]", this._root);
    problem.hidden = true;
    try {
      await media.open({ camera });
    } catch (error) {
      const { reason, kind } = /** @type {MediaError} */ (error);
      problem.textContent = mediaSentence(reason, kind).sentence;
      problem.hidden = false;
    }
    if (this._media !== media) return media.close();
    this._video.srcObject = media.stream;
    this._video.play().catch(() => {}); // it plays at the first click then
    await fillDevices(this._root, media);
  }

  /** @param {Event} event */
  _choose(event) {
    const select = event.target;
    if (!(select instanceof HTMLSelectElement) || !select.dataset.device) return;
    if (select.dataset.device === "audiooutput") localStorage.setItem("earshot.audiooutput", select.value);
    else this._media?.choose(/** @type {"audioinput"|"videoinput"} */ (select.dataset.device), select.value);
  }

  /** @param {SubmitEvent} event */
  _submit(event) {
    const form = event.target;
    if (!(form instanceof HTMLFormElement)) return;
    event.preventDefault();
    for (const error of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-error]"))) error.hidden = true;
    this._say(form.dataset.form ?? "", new FormData(form, event.submitter));
  }

  /** @param {string} name @param {FormData|null} fields */
  _say(name, fields) {
    this.dispatchEvent(new CustomEvent(name, { detail: fields }));
  }

  /** @param {string} name @param {string} text */
  _error(name, text) {
    const error = one(`[data-error="${name}"]`, this._root);
    error.textContent = text;
    error.hidden = !text;
    const field = error.parentElement?.querySelector("input, textarea");
    if (text) field?.setAttribute("aria-invalid", "true");
    else field?.removeAttribute("aria-invalid");
    if (text && field instanceof HTMLElement) field.focus();
  }
}

/** "Mon, Tue from 09:00 to 17:00, Europe/Berlin." @param {LinkView} link */
function hoursSentence({ weekdays = "", opens, closes, zone = "" }) {
  const names = [...weekdays].map((day) =>
    new Date(MONDAY + Number(day) * DAY_MS).toLocaleDateString([], { weekday: "short", timeZone: "UTC" }),
  );
  const days = names.join(", ");
  if (!opens || !closes) return interpolate(_("%(days)s, %(zone)s."), { days, zone });
  return interpolate(_("%(days)s from %(opens)s to %(closes)s, %(zone)s."), { days, opens, closes, zone });
}
