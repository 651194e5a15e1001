/** The cards of those who ring: drawn from `telephone.incoming`, with sound, title, notification and keys. */

import { RingLock } from "../tabs.js";
import { _, interpolate } from "../text.js";
import { fillAvatar, fromTemplate, isTyping, one } from "./dom.js";
import { Notifier } from "./notify.js";

/** @typedef {import("../calls.js").Telephone} Telephone */
/** @typedef {import("../calls.js").Incoming} Incoming */

const TITLE_MS = 1000;

export class Rings {
  /** @param {Telephone} telephone @param {import("../sound.js").Sound} sound @param {() => boolean} isUndisturbed */
  constructor(telephone, sound, isUndisturbed) {
    this._telephone = telephone;
    this._sound = sound;
    this._isUndisturbed = isUndisturbed;
    this._lock = new RingLock();
    this._notifier = new Notifier();
    this._root = one("#rings");
    /** @type {Map<string, HTMLElement>} */
    this._cards = new Map();
    /** @type {"ring"|"waiting"|null} */
    this._sounding = null;
    this._title = "";
    /** @type {any} */
    this._titleTimer = null;
    telephone.addEventListener("change", () => this._draw());
    document.addEventListener("keydown", (event) => this._key(event));
    document.addEventListener("visibilitychange", () => this._draw());
  }

  _draw() {
    const rings = this._telephone.incoming;
    for (const [call, card] of this._cards) {
      if (rings.some((ring) => ring.call === call)) continue;
      card.remove();
      this._cards.delete(call);
    }
    for (const ring of rings) {
      if (!this._cards.has(ring.call)) this._add(ring);
      this._cards.get(ring.call)?.classList.toggle("ring--waiting", ring.waiting);
    }
    const heard = this._isUndisturbed() ? [] : rings;
    this._soundFor(heard);
    this._notifier.show(heard);
    this._titleFor(heard);
  }

  /** @param {Incoming} ring */
  _add(ring) {
    const card = fromTemplate("ring-template");
    card.dataset.call = ring.call;
    card.setAttribute("aria-label", interpolate(_("Incoming call from %(name)s"), { name: ring.person.name }));
    one(".ring__name", card).textContent = ring.person.name;
    fillAvatar(one(".avatar", card), ring.person);
    const { guest } = ring.person;
    one("[data-guest]", card).hidden = !guest;
    const about = [guest?.title, guest?.line].filter(Boolean).join(" · ");
    one("[data-about]", card).textContent = about;
    one("[data-about]", card).hidden = !about;
    for (const part of /** @type {NodeListOf<HTMLElement>} */ (card.querySelectorAll("[data-kind]")))
      part.hidden = part.dataset.kind !== ring.kind;
    card.addEventListener("click", (event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("[data-act]");
      if (button instanceof HTMLElement) this._act(ring, button.dataset.act ?? "");
    });
    this._cards.set(ring.call, card);
    if (ring.waiting) one(".ring__who", card).setAttribute("role", "alert"); // said, but the focus stays in the call
    this._root.append(card);
    if (!ring.waiting && !isTyping()) card.focus({ preventScroll: true });
  }

  /** @param {Incoming} ring @param {string} act */
  _act(ring, act) {
    const other = ring.kind === "video" ? "voice" : "video";
    if (act === "decline") this._telephone.decline(ring.call);
    else if (act === "ignore") this._telephone.ignore(ring.call);
    else this._telephone.accept(ring.call, act === "accept" ? ring.kind : other);
  }

  /**
   * Enter accepts, Escape declines the newest; a key that means something where the focus is stays there. No key ends a call
   * that goes on.
   * @param {KeyboardEvent} event
   */
  _key(event) {
    const ring = this._telephone.incoming.at(-1);
    if (!ring || ring.waiting || event.defaultPrevented || event.repeat || isTyping()) return;
    const at = document.activeElement;
    const free = !at || at === document.body || at.id === "page" || at.id === "stage" || at.classList.contains("ring");
    if (event.key === "Escape") this._act(ring, "decline");
    else if (event.key === "Enter" && free) this._act(ring, "accept");
    else return;
    event.preventDefault();
  }

  /** A ring; two soft beeps in a call; nothing while this page plays the ringback of its own call. @param {Incoming[]} rings */
  _soundFor(rings) {
    const calls = this._telephone.current?.phase === "ringing";
    const wanted = !rings.length || calls ? null : rings[0].waiting ? "waiting" : "ring";
    if (wanted === this._sounding) return;
    if (this._sounding) {
      this._lock.giveBack();
      if (!calls) this._sound.silence();
    }
    if (wanted) this._lock.take(() => this._sound[wanted]());
    this._sounding = wanted;
  }

  /** The title of the tab tells who calls, by turns with the page's own. @param {Incoming[]} rings */
  _titleFor(rings) {
    const ring = rings.at(-1);
    if (!ring && this._titleTimer) {
      clearInterval(this._titleTimer);
      this._titleTimer = null;
      document.title = this._title;
    } else if (ring && !this._titleTimer) {
      this._title = document.title;
      const calling = interpolate(_("%(name)s is calling"), { name: ring.person.name });
      document.title = calling;
      this._titleTimer = setInterval(() => {
        document.title = document.title === calling ? this._title : calling;
      }, TITLE_MS);
    }
  }
}
