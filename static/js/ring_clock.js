/**
 * When a ring is over though nobody says so. The server ends rings, and is not always there to tell; a page that waits for its
 * word would ring on, and the caller hear it ringing, for as long as the server stays away.
 */

/** @typedef {import("./protocol.js").Snapshot} Snapshot */

/** A ring is given up so much after its time: by then the server would have said how it ended (STEWARD_TICK_SECONDS, and the way). */
export const RING_OVER_MS = 3000;

export class RingClock {
  /**
   * @param {{over: (call: string) => void, setTimer: (act: () => void, ms: number) => any, clearTimer: (timer: any) => void}} parts
   */
  constructor(parts) {
    this._parts = parts;
    /** @type {Map<string, any>} */
    this._timers = new Map();
  }

  /** The newest snapshot of a call, whoever rings. @param {Snapshot} call */
  follow(call) {
    this._parts.clearTimer(this._timers.get(call.id));
    this._timers.delete(call.id);
    if (call.ring_left_ms === undefined) return;
    const over = () => {
      this._timers.delete(call.id);
      this._parts.over(call.id);
    };
    this._timers.set(call.id, this._parts.setTimer(over, call.ring_left_ms + RING_OVER_MS));
  }
}
