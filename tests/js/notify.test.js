import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { Notifier } from "../../static/js/ui/notify.js";

const RING = { call: "call-1", person: { name: "Ana" }, kind: "video" };
let shown;

class FakeNotification {
  static permission = "granted";
  constructor(title, { body, tag }) {
    shown.push({ title, body, tag });
  }
  close() {
    shown.pop();
  }
}

function browser(Notification, visibilityState) {
  Object.assign(globalThis, { window: { Notification }, Notification, document: { visibilityState } });
}

describe("the notification of a ring", () => {
  beforeEach(() => {
    shown = [];
  });
  afterEach(() => {
    for (const name of ["window", "Notification", "document"]) delete globalThis[name];
  });

  test("is shown once while the page is hidden, and goes with the ring", () => {
    browser(FakeNotification, "hidden");
    const notifier = new Notifier();
    notifier.show([RING]);
    notifier.show([RING]);
    assert.deepEqual(shown, [{ title: "Ana is calling", body: "Video call", tag: "earshot-call-1" }]);
    notifier.show([]);
    assert.deepEqual(shown, []);
  });

  test("is not shown on a page that is looked at", () => {
    browser(FakeNotification, "visible");
    new Notifier().show([RING]);
    assert.deepEqual(shown, []);
  });

  test("that the browser leaves to service workers keeps nothing from ringing", () => {
    const refusing = class extends FakeNotification {
      constructor() {
        throw new TypeError("Illegal constructor.");
      }
    };
    browser(refusing, "hidden");
    new Notifier().show([RING]);
    assert.deepEqual(shown, []);
  });
});
