/**
 * The telephone: the one object that the screens talk to. It knows who rings, and holds the one call that is on this device.
 *
 * Events: "change" (once per turn, after anything changed), "notice" (CustomEvent, detail = Notice), "presence"
 * (CustomEvent, detail = PresenceView[]).
 */

import { CallSession } from "./call.js";
import { Membership } from "./membership.js";
import { myLeg, otherLeg } from "./protocol.js";
import { RingClock } from "./ring_clock.js";
import { Rings } from "./rings.js";
import { CommandError } from "./signaling.js";
import { Snapshots } from "./snapshots.js";
import { keepWishes, keptWishes } from "./wishes.js";

/** @typedef {import("./protocol.js").Snapshot} Snapshot */
/** @typedef {import("./protocol.js").PersonView} PersonView */
/** @typedef {import("./protocol.js").Kind} Kind */
/** @typedef {import("./rings.js").Incoming} Incoming */
/** @typedef {import("./rings.js").Notice} Notice */
/** @typedef {import("./signaling.js").Signaling} Signaling */
/**
 * @typedef {{signaling: Signaling, device: string, connectSeconds: number, restartSeconds: number, giveUpSeconds: number,
 *   lastWord?: (report: object) => void, ringSettleMs?: number, isUndisturbed?: () => boolean, storage?: Storage, uuid?: () => string, makeMedia?: () => import("./media.js").Media,
 *   setTimer?: (act: () => void, ms: number) => any, clearTimer?: (timer: any) => void,
 *   makePeer?: (parts: import("./peer.js").Parts) => import("./peer.js").Peer}} Parts
 */

const RING_SETTLE_MS = 100;

/** After such a refusal the call rings on, and may be answered. */
const REFUSED_FOR_NOW = Object.freeze(["try_again", "too_many"]);

/** Who waits so long for an answer of the server is in no call: neither a ring nor the lease of who is off line lasts longer. */
export const JOIN_PATIENCE_MS = 60_000;

export class Telephone extends EventTarget {
  /** @param {Parts} parts */
  constructor(parts) {
    super();
    this._parts = {
      uuid: () => crypto.randomUUID(),
      setTimer: (/** @type {() => void} */ act, /** @type {number} */ ms) => setTimeout(act, ms),
      clearTimer: (/** @type {any} */ timer) => clearTimeout(timer),
      ...parts,
      storage: parts.storage ?? sessionStorage,
    };
    const { setTimer, clearTimer } = this._parts;
    this._signaling = parts.signaling;
    /** @type {PersonView|null} */
    this.me = null;
    /** @type {CallSession|null} */
    this.current = null;
    /** Whether the page is about to go. */
    this._going = false;
    this._calls = new Snapshots();
    this._rings = new Rings({
      device: parts.device,
      settleMs: parts.ringSettleMs ?? RING_SETTLE_MS,
      isConnected: () => this.connection === "open",
      isUndisturbed: () => parts.isUndisturbed?.() ?? false, // then a call is shown, and does not ring
      alert: (call) => this._signaling.command("call.alert", { call }).catch((error) => this._fault(error)),
      notice: (notice) => this._notice(notice),
      changed: () => this._changed(),
      setTimer,
      clearTimer,
    });
    this._ringClock = new RingClock({ over: (call) => this._ringIsOver(call), setTimer, clearTimer });
    /** @type {any} */
    this._giveUpTimer = null;
    /** @type {RTCIceServer[]} */
    this._iceServers = [];
    this._membership = new Membership({
      command: (type, fields) => this._signaling.command(type, { ...fields }),
      moved: () => this._takeUpOrLetGo(),
      fault: (error) => this._fault(error),
      setTimer,
    });
    this._changing = false;
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) =>
      this._signaling.addEventListener(type, (event) => act(/** @type {CustomEvent} */ (event).detail));
    on("welcome", (message) => this._welcomed(message));
    on("call", (message) => this._take(message.call));
    on("peer", (message) => this.current?.id === message.call && this.current?.takePeer(message));
    on("presence", (message) => this.dispatchEvent(new CustomEvent("presence", { detail: message.people })));
    on("state", () => this._stateChanged());
  }

  get connection() {
    return this._signaling.state;
  }

  /** Whether a call is going on here. */
  get busy() {
    return this.current !== null && this.current.phase !== "ended";
  }

  /** Who rings this person, unless it has been answered, declined or ignored here. @returns {Incoming[]} */
  get incoming() {
    return this._rings.incoming(this._calls.ringing, this.busy || this._joined !== undefined);
  }

  /** The call that this person is in, on whatever device. */
  get _joined() {
    return this._calls.live.find((call) => myLeg(call).state === "joined");
  }

  /** The page may be gone in a moment, and with it what its socket has not sent yet. */
  leaving() {
    this._going = true;
    this.current?.flush();
    this._going = false;
  }

  /** @param {object} report */
  _report(report) {
    this._signaling.command("call.quality", { ...report }).catch((error) => this._fault(error));
    if (this._going) this._parts.lastWord?.({ type: "call.quality", id: this._parts.uuid(), ...report });
  }

  /** The calls that this page still shows, for `hello`. */
  heldCalls() {
    const held = new Set(this._calls.live.map((call) => call.id));
    if (this.busy && this.current) held.add(this.current.id);
    return [...held].slice(0, 16);
  }

  /** @param {string[]} people */
  watch(people) {
    this._signaling.watch(people);
  }

  /** Call somebody: first the devices, then the ring. @param {PersonView} person @param {Kind} kind */
  async place(person, kind) {
    if (this.busy) return;
    const session = this._open({ id: this._parts.uuid(), direction: "outgoing", person, kind });
    if (await session.openMedia()) await this._placeNow(session);
  }

  /** @param {CallSession} session */
  async _placeNow(session) {
    if (session.phase === "ended") return;
    session.setPhase("calling");
    const id = session.id;
    const ok = await this._join(session, "call.place", { call: id, to: session.person.id, kind: session.kind });
    if (!ok) return;
    if (ok.call) this._membership.open(ok.call);
    if (session !== this.current || !this.busy) return;
    if (ok.call && ok.call !== id) {
      // They were calling us: this is their call now, with the media that we asked for.
      session.id = ok.call;
      session.direction = "incoming";
      this._rings.handle(ok.call);
    }
    this._keepWishes();
    this._applyNewest(session);
  }

  /**
   * Answer. The devices open while the answer travels. Who is in another call leaves it for this one.
   * @param {string} callId @param {Kind} kind
   */
  async accept(callId, kind) {
    const snapshot = this._calls.newest(callId);
    if (!snapshot || snapshot.state === "ended") return;
    this._rings.handle(callId);
    const { person } = otherLeg(snapshot);
    // A call of ours that is on its way may become one that there is to leave. Where none is, the devices open in the very turn
    // of the click.
    if (this._membership.underway) await this._membership.underway;
    if (this._joined) return this._switch(this._joined.id, callId, person, kind);
    this.hangUp();
    const session = this._open({ id: callId, direction: "incoming", person, kind });
    const opening = session.openMedia();
    const ok = await this._join(session, "call.accept", { call: callId });
    if (ok) {
      this._keepWishes();
      this._applyNewest(session);
    } else if (REFUSED_FOR_NOW.includes(session.ended?.code ?? "")) {
      this._rings.release(callId);
    }
    await opening;
  }

  /** Leave one call for another: both happen, or neither. @param {string} leave @param {string} callId @param {PersonView} person @param {Kind} kind */
  async _switch(leave, callId, person, kind) {
    this._changed();
    this._membership.open(callId);
    try {
      await this._membership.join("call.accept", { call: callId, leave });
    } catch (error) {
      if (!this._calls.isLive(callId)) this._notice({ kind: "missed", person, call: callId });
      this._rings.release(callId);
      this._takeUpOrLetGo();
      return this._fault(error);
    }
    const left = this.current;
    if (left && this.busy) left.end({ reason: "completed", durationMs: left.durationMs });
    const session = this._open({ id: callId, direction: "incoming", person, kind });
    const opening = session.openMedia();
    this._keepWishes();
    this._applyNewest(session);
    await opening;
  }

  /** It may ring on, but not here. @param {string} callId */
  ignore(callId) {
    this._rings.ignore(callId);
    this._changed();
  }

  /** @param {string} callId */
  decline(callId) {
    this._rings.handle(callId);
    this._membership.open(callId);
    this._changed();
    this._signaling.command("call.decline", { call: callId }).catch((error) => this._fault(error));
  }

  /**
   * Hang up, or cancel what has not been answered.
   * @param {import("./peer.js").Failure} [failed] how media failed for good
   */
  hangUp(failed = this.current?.mediaFailure) {
    const session = this.current;
    if (!session || session.phase === "ended") return;
    const wasActive = session.activeSince !== null;
    const joining = this._membership.joining(session.id);
    const placed = joining ?? (this._calls.isLive(session.id) ? Promise.resolve() : null);
    const reason = failed ? "failed" : wasActive ? "completed" : "cancelled";
    session.end({ reason, ...(failed && { failure: failed.stage }), durationMs: session.durationMs });
    const why = failed && { failure: failed.stage, ...(failed.trace && { trace: failed.trace }) };
    if (placed) this._membership.leave(session.id, why, placed);
  }

  /** The same again, after it ended. */
  callAgain() {
    const old = this.current;
    if (!old || old.phase !== "ended") return;
    this.current = null;
    this.place(old.person, old.kind);
  }

  /** Put away the screen of a call that ended. */
  dismiss() {
    if (this.busy) return;
    this.current = null;
    this._changed();
  }

  /** After a media problem: try once more, go on with the microphone only, or with nothing. @param {"retry"|"voice"|"listen"} how */
  async solveMedia(how) {
    const session = this.current;
    if (!session?.mediaProblem) return;
    const wasPlaced = this._membership.joining(session.id) !== null || this._calls.isLive(session.id);
    if (how === "retry") {
      if (session.mediaSettled) {
        const kind = session.mediaProblem.kind;
        return kind === "camera" ? session.setCamera(true) : session.setMicrophone(true);
      }
      if (!(await session.openMedia())) return;
    } else {
      session.wants.camera = false;
      if (how === "voice" && !session.media.microphone) {
        if (!(await session.openMedia())) return;
      } else {
        session.mediaIsReady();
      }
    }
    if (!wasPlaced && session.direction === "outgoing") await this._placeNow(session);
  }

  // --- snapshots ---------------------------------------------------------------------------------------

  /** @param {{person: PersonView, calls: Snapshot[], ice_servers: RTCIceServer[]}} message */
  _welcomed(message) {
    this.me = message.person;
    this._iceServers = message.ice_servers;
    const told = new Set(message.calls.map((call) => call.id));
    for (const call of message.calls) this._take(call);
    this._calls.retain(told);
    const session = this.current;
    if (session && this.busy) {
      if (!this._membership.joining(session.id) && session.phase !== "opening_media" && !told.has(session.id)) {
        session.end({ reason: "lost", durationMs: null });
      }
      session.socketResumed();
    }
    this._changed();
  }

  /** @param {Snapshot} call */
  _take(call) {
    const taken = this._calls.take(call);
    if (!taken) return;
    if (this.current?.id === call.id) this._parts.clearTimer(this._giveUpTimer);
    if (this.current?.id === call.id && !this._joiningElse(call)) this.current.apply(call);
    this._ringClock.follow(call);
    this._rings.follow(taken.before, call);
    this._takeUpOrLetGo();
    this._changed();
  }

  /**
   * Nobody has said how a ring ended. The callee hears it no more; the caller neither, but waits a while: they may have answered.
   * @param {string} call
   */
  _ringIsOver(call) {
    this._rings.silence(call);
    const session = this.current;
    if (session?.id === call && (session.phase === "calling" || session.phase === "ringing")) {
      session.setPhase("reconnecting");
      this._giveUpTimer = this._parts.setTimer(() => this._lose(session), this._parts.giveUpSeconds * 1000);
      this._signaling.wake();
    }
    this._changed();
  }

  /** The server is away for too long for this call to be. @param {CallSession} session */
  _lose(session) {
    const joining = this._membership.joining(session.id);
    session.end({ reason: "lost", durationMs: null });
    if (joining) this._membership.leave(session.id, undefined, joining);
  }

  /** While our accept is on its way, another device's answer is for the answer to tell. @param {Snapshot} call */
  _joiningElse(call) {
    return this._membership.joining(call.id) !== null && call.state === "ringing" && myLeg(call).state === "ringing";
  }

  /** @param {CallSession} session */
  _applyNewest(session) {
    const call = this._calls.newest(session.id);
    if (call) session.apply(call);
  }

  /**
   * A call bound to this very device, though it is not on this page. A page that has not opened it was reloaded, and rejoins; the
   * server may tell of it after the welcome only, when the old page's command was still on its way. A page that is through with
   * it leaves: an answer that was refused may have been carried out by a repeat that came late.
   */
  _takeUpOrLetGo() {
    if (this.busy || this._membership.changing) return;
    const call = this._calls.live.find(
      (each) => myLeg(each).state === "joined" && myLeg(each).device === this._parts.device,
    );
    if (!call) return;
    if (this._membership.hasOpened(call.id)) return this._membership.leave(call.id);
    const wishes = keptWishes(this._parts.storage, call.id);
    const direction = myLeg(call).role === "caller" ? "outgoing" : "incoming";
    const session = this._open({ id: call.id, direction, person: otherLeg(call).person, kind: call.kind });
    if (wishes) session.wants = wishes;
    session.pause(myLeg(call).epoch);
    session.apply(call);
    session.openMedia();
    this._rejoin(session);
  }

  /** @param {CallSession} session */
  async _rejoin(session) {
    const ok = await this._join(session, "call.rejoin", { call: session.id });
    if (!ok) return;
    this._applyNewest(session);
    session.resume();
  }

  // --- the call on this device -------------------------------------------------------------------------

  /** @param {{id: string, direction: "outgoing"|"incoming", person: PersonView, kind: Kind}} about */
  _open(about) {
    const { device, connectSeconds, restartSeconds, giveUpSeconds, makeMedia, makePeer } = this._parts;
    const session = new CallSession(about, {
      device,
      connectSeconds,
      restartSeconds,
      giveUpSeconds,
      ...(makeMedia && { makeMedia }),
      ...(makePeer && { makePeer }),
      send: (message) => this._signaling.send(message),
      iceServers: () => this._iceServers,
      hangUp: (failed) => session === this.current && this.hangUp(failed),
      report: (report) => this._report(report),
      rejoin: () => this._rejoin(session),
      trouble: () => this._signaling.wake(),
    });
    session.addEventListener("change", () => {
      if (session === this.current) this._keepWishes();
      this._changed();
    });
    this.current = session;
    this._membership.open(about.id);
    this._changed();
    return session;
  }

  /**
   * Join, or end the session with the reason why not. Null then.
   * @param {CallSession} session @param {string} type @param {Record<string, unknown> & {call: string}} fields
   */
  async _join(session, type, fields) {
    const { setTimer, clearTimer } = this._parts;
    const patience = setTimer(() => {
      if (session.phase === "opening_media" || session.phase === "calling") this._lose(session);
    }, JOIN_PATIENCE_MS);
    try {
      return await this._membership.join(type, fields);
    } catch (error) {
      this._refused(session, error);
      this._takeUpOrLetGo();
      return null;
    } finally {
      clearTimer(patience);
    }
  }

  /** @param {CallSession} session @param {unknown} error */
  _refused(session, error) {
    if (!(error instanceof CommandError)) throw error;
    const call = this._calls.newest(session.id);
    const answeredElsewhere = call && myLeg(call).state === "joined" && myLeg(call).device !== this._parts.device;
    if (call?.state === "ended") session.apply(call);
    session.end({ reason: answeredElsewhere ? "elsewhere" : "refused", code: error.code, durationMs: null });
  }

  _stateChanged() {
    if (this._signaling.stoppedBy !== null && this.busy) {
      this.current?.end({ reason: "disconnected", durationMs: null });
    }
    if (this._signaling.stoppedBy !== null) this._calls.forgetLive();
    this._changed();
  }

  _keepWishes() {
    const session = this.current;
    if (session && this.busy) keepWishes(this._parts.storage, session.id, session.wants);
  }

  /** A command whose effect nobody waits for was refused: the next snapshot tells. @param {unknown} error */
  _fault(error) {
    if (!(error instanceof CommandError)) throw error;
    this._changed();
  }

  /** @param {Notice} notice */
  _notice(notice) {
    this.dispatchEvent(new CustomEvent("notice", { detail: notice }));
  }

  /** One "change" for all that changed in this turn. */
  _changed() {
    if (this._changing) return;
    this._changing = true;
    queueMicrotask(() => {
      this._changing = false;
      this.dispatchEvent(new Event("change"));
    });
  }
}
