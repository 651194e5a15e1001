import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { RingLock } from "../../static/js/tabs.js";

/** A lock manager of one lock whose holders' turns come when the test says so; a turn that was given may come after an abort. */
class FakeLocks {
  constructor() {
    this.queue = [];
  }

  request(name, { signal }, turn) {
    return new Promise((resolve, reject) => {
      const asked = { begin: () => Promise.resolve(turn()).then(resolve) };
      this.queue.push(asked);
      signal.addEventListener("abort", () => {
        if (asked.given) return;
        this.queue.splice(this.queue.indexOf(asked), 1);
        reject(signal.reason);
      });
    });
  }

  /** The first in line has it from now on. Returns what begins its turn, and tells when it has let go. */
  give() {
    const asked = this.queue.shift();
    asked.given = true;
    return asked.begin;
  }
}

let locks, lock, heard;
beforeEach(() => {
  locks = new FakeLocks();
  lock = new RingLock(locks);
  heard = [];
});
const take = (sound) => lock.take(() => heard.push(sound));

test("the tab that has the lock sounds, and lets go when it gives it back", async () => {
  take("ring");
  const done = locks.give()();
  assert.deepEqual(heard, ["ring"]);
  lock.giveBack();
  await done;
});

test("a tab that waits and gives back never sounds", () => {
  take("ring");
  lock.giveBack();
  assert.deepEqual([heard, locks.queue], [[], []]);
});

test("a turn that comes after it was given back is let go of at once, without a sound", async () => {
  take("ring");
  const begin = locks.give();
  lock.giveBack();
  await begin();
  assert.deepEqual(heard, []);
});

test("a turn that comes late does not take the place of the one that was asked for since", async () => {
  take("ring");
  const late = locks.give();
  lock.giveBack();
  take("waiting");
  await late();
  const done = locks.give()();
  assert.deepEqual(heard, ["waiting"]);
  lock.giveBack();
  await done;
});
