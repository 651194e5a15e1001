import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Sound } from "../../static/js/sound.js";

/** How many tones sound now. */
let sounding;
class FakeContext {
  constructor() {
    this.currentTime = 0;
    this.state = "running";
  }
}
globalThis.GainNode = class {
  constructor() {
    this.gain = { setTargetAtTime() {} };
  }
  connect() {}
  disconnect() {}
};
globalThis.OscillatorNode = class {
  connect() {}
  start() {
    sounding += 1;
  }
  stop() {
    sounding -= 1;
  }
};

let sound;
beforeEach(() => {
  sounding = 0;
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  sound = new Sound({ Context: FakeContext });
});

test("a ring that is tried out ends by itself", () => {
  sound.test();
  assert.equal(sounding, 2);
  mock.timers.tick(1000);
  assert.equal(sounding, 0);
});

test("somebody who really calls meanwhile is heard on", () => {
  sound.test();
  sound.ring();
  mock.timers.tick(1000);
  assert.equal(sounding, 2);
  sound.silence();
  assert.equal(sounding, 0);
});
