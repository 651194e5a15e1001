/**
 * Reliable, ordered delivery between two devices over a server that may lose, repeat and reorder (docs/protocol.md,
 * "Peer messages"). One PeerStream is one (call, my leg and epoch, their leg and epoch); it ends when an epoch grows.
 *
 * What arrives is held until `open` is called: a message is never lost because the peer connection that it is for does
 * not exist yet.
 */

/** @typedef {import("./protocol.js").PeerBody} PeerBody */
/** @typedef {import("./protocol.js").PeerMessage} PeerMessage */

/** More than this on the way, either way: something is wrong, and a fresh negotiation is better than a gap. */
export const WINDOW = 256;

/** Milliseconds after which what is not acknowledged is sent again; the last goes on. */
export const RESEND_MS = Object.freeze([1000, 2000, 4000]);

/** An acknowledgement waits this long for a message to ride on. */
export const ACK_MS = 50;

/**
 * @typedef {{call: string, to: string, epoch: number, toEpoch: number, send: (message: object) => void,
 *   onOverflow: () => void, setTimer?: (act: () => void, ms: number) => any, clearTimer?: (timer: any) => void}} Parts
 */

export class PeerStream {
  /** @param {Parts} parts */
  constructor(parts) {
    this._parts = {
      setTimer: (/** @type {() => void} */ act, /** @type {number} */ ms) => setTimeout(act, ms),
      clearTimer: (/** @type {any} */ timer) => clearTimeout(timer),
      ...parts,
    };
    this._lastSent = 0;
    /** @type {Map<number, PeerBody>} not acknowledged, by seq, in order */
    this._unacknowledged = new Map();
    this._taken = 0;
    /** @type {Map<number, PeerBody>} arrived, not yet taken */
    this._held = new Map();
    /** @type {((body: PeerBody) => void)|null} */
    this._receiver = null;
    this._resends = 0;
    /** @type {any} */
    this._resendTimer = null;
    /** @type {any} */
    this._ackTimer = null;
    this._closed = false;
  }

  /** The other side of this stream has these epochs. @param {PeerMessage} message */
  accepts(message) {
    return message.epoch === this._parts.toEpoch && message.to_epoch === this._parts.epoch;
  }

  /** @param {PeerBody} body */
  post(body) {
    if (this._closed) return;
    if (this._unacknowledged.size >= WINDOW) return this._overflow();
    this._lastSent += 1;
    this._unacknowledged.set(this._lastSent, body);
    this._write(this._lastSent, body);
    this._scheduleResend();
  }

  /** @param {PeerMessage} message */
  take(message) {
    if (this._closed || !this.accepts(message)) return;
    this._acknowledged(message.ack);
    if (message.seq === 0 || !message.body) return;
    this._scheduleAck();
    if (message.seq <= this._taken || this._held.has(message.seq)) return;
    if (message.seq > this._taken + WINDOW) return this._overflow();
    this._held.set(message.seq, message.body);
    this._deliver();
  }

  /** From now on bodies go to `receiver`, in order; first those that have waited. @param {(body: PeerBody) => void} receiver */
  open(receiver) {
    this._receiver = receiver;
    this._deliver();
  }

  /** The socket is back: send everything that is not acknowledged again. */
  resend() {
    for (const [seq, body] of this._unacknowledged) this._write(seq, body);
    if (this._unacknowledged.size) this._scheduleResend();
  }

  close() {
    this._closed = true;
    this._parts.clearTimer(this._resendTimer);
    this._parts.clearTimer(this._ackTimer);
    this._unacknowledged.clear();
    this._held.clear();
  }

  _deliver() {
    while (this._receiver && !this._closed) {
      const body = this._held.get(this._taken + 1);
      if (!body) return;
      this._taken += 1;
      this._held.delete(this._taken);
      this._receiver(body);
    }
  }

  /** @param {number} ack */
  _acknowledged(ack) {
    let news = false;
    for (const seq of this._unacknowledged.keys()) {
      if (seq > ack) break;
      this._unacknowledged.delete(seq);
      news = true;
    }
    if (!news) return;
    this._resends = 0;
    this._parts.clearTimer(this._resendTimer);
    this._resendTimer = null;
    if (this._unacknowledged.size) this._scheduleResend();
  }

  _scheduleResend() {
    if (this._resendTimer !== null) return;
    const ms = RESEND_MS[Math.min(this._resends, RESEND_MS.length - 1)];
    this._resendTimer = this._parts.setTimer(() => {
      this._resendTimer = null;
      this._resends += 1;
      this.resend();
    }, ms);
  }

  _scheduleAck() {
    this._ackTimer ??= this._parts.setTimer(() => {
      this._ackTimer = null;
      this._write(0, null);
    }, ACK_MS);
  }

  /** @param {number} seq @param {PeerBody|null} body */
  _write(seq, body) {
    this._parts.clearTimer(this._ackTimer);
    this._ackTimer = null;
    const { call, to, epoch, toEpoch } = this._parts;
    this._parts.send({ type: "peer", call, to, epoch, to_epoch: toEpoch, seq, ack: this._received(), ...(body && { body }) });
  }

  /** The highest seq that arrived without a gap, delivered or held: that much the other side may forget. */
  _received() {
    let seq = this._taken;
    while (this._held.has(seq + 1)) seq += 1;
    return seq;
  }

  _overflow() {
    this.close();
    this._parts.onOverflow();
  }
}
