/**
 * The local microphone and camera, and nothing else: the only user of `navigator.mediaDevices`.
 *
 * Only this page's own code turns them on; nothing that arrives from the network reaches this file.
 *
 * A device takes its time to open, and a person may change their mind meanwhile. So devices are opened one after the other, only if
 * there is none of the kind, and what has opened is kept only if it is wanted still. Off is at once, without waiting for a turn.
 *
 * Events: "change" (tracks came or went), "lost" (CustomEvent, detail = {kind}: a device was unplugged).
 */

/** @typedef {"denied"|"missing"|"in_use"|"insecure"|"failed"} MediaReason */
/** @typedef {"microphone"|"camera"} MediaKind */

export class MediaError extends Error {
  /** @param {MediaReason} reason @param {MediaKind} kind @param {unknown} [cause] */
  constructor(reason, kind, cause) {
    super(`${kind}: ${reason}`, { cause });
    this.reason = reason;
    this.kind = kind;
  }
}

const AUDIO = Object.freeze({ echoCancellation: true, noiseSuppression: true, autoGainControl: true });
const VIDEO = Object.freeze({ width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } });

/** Where the chosen devices are remembered. @param {MediaDeviceKind} kind */
const choiceKey = (kind) => `earshot.${kind}`;

/** DOMException names of getUserMedia (W3C Media Capture 10.3). @type {Record<string, MediaReason>} */
const REASONS = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "in_use",
  AbortError: "in_use",
};

export class Media extends EventTarget {
  /** @param {{devices?: MediaDevices, storage?: Storage, Stream?: typeof MediaStream}} [parts] */
  constructor({ devices = navigator.mediaDevices, storage = localStorage, Stream = MediaStream } = {}) {
    super();
    this._devices = devices;
    this._storage = storage;
    this.stream = new Stream();
    this._closed = false;
    /** What is to be open. */
    this._wanted = { microphone: false, camera: false };
    /** A muted microphone stays open. */
    this._muted = false;
    /** The opening that is going on, if any. @type {Promise<void>|null} */
    this._turn = null;
  }

  /** @returns {MediaStreamTrack|null} */
  get microphone() {
    return this.stream.getAudioTracks()[0] ?? null;
  }

  /** @returns {MediaStreamTrack|null} */
  get camera() {
    return this.stream.getVideoTracks()[0] ?? null;
  }

  /**
   * Ask for the microphone and, if wanted, the camera, afresh. When only the camera fails, the microphone stays open and the
   * error says `camera`.
   * @param {{camera: boolean}} wanted
   * @returns {Promise<void>} rejects with MediaError
   */
  async open({ camera }) {
    this._wanted = { microphone: true, camera };
    this._muted = false;
    await this._inTurn(() => this._openAfresh(camera));
  }

  /** Off mutes: the microphone stays open. @param {boolean} on @returns {Promise<void>} rejects with MediaError */
  async setMicrophone(on) {
    this._muted = !on;
    if (this.microphone) this.microphone.enabled = on;
    else if (on) await this._turnOn("microphone");
  }

  /** Off stops the device, so that its light goes out. @param {boolean} on @returns {Promise<void>} rejects with MediaError */
  async setCamera(on) {
    if (on) return this._turnOn("camera");
    this._wanted.camera = false;
    this._remove(this.camera);
  }

  /**
   * Use another device from now on. Opens it at once if this kind is open.
   * @param {"audioinput"|"videoinput"} kind @param {string} id
   */
  async choose(kind, id) {
    this._storage.setItem(choiceKey(kind), id);
    const mine = kind === "audioinput" ? "microphone" : "camera";
    await this._inTurn(async () => {
      if (!this[mine]) return;
      // Some systems open a device once only, so the old one goes first.
      this._remove(this[mine]);
      await this._openOne(mine);
    });
  }

  /** @returns {Promise<MediaDeviceInfo[]>} names are empty until the person has allowed a device once */
  async devices() {
    return (await this._devices?.enumerateDevices?.()) ?? [];
  }

  /** The chosen device of a kind, or "". @param {MediaDeviceKind} kind */
  chosen(kind) {
    return this._storage.getItem(choiceKey(kind)) ?? "";
  }

  /** Let go of everything, also of what is still being opened. */
  close() {
    this._closed = true;
    for (const track of this.stream.getTracks()) this._remove(track);
  }

  /**
   * Open devices, after those that are being opened.
   * @param {() => Promise<void>} act @returns {Promise<void>} rejects as `act` does
   */
  async _inTurn(act) {
    const before = this._turn;
    const mine = before ? before.catch(() => {}).then(act) : act();
    this._turn = mine;
    try {
      await mine;
    } finally {
      if (this._turn === mine) this._turn = null;
    }
  }

  /** @param {MediaKind} kind */
  async _turnOn(kind) {
    this._wanted[kind] = true;
    await this._inTurn(() => this._openOne(kind));
  }

  /** @param {MediaKind} kind */
  async _openOne(kind) {
    if (this._closed || this[kind] || !this._wanted[kind]) return;
    this._add(await this._get(kind === "microphone" ? { audio: this._audio() } : { video: this._video() }, kind));
  }

  /** @param {boolean} camera */
  async _openAfresh(camera) {
    if (this._closed) return;
    for (const track of this.stream.getTracks()) this._remove(track);
    try {
      this._add(await this._get({ audio: this._audio(), ...(camera && { video: this._video() }) }, "microphone"));
    } catch (error) {
      if (!camera || this._closed) throw error;
      const { reason } = /** @type {MediaError} */ (error);
      await this._openOne("microphone");
      throw new MediaError(reason, "camera", error);
    }
  }

  _audio() {
    return { ...AUDIO, ...this._ideal("audioinput") };
  }

  _video() {
    return { ...VIDEO, ...this._ideal("videoinput") };
  }

  /** "ideal": a device that is no longer there is replaced by another, not an error. @param {MediaDeviceKind} kind */
  _ideal(kind) {
    const id = this.chosen(kind);
    return id ? { deviceId: { ideal: id } } : {};
  }

  /** @param {MediaStreamConstraints} constraints @param {MediaKind} kind @returns {Promise<MediaStream>} */
  async _get(constraints, kind) {
    if (!this._devices?.getUserMedia) throw new MediaError("insecure", kind);
    try {
      return await this._devices.getUserMedia(constraints);
    } catch (error) {
      const name = error instanceof Error ? error.name : "";
      throw new MediaError(REASONS[name] ?? "failed", kind, error);
    }
  }

  /** Keep what is wanted still, and stop the rest. @param {MediaStream} stream */
  _add(stream) {
    for (const track of stream.getTracks()) {
      const kind = track.kind === "audio" ? "microphone" : "camera";
      if (this._closed || !this._wanted[kind]) {
        track.stop();
        continue;
      }
      if (kind === "microphone") track.enabled = !this._muted;
      this.stream.addTrack(track);
      track.onended = () => {
        this._remove(track);
        this.dispatchEvent(new CustomEvent("lost", { detail: { kind } }));
      };
    }
    this.dispatchEvent(new Event("change"));
  }

  /** @param {MediaStreamTrack|null} track */
  _remove(track) {
    if (!track) return;
    track.onended = null;
    track.stop();
    this.stream.removeTrack(track);
    this.dispatchEvent(new Event("change"));
  }
}
