/** Stand-ins for what a browser gives: sockets, timers, devices and peer connections that a test drives by hand. */

export class FakeTimers {
  constructor() {
    this.now = 0;
    this._due = new Map();
    this._next = 1;
    this.set = (act, ms) => {
      this._due.set(this._next, { at: this.now + ms, act });
      return this._next++;
    };
    this.clear = (id) => this._due.delete(id);
  }

  get waiting() {
    return [...this._due.values()].map(({ at }) => at - this.now).sort((a, b) => a - b);
  }

  /** Let time pass; what falls due runs in order. */
  pass(ms) {
    const end = this.now + ms;
    for (;;) {
      const [first] = [...this._due].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at);
      if (!first) break;
      const [id, { at, act }] = first;
      this._due.delete(id);
      this.now = Math.max(this.now, at); // one that was slept through comes late
      act();
    }
    this.now = end;
  }
}

export class FakeSocket {
  static opened = [];

  constructor(url) {
    this.url = url;
    this.sent = [];
    FakeSocket.opened.push(this);
  }

  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.closed = true;
  }

  open() {
    this.onopen();
  }

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }

  drop(code = 1006) {
    this.onclose({ code });
  }
}

export class FakeTrack extends EventTarget {
  constructor(kind) {
    super();
    this.kind = kind;
    this.enabled = true;
    this.stopped = false;
    this.onended = null;
  }

  stop() {
    this.stopped = true;
  }
}

export class FakeStream {
  constructor(tracks = []) {
    this.tracks = [...tracks];
  }
  getTracks() {
    return [...this.tracks];
  }
  getAudioTracks() {
    return this.tracks.filter((track) => track.kind === "audio");
  }
  getVideoTracks() {
    return this.tracks.filter((track) => track.kind === "video");
  }
  addTrack(track) {
    this.tracks.push(track);
  }
  removeTrack(track) {
    this.tracks = this.tracks.filter((each) => each !== track);
  }
}

/** `fail` maps a constraint, "audio" or "video", to the DOMException name that asking for it ends in. */
export class FakeDevices {
  constructor(fail = {}) {
    this.fail = fail;
    this.asked = [];
    this.tracks = [];
  }

  async getUserMedia(constraints) {
    this.asked.push(Object.keys(constraints).sort().join("+"));
    for (const kind of Object.keys(constraints)) {
      if (this.fail[kind]) throw Object.assign(new Error(kind), { name: this.fail[kind] });
    }
    const tracks = Object.keys(constraints).map((kind) => new FakeTrack(kind));
    this.tracks.push(...tracks);
    return new FakeStream(tracks);
  }

  async enumerateDevices() {
    return [];
  }
}

export class FakeStorage {
  constructor() {
    this.kept = new Map();
  }
  getItem(key) {
    return this.kept.get(key) ?? null;
  }
  setItem(key, value) {
    this.kept.set(key, value);
  }
  removeItem(key) {
    this.kept.delete(key);
  }
}

/** Signaling as the telephone knows it: commands wait until the test answers them. */
export class FakeSignaling extends EventTarget {
  constructor() {
    super();
    this.state = "open";
    this.stoppedBy = null;
    this.commands = [];
    this.sent = [];
    this.woken = 0;
  }

  wake() {
    this.woken += 1;
  }

  command(type, fields) {
    return new Promise((resolve, reject) => this.commands.push({ type, ...fields, resolve, reject }));
  }

  last(type) {
    return this.commands.filter((command) => command.type === type).at(-1);
  }

  send(message) {
    this.sent.push(message);
    return true;
  }

  watch() {}

  wake() {
    this.woken = (this.woken ?? 0) + 1;
  }

  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

export class FakePeer extends EventTarget {
  constructor(parts) {
    super();
    this.parts = parts;
    this.remoteStream = new FakeStream();
    this.taken = [];
    this.tracks = { audio: parts.audio, video: parts.video };
    this.closed = false;
  }
  take(body) {
    this.taken.push(body);
  }
  setTrack(kind, track) {
    this.tracks[kind] = track;
  }
  restart() {
    this.restarted = true;
  }
  useServers(servers) {
    this.servers = servers;
  }
  close() {
    this.closed = true;
  }
}

/** Everything that is waiting in promises has run. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A snapshot of a call between Ana (the caller) and Ben, as one of them sees it. */
export function snapshot({ me = "ana", state = "ringing", rev = 1, id = "call-1", kind = "video", ...more } = {}) {
  const legs = {
    ana: { id: "leg-ana", role: "caller", state: "joined", epoch: 1, alerted: false, person: person("ana") },
    ben: { id: "leg-ben", role: "callee", state: state === "active" ? "joined" : "ringing", epoch: 1, alerted: false, person: person("ben") },
  };
  Object.assign(legs.ana, more.ana);
  Object.assign(legs.ben, more.ben);
  if (legs[me].state === "joined") legs[me].device ??= "this-device";
  return {
    id, rev, kind, state, me: `leg-${me}`, legs: [legs.ana, legs.ben],
    ...(state === "ringing" && { ring_left_ms: more.ring_left_ms ?? 60_000 }),
    ...(state === "active" && { active_ms: 0 }),
    ...(more.end_reason && { end_reason: more.end_reason }),
  };
}

export const person = (name) => ({ id: name, name: name[0].toUpperCase() + name.slice(1), handle: name, hue: 1 });
