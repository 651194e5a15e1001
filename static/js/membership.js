/**
 * How this device gets into a call and out of it: one command that joins and one that leaves are on their way at most, and what is
 * asked of the page meanwhile depends on them.
 */

/** @typedef {{re: string, call?: string}} Ok */
/** @typedef {{call: string, answer: Promise<Ok>}} Joining */
/**
 * `moved`: a call may have become one that there is to take up or to let go; `fault`: the server did not let us leave.
 * @typedef {{command: (type: string, fields: object) => Promise<Ok>, moved: () => void, fault: (error: unknown) => void,
 *   setTimer: (act: () => void, ms: number) => any}} Parts
 */

/** A call that could not be left is left again after this, if it is there still. */
export const LEAVE_AGAIN_MS = 5000;

export class Membership {
  /** @param {Parts} parts */
  constructor(parts) {
    this._parts = parts;
    /** The command that makes this device's leg of a call joined, while it is on its way. @type {Joining|null} */
    this._joining = null;
    /** The command that leaves a call, while it is on its way, and for a while after it was refused. @type {Promise<unknown>|null} */
    this._leaving = null;
    /** Calls that this page has opened, and may have left, or that were declined on it. @type {Set<string>} */
    this._opened = new Set();
  }

  /** Whether it is not known yet which call this device is in. */
  get changing() {
    return this._joining !== null || this._leaving !== null;
  }

  /** The call is this page's own from now on: that its leg is joined is no trace of a page that was reloaded. @param {string} call */
  open(call) {
    this._opened.add(call);
  }

  /** @param {string} call */
  hasOpened(call) {
    return this._opened.has(call);
  }

  /** The answer to the command that joins this call, if it is on its way. @param {string} call @returns {Promise<Ok>|null} */
  joining(call) {
    return this._joining?.call === call ? this._joining.answer : null;
  }

  /** Fulfilled once the command that joins is answered, one way or the other; null if none is on its way. @returns {Promise<unknown>|null} */
  get underway() {
    return this._joining && this._joining.answer.catch(() => {});
  }

  /**
   * Send the command that joins this device. Whoever waits for it goes on in the same turn in which it is known, so that nothing
   * that comes next is taken for the call of a page that was reloaded. Rejects as the command does.
   * @param {string} type @param {Record<string, unknown> & {call: string}} fields
   */
  async join(type, fields) {
    const joining = { call: fields.call, answer: this._parts.command(type, fields) };
    this._joining = joining;
    try {
      return await joining.answer;
    } finally {
      if (this._joining === joining) this._joining = null;
    }
  }

  /**
   * @param {string} call @param {Record<string, unknown>} [why]
   * @param {Promise<Ok|void>} [joining] only once this is answered: it may have become another call. If it was refused, this device may
   *   be in the call all the same, by an older command of the page
   */
  leave(call, why, joining = Promise.resolve()) {
    const left = joining.catch(() => {}).then((ok) => {
      const id = ok?.call ?? call;
      this.open(id);
      return this._parts.command("call.hang_up", { call: id, ...why });
    });
    this._leaving = left;
    left
      .catch((error) => {
        this._parts.fault(error);
        return new Promise((resolve) => this._parts.setTimer(() => resolve(null), LEAVE_AGAIN_MS));
      })
      .finally(() => {
        if (this._leaving !== left) return;
        this._leaving = null;
        this._parts.moved();
      });
  }
}
