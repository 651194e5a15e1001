import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { deviceId } from "../../static/js/device.js";
import { FakeStorage } from "./fakes.js";

/** Locks of one browser: `taken` by other pages, which never let go. */
class FakeLocks {
  constructor() {
    this.held = new Set();
  }

  async request(name, { signal }, hold) {
    if (!this.held.has(name)) return (this.held.add(name), hold());
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  }
}

let storage, locks;
beforeEach(() => {
  storage = new FakeStorage();
  locks = new FakeLocks();
});

describe("the id of a device", () => {
  test("is made once, and outlives a reload", async () => {
    const id = await deviceId({ storage, locks });
    assert.match(id, /^[A-Za-z0-9_-]{22}$/);
    assert.equal(await deviceId({ storage, locks: new FakeLocks() }), id);
  });

  test("is another in a tab that was duplicated, and stays so", async () => {
    const id = await deviceId({ storage, locks });
    const copied = new FakeStorage();
    copied.kept = new Map(storage.kept);
    const other = await deviceId({ storage: copied, locks });
    assert.notEqual(other, id);
    assert.equal(await deviceId({ storage: copied, locks: new FakeLocks() }), other);
  });

  test("is there without locks, and where a browser refuses them", async () => {
    const refuse = { tries: 0, request: () => (++refuse.tries > 10 ? new Promise(() => {}) : Promise.reject(new Error("no"))) };
    const id = await deviceId({ storage, locks: null });
    assert.equal(await deviceId({ storage, locks: null }), id);
    assert.ok(await Promise.race([deviceId({ storage, locks: refuse }), new Promise((resolve) => setTimeout(resolve, 200, ""))]));
  });
});
