/**
 * Who rings on this device. Says once to the server that it really rings, and says to the screens why a ring stopped that was
 * not answered here.
 */

import { myLeg, otherLeg } from "./protocol.js";

/** @typedef {import("./protocol.js").Snapshot} Snapshot */
/** @typedef {import("./protocol.js").PersonView} PersonView */
/**
 * `waiting`: this person is in another call, which they would leave for this one.
 * @typedef {{call: string, person: PersonView, kind: import("./protocol.js").Kind, waiting: boolean}} Incoming
 */
/** @typedef {{kind: "answered_elsewhere"|"declined_elsewhere"|"missed"|"ended", person: PersonView, call: string}} Notice */
/**
 * @typedef {{device: string, isUndisturbed: () => boolean, alert: (call: string) => void,
 *   notice: (notice: Notice) => void}} RingParts
 */

export class Rings {
  /** @param {RingParts} parts */
  constructor(parts) {
    this._parts = parts;
    /** @type {Set<string>} rings that the server has been told of */
    this._alerted = new Set();
    /** @type {Set<string>} rings that were answered or declined here */
    this._handled = new Set();
    /** @type {Set<string>} rings that are not to be seen nor heard here; how they end is told */
    this._ignored = new Set();
  }

  /** This person has decided about a call, on this device. @param {string} call */
  handle(call) {
    this._handled.add(call);
  }

  /** The decision did not come through. @param {string} call */
  release(call) {
    this._handled.delete(call);
  }

  /** @param {string} call */
  ignore(call) {
    this._ignored.add(call);
  }

  /** @param {Snapshot[]} ringing @param {boolean} waiting @returns {Incoming[]} those that still ask for an answer here */
  incoming(ringing, waiting) {
    return ringing
      .filter((call) => !this._handled.has(call.id) && !this._ignored.has(call.id))
      .map((call) => ({ call: call.id, person: otherLeg(call).person, kind: call.kind, waiting }));
  }

  /** A call went from one snapshot to another. @param {Snapshot|undefined} before @param {Snapshot} after */
  follow(before, after) {
    const rings = rang(after);
    if (rings && !this._alerted.has(after.id) && !this._parts.isUndisturbed()) {
      this._alerted.add(after.id);
      this._parts.alert(after.id);
    }
    if (before && rang(before) && !rings) this._stopped(after);
    if (after.state === "ended") {
      this._alerted.delete(after.id);
      this._handled.delete(after.id);
      this._ignored.delete(after.id);
    }
  }

  /** @param {Snapshot} call */
  _stopped(call) {
    const mine = myLeg(call);
    if (this._handled.has(call.id) || mine.device === this._parts.device) return;
    this._parts.notice({ kind: whyStopped(call), person: otherLeg(call).person, call: call.id });
  }
}

/** @param {Snapshot} call */
function rang(call) {
  return call.state === "ringing" && myLeg(call).state === "ringing";
}

/** @param {Snapshot} call @returns {Notice["kind"]} */
function whyStopped(call) {
  if (call.state !== "ended") return "answered_elsewhere";
  const { state } = myLeg(call);
  if (state === "declined") return "declined_elsewhere";
  return state === "missed" ? "missed" : "ended";
}
