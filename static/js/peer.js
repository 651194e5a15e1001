/**
 * The peer connection: the only user of RTCPeerConnection.
 *
 * Perfect negotiation (W3C WebRTC, "Perfect Negotiation Example"): the caller is impolite and makes the first offer, the
 * callee polite. One audio and one video m-line are negotiated both ways at the start, so that turning a camera on or off
 * later is a replaceTrack and needs no negotiation. Local tracks exist before this object does.
 *
 * A path is in doubt when nothing has come for a second or two, and in trouble after three, or when the browser says so,
 * which takes it about 6 s. It says so too when some of its own checks were lost in a row, on a line that loses a fifth of
 * everything and yet carries the call: while something comes, "disconnected" is not trouble.
 *
 * Events: "connected", "doubt", "trouble", "failed" (CustomEvent, detail = Failure), "sample" (CustomEvent, detail = Sample).
 */

import { Meter, SAMPLE_MS, Silence } from "./quality.js";

/** @typedef {import("./protocol.js").PeerBody} PeerBody */
/** @typedef {import("./protocol.js").FailureStage} FailureStage */
/** @typedef {import("./quality.js").CandidateType} CandidateType */
/** @typedef {{local: CandidateType[], remote: CandidateType[], errors: number[]}} IceTrace what ICE had to work with */
/** @typedef {{stage: FailureStage, trace?: IceTrace}} Failure why media never came, or was given up */

/** What a relay answers to somebody whom it does not let in (RFC 8489 section 14.8, RFC 8656 section 19). */
const TURN_REFUSALS = Object.freeze([401, 403, 437, 438, 441]);
const ERRORS_MAX = 8;

/** How often the statistics are looked at; sooner again while nothing comes. */
const LOOK_MS = 1000;
const SILENT_LOOK_MS = 500;

/** So many looks in a row at which nothing had come are trouble: 2.5 to 3.5 s after the last packet. */
const SILENT_LOOKS = 4;

/**
 * @typedef {{polite: boolean, configuration: RTCConfiguration, post: (body: PeerBody) => void,
 *   audio: MediaStreamTrack|null, video: MediaStreamTrack|null,
 *   connectSeconds: number, restartSeconds: number, giveUpSeconds: number,
 *   Connection?: typeof RTCPeerConnection, Stream?: typeof MediaStream,
 *   setTimer?: (act: () => void, ms: number) => any, clearTimer?: (timer: any) => void, now?: () => number}} Parts
 */

export class Peer extends EventTarget {
  /** @param {Parts} parts */
  constructor(parts) {
    super();
    const { Connection = RTCPeerConnection, Stream = MediaStream } = parts;
    this._parts = {
      setTimer: (/** @type {() => void} */ act, /** @type {number} */ ms) => setTimeout(act, ms),
      clearTimer: (/** @type {any} */ timer) => clearTimeout(timer),
      now: () => performance.now(),
      ...parts,
    };
    this.remoteStream = new Stream();
    this.connected = false;
    this._everConnected = false;
    /** @type {{audio: MediaStreamTrack|null, video: MediaStreamTrack|null}} */
    this._tracks = { audio: parts.audio, video: parts.video };
    this._makingOffer = false;
    this._ignoredOffer = false;
    /** Remote bodies are applied one after the other. */
    this._queue = Promise.resolve();
    /** @type {any} */
    this._restartTimer = null;
    this._meter = new Meter();
    this._silence = new Silence();
    /** When the next sample is due, on the clock of performance.now(). */
    this._sampleAt = 0;
    /** How often the media broke off and came back. */
    this._reconnects = 0;
    /** @type {{local: Set<CandidateType|null>, remote: Set<CandidateType|null>, errors: Set<number>}} */
    this._trace = { local: new Set(), remote: new Set(), errors: new Set() };

    this._connection = new Connection({ bundlePolicy: "max-bundle", ...parts.configuration });
    this._listen();
    if (!parts.polite) {
      for (const kind of /** @type {const} */ (["audio", "video"]))
        this._connection.addTransceiver(this._tracks[kind] ?? kind, { direction: "sendrecv" });
    }
    /** @type {any} */
    this._deadline = this._parts.setTimer(() => this._fail(this._stage()), parts.connectSeconds * 1000);
    /** @type {any} */
    this._statsTimer = null;
  }

  /** Something the other side sent. @param {PeerBody} body */
  take(body) {
    this._queue = this._queue.then(() => this._apply(body)).catch((error) => this._broken(error));
  }

  /** Send this track from now on; null sends nothing. @param {"audio"|"video"} kind @param {MediaStreamTrack|null} track */
  setTrack(kind, track) {
    this._tracks[kind] = track;
    const sender = this._transceiver(kind)?.sender;
    if (sender && sender.track !== track) sender.replaceTrack(track).catch((error) => this._broken(error));
  }

  /** From the next restart on: credentials of a relay run out. @param {RTCIceServer[]} iceServers */
  useServers(iceServers) {
    this._connection.setConfiguration({ ...this._connection.getConfiguration(), iceServers });
  }

  /** The network may have changed: look for a new way now rather than after a time-out. */
  restart() {
    this._parts.clearTimer(this._restartTimer);
    if (!this.connected && this._connection.remoteDescription) this._connection.restartIce();
  }

  close() {
    this._parts.clearTimer(this._deadline);
    this._parts.clearTimer(this._restartTimer);
    this._parts.clearTimer(this._statsTimer);
    const connection = this._connection;
    connection.onnegotiationneeded = connection.onicecandidate = connection.ontrack = null;
    connection.onconnectionstatechange = connection.onicecandidateerror = null;
    connection.close();
  }

  _listen() {
    const connection = this._connection;
    connection.onnegotiationneeded = () => this._offer().catch((error) => this._broken(error));
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate) return;
      this._trace.local.add(typeOf(candidate.candidate));
      const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
      this._parts.post({ kind: "candidate", candidate: candidate.candidate, sdpMid, sdpMLineIndex, usernameFragment });
    };
    connection.onicecandidateerror = ({ errorCode }) => this._trace.errors.add(errorCode);
    connection.ontrack = ({ track }) => {
      this.remoteStream.addTrack(track);
      this.dispatchEvent(new Event("track"));
    };
    connection.onconnectionstatechange = () => this._stateChanged();
  }

  async _offer() {
    // The polite side waits for the first offer; it has nothing to negotiate before.
    if (this._parts.polite && !this._connection.remoteDescription) return;
    try {
      this._makingOffer = true;
      await this._connection.setLocalDescription();
      this._postDescription();
    } finally {
      this._makingOffer = false;
    }
  }

  _postDescription() {
    const description = this._connection.localDescription;
    if (description && (description.type === "offer" || description.type === "answer"))
      this._parts.post({ kind: description.type, sdp: description.sdp });
  }

  /** @param {PeerBody} body */
  async _apply(body) {
    const connection = this._connection;
    if (connection.signalingState === "closed") return;
    switch (body.kind) {
      case "offer":
      case "answer": {
        const collision = body.kind === "offer" && (this._makingOffer || connection.signalingState !== "stable");
        this._ignoredOffer = !this._parts.polite && collision;
        if (this._ignoredOffer) return;
        await connection.setRemoteDescription({ type: body.kind, sdp: body.sdp });
        if (body.kind === "offer") {
          await this._attachTracks();
          await connection.setLocalDescription();
          this._postDescription();
        }
        return;
      }
      case "candidate": {
        const { kind, ...candidate } = body;
        this._trace.remote.add(typeOf(candidate.candidate));
        try {
          await connection.addIceCandidate(candidate);
        } catch (error) {
          if (!this._ignoredOffer) throw error;
        }
      }
    }
  }

  /** The callee's side of the two m-lines: they came with the offer; now they go both ways. */
  async _attachTracks() {
    for (const kind of /** @type {const} */ (["audio", "video"])) {
      const transceiver = this._transceiver(kind);
      if (!transceiver) continue;
      transceiver.direction = "sendrecv";
      if (transceiver.sender.track !== this._tracks[kind]) await transceiver.sender.replaceTrack(this._tracks[kind]);
    }
  }

  /** @param {"audio"|"video"} kind */
  _transceiver(kind) {
    return this._connection.getTransceivers().find((each) => each.receiver.track.kind === kind);
  }

  _stateChanged() {
    // connectionState, not iceConnectionState: after a cut the latter may stay "disconnected" for good.
    const state = this._connection.connectionState;
    if (state === "connected") this._passable();
    else if (state === "disconnected" || state === "failed") {
      if (this.connected) {
        if (state === "failed" || !this._silence.heard) this._impassable();
      } else if (state === "failed") this._restartSoon();
    }
  }

  _passable() {
    if (this._everConnected && !this.connected) this._reconnects += 1;
    this.connected = this._everConnected = true;
    this._silence.forgive();
    this._statsTimer ??= this._parts.setTimer(() => this._look(), LOOK_MS);
    this._parts.clearTimer(this._deadline);
    this._parts.clearTimer(this._restartTimer);
    this.dispatchEvent(new Event("connected"));
  }

  _impassable() {
    this.connected = false;
    this.dispatchEvent(new Event("trouble"));
    this._deadline = this._parts.setTimer(() => this._fail(this._iceStage()), this._parts.giveUpSeconds * 1000);
    this._restartSoon();
  }

  _restartSoon() {
    this._parts.clearTimer(this._restartTimer);
    const wait = this._connection.connectionState === "failed" ? 0 : this._parts.restartSeconds * 1000;
    this._restartTimer = this._parts.setTimer(() => this.restart(), wait);
  }

  /** How far it got. @returns {FailureStage} */
  _stage() {
    const { remoteDescription, iceConnectionState } = this._connection;
    if (!remoteDescription) return "signaling";
    return iceConnectionState === "connected" || iceConnectionState === "completed" ? "dtls" : this._iceStage();
  }

  /** No way was found; perhaps because the relay did not let us in. @returns {FailureStage} */
  _iceStage() {
    return TURN_REFUSALS.some((code) => this._trace.errors.has(code)) ? "turn" : "ice";
  }

  /** @param {unknown} error a description or candidate that this browser does not take */
  _broken(error) {
    if (this._connection.signalingState === "closed") return;
    this.dispatchEvent(new CustomEvent("fault", { detail: error }));
    if (!this._everConnected) this._fail("signaling");
  }

  /** @param {FailureStage} stage */
  _fail(stage) {
    const { local, remote, errors } = this._trace;
    const types = (/** @type {Set<CandidateType|null>} */ set) => [...set].filter((each) => each !== null).sort();
    const codes = [...errors].filter((code) => code >= 300 && code <= 799).sort().slice(0, ERRORS_MAX);
    const trace = { local: types(local), remote: types(remote), errors: codes };
    this.dispatchEvent(new CustomEvent("failed", { detail: { stage, trace } }));
  }

  async _look() {
    // A browser that cannot tell now may later; until then its word is taken for how the path is.
    const report = await this._connection.getStats().catch(() => /** @type {RTCStatsReport} */ (new Map()));
    if (this._connection.signalingState === "closed") return;
    this._silence.listen(report);
    const silent = this._silence.reports > 0;
    this._statsTimer = this._parts.setTimer(() => this._look(), silent ? SILENT_LOOK_MS : LOOK_MS);
    if (this.connected && this._silence.reports === 1) this.dispatchEvent(new Event("doubt"));
    if (this.connected && this._silence.reports >= SILENT_LOOKS) this._impassable();
    else if (!this.connected && !silent && this._connection.connectionState === "connected") this._passable();
    if (this.connected) this._measure(report);
  }

  /** @param {RTCStatsReport} report */
  _measure(report) {
    const now = this._parts.now();
    if (now < this._sampleAt) return;
    this._sampleAt = now + SAMPLE_MS;
    this.dispatchEvent(new CustomEvent("sample", { detail: this._meter.sample(report, now, this._reconnects) }));
  }
}

/** @param {string} candidate a candidate line @returns {CandidateType|null} */
function typeOf(candidate) {
  return /** @type {CandidateType|null} */ (/ typ (host|srflx|prflx|relay)/.exec(candidate)?.[1] ?? null);
}

/** The first peer connection of a page costs 90 ms more than later ones; pay that while nobody waits. */
export function warmUp(Connection = RTCPeerConnection) {
  new Connection().close();
}
