import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { JOIN_PATIENCE_MS, Telephone } from "../../static/js/calls.js";
import { Media } from "../../static/js/media.js";
import { LEAVE_AGAIN_MS } from "../../static/js/membership.js";
import { RING_OVER_MS } from "../../static/js/ring_clock.js";
import { CommandError } from "../../static/js/signaling.js";
import { FakeDevices, FakePeer, FakeSignaling, FakeStorage, FakeStream, FakeTimers, person, settle, snapshot } from "./fakes.js";

let signaling, devices, peers, notices, lastWords, storage, telephone, timers;
const telephones = [];

function make(fail = {}, ringSettleMs = 0) {
  signaling = new FakeSignaling();
  devices = new FakeDevices(fail);
  peers = [];
  notices = [];
  lastWords = [];
  timers = new FakeTimers();
  telephone = new Telephone({
    signaling, device: "this-device", connectSeconds: 20, restartSeconds: 2, giveUpSeconds: 30, ringSettleMs, storage,
    lastWord: (report) => lastWords.push(report), uuid: () => "call-1", setTimer: timers.set, clearTimer: timers.clear,
    makeMedia: () => new Media({ devices, storage: new FakeStorage(), Stream: FakeStream }),
    makePeer: (parts) => {
      peers.push(new FakePeer(parts));
      return peers.at(-1);
    },
  });
  telephones.push(telephone);
  telephone.addEventListener("notice", (event) => notices.push(event.detail.kind));
  return telephone;
}

beforeEach(() => {
  storage = new FakeStorage();
  make();
});
afterEach(() => {
  // A call that is left going keeps its timers, and node waits for them.
  for (const each of telephones.splice(0)) each.current?.end({ reason: "completed", durationMs: null });
});

const tell = (call) => signaling.emit("call", { call });
const asBen = (more = {}) => snapshot({ me: "ben", ...more });
const sent = () => signaling.commands.map(({ type, call }) => [type, call]);
const live = () => devices.tracks.filter((track) => !track.stopped).map((track) => track.kind).sort();
async function answer(type, fields = {}) {
  signaling.last(type).resolve({ re: "x", ...fields });
  await settle();
}
async function refuse(type, code) {
  signaling.last(type).reject(new CommandError(code, code));
  await settle();
}
async function calling(kind = "video") {
  telephone.place(person("ben"), kind);
  await settle();
  await answer("call.place", { call: "call-1" });
  tell(snapshot({ rev: 1, kind }));
}
async function inCall() {
  await calling();
  tell(snapshot({ rev: 2, state: "active" }));
}

describe("placing a call", () => {
  test("asks for the devices first, and places only when they are there", async () => {
    telephone.place(person("ben"), "video");
    assert.equal(signaling.last("call.place"), undefined);
    await settle();
    assert.deepEqual(devices.asked, ["audio+video"]);
    const { call, to, kind } = signaling.last("call.place");
    assert.deepEqual({ call, to, kind }, { call: "call-1", to: "ben", kind: "video" });
  });

  test("shows calling, ringing when a device really rings, and connecting", async () => {
    await calling();
    assert.equal(telephone.current.phase, "calling");
    tell(snapshot({ rev: 2, ben: { alerted: true } }));
    assert.equal(telephone.current.phase, "ringing");
    tell(snapshot({ rev: 3, state: "active" }));
    assert.equal(telephone.current.phase, "connecting");
    peers[0].dispatchEvent(new Event("connected"));
    assert.equal(telephone.current.phase, "active");
  });

  test("makes no peer connection and sends nothing before the call is active", async () => {
    await calling();
    tell(snapshot({ rev: 2, ben: { alerted: true } }));
    assert.deepEqual([peers, signaling.sent], [[], []]);
    tell(snapshot({ rev: 3, state: "active" }));
    assert.equal(peers.length, 1);
    assert.equal(peers[0].parts.polite, false);
    assert.deepEqual([peers[0].parts.audio.kind, peers[0].parts.video.kind], ["audio", "video"]);
  });

  test("a refusal ends it with its code and frees the devices", async () => {
    telephone.place(person("ben"), "video");
    await settle();
    await refuse("call.place", "already_in_call");
    assert.deepEqual([telephone.current.ended.reason, telephone.current.ended.code], ["refused", "already_in_call"]);
    assert.deepEqual(live(), []);
  });

  test("hanging up while the place is on its way hangs up once it is answered", async () => {
    telephone.place(person("ben"), "video");
    await settle();
    telephone.hangUp();
    assert.equal(telephone.current.ended.reason, "cancelled");
    assert.deepEqual(live(), []);
    assert.equal(signaling.last("call.hang_up"), undefined);
    await answer("call.place", { call: "call-1" });
    assert.equal(signaling.last("call.hang_up").call, "call-1");
  });

  test("hanging up while the place is on its way hangs up the call of theirs that it became", async () => {
    telephone.place(person("ana"), "voice");
    await settle();
    telephone.hangUp();
    tell(asBen({ id: "call-9", state: "active", rev: 3 }));
    await answer("call.place", { call: "call-9" });
    assert.deepEqual(sent(), [["call.place", "call-1"], ["call.hang_up", "call-9"]]);
    assert.deepEqual([telephone.current.ended.reason, telephone.current.direction], ["cancelled", "outgoing"]);
    await refuse("call.hang_up", "try_again");
    timers.pass(LEAVE_AGAIN_MS);
    await settle();
    assert.deepEqual(sent().at(-1), ["call.hang_up", "call-9"]);
    tell(asBen({ id: "call-9", state: "ended", end_reason: "completed", rev: 4 }));
    await answer("call.hang_up", { call: "call-9" });
    assert.equal(signaling.commands.length, 3);
    assert.deepEqual([live(), notices], [[], []]);
  });

  test("hanging up before anything was placed sends nothing", async () => {
    telephone.place(person("ben"), "video");
    telephone.hangUp();
    await settle();
    assert.deepEqual(signaling.commands, []);
    assert.deepEqual(live(), []);
  });

  test("when they were calling already, joins their call with the media that was asked for here", async () => {
    telephone.place(person("ana"), "voice");
    await settle();
    tell(asBen({ id: "call-9", state: "active", rev: 3 }));
    assert.equal(peers.length, 0);
    await answer("call.place", { call: "call-9" });
    assert.equal(telephone.current.id, "call-9");
    assert.equal(peers.length, 1);
    assert.equal(peers[0].parts.polite, true);
    assert.equal(peers[0].parts.video, null);
    assert.deepEqual(live(), ["audio"]);
    assert.deepEqual(notices, []);
  });
});

describe("being called", () => {
  test("alerts once, and opens no device and no connection", () => {
    tell(asBen());
    tell(asBen({ rev: 2, ben: { alerted: true } }));
    assert.deepEqual(telephone.incoming.map(({ call, person: who }) => [call, who.name]), [["call-1", "Ana"]]);
    assert.equal(signaling.commands.filter((each) => each.type === "call.alert").length, 1);
    assert.deepEqual([devices.asked, peers], [[], []]);
  });

  test("accept opens the devices while it travels, and connects when both are there", async () => {
    tell(asBen());
    telephone.accept("call-1", "video");
    assert.deepEqual(devices.asked, ["audio+video"]);
    assert.equal(signaling.last("call.accept").call, "call-1");
    await settle();
    assert.equal(peers.length, 0);
    tell(asBen({ rev: 2, state: "active" }));
    await answer("call.accept", { call: "call-1" });
    assert.equal(peers.length, 1);
    assert.equal(peers[0].parts.polite, true);
    assert.deepEqual(telephone.incoming, []);
  });

  for (const [code, rings] of [["try_again", 1], ["too_many", 1], ["too_late", 0]]) {
    test(`an answer that is refused with ${code} ${rings ? "can be given again" : "is over"}`, async () => {
      tell(asBen());
      telephone.accept("call-1", "voice");
      await settle();
      await refuse("call.accept", code);
      assert.deepEqual([telephone.current.ended.code, telephone.incoming.length, live()], [code, rings, []]);
    });
  }

  test("an offer that comes before the devices are open waits for them", async () => {
    tell(asBen());
    let open;
    devices.getUserMedia = () => new Promise((resolve) => (open = () => resolve(new FakeStream([]))));
    telephone.accept("call-1", "voice");
    await answer("call.accept", { call: "call-1" });
    const offer = { type: "peer", call: "call-1", from: "leg-ana", epoch: 1, to_epoch: 1, seq: 1, ack: 0, body: { kind: "offer", sdp: "s" } };
    signaling.emit("peer", offer);
    tell(asBen({ rev: 2, state: "active" }));
    assert.equal(peers.length, 0);
    open();
    await settle();
    assert.deepEqual(peers[0].taken, [{ kind: "offer", sdp: "s" }]);
  });

  test("answered on another device: silent, free and said", async () => {
    tell(asBen());
    telephone.accept("call-1", "video");
    await settle();
    tell(asBen({ rev: 2, state: "active", ben: { device: "another" } }));
    await refuse("call.accept", "wrong_state");
    assert.equal(telephone.current.ended.reason, "elsewhere");
    assert.deepEqual(live(), []);
    assert.deepEqual(peers, []);
  });

  for (const [what, after, notice] of [
    ["answered elsewhere", { rev: 2, state: "active", ben: { device: "another" } }, "answered_elsewhere"],
    ["declined elsewhere", { rev: 2, state: "ended", end_reason: "declined", ben: { state: "declined" } }, "declined_elsewhere"],
    ["not answered", { rev: 2, state: "ended", end_reason: "missed", ben: { state: "missed" } }, "missed"],
  ]) {
    test(`a ring that is ${what} says so`, () => {
      tell(asBen());
      tell(asBen(after));
      assert.deepEqual([telephone.incoming, notices], [[], [notice]]);
    });
  }

  test("a ring has to last for a moment; one that is over at once is only missed", async () => {
    make({}, 5);
    tell(asBen());
    tell(asBen({ rev: 2, state: "ended", end_reason: "cancelled", ben: { state: "missed" } }));
    tell(asBen({ id: "call-2" }));
    assert.deepEqual([telephone.incoming, notices], [[], ["missed"]]);
    timers.pass(5);
    assert.deepEqual(telephone.incoming.map(({ call }) => call), ["call-2"]);
    assert.deepEqual(signaling.commands.map(({ type, call }) => [type, call]), [["call.alert", "call-2"]]);
  });

  test("a ring whose socket breaks in the same breath waits for the welcome", async () => {
    make({}, 5);
    tell(asBen());
    signaling.state = "waiting";
    timers.pass(10);
    assert.deepEqual([telephone.incoming, signaling.commands], [[], []]);
    signaling.state = "open";
    signaling.emit("welcome", { person: person("ben"), calls: [asBen()], ice_servers: [] });
    timers.pass(5);
    assert.equal(telephone.incoming.length, 1);
  });

  test("what was declined here is not announced", async () => {
    tell(asBen());
    telephone.decline("call-1");
    tell(asBen({ rev: 2, state: "ended", end_reason: "declined", ben: { state: "declined" } }));
    assert.deepEqual([telephone.incoming, notices], [[], []]);
  });

  test("a late snapshot does not ring again after the end", () => {
    tell(asBen());
    tell(asBen({ rev: 3, state: "ended", end_reason: "cancelled", ben: { state: "missed" } }));
    tell(asBen({ rev: 2 }));
    assert.deepEqual(telephone.incoming, []);
  });

  test("of two snapshots the higher revision counts, in whatever order they come", () => {
    tell(asBen({ rev: 5 }));
    tell(asBen({ rev: 4, state: "active", ben: { device: "another" } }));
    assert.equal(telephone.incoming.length, 1);
  });

  test("a ring that ended while the page slept is shown as missed, not rung", () => {
    tell(asBen());
    const ended = asBen({ rev: 2, state: "ended", end_reason: "missed", ben: { state: "missed" } });
    signaling.emit("welcome", { person: person("ben"), calls: [ended], ice_servers: [] });
    assert.deepEqual([telephone.incoming, notices], [[], ["missed"]]);
  });
});

describe("when the server stays away", () => {
  const away = () => (signaling.state = "waiting");
  function back(call) {
    signaling.state = "open";
    signaling.emit("welcome", { person: person("ben"), calls: [call], ice_servers: [] });
  }
  const ended = (reason) => asBen({ rev: 9, state: "ended", end_reason: reason, ben: { state: "missed" } });

  describe("a ring", () => {
    beforeEach(() => {
      tell(asBen({ ring_left_ms: 20_000 }));
      away();
      timers.pass(20_000 + RING_OVER_MS - 1);
      assert.equal(telephone.incoming.length, 1);
      timers.pass(1);
    });

    test("stops when its time is over, and how it ended is told by the next welcome", () => {
      assert.deepEqual([telephone.incoming, notices], [[], []]);
      back(ended("missed"));
      assert.deepEqual([telephone.incoming, notices], [[], ["missed"]]);
    });

    test("says to the screens that it has stopped", async () => {
      let changes = 0;
      await settle();
      telephone.addEventListener("change", () => (changes += 1));
      back(asBen({ rev: 2, ring_left_ms: 5000 }));
      await settle();
      away();
      changes = 0;
      timers.pass(5000 + RING_OVER_MS);
      await settle();
      assert.equal(changes, 1);
    });

    test("goes on when it rings still, says the welcome, and no longer than it says", () => {
      back(asBen({ rev: 2, ring_left_ms: 5000 }));
      assert.equal(telephone.incoming.length, 1);
      timers.pass(5000 + RING_OVER_MS);
      assert.deepEqual(telephone.incoming, []);
    });

    test("does not begin again when there is no time left, says the welcome", () => {
      back(asBen({ rev: 2, ring_left_ms: 0 }));
      assert.deepEqual(telephone.incoming, []);
    });
  });

  test("a ring lasts as long as the newest snapshot says", () => {
    tell(asBen({ ring_left_ms: 20_000 }));
    timers.pass(10_000);
    tell(asBen({ rev: 2, ring_left_ms: 50_000 }));
    timers.pass(49_000);
    assert.equal(telephone.incoming.length, 1);
  });

  describe("a call that rings at the other side", () => {
    beforeEach(async () => {
      await calling();
      tell(snapshot({ rev: 2, ben: { alerted: true }, ring_left_ms: 20_000 }));
      away();
      timers.pass(20_000 + RING_OVER_MS - 1);
      assert.equal(telephone.current.phase, "ringing");
      timers.pass(1);
    });

    test("is heard no longer than it can ring, and the socket is doubted", () => {
      assert.deepEqual([telephone.current.phase, signaling.woken], ["reconnecting", 1]);
    });

    test("is given up in the end, and the devices are free", () => {
      timers.pass(29_999);
      assert.deepEqual(live(), ["audio", "video"]);
      timers.pass(1);
      assert.deepEqual([telephone.current.ended.reason, live()], ["lost", []]);
    });

    test("goes on when they have answered meanwhile, says the welcome", () => {
      back(snapshot({ rev: 3, state: "active" }));
      timers.pass(120_000);
      peers[0].dispatchEvent(new Event("connected"));
      assert.equal(telephone.current.phase, "active");
    });

    test("is over when they have not", () => {
      back({ ...snapshot({ rev: 3 }), state: "ended", end_reason: "missed" });
      timers.pass(120_000);
      assert.equal(telephone.current.ended.reason, "missed");
    });
  });

  test("a call that nobody answers rings to its end", async () => {
    await calling();
    timers.pass(JOIN_PATIENCE_MS + 1);
    assert.equal(telephone.current.phase, "calling");
  });

  test("a call that is answered in time goes on past the end of its ring", async () => {
    await inCall();
    timers.pass(120_000);
    assert.equal(telephone.current.phase, "connecting");
  });

  for (const [what, type, begin] of [
    ["to place a call", "call.place", () => telephone.place(person("ben"), "video")],
    ["to answer", "call.accept", () => (tell(asBen()), telephone.accept("call-1", "video"))],
    ["to rejoin", "call.rejoin", () => back(snapshot({ rev: 2, state: "active" }))],
  ]) {
    test(`who waits ${what} has their devices back after a minute, and is in no call when it is carried out after all`, async () => {
      begin();
      away();
      await settle();
      timers.pass(JOIN_PATIENCE_MS - 1);
      assert.deepEqual(live(), ["audio", "video"]);
      timers.pass(1);
      assert.deepEqual([telephone.current.ended.reason, live()], ["lost", []]);
      await answer(type, { call: "call-1" });
      assert.deepEqual(sent().at(-1), ["call.hang_up", "call-1"]);
    });
  }

  test("a call whose media flows goes on", async () => {
    await inCall();
    peers[0].dispatchEvent(new Event("connected"));
    away();
    for (let n = 0; n < 300; n++) peers[0].parts.post({ kind: "candidate", candidate: "" });
    assert.ok(signaling.last("call.rejoin")); // more than can wait: it will begin afresh
    timers.pass(600_000);
    assert.deepEqual([telephone.current.phase, live()], ["active", ["audio", "video"]]);
  });
});

describe("called while in a call", () => {
  const second = (more = {}) => snapshot({ id: "call-2", me: "ben", ...more });
  const third = person("ana");

  beforeEach(async () => {
    await inCall();
    tell(second());
  });

  test("it waits, and nothing of the first is touched", () => {
    assert.deepEqual(telephone.incoming.map(({ call, waiting }) => [call, waiting]), [["call-2", true]]);
    assert.deepEqual(live(), ["audio", "video"]);
    assert.equal(telephone.current.id, "call-1");
  });

  test("ended and answered as one", async () => {
    const first = telephone.current;
    telephone.accept("call-2", "voice");
    await settle();
    assert.deepEqual([signaling.last("call.accept").call, signaling.last("call.accept").leave], ["call-2", "call-1"]);
    assert.equal(first.phase, "connecting");
    tell(second({ rev: 2, state: "active" }));
    await answer("call.accept", { call: "call-2" });
    assert.deepEqual([first.phase, telephone.current.id, telephone.current.person.id], ["ended", "call-2", third.id]);
    assert.deepEqual(live(), ["audio"]);
    assert.equal(peers[0].closed, true);
    assert.equal(peers.length, 2);
  });

  test("the snapshots come before the answer, and are not taken for those of a reload", async () => {
    telephone.accept("call-2", "voice");
    await settle();
    tell(snapshot({ rev: 3, state: "ended", end_reason: "completed", ana: { state: "left" }, ben: { state: "left" } }));
    tell(second({ rev: 2, state: "active" }));
    await settle();
    assert.equal(peers.length, 1);
    await answer("call.accept", { call: "call-2" });
    assert.deepEqual(sent().slice(2), [["call.accept", "call-2"]]);
    assert.deepEqual(devices.asked, ["audio+video", "audio"]);
    assert.deepEqual([peers.length, peers[0].closed, peers[1].closed, telephone.current.id], [2, true, false, "call-2"]);
  });

  test("hanging up the first meanwhile is said at once, and about the first", async () => {
    telephone.accept("call-2", "voice");
    await settle();
    telephone.hangUp();
    await settle();
    assert.equal(signaling.last("call.hang_up").call, "call-1");
    await answer("call.hang_up", { call: "call-1" });
    tell(second({ rev: 2, state: "active" }));
    await answer("call.accept", { call: "call-2" });
    assert.deepEqual([telephone.current.id, live()], ["call-2", ["audio"]]);
    assert.equal(signaling.last("call.rejoin"), undefined);
  });

  test("the other has hung up meanwhile: it is missed, and the first goes on", async () => {
    telephone.accept("call-2", "voice");
    await settle();
    tell(second({ rev: 2, state: "ended", end_reason: "cancelled", ben: { state: "missed" } }));
    await refuse("call.accept", "wrong_state");
    assert.deepEqual([telephone.current.id, telephone.current.phase, notices], ["call-1", "connecting", ["missed"]]);
    assert.deepEqual(live(), ["audio", "video"]);
  });

  test("refused and carried out all the same, it is left, and opens no device", async () => {
    telephone.accept("call-2", "voice");
    await settle();
    tell(snapshot({ rev: 3, state: "ended", end_reason: "completed", ben: { state: "left" } }));
    tell(second({ rev: 2, state: "active" }));
    await refuse("call.accept", "try_again");
    assert.deepEqual(sent().at(-1), ["call.hang_up", "call-2"]);
    assert.deepEqual([devices.asked, live()], [["audio+video"], []]);
  });

  test("when the first is over by the time the socket is back, it is over here too", async () => {
    telephone.accept("call-2", "voice");
    await settle();
    signaling.emit("welcome", { person: person("ana"), calls: [second()], ice_servers: [] });
    assert.equal(telephone.current.ended.reason, "lost");
    assert.deepEqual(live(), []);
  });

  test("refused for now, it asks again", async () => {
    telephone.accept("call-2", "voice");
    await settle();
    assert.deepEqual(telephone.incoming, []);
    await refuse("call.accept", "try_again");
    assert.equal(telephone.incoming.length, 1);
  });

  test("ignored it is gone from here, and told when it is missed", () => {
    telephone.ignore("call-2");
    assert.deepEqual(telephone.incoming, []);
    assert.equal(signaling.last("call.decline"), undefined);
    tell(second({ rev: 2, state: "ended", end_reason: "missed", ben: { state: "missed" } }));
    assert.deepEqual(notices, ["missed"]);
  });

  test("a call that goes on on another device is left too", async () => {
    make();
    tell(snapshot({ id: "call-1", me: "ben", state: "active", ben: { device: "another" } }));
    tell(second());
    telephone.accept("call-2", "voice");
    await settle();
    assert.equal(signaling.last("call.accept").leave, "call-1");
  });
});

describe("in a call", () => {
  test("the other side's words move no device of ours", async () => {
    await inCall();
    const before = live();
    const tellMedia = (seq, microphone, camera) =>
      signaling.emit("peer", { type: "peer", call: "call-1", from: "leg-ben", epoch: 1, to_epoch: 1, seq, ack: 0, body: { kind: "media", microphone, camera } });
    telephone.current.setCamera(false);
    await settle();
    tellMedia(1, true, true);
    assert.deepEqual(telephone.current.remote, { microphone: true, camera: true });
    assert.deepEqual(live(), before.filter((kind) => kind === "audio"));
    assert.deepEqual(telephone.current.sends, { microphone: true, camera: false });
  });

  test("muting and the camera are told to the other side, and the camera's light goes out", async () => {
    await inCall();
    await telephone.current.setMicrophone(false);
    await telephone.current.setCamera(false);
    const said = signaling.sent.filter((each) => each.body?.kind === "media").map(({ body }) => [body.microphone, body.camera]);
    assert.deepEqual(said, [[true, true], [false, true], [false, false]]);
    assert.deepEqual(live(), ["audio"]);
    assert.equal(peers[0].tracks.video, null);
  });

  test("a new epoch of the other side closes the old connection and makes another", async () => {
    await inCall();
    tell(snapshot({ rev: 3, state: "active", ben: { epoch: 2 } }));
    assert.ok(peers[0].closed);
    assert.equal(peers.length, 2);
    assert.equal(signaling.sent.at(-1).to_epoch, 2);
  });

  test("ends with the server's reason, and frees everything", async () => {
    await inCall();
    tell({ ...snapshot({ rev: 3, state: "active" }), state: "ended", end_reason: "completed", active_ms: 5000 });
    assert.deepEqual(telephone.current.ended, { reason: "completed", failure: undefined, durationMs: 5000 });
    assert.deepEqual(live(), []);
    assert.ok(peers[0].closed);
  });

  test("media that fails for good hangs up with the stage", async () => {
    await inCall();
    peers[0].dispatchEvent(new CustomEvent("failed", { detail: { stage: "ice" } }));
    await settle();
    assert.equal(signaling.last("call.hang_up").failure, "ice");
    assert.deepEqual([telephone.current.ended.reason, telephone.current.ended.failure], ["failed", "ice"]);
  });

  test("says so when an admin ended it", async () => {
    await inCall();
    tell({ ...snapshot({ rev: 3, state: "active" }), state: "ended", end_reason: "revoked", by_admin: true });
    assert.equal(telephone.current.ended.byAdmin, true);
  });

  test("what was measured is reported when it ends, a minute at a time before", async () => {
    await inCall();
    const sample = (at) => peers[0].dispatchEvent(new CustomEvent("sample", { detail: { at, loss: 0, reconnects: 0, local: "relay", remote: "host" } }));
    sample(performance.now());
    assert.deepEqual(telephone.current.stats, { route: "relay", quality: "good" });
    assert.equal(signaling.last("call.quality"), undefined);
    tell({ ...snapshot({ rev: 3, state: "active" }), state: "ended", end_reason: "completed" });
    const { call, epoch, number, samples } = signaling.last("call.quality");
    assert.deepEqual({ call, epoch, number, count: samples.length }, { call: "call-1", epoch: 1, number: 1, count: 1 });
  });

  test("what was measured is reported before the page is left, and in each epoch anew", async () => {
    await inCall();
    const sample = () => peers.at(-1).dispatchEvent(new CustomEvent("sample", { detail: { at: 0, reconnects: 0 } }));
    sample();
    telephone.leaving();
    assert.deepEqual([signaling.last("call.quality").epoch, signaling.last("call.quality").number], [1, 1]);
    tell(snapshot({ rev: 3, state: "active", ana: { epoch: 2 } }));
    sample();
    telephone.leaving();
    assert.deepEqual([signaling.last("call.quality").epoch, signaling.last("call.quality").number], [2, 1]);
  });

  test("a report of a page that is being left goes out beside the socket too, the same one, and no other does", async () => {
    await inCall();
    const sample = () => peers.at(-1).dispatchEvent(new CustomEvent("sample", { detail: { at: 0, reconnects: 0 } }));
    sample();
    telephone.leaving();
    const { call, epoch, number, samples } = signaling.last("call.quality");
    const [{ id, ...posted }] = lastWords;
    assert.deepEqual(posted, { type: "call.quality", call, epoch, number, samples });
    assert.equal(typeof id, "string");
    sample();
    tell({ ...snapshot({ rev: 3, state: "active" }), state: "ended", end_reason: "completed" });
    assert.equal(lastWords.length, 1);
  });

  test("fresh credentials of the relay reach the connection that is there, and are no news to anybody else", async () => {
    await inCall();
    const [peer] = peers;
    const servers = [{ urls: ["turn:relay.example.org"], username: "2:ana", credential: "new" }];
    tell({ ...snapshot({ rev: 2, state: "active" }), ice_servers: servers });
    assert.deepEqual(peer.servers, servers);
    assert.deepEqual(peers, [peer]);
  });

  test("when the other side begins anew, the reports of this side are numbered on", async () => {
    await inCall();
    const sample = { at: performance.now(), round_trip_ms: 40, loss: 0, local: "host", remote: "host", reconnects: 0 };
    for (const [n, epoch] of [1, 2, 3].entries()) {
      if (epoch > 1) tell(snapshot({ rev: 2 + epoch, state: "active", ben: { epoch } }));
      peers.at(-1).dispatchEvent(new CustomEvent("sample", { detail: sample }));
      telephone.leaving();
      const { epoch: mine, number, samples } = signaling.last("call.quality");
      assert.deepEqual({ mine, number, count: samples.length }, { mine: 1, number: n + 1, count: 1 });
    }
  });

  test("how long it took from the answer to media is reported once", async () => {
    await inCall();
    const sample = () => peers[0].dispatchEvent(new CustomEvent("sample", { detail: { at: 0, reconnects: 0 } }));
    peers[0].dispatchEvent(new Event("connected"));
    for (const expected of ["number", "undefined"]) {
      sample();
      telephone.leaving();
      assert.equal(typeof signaling.last("call.quality").setup_ms, expected);
    }
  });

  test("moved to another device, it ends here", async () => {
    await inCall();
    tell(snapshot({ rev: 3, state: "active", ana: { device: "another", epoch: 2 } }));
    assert.equal(telephone.current.ended.reason, "elsewhere");
    assert.deepEqual(live(), []);
  });

  test("a path in doubt asks the socket too; one in trouble is said", async () => {
    await inCall();
    peers[0].dispatchEvent(new Event("connected"));
    peers[0].dispatchEvent(new Event("doubt"));
    assert.deepEqual([signaling.woken, telephone.current.phase], [1, "active"]);
    peers[0].dispatchEvent(new Event("trouble"));
    assert.deepEqual([signaling.woken, telephone.current.phase], [2, "reconnecting"]);
    peers[0].dispatchEvent(new Event("connected"));
    assert.equal(telephone.current.phase, "active");
  });

  test("a socket that comes back resumes it", async () => {
    await inCall();
    const count = signaling.sent.length;
    signaling.emit("welcome", { person: person("ana"), calls: [snapshot({ rev: 2, state: "active" })], ice_servers: [] });
    assert.ok(peers[0].restarted);
    assert.ok(signaling.sent.length > count);
    assert.equal(signaling.last("call.rejoin"), undefined);
  });
});

describe("after a reload", () => {
  async function reloaded() {
    await inCall();
    await telephone.current.setCamera(false);
    make();
    signaling.emit("welcome", { person: person("ana"), calls: [snapshot({ rev: 2, state: "active" })], ice_servers: [] });
    await settle();
  }

  test("the device rejoins, with what this person wanted to send, and connects in the new epoch only", async () => {
    await reloaded();
    assert.equal(signaling.last("call.rejoin").call, "call-1");
    assert.deepEqual(devices.asked, ["audio"]);
    assert.equal(peers.length, 0);
    tell(snapshot({ rev: 3, state: "active", ana: { epoch: 2 } }));
    await answer("call.rejoin", { call: "call-1" });
    assert.equal(peers.length, 1);
    assert.equal(signaling.sent[0].epoch, 2);
  });

  test("hung up before the rejoin is answered, nothing is opened any more", async () => {
    await reloaded();
    telephone.hangUp();
    tell(snapshot({ rev: 3, state: "active", ana: { epoch: 2 } }));
    await answer("call.rejoin", { call: "call-1" });
    assert.deepEqual([peers, live()], [[], []]);
    assert.deepEqual(sent().at(-1), ["call.hang_up", "call-1"]);
  });

  test("an answer that comes before the snapshot does not begin the old epoch again", async () => {
    await reloaded();
    await answer("call.rejoin", { call: "call-1" });
    assert.equal(peers.length, 0);
    tell(snapshot({ rev: 3, state: "active", ana: { epoch: 2 } }));
    assert.equal(peers.length, 1);
    assert.equal(signaling.sent[0].epoch, 2);
  });

  test("a call that the old page's command answered first is left, when the answer of this page is refused for it", async () => {
    tell(asBen());
    telephone.accept("call-1", "voice");
    await settle();
    tell(asBen({ rev: 2, state: "active" }));
    await refuse("call.accept", "wrong_state");
    assert.equal(signaling.last("call.hang_up").call, "call-1");
    assert.equal(telephone.current.phase, "ended");
  });

  test("a call that was declined here is not joined, though the old page's command answered it first", async () => {
    tell(asBen());
    telephone.decline("call-1");
    tell(asBen({ rev: 2, state: "active" }));
    await settle();
    assert.equal(signaling.last("call.rejoin"), undefined);
    assert.deepEqual(devices.asked, []);
    assert.equal(signaling.last("call.hang_up").call, "call-1");
  });

  test("hung up before the answer that refuses it, what the old page's command answered is left too", async () => {
    tell(asBen());
    telephone.accept("call-1", "voice");
    await settle();
    telephone.hangUp();
    tell(asBen({ rev: 2, state: "active" }));
    await refuse("call.accept", "wrong_state");
    assert.equal(signaling.last("call.hang_up").call, "call-1");
  });

  test("a call that the old page's command made after the welcome is found", async () => {
    make();
    signaling.emit("welcome", { person: person("ana"), calls: [], ice_servers: [] });
    tell(snapshot({ rev: 1 }));
    await settle();
    assert.equal(signaling.last("call.rejoin").call, "call-1");
  });

  test("a call that this page is through with is not taken up but left", async () => {
    tell(asBen());
    telephone.accept("call-1", "voice");
    await settle();
    await refuse("call.accept", "already_in_call");
    tell(asBen({ rev: 2, state: "active" }));
    await settle();
    assert.equal(signaling.last("call.rejoin"), undefined);
    assert.equal(signaling.last("call.hang_up").call, "call-1");
    tell(asBen({ rev: 3, state: "active" }));
    await settle();
    assert.equal(signaling.commands.filter(({ type }) => type === "call.hang_up").length, 1);
  });

  test("a call that turns up while another is left is not forgotten", async () => {
    await inCall();
    telephone.hangUp();
    await settle();
    tell(snapshot({ id: "call-8", rev: 2, state: "active" }));
    tell(snapshot({ rev: 3, state: "ended", end_reason: "completed" }));
    await answer("call.hang_up", { call: "call-1" });
    assert.deepEqual(sent().at(-1), ["call.rejoin", "call-8"]);
  });

  test("a call that could not be left is left again after a while, until it is over", async () => {
    await inCall();
    telephone.hangUp();
    await settle();
    const hangUps = () => sent().filter(([type]) => type === "call.hang_up").length;
    for (const count of [1, 2]) {
      await refuse("call.hang_up", "try_again");
      tell(snapshot({ rev: 3, state: "active" }));
      timers.pass(LEAVE_AGAIN_MS - 1);
      await settle();
      assert.equal(hangUps(), count);
      timers.pass(1);
      await settle();
      assert.equal(hangUps(), count + 1);
    }
    tell({ ...snapshot({ rev: 4, state: "active" }), state: "ended", end_reason: "completed" });
    await refuse("call.hang_up", "wrong_state");
    timers.pass(LEAVE_AGAIN_MS);
    await settle();
    assert.equal(hangUps(), 3);
  });

  test("a call that turns up while a command is on its way is not forgotten when that is refused", async () => {
    tell(asBen());
    telephone.accept("call-1", "voice");
    await settle();
    tell(asBen({ rev: 2, state: "active" }));
    await refuse("call.accept", "try_again");
    assert.deepEqual(sent().at(-1), ["call.hang_up", "call-1"]);
  });

  test("a call that is on another device is left there", async () => {
    make();
    const elsewhere = snapshot({ rev: 2, state: "active", ana: { device: "another" } });
    signaling.emit("welcome", { person: person("ana"), calls: [elsewhere], ice_servers: [] });
    await settle();
    assert.equal(telephone.current, null);
    assert.deepEqual(signaling.commands, []);
  });
});

describe("devices that cannot be used", () => {
  for (const [name, stage] of [["NotAllowedError", "permission"], ["NotReadableError", "device"]]) {
    test(`hanging up an answered call because of ${name} says why it failed`, async () => {
      make({ audio: name, video: name });
      signaling.emit("call", { call: asBen() });
      telephone.accept("call-1", "video");
      await settle();
      await answer("call.accept", { call: "call-1" });
      tell(asBen({ rev: 2, state: "active" }));
      await settle();
      telephone.hangUp();
      await settle();
      assert.equal(signaling.last("call.hang_up").failure, stage);
      assert.equal(telephone.current.ended.reason, "failed");
    });
  }

  test("without permission nothing is placed until the person chooses to listen only", async () => {
    make({ audio: "NotAllowedError", video: "NotAllowedError" });
    telephone.place(person("ben"), "video");
    await settle();
    assert.deepEqual(telephone.current.mediaProblem, { reason: "denied", kind: "microphone" });
    assert.equal(signaling.last("call.place"), undefined);
    telephone.solveMedia("listen");
    await settle();
    assert.equal(signaling.last("call.place").call, "call-1");
  });

  test("a camera in use by another program leaves the choice of voice only", async () => {
    make({ video: "NotReadableError" });
    telephone.place(person("ben"), "video");
    await settle();
    assert.deepEqual(telephone.current.mediaProblem, { reason: "in_use", kind: "camera" });
    telephone.solveMedia("voice");
    await settle();
    assert.ok(signaling.last("call.place"));
    assert.deepEqual(live(), ["audio"]);
  });

  test("the call stays while the callee decides", async () => {
    make({ audio: "NotFoundError" });
    tell(asBen({ kind: "voice" }));
    telephone.accept("call-1", "voice");
    tell(asBen({ rev: 2, state: "active" }));
    await answer("call.accept", { call: "call-1" });
    assert.deepEqual(telephone.current.mediaProblem, { reason: "missing", kind: "microphone" });
    assert.equal(peers.length, 0);
    await telephone.solveMedia("listen");
    assert.equal(peers.length, 1);
  });

  test("try again opens them when the reason is gone", async () => {
    make({ audio: "NotReadableError" });
    telephone.place(person("ben"), "voice");
    await settle();
    devices.fail = {};
    telephone.solveMedia("retry");
    await settle();
    assert.ok(signaling.last("call.place"));
  });

  test("choosing another device answers nothing for the callee who decides", async () => {
    make({ audio: "NotReadableError" });
    tell(asBen({ kind: "voice" }));
    telephone.accept("call-1", "voice");
    await settle();
    await telephone.current.choose("audioinput", "another");
    assert.deepEqual(telephone.current.mediaProblem, { reason: "in_use", kind: "microphone" });
  });

  test("a camera that did not come on is not wanted any more: the next click asks for it again", async () => {
    await calling("voice");
    devices.fail = { video: "NotReadableError" };
    const { current } = telephone;
    await current.setCamera(!current.wants.camera);
    assert.deepEqual([current.mediaProblem, current.wants.camera], [{ reason: "in_use", kind: "camera" }, false]);
    devices.fail = {};
    await current.setCamera(!current.wants.camera);
    assert.deepEqual([current.mediaProblem, current.sends.camera], [null, true]);
  });

  test("a device that is unplugged in a call is said, and the call goes on", async () => {
    await inCall();
    devices.tracks.find((track) => track.kind === "video").onended();
    assert.deepEqual(telephone.current.mediaProblem, { reason: "missing", kind: "camera" });
    assert.equal(telephone.current.sends.camera, false);
    assert.notEqual(telephone.current.phase, "ended");
  });
});

test("signed out: the call ends here and nobody rings any more", async () => {
  await inCall();
  tell(asBen({ id: "call-7" }));
  signaling.stoppedBy = 4500;
  signaling.dispatchEvent(new Event("state"));
  assert.equal(telephone.current.ended.reason, "disconnected");
  assert.deepEqual(telephone.incoming, []);
});
