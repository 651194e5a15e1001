/**
 * Who rings on this device. Says once to the server that it really rings, and says to the screens why a ring stopped that was
 * not answered here.
 *
 * A ring has to last for a moment before it rings. A machine that wakes up reads first what it was told before it slept and then,
 * in the same breath, that it is over: such a call is missed, and must not ring.
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
 * `settleMs`: how long a ring has to last; `changed`: one has lasted.
 * @typedef {{device: string, settleMs: number, isConnected: () => boolean, isUndisturbed: () => boolean, alert: (call: string) => void,
 *   notice: (notice: Notice) => void, changed: () => void,
 *   setTimer: (act: () => void, ms: number) => any, clearTimer: (timer: any) => void}} RingParts
 */

export class Rings {
  /** @param {RingParts} parts */
  constructor(parts) {
    this._parts = parts;
    /** @type {Map<string, any>} rings that may be over in a moment, each with its timer */
    this._settling = new Map();
    /** @type {Set<string>} rings that have lasted */
    this._ringing = new Set();
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
      .filter((call) => this._ringing.has(call.id) && !this._handled.has(call.id) && !this._ignored.has(call.id))
      .map((call) => ({ call: call.id, person: otherLeg(call).person, kind: call.kind, waiting }));
  }

  /** A call went from one snapshot to another. @param {Snapshot|undefined} before @param {Snapshot} after */
  follow(before, after) {
    const rings = rang(after);
    const begins = rings && after.ring_left_ms !== 0; // what has no time left waits for the server to say how it ended
    if (begins && !this._settling.has(after.id) && !this._ringing.has(after.id)) this._settle(after.id);
    if (before && rang(before) && !rings) this._stopped(after);
    if (!rings) this.silence(after.id);
    if (after.state === "ended") {
      this._handled.delete(after.id);
      this._ignored.delete(after.id);
    }
  }

  /** It rings no more here. What is to be said about that, a snapshot says. @param {string} call */
  silence(call) {
    this._parts.clearTimer(this._settling.get(call));
    this._settling.delete(call);
    this._ringing.delete(call);
  }

  /** @param {string} call */
  _settle(call) {
    const lasted = () => {
      this._settling.delete(call);
      if (!this._parts.isConnected()) return; // the next welcome tells whether it still rings
      this._ringing.add(call);
      if (!this._parts.isUndisturbed()) this._parts.alert(call);
      this._parts.changed();
    };
    if (this._parts.settleMs) this._settling.set(call, this._parts.setTimer(lasted, this._parts.settleMs));
    else lasted();
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
