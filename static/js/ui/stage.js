/** The stage: the call on this device, drawn from `telephone.current`. */

import { _, interpolate } from "../text.js";
import { fillDevices } from "./devices.js";
import { fillAvatar, isTyping, one } from "./dom.js";
import { SelfView } from "./selfview.js";
import { clock, endSentence, mediaSentence } from "./sentences.js";

/** @typedef {import("../calls.js").Telephone} Telephone */
/** @typedef {import("../call.js").CallSession} CallSession */

const FADE_MS = 4000;
const SPEAKER_KEY = "earshot.audiooutput";

export class Stage {
  /** @param {Telephone} telephone @param {import("../sound.js").Sound} sound */
  constructor(telephone, sound) {
    this._telephone = telephone;
    this._sound = sound;
    this._root = one("#stage");
    this._remote = /** @type {HTMLVideoElement} */ (/** @type {unknown} */ (one(".stage__remote", this._root)));
    this._selfView = one(".selfview", this._root);
    this._self = /** @type {HTMLVideoElement} */ (/** @type {unknown} */ (one("video", this._selfView)));
    this._small = false;
    /** @type {CallSession|null} */
    this._drawn = null;
    /** @type {any} */
    this._fadeTimer = null;
    this._ringingBack = false;
    new SelfView(this._selfView);
    telephone.addEventListener("change", () => this.draw());
    this._root.addEventListener("click", (event) => this._click(event));
    this._root.addEventListener("change", (event) => this._chooseDevice(event));
    for (const type of ["pointermove", "pointerdown", "keydown", "focusin"])
      this._root.addEventListener(type, () => this._wake());
    document.addEventListener("keydown", (event) => this._key(event));
    setInterval(() => this._drawClock(), 500);
  }

  /** Walk through the pages beside the call. @param {boolean} small */
  setSmall(small) {
    const session = this._telephone.current;
    this._small = small && session !== null && session.phase !== "ended";
    this.draw();
  }

  draw() {
    const session = this._telephone.current;
    this._root.hidden = session === null;
    const covers = session !== null && !this._small;
    one("#shell").toggleAttribute("inert", covers);
    document.body.classList.toggle("has-stage", covers);
    this._ringback(session?.phase === "ringing");
    if (!session) {
      this._drawn = null;
      this._small = false;
      this._show(this._remote, null);
      this._show(this._self, null);
      return;
    }
    if (session.phase === "ended") this._small = false;
    const isNew = session !== this._drawn;
    this._drawn = session;
    this._root.dataset.phase = session.phase;
    this._root.classList.toggle("stage--small", this._small);
    this._drawPerson(session);
    this._drawPictures(session);
    this._drawControls(session);
    this._drawPanel(session);
    this._drawClock();
    if (isNew) {
      this._root.focus({ preventScroll: true });
      this._wake();
    }
  }

  /** @param {CallSession} session */
  _drawPerson(session) {
    one(".stage__name", this._root).textContent = session.person.name;
    fillAvatar(one(".avatar", this._root), session.person);
    setText(one(".stage__status", this._root), statusLine(session));
    setText(one(".stage__note", this._root), note(session));
    const pill = one(".stage__pill", this._root);
    pill.hidden = session.stats.route === null || session.phase !== "active";
    pill.dataset.quality = session.stats.quality;
    setText(one("[data-text]", pill), pillText(session));
  }

  /** @param {CallSession} session */
  _drawPictures(session) {
    const live = session.phase === "active" || session.phase === "reconnecting" || session.phase === "connecting";
    this._remote.setAttribute("aria-label", session.person.name);
    this._show(this._remote, live ? session.remoteStream : null);
    this._root.classList.toggle("stage--picture", live && session.phase !== "connecting" && session.remote.camera);
    const camera = session.phase !== "ended" && session.sends.camera;
    this._selfView.hidden = !camera || this._small;
    this._show(this._self, camera ? session.localStream : null);
  }

  /** @param {HTMLVideoElement} video @param {MediaStream|null} stream */
  _show(video, stream) {
    if (video.srcObject !== stream) video.srcObject = stream;
    const speaker = localStorage.getItem(SPEAKER_KEY);
    if (stream && speaker && "setSinkId" in video) video.setSinkId(speaker).catch(() => localStorage.removeItem(SPEAKER_KEY));
    if (stream && video.paused) video.play().catch(() => this._askForSound(video));
  }

  /** The browser plays no sound before a click. @param {HTMLVideoElement} video */
  _askForSound(video) {
    if (video.srcObject === null || !video.paused) return;
    const again = () => video.play().catch(() => {});
    document.addEventListener("click", again, { once: true });
    document.addEventListener("keydown", again, { once: true });
    setText(one(".stage__note", this._root), _("Click anywhere to hear the other side."));
  }

  /** @param {CallSession} session */
  _drawControls(session) {
    // A device takes its time; the button that was clicked does not wait for it.
    const { microphone, camera } = session.mediaSettled || !session.mediaProblem ? session.wants : session.sends;
    press(this._control("microphone"), !microphone);
    press(this._control("camera"), !camera);
    this._control("shrink").hidden = this._small;
    this._control("grow").hidden = !this._small;
    for (const act of ["microphone", "camera", "devices"])
      /** @type {HTMLButtonElement} */ (this._control(act)).disabled = !session.mediaSettled;
  }

  /** @param {CallSession} session */
  _drawPanel(session) {
    const panel = one(".stage__panel", this._root);
    const problem = session.mediaProblem;
    const said = session.ended
      ? endSentence(session.ended, session.person.name, session.direction)
      : problem && mediaSentence(problem.reason, problem.kind);
    const wasHidden = panel.hidden;
    panel.hidden = !said || this._small;
    if (!said) return;
    const sentence = one(".stage__sentence", panel);
    const isNews = wasHidden || sentence.textContent !== said.sentence;
    sentence.textContent = said.sentence;
    setText(one(".stage__advice", panel), said.advice);
    const ended = session.ended !== null;
    const started = session.mediaSettled;
    this._choice("again").hidden = !ended || !said.again;
    this._choice("dismiss").hidden = !ended && !started;
    this._choice("retry").hidden = ended || !said.again;
    this._choice("voice").hidden = ended || started || problem?.kind !== "camera";
    this._choice("listen").hidden = ended || started || problem?.kind !== "microphone";
    this._choice("settings").hidden = !ended || session.ended?.reason !== "failed";
    if (isNews && !this._small) sentence.focus({ preventScroll: true });
  }

  _drawClock() {
    const session = this._telephone.current;
    const since = session?.activeSince;
    const element = one(".stage__clock", this._root);
    const runs = session && session.phase !== "ended" && since != null;
    setText(element, runs ? clock(performance.now() - since) : "");
  }

  /** @param {string} act */
  _control(act) {
    return one(`.stage__bar [data-act="${act}"]`, this._root);
  }

  /** @param {string} act */
  _choice(act) {
    return one(`.stage__panel [data-act="${act}"]`, this._root);
  }

  /** @param {Event} event */
  _click(event) {
    const button = /** @type {HTMLElement} */ (event.target).closest("[data-act]");
    if (!(button instanceof HTMLElement)) return;
    const session = this._telephone.current;
    switch (button.dataset.act) {
      case "microphone":
        return session?.setMicrophone(!session.wants.microphone);
      case "camera":
        return session?.setCamera(!session.wants.camera);
      case "devices":
        return this._toggleDevices();
      case "shrink":
        return this.setSmall(true);
      case "grow":
        return this.setSmall(false);
      case "hang-up":
        return this._telephone.hangUp();
      case "again":
        return this._telephone.callAgain();
      case "settings":
      case "dismiss":
        if (session?.ended) return this._telephone.dismiss();
        if (session) session.mediaProblem = null;
        return this.draw();
      case "retry":
      case "voice":
      case "listen":
        return this._telephone.solveMedia(/** @type {"retry"|"voice"|"listen"} */ (button.dataset.act));
    }
  }

  _toggleDevices() {
    const menu = one("#devices-menu");
    const session = this._telephone.current;
    menu.hidden = !menu.hidden;
    this._control("devices").setAttribute("aria-expanded", String(!menu.hidden));
    if (!menu.hidden && session) fillDevices(menu, session.media);
  }

  /** @param {Event} event */
  _chooseDevice(event) {
    const select = event.target;
    if (!(select instanceof HTMLSelectElement) || !select.dataset.device) return;
    const kind = select.dataset.device;
    if (kind === "audiooutput") {
      localStorage.setItem(SPEAKER_KEY, select.value);
      this.draw();
    } else {
      this._telephone.current?.choose(/** @type {"audioinput"|"videoinput"} */ (kind), select.value);
    }
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const session = this._telephone.current;
    if (event.key !== "Escape" || !session || event.defaultPrevented || isTyping() || this._telephone.incoming.length) return;
    const menu = one("#devices-menu");
    if (!menu.hidden) this._toggleDevices();
    else if (session.phase === "ended") this._telephone.dismiss();
  }

  /** Everything but the picture fades when nobody moves; it stays while it says something or a key is used in it. */
  _wake() {
    this._root.classList.remove("stage--quiet");
    clearTimeout(this._fadeTimer);
    this._fadeTimer = setTimeout(() => {
      const focused = document.activeElement;
      const inUse = focused !== this._root && this._root.contains(focused) && focused?.matches(":focus-visible");
      const panel = !one(".stage__panel", this._root).hidden || !one("#devices-menu").hidden;
      const quiet = this._telephone.current?.phase === "active" && !inUse && !panel && !this._small;
      this._root.classList.toggle("stage--quiet", quiet);
    }, FADE_MS);
  }

  /** @param {boolean} on */
  _ringback(on) {
    if (on === this._ringingBack) return;
    this._ringingBack = on;
    if (on) this._sound.ringback();
    else this._sound.silence();
  }
}

/** @param {HTMLElement} element @param {string} text */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

/** @param {HTMLElement} button @param {boolean} pressed */
function press(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}

/** @param {CallSession} session */
function statusLine(session) {
  switch (session.phase) {
    case "opening_media":
      return session.mediaProblem ? "" : session.wants.camera ? _("Opening your camera…") : _("Opening your microphone…");
    case "calling":
      return _("Calling…");
    case "ringing":
      return _("Ringing…");
    case "connecting":
      return _("Connecting…");
    case "reconnecting":
      return _("Reconnecting…");
    case "active":
    case "ended":
      return "";
  }
}

/** What is worth knowing of the other side. @param {CallSession} session */
function note(session) {
  if (session.phase === "reconnecting") return _("Reconnecting…");
  if (session.phase !== "active") return "";
  const { microphone } = session.remote;
  if (!microphone) return interpolate(_("%(name)s is muted"), { name: session.person.name });
  return "";
}

/** @param {CallSession} session */
function pillText(session) {
  const route = session.stats.route === "relay" ? _("Relay") : _("Direct");
  const quality = { good: _("good"), fair: _("fair"), poor: _("poor") }[session.stats.quality];
  return `${route} · ${quality}`;
}
