/** Several tabs of one browser ring once: the one that holds the lock sounds. */

const LOCK = "earshot.ring";

export class RingLock {
  /** @param {LockManager|undefined} [locks] */
  constructor(locks = navigator.locks) {
    this._locks = locks;
    /** @type {(() => void)|null} */
    this._release = null;
    /** @type {AbortController|null} */
    this._waiting = null;
  }

  /** Call `sound` when this tab is the one to sound, now or once another tab lets go. @param {() => void} sound */
  take(sound) {
    if (this._waiting) return;
    if (!this._locks) return sound();
    const mine = new AbortController();
    this._waiting = mine;
    this._locks
      .request(LOCK, { signal: mine.signal }, () => {
        if (this._waiting !== mine) return; // given back when it was ours already, but not yet here
        sound();
        return new Promise((resolve) => (this._release = () => resolve(undefined)));
      })
      .catch(() => {}); // given back before it was ours
  }

  giveBack() {
    this._waiting?.abort();
    this._waiting = null;
    this._release?.();
    this._release = null;
  }
}
