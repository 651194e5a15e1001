/**
 * The socket: says hello, keeps itself alive, comes back, and carries commands to their one answer.
 *
 * Events: "welcome", "call", "peer", "presence" (CustomEvent, detail = the message) and "state".
 */

import { FIRST_FINAL_CLOSE_CODE, PROTOCOL_VERSION } from "./protocol.js";
import { randomId } from "./device.js";

/** Seconds before each try; the last goes on. Full jitter: a random part of it, so that thousands do not come at once. */
export const BACKOFF_SECONDS = Object.freeze([0, 0.3, 1, 2, 4, 7]);

/** How long a socket has for an answer when there is reason to doubt it; and to open, when the page is woken meanwhile. */
const PROBE_SECONDS = 3;

/** A refused or failed command. */
export class CommandError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/**
 * @typedef {{fields: Record<string, unknown>, resolve: (ok: {re: string, call?: string}) => void,
 *   reject: (error: CommandError) => void, tries: number}} Waiting
 * @typedef {{url: string, device: string, pingSeconds: number, deadSeconds: number, heldCalls: () => string[],
 *   isIdle?: () => boolean, isHidden?: () => boolean, Socket?: typeof WebSocket,
 *   setTimer?: (act: () => void, ms: number) => any, clearTimer?: (timer: any) => void,
 *   random?: () => number, now?: () => number}} Parts
 */

/** A command that the server asked to repeat is repeated so often. */
const TRY_AGAIN_TIMES = 5;

export class Signaling extends EventTarget {
  /** @param {Parts} parts */
  constructor(parts) {
    super();
    this._parts = {
      isIdle: () => false,
      isHidden: () => false,
      Socket: globalThis.WebSocket,
      setTimer: (/** @type {() => void} */ act, /** @type {number} */ ms) => setTimeout(act, ms),
      clearTimer: (/** @type {any} */ timer) => clearTimeout(timer),
      random: Math.random,
      now: () => performance.now(),
      ...parts,
    };
    /** @type {"connecting"|"open"|"waiting"|"stopped"} */
    this.state = "waiting";
    /** The code that stopped it for good, if one did. @type {number|null} */
    this.stoppedBy = null;
    /** @type {WebSocket|null} */
    this._socket = null;
    /** @type {Map<string, Waiting>} */
    this._waiting = new Map();
    /** @type {string[]|null} */
    this._watched = null;
    this._tries = 0;
    this._opened = false;
    this._heardAt = 0;
    /** @type {any} */
    this._retryTimer = null;
    /** @type {any} */
    this._pingTimer = null;
    /** @type {any} */
    this._probeTimer = null;
  }

  connect() {
    const { Socket, url, device, heldCalls, now } = this._parts;
    this._parts.clearTimer(this._retryTimer);
    this._setState("connecting");
    const socket = new Socket(url);
    this._socket = socket;
    this._opened = false;
    this._heardAt = now();
    socket.onopen = () => {
      this._opened = true;
      this._write({ type: "hello", protocol: PROTOCOL_VERSION, device, calls: heldCalls() });
    };
    socket.onmessage = (event) => this._socket === socket && this._take(JSON.parse(event.data));
    socket.onclose = (event) => this._socket === socket && this._closed(event.code);
    this._schedulePing();
  }

  /** Leave for good. */
  close() {
    this._setState("stopped");
    this._parts.clearTimer(this._retryTimer);
    this._parts.clearTimer(this._pingTimer);
    this._trust();
    const socket = this._socket;
    this._socket = null;
    socket?.close();
  }

  /**
   * The network is back or another, or the page is looked at again: do not wait for a timer. A socket that has nothing to say to a
   * ping now is taken for dead, and so is one that should have opened by now.
   */
  wake() {
    const { now, setTimer } = this._parts;
    const hangs = this.state === "connecting" && !this._opened && now() - this._heardAt > PROBE_SECONDS * 1000;
    if (this.state === "waiting" || hangs) {
      const old = this._socket;
      this._tries = 0;
      this.connect();
      old?.close();
    } else if (this.state === "open") {
      this._ping();
      // Doubted again, it has no more time than it had. Whatever it says ends the doubt.
      if (this.state === "open") this._probeTimer ??= setTimer(() => this._giveUp(), PROBE_SECONDS * 1000);
    }
  }

  /**
   * Send a command and wait for its answer, through as many sockets as it takes.
   * @param {string} type @param {Record<string, unknown>} fields
   * @returns {Promise<{re: string, call?: string}>} rejects with CommandError
   */
  command(type, fields) {
    const id = randomId();
    return new Promise((resolve, reject) => {
      const waiting = { fields: { type, id, ...fields }, resolve, reject, tries: 0 };
      this._waiting.set(id, waiting);
      if (this.stoppedBy !== null) this._answer(id, (each) => each.reject(stopped()));
      else if (this.state === "open") this._write(waiting.fields);
    });
  }

  /** Send a message that has no answer; false if there is no socket to send it on. @param {object} message */
  send(message) {
    if (this.state !== "open") return false;
    this._write(message);
    return true;
  }

  /** Whose presence this page shows, from now on and after every reconnect. @param {string[]} people */
  watch(people) {
    this._watched = people;
    if (this.state === "open") this._write({ type: "presence.watch", id: randomId(), people });
  }

  _trust() {
    this._parts.clearTimer(this._probeTimer);
    this._probeTimer = null;
  }

  /** @param {any} message */
  _take(message) {
    this._heardAt = this._parts.now();
    this._trust();
    switch (message.type) {
      case "welcome":
        this._tries = 0;
        this._welcomed(message);
        break;
      case "ok":
        this._answer(message.re, (waiting) => waiting.resolve(message));
        break;
      case "error":
        if (message.code === "try_again" && this._tryAgain(message.re)) break;
        this._answer(message.re, (waiting) => waiting.reject(new CommandError(message.code, message.message)));
        break;
      case "call":
      case "peer":
      case "presence":
        this._emit(message.type, message);
        break;
    }
  }

  /** What had no answer is sent again, before anything new is. @param {any} message */
  _welcomed(message) {
    for (const { fields } of this._waiting.values()) this._write(fields);
    this._setState("open");
    if (this._watched) this.watch(this._watched);
    this._emit("welcome", message);
  }

  /** @param {string} id @returns {boolean} whether it will be sent again */
  _tryAgain(id) {
    const waiting = this._waiting.get(id);
    if (!waiting || waiting.tries >= TRY_AGAIN_TIMES) return false;
    waiting.tries += 1;
    this._parts.setTimer(() => {
      if (this._waiting.has(id)) this.send(waiting.fields);
    }, 500 * 2 ** waiting.tries);
    return true;
  }

  /** @param {string|undefined} id @param {(waiting: Waiting) => void} settle */
  _answer(id, settle) {
    const waiting = id === undefined ? undefined : this._waiting.get(id);
    if (id === undefined || !waiting) return;
    this._waiting.delete(id);
    settle(waiting);
  }

  /** @param {number} code */
  _closed(code) {
    this._socket = null;
    this._parts.clearTimer(this._pingTimer);
    this._trust();
    if (code >= FIRST_FINAL_CLOSE_CODE && code < 5000) {
      this.stoppedBy = code;
      for (const id of [...this._waiting.keys()]) this._answer(id, (waiting) => waiting.reject(stopped()));
      this._setState("stopped");
      return;
    }
    const seconds = BACKOFF_SECONDS[Math.min(this._tries, BACKOFF_SECONDS.length - 1)];
    this._tries += 1;
    this._setState("waiting");
    this._retryTimer = this._parts.setTimer(() => this.connect(), seconds * 1000 * this._parts.random());
  }

  _schedulePing() {
    this._parts.clearTimer(this._pingTimer);
    this._pingTimer = this._parts.setTimer(() => this._ping(), this._parts.pingSeconds * 1000);
  }

  _ping() {
    // One that has not opened yet waits for TCP, which asks again after 1, 2, 4, 8 … s, when the network may long be whole.
    if (!this._opened || this._parts.now() - this._heardAt > this._parts.deadSeconds * 1000) {
      this._giveUp();
      return;
    }
    this.send({ type: "ping", idle: this._parts.isIdle(), hidden: this._parts.isHidden() });
    this._schedulePing();
  }

  /** A socket that says nothing is dead, even if nobody has told the browser. */
  _giveUp() {
    const socket = this._socket;
    this._closed(1006);
    socket?.close();
  }

  /** @param {object} message */
  _write(message) {
    this._socket?.send(JSON.stringify(message));
  }

  /** @param {"connecting"|"open"|"waiting"|"stopped"} state */
  _setState(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  /** @param {string} type @param {any} detail */
  _emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * Whether frames pass both ways, without being anybody: a hello of no protocol is answered by a close with a code of ours.
 * Resolves with the milliseconds it took. @param {string} url @param {typeof WebSocket} [Socket] @returns {Promise<number>}
 */
export function roundTrip(url, Socket = globalThis.WebSocket) {
  const began = performance.now();
  const socket = new Socket(url);
  return new Promise((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ type: "hello", protocol: 0, device: randomId() }));
    socket.onclose = ({ code }) =>
      code >= FIRST_FINAL_CLOSE_CODE ? resolve(performance.now() - began) : reject(new Error(String(code)));
  });
}

function stopped() {
  return new CommandError("stopped", "The connection to the server has ended.");
}
