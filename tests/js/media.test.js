import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Media } from "../../static/js/media.js";
import { FakeDevices, FakeStorage, FakeStream, settle } from "./fakes.js";

/** Devices that open when the test says so, in the order in which they were asked for. */
class SlowDevices extends FakeDevices {
  constructor() {
    super();
    this.waiting = [];
  }

  getUserMedia(constraints) {
    return new Promise((resolve, reject) => this.waiting.push({ constraints, resolve, reject }));
  }

  async open() {
    const { constraints, resolve, reject } = this.waiting.shift();
    super.getUserMedia(constraints).then(resolve, reject);
    await settle();
  }

  async openAll() {
    while (this.waiting.length) await this.open();
  }
}

let devices, media, storage;
beforeEach(() => {
  devices = new SlowDevices();
  storage = new FakeStorage();
  media = new Media({ devices, storage, Stream: FakeStream });
});

/** Every device that is on, also one that the page has forgotten: its light is on. */
const on = () => devices.tracks.filter((track) => !track.stopped).map((track) => track.kind).sort();

describe("a person who changes their mind while a device opens", () => {
  test("asked for twice, the camera is opened once, and off is off", async () => {
    media.setCamera(true);
    media.setCamera(true);
    await devices.openAll();
    assert.deepEqual([on(), devices.asked], [["video"], ["video"]]);
    await media.setCamera(false);
    assert.deepEqual([on(), media.stream.getTracks()], [[], []]);
  });

  test("on and off again leaves the camera off, and nobody ever sees it", async () => {
    const seen = [];
    media.addEventListener("change", () => seen.push(media.camera));
    media.setCamera(true);
    media.setCamera(false);
    await devices.openAll();
    assert.deepEqual([on(), media.camera], [[], null]);
    assert.ok(seen.every((camera) => camera === null));
  });

  test("on, off and on again leaves one camera on", async () => {
    media.setCamera(true);
    media.setCamera(false);
    media.setCamera(true);
    await devices.openAll();
    assert.deepEqual(on(), ["video"]);
    assert.equal(media.camera.stopped, false);
  });

  test("asked for twice, the microphone is opened once; muted meanwhile, it is muted from its first moment", async () => {
    media.setMicrophone(true);
    media.setMicrophone(true);
    media.setMicrophone(false);
    await devices.openAll();
    assert.deepEqual(on(), ["audio"]);
    assert.equal(media.microphone.enabled, false);
    await media.setMicrophone(true);
    assert.equal(media.microphone.enabled, true);
  });

  test("the camera turned off while both open comes not on with the microphone", async () => {
    const opened = media.open({ camera: true });
    media.setCamera(false);
    await devices.openAll();
    await opened;
    assert.deepEqual(on(), ["audio"]);
  });

  test("the camera turned on while both open is the one that opens", async () => {
    media.open({ camera: true });
    media.setCamera(true);
    await devices.openAll();
    assert.deepEqual(on(), ["audio", "video"]);
  });

  test("asked afresh twice, one set is on", async () => {
    media.open({ camera: true });
    media.open({ camera: true });
    await devices.openAll();
    assert.deepEqual(on(), ["audio", "video"]);
    assert.equal(media.stream.getTracks().length, 2);
  });

  test("who chooses one camera after the other has the last, and only that", async () => {
    media.setCamera(true);
    await devices.openAll();
    media.choose("videoinput", "first");
    media.choose("videoinput", "second");
    const chosen = [];
    while (devices.waiting.length) {
      chosen.push(devices.waiting[0].constraints.video.deviceId.ideal);
      await devices.open();
    }
    assert.deepEqual([on(), chosen.at(-1)], [["video"], "second"]);
  });

  test("a camera chosen while another opens is the one in the end", async () => {
    media.setCamera(true);
    media.choose("videoinput", "second");
    const asked = [];
    while (devices.waiting.length) {
      asked.push(devices.waiting[0].constraints.video.deviceId?.ideal);
      await devices.open();
    }
    assert.deepEqual([on(), asked.at(-1)], [["video"], "second"]);
  });

  test("another microphone is chosen while muted: it is muted too", async () => {
    media.setMicrophone(true);
    await devices.openAll();
    media.setMicrophone(false);
    media.choose("audioinput", "second");
    await devices.openAll();
    assert.deepEqual([on(), media.microphone.enabled], [["audio"], false]);
  });
});

test("what did not open can be asked for again", async () => {
  devices.fail = { video: "NotReadableError" };
  const refused = assert.rejects(media.setCamera(true), { reason: "in_use" });
  await devices.openAll();
  await refused;
  devices.fail = {};
  media.setCamera(true);
  await devices.openAll();
  assert.deepEqual(on(), ["video"]);
});

test("nothing is on after the end, nor asked for, whatever was being opened", async () => {
  media.open({ camera: true });
  media.setCamera(true);
  media.close();
  await devices.openAll();
  media.setCamera(true);
  await devices.openAll();
  assert.deepEqual([on(), devices.asked.length], [[], 1]);
});
