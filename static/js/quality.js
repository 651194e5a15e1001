/**
 * How good the connection is: what a peer connection's statistics (W3C webrtc-stats) say, as samples for people and for the
 * server. Nothing here touches the connection itself.
 */

/** @typedef {"host"|"srflx"|"prflx"|"relay"} CandidateType */
/** @typedef {"good"|"fair"|"poor"} Quality */
/**
 * A sample as docs/protocol.md has it, with `at` on the clock of performance.now() in place of `ago_ms`.
 * @typedef {{at: number, round_trip_ms?: number, jitter_ms?: number, loss?: number, concealed?: number, video_loss?: number,
 *   send_kbps?: number, receive_kbps?: number, width?: number, height?: number, frames_per_second?: number,
 *   local?: CandidateType, remote?: CandidateType, reconnects: number}} Sample
 */

export const SAMPLE_MS = 5000;

/** A report holds a minute. */
export const REPORT_SAMPLES = 12;

/** What the server takes: calls/core/quality.py. */
const SAMPLES_MAX = 24;
const AGE_MS_MAX = 600_000;

/** What counts what has come: packets, and ICE's own checks, which go on when nobody sends anything. */
const ARRIVALS = Object.freeze(["packetsReceived", "bytesReceived", "requestsReceived", "responsesReceived"]);

/**
 * Tells from one statistics report after the other whether anything at all has come from the other side. It counts reports,
 * not seconds: a page whose timers were held back has not been in silence for that.
 */
export class Silence {
  constructor() {
    /** How many reports in a row had nothing new. */
    this.reports = 0;
    /** @type {Map<string, number>} the counters of the last report */
    this._before = new Map();
  }

  /** @param {RTCStatsReport} report */
  listen(report) {
    /** @type {any[]} */
    const all = [...report.values()];
    const counting = [all.find((each) => each.type === "transport"), selectedPair(all, report)].filter(Boolean);
    const counters = new Map(
      counting.flatMap((each) =>
        ARRIVALS.filter((name) => typeof each[name] === "number").map((name) => [`${each.id} ${name}`, each[name]]),
      ),
    );
    const grown = [...counters].some(([key, value]) => value > (this._before.get(key) ?? 0));
    // A browser that counts nothing tells nothing.
    this.reports = grown || counters.size === 0 ? 0 : this.reports + 1;
    this._before = counters;
  }

  /** Whether it is known that something came between the last two reports. */
  get heard() {
    return this._before.size > 0 && this.reports === 0;
  }

  /** The path is another now, and has its own time to be heard. */
  forgive() {
    this.reports = 0;
  }
}

/** Turns one statistics report after the other into samples of what has happened in between. */
export class Meter {
  constructor() {
    /** @type {Map<string, number>} the counters of the last report */
    this._before = new Map();
  }

  /** @param {RTCStatsReport} report @param {number} at @param {number} reconnects @returns {Sample} */
  sample(report, at, reconnects) {
    /** @type {any[]} */
    const all = [...report.values()];
    const pair = selectedPair(all, report);
    const inbound = (/** @type {string} */ kind) => all.find((each) => each.type === "inbound-rtp" && each.kind === kind);
    const audio = inbound("audio");
    const video = inbound("video");
    const pictures = video && this._grown(video, "framesDecoded");
    const heard = audio && this._grown(audio, "totalSamplesReceived");
    const invented = audio && this._grown(audio, "concealedSamples");
    const silent = (audio && this._grown(audio, "silentConcealedSamples")) ?? 0;
    return known({
      at,
      round_trip_ms: rounded(pair?.currentRoundTripTime * 1000, 1, 60_000),
      jitter_ms: rounded(audio?.jitter * 1000, 1, 60_000),
      loss: audio && this._loss(audio),
      concealed: heard ? rounded(Math.max(0, (invented ?? 0) - silent) / heard, 4, 1) : undefined,
      video_loss: video && this._loss(video),
      ...this._rates(pair),
      width: pictures ? rounded(video.frameWidth, 0, 16_384) : undefined,
      height: pictures ? rounded(video.frameHeight, 0, 16_384) : undefined,
      frames_per_second: pictures ? rounded(video.framesPerSecond, 1, 1000) : undefined,
      local: report.get(pair?.localCandidateId)?.candidateType,
      remote: report.get(pair?.remoteCandidateId)?.candidateType,
      reconnects,
    });
  }

  /** The share of packets that did not come. @param {any} inbound */
  _loss(inbound) {
    const lost = Math.max(0, this._grown(inbound, "packetsLost") ?? 0);
    const received = this._grown(inbound, "packetsReceived") ?? 0;
    return lost + received > 0 ? rounded(lost / (lost + received), 4, 1) : undefined;
  }

  /** @param {any} pair */
  _rates(pair) {
    if (!pair) return {};
    const [ms, sent, received] = ["timestamp", "bytesSent", "bytesReceived"].map((name) => this._grown(pair, name));
    if (!ms) return {};
    const kbps = (/** @type {number|undefined} */ bytes) => rounded(((bytes ?? 0) * 8) / ms, 0, 1_000_000);
    return { send_kbps: kbps(sent), receive_kbps: kbps(received) };
  }

  /** How much a counter has grown since the last report; undefined the first time, and where there is none. @param {any} stats @param {string} name */
  _grown(stats, name) {
    const value = stats[name];
    if (typeof value !== "number") return undefined;
    const key = `${stats.id} ${name}`;
    const before = this._before.get(key) ?? (name === "timestamp" ? undefined : 0);
    this._before.set(key, value);
    return before === undefined || value < before ? undefined : value - before;
  }
}

/** Keeps samples until a report of them is due. */
export class QualityLog {
  /** @param {(number: number, samples: object[]) => void} send @param {() => number} [now] */
  constructor(send, now = () => performance.now()) {
    this._send = send;
    this._now = now;
    /** @type {Sample[]} */
    this._samples = [];
    this._number = 0;
  }

  /** @param {Sample} sample */
  add(sample) {
    this._samples.push(sample);
    if (this._samples.length >= REPORT_SAMPLES) this.flush();
  }

  /** Report what there is. */
  flush() {
    const now = this._now();
    const samples = this._samples
      .splice(0)
      .slice(-SAMPLES_MAX)
      .map(({ at, ...rest }) => ({ ago_ms: Math.min(AGE_MS_MAX, Math.max(0, Math.round(now - at))), ...rest }));
    if (!samples.length) return;
    this._number += 1;
    this._send(this._number, samples);
  }
}

/** @param {Sample} sample @returns {"direct"|"relay"|null} */
export function route({ local, remote }) {
  if (!local || !remote) return null;
  return local === "relay" || remote === "relay" ? "relay" : "direct";
}

/**
 * A mean opinion score, as calls/core/quality.py explains; tests/core/mos.json holds both to the same.
 * @param {number} roundTripMs @param {number} jitterMs @param {number} lost share, 0 to 1
 */
export function mos(roundTripMs, jitterMs, lost) {
  const delay = roundTripMs / 2 + 2 * jitterMs + 25;
  const percent = 100 * lost;
  const cost = 0.024 * delay + Math.max(0, 0.11 * (delay - 177.3)) + (95 * percent) / (percent + 25.1);
  const r = Math.min(100, Math.max(0, 93.2 - cost));
  return Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6);
}

/** A word for what people notice; with no sound to judge by, of the picture and the delay. @param {Sample} sample @returns {Quality} */
export function quality(sample) {
  const lost = Math.max(sample.loss ?? sample.video_loss ?? 0, sample.concealed ?? 0);
  const score = mos(sample.round_trip_ms ?? 0, sample.jitter_ms ?? 0, lost);
  if (score >= 4.03) return "good";
  return score >= 3.1 ? "fair" : "poor";
}

/** @param {any[]} all @param {RTCStatsReport} report */
function selectedPair(all, report) {
  const transport = all.find((each) => each.type === "transport" && each.selectedCandidatePairId);
  if (transport) return /** @type {any} */ (report.get(transport.selectedCandidatePairId));
  return all.find((each) => each.type === "candidate-pair" && each.nominated && each.state === "succeeded");
}

/** @param {number|undefined} value @param {number} digits @param {number} most */
function rounded(value, digits, most) {
  if (value === undefined || !Number.isFinite(value)) return undefined;
  return Math.min(most, Math.max(0, Number(value.toFixed(digits))));
}

/** Without what could not be measured. @param {any} sample @returns {any} */
function known(sample) {
  return Object.fromEntries(Object.entries(sample).filter(([, value]) => value !== undefined && value !== null));
}
