/** Browser notifications of a ring, while the page is hidden and the person has allowed them: the only user of Notification. */

import { _, interpolate } from "../text.js";

export class Notifier {
  constructor() {
    /** @type {Map<string, Notification>} */
    this._shown = new Map();
  }

  get possible() {
    return "Notification" in window;
  }

  get allowed() {
    return this.possible && Notification.permission === "granted";
  }

  /** Call from a click. @returns {Promise<boolean>} */
  async ask() {
    return this.possible && (await Notification.requestPermission()) === "granted";
  }

  /** Show exactly these rings. @param {{call: string, person: {name: string}, kind: string}[]} rings */
  show(rings) {
    for (const [call, shown] of this._shown) {
      if (rings.some((ring) => ring.call === call)) continue;
      shown.close();
      this._shown.delete(call);
    }
    if (!this.allowed || document.visibilityState === "visible") return;
    for (const ring of rings) {
      if (this._shown.has(ring.call)) continue;
      const title = interpolate(_("%(name)s is calling"), { name: ring.person.name });
      const body = ring.kind === "video" ? _("Video call") : _("Voice call");
      const shown = notify(title, body, ring.call);
      if (!shown) return;
      shown.onclick = () => {
        window.focus();
        shown.close();
      };
      this._shown.set(ring.call, shown);
    }
  }
}

/** @param {string} title @param {string} body @param {string} call */
function notify(title, body, call) {
  try {
    // One notification for all tabs of this browser: they share the tag.
    return new Notification(title, { body, tag: `earshot-${call}`, requireInteraction: true });
  } catch {
    return null; // Chrome on Android lets only a service worker do it; the ring must go on all the same
  }
}
