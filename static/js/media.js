/**
 * The local microphone and camera, and nothing else: the only user of `navigator.mediaDevices`.
 *
 * Only this page's own code turns them on; nothing that arrives from the network reaches this file.
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
    for (const track of this.stream.getTracks()) this._remove(track);
    try {
      this._add(await this._get({ audio: this._audio(), ...(camera && { video: this._video() }) }, "microphone"));
    } catch (error) {
      if (!camera) throw error;
      const { reason } = /** @type {MediaError} */ (error);
      this._add(await this._get({ audio: this._audio() }, "microphone"));
      throw new MediaError(reason, "camera", error);
    }
  }

  /** @param {boolean} on @returns {Promise<void>} rejects with MediaError */
  async setMicrophone(on) {
    if (!this.microphone && on) this._add(await this._get({ audio: this._audio() }, "microphone"));
    else if (this.microphone) this.microphone.enabled = on;
  }

  /** Off stops the device, so that its light goes out. @param {boolean} on @returns {Promise<void>} rejects with MediaError */
  async setCamera(on) {
    if (on && !this.camera) this._add(await this._get({ video: this._video() }, "camera"));
    else if (!on) this._remove(this.camera);
  }

  /**
   * Use another device from now on. Opens it at once if this kind is open.
   * @param {"audioinput"|"videoinput"} kind @param {string} id
   */
  async choose(kind, id) {
    this._storage.setItem(choiceKey(kind), id);
    const old = kind === "audioinput" ? this.microphone : this.camera;
    if (!old) return;
    const enabled = old.enabled;
    // Some systems open a device once only, so the old one goes first.
    this._remove(old);
    await (kind === "audioinput" ? this.setMicrophone(true) : this.setCamera(true));
    if (kind === "audioinput") await this.setMicrophone(enabled);
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

  /** @param {MediaStream} stream */
  _add(stream) {
    for (const track of stream.getTracks()) {
      if (this._closed) {
        track.stop();
        continue;
      }
      this.stream.addTrack(track);
      track.onended = () => {
        this._remove(track);
        const kind = track.kind === "audio" ? "microphone" : "camera";
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
