/**
 * One call on this device: from the wish to talk to the sentence about how it ended. It owns the media, the peer stream and
 * the peer connection, and draws its phase from snapshots.
 *
 * Order of work: media first; then, when the snapshot says `active` with this device joined, the peer
 * connection with those tracks. Before that no RTCPeerConnection exists here.
 *
 * Event: "change", after anything that a screen shows.
 */

import { Media, MediaError } from "./media.js";
import { Peer } from "./peer.js";
import { myLeg, otherLeg } from "./protocol.js";
import { QualityLog, quality, route } from "./quality.js";
import { PeerStream } from "./stream.js";

/** @typedef {import("./protocol.js").Snapshot} Snapshot */
/** @typedef {import("./protocol.js").PersonView} PersonView */
/** @typedef {import("./protocol.js").PeerMessage} PeerMessage */
/** @typedef {import("./protocol.js").PeerBody} PeerBody */
/** @typedef {import("./protocol.js").FailureStage} FailureStage */
/** @typedef {"opening_media"|"calling"|"ringing"|"connecting"|"active"|"reconnecting"|"ended"} Phase */
/** @typedef {{reason: import("./protocol.js").EndReason|"elsewhere"|"refused"|"disconnected", code?: string,
 *   failure?: FailureStage, byAdmin?: boolean, brokeOff?: boolean, durationMs: number|null}} Ended */
/** @typedef {{send: (message: object) => boolean, rejoin: () => Promise<void>, trouble: () => void,
 *   hangUp: (failure?: import("./peer.js").Failure) => void, report: (report: object) => void,
 *   device: string, iceServers: () => RTCIceServer[], connectSeconds: number, restartSeconds: number, giveUpSeconds: number,
 *   makeMedia?: () => Media, makePeer?: (parts: import("./peer.js").Parts) => Peer}} Line what a call needs of the rest */

/** Peer messages that overtook the snapshot which explains them. */
const EARLY_MAX = 64;

/** What the server takes: calls/core/protocol.py. */
const SETUP_MS_MAX = 60_000;

export class CallSession extends EventTarget {
  /** @param {{id: string, direction: "outgoing"|"incoming", person: PersonView, kind: "voice"|"video"}} about @param {Line} line */
  constructor(about, line) {
    super();
    this.id = about.id;
    this.direction = about.direction;
    this.person = about.person;
    this.kind = about.kind;
    /** @type {Phase} */
    this.phase = "opening_media";
    /** What this person wants to send. Only this person's own clicks change it. */
    this.wants = { microphone: true, camera: about.kind === "video" };
    /** What the other side says it sends. */
    this.remote = { microphone: true, camera: false };
    /** @type {number|null} on the clock of performance.now() */
    this.activeSince = null;
    this._talked = false;
    /** @type {{reason: import("./media.js").MediaReason, kind: import("./media.js").MediaKind}|null} */
    this.mediaProblem = null;
    /** @type {{route: "direct"|"relay"|null, quality: import("./quality.js").Quality}} */
    this.stats = { route: null, quality: "good" };
    /** @type {QualityLog|null} */
    this._log = null;
    /** The epoch that it reports on. */
    this._logEpoch = 0;
    /** From the answer until media was connected, until it is reported. @type {number|null} */
    this._setupMs = null;
    /** @type {Ended|null} */
    this.ended = null;
    /** @type {MediaStream|null} */
    this.remoteStream = null;
    this._line = line;
    this._mediaReady = false;
    this._paused = false;
    this._usedEpoch = 0;
    /** @type {Snapshot|null} */
    this._snapshot = null;
    /** @type {Peer|null} */
    this._peer = null;
    /** @type {PeerStream|null} */
    this._stream = null;
    this._streamKey = "";
    /** @type {PeerMessage[]} */
    this._early = [];
    this._media = line.makeMedia?.() ?? new Media();
    this._media.addEventListener("change", () => this._tracksChanged());
    this._media.addEventListener("lost", (event) => this._deviceLost(/** @type {CustomEvent} */ (event).detail.kind));
  }

  get localStream() {
    return this._media.stream;
  }

  /** Whether this person has decided what to send, if only nothing. */
  get mediaSettled() {
    return this._mediaReady;
  }

  /** How long it has been active, or null. */
  get durationMs() {
    return this.activeSince === null ? null : performance.now() - this.activeSince;
  }

  get media() {
    return this._media;
  }

  /** Hanging up now would be for this: answered, and the devices could not be used. @returns {import("./peer.js").Failure|undefined} */
  get mediaFailure() {
    if (this.activeSince === null || this._mediaReady || !this.mediaProblem) return undefined;
    return { stage: this.mediaProblem.reason === "denied" ? "permission" : "device" };
  }

  /** What really goes out now. */
  get sends() {
    return { microphone: Boolean(this._media.microphone?.enabled), camera: Boolean(this._media.camera) };
  }

  /** Open what this person wants to send. True when the call may go on; else `mediaProblem` says what is in the way. */
  async openMedia() {
    this.mediaProblem = null;
    try {
      await this._media.open({ camera: this.wants.camera });
      if (!this.wants.microphone) await this._media.setMicrophone(false);
    } catch (error) {
      if (this.phase === "ended") return false;
      const { reason, kind } = /** @type {MediaError} */ (error);
      this.mediaProblem = { reason, kind };
      this._changed();
      return false;
    }
    return this.mediaIsReady();
  }

  /** Go on with the tracks there are: all, some, or none (listen only). */
  mediaIsReady() {
    if (this.phase === "ended") return false;
    this.mediaProblem = null;
    this._mediaReady = true;
    this.wants = this.sends;
    this._advance();
    return true;
  }

  /** @param {Phase} phase */
  setPhase(phase) {
    if (this.phase === "ended") return;
    this.phase = phase;
    this._changed();
  }

  /** The newest word of the server about this call. @param {Snapshot} snapshot */
  apply(snapshot) {
    if (this.phase === "ended") return;
    this._snapshot = snapshot;
    const mine = myLeg(snapshot);
    const theirs = otherLeg(snapshot);
    this.person = theirs.person;
    if (snapshot.active_ms !== undefined) this.activeSince = performance.now() - snapshot.active_ms;
    if (snapshot.state === "ended") {
      this.end({
        reason: snapshot.end_reason ?? "completed",
        failure: mine.failure,
        ...(snapshot.by_admin && { byAdmin: true }),
        durationMs: snapshot.active_ms ?? null,
      });
    } else if (mine.state === "joined" && mine.device !== this._line.device) {
      this.end({ reason: "elsewhere", durationMs: null });
    } else {
      this._advance();
    }
  }

  /**
   * Between a reload and the snapshot that has a new epoch, the one of the page before must not be used. The answer may come
   * before that snapshot. @param {number} epoch the old one
   */
  pause(epoch) {
    this._paused = true;
    this._usedEpoch = epoch;
  }

  resume() {
    if (this.phase === "ended") return;
    this._paused = false;
    this._advance();
  }

  /** @param {PeerMessage} message */
  takePeer(message) {
    if (this._stream?.accepts(message)) this._stream.take(message);
    else if (this._early.length < EARLY_MAX) this._early.push(message);
  }

  /** The socket is back. */
  socketResumed() {
    this._stream?.resend();
    this._peer?.restart();
  }

  /** @param {boolean} on @returns {Promise<void>} */
  async setMicrophone(on) {
    this.wants.microphone = on;
    await this._try("microphone", () => this._media.setMicrophone(on));
  }

  /** @param {boolean} on @returns {Promise<void>} */
  async setCamera(on) {
    this.wants.camera = on;
    await this._try("camera", () => this._media.setCamera(on));
  }

  /** @param {"audioinput"|"videoinput"} kind @param {string} id */
  async choose(kind, id) {
    await this._try(kind === "audioinput" ? "microphone" : "camera", () => this._media.choose(kind, id));
  }

  /** It is over here, for this reason. Frees the devices at once. @param {Ended} ended */
  end(ended) {
    if (this.phase === "ended") return;
    this.phase = "ended";
    this.ended = ended.reason === "failed" && this._talked ? { ...ended, brokeOff: true } : ended;
    this._disconnect();
    this._media.close();
    this._changed();
  }

  /** @param {import("./media.js").MediaKind} kind @param {() => Promise<void>} act */
  async _try(kind, act) {
    try {
      await act();
      if (this._mediaReady) this.mediaProblem = null; // else it asks still how to go on
    } catch (error) {
      if (this.phase === "ended") return;
      this.wants[kind] = false;
      this.mediaProblem = { reason: error instanceof MediaError ? error.reason : "failed", kind };
    }
    this._changed();
  }

  /** Do what the snapshot and the media together allow, and no more. */
  _advance() {
    const snapshot = this._snapshot;
    if (!snapshot || this._paused) return;
    const mine = myLeg(snapshot);
    if (mine.epoch <= this._usedEpoch) return;
    if (snapshot.state === "ringing" && mine.state === "joined") {
      this.setPhase(otherLeg(snapshot).alerted ? "ringing" : "calling");
    }
    if (snapshot.state !== "active" || mine.state !== "joined") return;
    this._openStream(snapshot);
    if (this._mediaReady && !this._peer) this._connect(snapshot);
    else if (snapshot.ice_servers) this._peer?.useServers(snapshot.ice_servers);
    if (this.phase !== "active" && this.phase !== "reconnecting") this.setPhase("connecting");
    else this._changed();
  }

  /** A stream for these two epochs; the one for others is over, and its peer connection too. @param {Snapshot} snapshot */
  _openStream(snapshot) {
    const mine = myLeg(snapshot);
    const theirs = otherLeg(snapshot);
    const key = `${mine.epoch}/${theirs.epoch}`;
    if (key === this._streamKey) return;
    const again = this._streamKey !== "";
    this._disconnect();
    if (again) this.setPhase("reconnecting");
    this._streamKey = key;
    this._stream = new PeerStream({
      call: snapshot.id,
      to: theirs.id,
      epoch: mine.epoch,
      toEpoch: theirs.epoch,
      send: (message) => this._line.send(message),
      onOverflow: () => this._line.rejoin().catch(() => {}),
    });
    const early = this._early;
    this._early = [];
    for (const message of early) this.takePeer(message);
  }

  /** @param {Snapshot} snapshot */
  _connect(snapshot) {
    const stream = /** @type {PeerStream} */ (this._stream);
    const make = this._line.makePeer ?? ((parts) => new Peer(parts));
    this._postMedia();
    const peer = make({
      polite: this.direction === "incoming",
      configuration: {
        iceServers: snapshot.ice_servers ?? this._line.iceServers(),
        iceTransportPolicy: snapshot.relay_only ? "relay" : "all",
      },
      post: (body) => stream.post(body),
      audio: this._media.microphone,
      video: this._media.camera,
      connectSeconds: this._line.connectSeconds,
      restartSeconds: this._line.restartSeconds,
      giveUpSeconds: this._line.giveUpSeconds,
    });
    this._peer = peer;
    this.remoteStream = peer.remoteStream;
    peer.addEventListener("connected", () => this._connected(snapshot), { once: true });
    peer.addEventListener("connected", () => {
      this._talked = true;
      this.setPhase("active");
    });
    peer.addEventListener("doubt", () => this._line.trouble()); // perhaps it is the network, and the socket is gone too
    peer.addEventListener("trouble", () => {
      this.setPhase("reconnecting");
      this._line.trouble();
    });
    peer.addEventListener("track", () => this._changed());
    peer.addEventListener("failed", (event) => this._line.hangUp(/** @type {CustomEvent} */ (event).detail));
    const log = this._logOf(snapshot);
    peer.addEventListener("sample", (event) => {
      const sample = /** @type {import("./quality.js").Sample} */ (/** @type {CustomEvent} */ (event).detail);
      log.add(sample);
      this.stats = { route: route(sample), quality: quality(sample) };
      this._changed();
    });
    stream.open((body) => this._takeBody(peer, body));
  }

  /** @param {Snapshot} snapshot */
  _connected(snapshot) {
    const first = myLeg(snapshot).epoch === 1 && otherLeg(snapshot).epoch === 1;
    if (first && this.activeSince !== null) this._setupMs = Math.min(SETUP_MS_MAX, Math.round(performance.now() - this.activeSince));
  }

  /** Reports of this epoch of mine, numbered on through every epoch of theirs. @param {Snapshot} snapshot */
  _logOf(snapshot) {
    const { epoch } = myLeg(snapshot);
    if (this._log && this._logEpoch === epoch) return this._log;
    this._logEpoch = epoch;
    this._log = new QualityLog((number, samples) => {
      const setup = this._setupMs === null ? {} : { setup_ms: this._setupMs };
      this._setupMs = null;
      this._line.report({ call: snapshot.id, epoch, number, samples, ...setup });
    });
    return this._log;
  }

  /** The page may be gone in a moment: report what has been measured. */
  flush() {
    this._log?.flush();
  }

  /** @param {Peer} peer @param {PeerBody} body */
  _takeBody(peer, body) {
    if (body.kind !== "media") return peer.take(body);
    this.remote = { microphone: body.microphone, camera: body.camera };
    this._changed();
  }

  _disconnect() {
    this.flush();
    this._stream?.close();
    this._peer?.close();
    this._stream = this._peer = null;
    this.remoteStream = null;
  }

  _tracksChanged() {
    if (this.phase === "ended") return;
    this._peer?.setTrack("audio", this._media.microphone);
    this._peer?.setTrack("video", this._media.camera);
    this._changed();
  }

  /** @param {import("./media.js").MediaKind} kind */
  _deviceLost(kind) {
    this.wants[kind] = false;
    this.mediaProblem = { reason: "missing", kind };
    this._changed();
  }

  _postMedia() {
    const { microphone, camera } = this.sends;
    this._saidMedia = `${microphone}${camera}`;
    this._stream?.post({ kind: "media", microphone, camera });
  }

  _changed() {
    const { microphone, camera } = this.sends;
    if (this._peer && this._saidMedia !== `${microphone}${camera}`) this._postMedia();
    this.dispatchEvent(new Event("change"));
  }
}
