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
      // One notification for all tabs of this browser: they share the tag.
      const shown = new Notification(title, { body, tag: `earshot-${ring.call}`, requireInteraction: true });
      shown.onclick = () => {
        window.focus();
        shown.close();
      };
      this._shown.set(ring.call, shown);
    }
  }
}
