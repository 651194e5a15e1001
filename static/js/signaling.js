/**
 * The socket: says hello, keeps itself alive, comes back, and carries commands to their one answer.
 *
 * Events: "welcome", "call", "peer", "presence" (CustomEvent, detail = the message) and "state".
 */

import { FIRST_FINAL_CLOSE_CODE, PROTOCOL_VERSION } from "./protocol.js";
import { randomId } from "./device.js";

/** Seconds before each try; the last goes on. Full jitter: a random part of it, so that thousands do not come at once. */
export const BACKOFF_SECONDS = Object.freeze([0, 0.3, 1, 2, 4, 7]);

/** How long a socket has for an answer, or to open, when there is reason to doubt it; else it has `deadSeconds`. */
const PROBE_SECONDS = 3;

/** How long it has to open: TCP asks again after 1, 2, 4, 8 … s, when the network may long be whole. */
const OPEN_SECONDS = 10;

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
    /** "idle" until somebody connects it. @type {"idle"|"connecting"|"open"|"waiting"|"stopped"} */
    this.state = "idle";
    /** The code that stopped it for good, if one did. @type {number|null} */
    this.stoppedBy = null;
    /** @type {WebSocket|null} */
    this._socket = null;
    /** @type {Map<string, Waiting>} */
    this._waiting = new Map();
    /** @type {string[]|null} */
    this._watched = null;
    this._tries = 0;
    this._begunAt = 0;
    this._opened = false;
    /** When the socket is given up unless it says something; none while there is no doubt. @type {number|null} */
    this._doubtEnds = null;
    /** @type {any} */
    this._retryTimer = null;
    /** @type {any} */
    this._pingTimer = null;
    /** @type {any} */
    this._doubtTimer = null;
  }

  /** Begin; or begin anew, when it was stopped and there is a session again. */
  connect() {
    const { Socket, url, device, heldCalls, deadSeconds, now } = this._parts;
    this._parts.clearTimer(this._retryTimer);
    this.stoppedBy = null;
    this._setState("connecting");
    const socket = new Socket(url);
    this._socket = socket;
    this._begunAt = now();
    this._opened = false;
    socket.onopen = () => {
      if (this._socket !== socket) return;
      this._opened = true;
      this._write({ type: "hello", protocol: PROTOCOL_VERSION, device, calls: heldCalls() });
      this._trust();
      this._doubt(deadSeconds); // a server with many to welcome is not helped by more of them
    };
    socket.onmessage = (event) => this._socket === socket && this._take(JSON.parse(event.data));
    socket.onclose = (event) => this._socket === socket && this._closed(event.code);
    this._trust();
    this._doubt(OPEN_SECONDS);
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
    const late = this._parts.now() - this._begunAt > PROBE_SECONDS * 1000;
    if (this.state === "waiting" || (this.state === "connecting" && !this._opened && late)) {
      const old = this._socket;
      this._tries = 0;
      this.connect();
      old?.close();
    } else if (this.state === "open") {
      this._ping(PROBE_SECONDS);
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

  /** @param {any} message */
  _take(message) {
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
    this._ping(); // at once: a hidden page's timer may come after the server has taken it for dead
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

  /** Tell how the page is, and ask whether the socket lives. @param {number} [patience] seconds */
  _ping(patience = this._parts.deadSeconds) {
    const { setTimer, clearTimer, isIdle, isHidden, pingSeconds } = this._parts;
    this.send({ type: "ping", idle: isIdle(), hidden: isHidden() });
    this._doubt(patience);
    clearTimer(this._pingTimer);
    this._pingTimer = setTimer(() => this._ping(), pingSeconds * 1000);
  }

  /**
   * Something was asked. Whatever is heard next clears the doubt; only silence after a question is a reason to give a socket up, for
   * a page whose timers come late has not asked either. Doubted again, a socket has no more time than it had.
   * @param {number} seconds
   */
  _doubt(seconds) {
    const { now, setTimer, clearTimer } = this._parts;
    const ends = now() + seconds * 1000;
    if (this._doubtEnds !== null && this._doubtEnds <= ends) return;
    clearTimer(this._doubtTimer);
    this._doubtEnds = ends;
    this._doubtTimer = setTimer(() => this._giveUp(), seconds * 1000);
  }

  _trust() {
    this._parts.clearTimer(this._doubtTimer);
    this._doubtEnds = null;
  }

  /** A socket that says nothing is dead, even if nobody has told the browser. */
  _giveUp() {
    const socket = this._socket;
    const first = this._tries === 0;
    this._closed(1006);
    if (first) this.connect(); // not by a timer: a hidden page's comes a minute later
    socket?.close();
  }

  /** @param {object} message */
  _write(message) {
    this._socket?.send(JSON.stringify(message));
  }

  /** @param {Signaling["state"]} state */
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
