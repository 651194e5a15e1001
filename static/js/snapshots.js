/**
 * The newest snapshot of each call (docs/protocol.md, "Snapshots"): of two the higher revision counts, in whatever order they
 * come, and what has ended stays ended.
 */

import { myLeg } from "./protocol.js";

/** @typedef {import("./protocol.js").Snapshot} Snapshot */

/** Calls that ended, remembered so that a late hint does not ring again. */
const ENDED_REMEMBERED = 200;

export class Snapshots {
  constructor() {
    /** @type {Map<string, Snapshot>} */
    this._live = new Map();
    /** Calls that ended, oldest first. @type {Map<string, Snapshot>} */
    this._ended = new Map();
  }

  get live() {
    return [...this._live.values()];
  }

  /** Calls that are live and ring this person. */
  get ringing() {
    return this.live.filter((call) => call.state === "ringing" && myLeg(call).state === "ringing");
  }

  /** @param {string} id */
  isLive(id) {
    return this._live.has(id);
  }

  /** The last that is known of a call, live or ended. @param {string} id */
  newest(id) {
    return this._live.get(id) ?? this._ended.get(id);
  }

  /**
   * Take in a snapshot. Null when it says nothing new; else what was known of the call before, if anything.
   * @param {Snapshot} call @returns {{before: Snapshot|undefined}|null}
   */
  take(call) {
    const before = this._live.get(call.id);
    if (this._ended.has(call.id) || (before && before.rev > call.rev)) return null;
    if (call.state === "ended") this._end(call);
    else this._live.set(call.id, call);
    return { before };
  }

  /** Only these are live, says the server. @param {Set<string>} ids */
  retain(ids) {
    for (const id of [...this._live.keys()]) if (!ids.has(id)) this._live.delete(id);
  }

  forgetLive() {
    this._live.clear();
  }

  /** @param {Snapshot} call */
  _end(call) {
    this._live.delete(call.id);
    this._ended.set(call.id, call);
    if (this._ended.size > ENDED_REMEMBERED) {
      const [oldest] = this._ended.keys();
      this._ended.delete(oldest);
    }
  }
}
