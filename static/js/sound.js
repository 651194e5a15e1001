/**
 * Ring and ringback, made from oscillators: the only user of AudioContext.
 *
 * A browser that has not seen a click yet keeps the context suspended; then `blocked` is true and "blocked" is dispatched,
 * so that the page can ask for one click and call `unlock`.
 */

/** Frequencies in Hz, and when each burst begins and ends within the period, in seconds. */
const RING = Object.freeze({ tones: [587.33, 880], bursts: [[0, 0.35], [0.45, 0.8]], period: 3, gain: 0.16 });
/** Call waiting: two soft beeps of 425 Hz (ITU-T E.180). */
const WAITING = Object.freeze({ tones: [425], bursts: [[0, 0.2], [0.6, 0.8]], period: 4, gain: 0.03 });
/** The European ringback: 425 Hz, one second of five (ITU-T E.180 supplement 2). */
const RINGBACK = Object.freeze({ tones: [425], bursts: [[0, 1]], period: 5, gain: 0.05 });

export class Sound extends EventTarget {
  /** @param {{Context?: typeof AudioContext}} [parts] */
  constructor({ Context = AudioContext } = {}) {
    super();
    this._Context = Context;
    /** @type {AudioContext|null} */
    this._context = null;
    /** @type {(() => void)|null} */
    this._stop = null;
    this.blocked = false;
  }

  ring() {
    this._play(RING);
  }

  /** For the ears of somebody who talks. */
  waiting() {
    this._play(WAITING);
  }

  ringback() {
    this._play(RINGBACK);
  }

  silence() {
    this._stop?.();
    this._stop = null;
    this._setBlocked(false);
  }

  /** Call from a click. */
  async unlock() {
    await this._open().resume();
    this._setBlocked(false);
  }

  /** One ring, for trying out. */
  test() {
    this.ring();
    const mine = this._stop;
    setTimeout(() => this._stop === mine && this.silence(), 1000);
  }

  _open() {
    this._context ??= new this._Context();
    return this._context;
  }

  /** @param {typeof RING | typeof RINGBACK | typeof WAITING} pattern */
  _play(pattern) {
    this.silence();
    const context = this._open();
    const gain = new GainNode(context, { gain: 0 });
    gain.connect(context.destination);
    const tones = pattern.tones.map((frequency) => {
      const tone = new OscillatorNode(context, { frequency });
      tone.connect(gain);
      tone.start();
      return tone;
    });
    let period = 0;
    const schedule = () => {
      const start = Math.max(context.currentTime, period);
      for (const [from, to] of pattern.bursts) {
        // Ramps of 20 ms: a step would click.
        gain.gain.setTargetAtTime(pattern.gain, start + from, 0.02);
        gain.gain.setTargetAtTime(0, start + to, 0.02);
      }
      period = start + pattern.period;
    };
    schedule();
    const timer = setInterval(schedule, pattern.period * 1000);
    this._stop = () => {
      clearInterval(timer);
      for (const tone of tones) tone.stop();
      gain.disconnect();
    };
    if (context.state === "suspended") {
      context.resume().catch(() => {});
      // resume() stays pending for as long as the browser forbids sound.
      setTimeout(() => this._setBlocked(context.state === "suspended" && this._stop !== null), 300);
    }
  }

  /** @param {boolean} blocked */
  _setBlocked(blocked) {
    if (blocked === this.blocked) return;
    this.blocked = blocked;
    this.dispatchEvent(new Event("blocked"));
  }
}
