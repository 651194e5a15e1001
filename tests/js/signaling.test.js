import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { BACKOFF_SECONDS, CommandError, Signaling } from "../../static/js/signaling.js";
import { FakeSocket, FakeTimers, settle } from "./fakes.js";

const WELCOME = { type: "welcome", protocol: 1, person: { id: "ana" }, calls: [], ice_servers: [] };
let timers, signaling;

beforeEach(() => {
  FakeSocket.opened = [];
  timers = new FakeTimers();
  signaling = new Signaling({
    url: "ws://test/ws/", device: "this-device", pingSeconds: 10, deadSeconds: 25,
    heldCalls: () => ["held"], Socket: FakeSocket, setTimer: timers.set, clearTimer: timers.clear,
    random: () => 1, now: () => timers.now,
  });
});

const socket = () => FakeSocket.opened.at(-1);
function welcomed() {
  signaling.connect();
  socket().open();
  socket().say(WELCOME);
  return socket();
}
const sentBy = (each, type) => each.sent.filter((message) => message.type === type);

test("the first frame is hello, with the calls that the page still shows", () => {
  signaling.connect();
  socket().open();
  assert.deepEqual(socket().sent, [{ type: "hello", protocol: 1, device: "this-device", calls: ["held"] }]);
});

describe("commands", () => {
  test("resolve with their ok and reject with their error", async () => {
    const here = welcomed();
    const accepted = signaling.command("call.accept", { call: "c" });
    here.say({ type: "ok", re: here.sent.at(-1).id, call: "c" });
    assert.equal((await accepted).call, "c");
    const refused = signaling.command("call.accept", { call: "c" });
    here.say({ type: "error", re: here.sent.at(-1).id, code: "too_late", message: "It is over." });
    await assert.rejects(refused, (error) => error instanceof CommandError && error.code === "too_late");
  });

  test("without an answer are sent again after welcome, with the same id, and settle once", async () => {
    const first = welcomed();
    const done = signaling.command("call.place", { call: "c" });
    const { id } = first.sent.at(-1);
    first.drop();
    timers.pass(0);
    const second = welcomed_again();
    assert.deepEqual(sentBy(second, "call.place").map((message) => message.id), [id]);
    second.say({ type: "ok", re: id, call: "c" });
    second.say({ type: "ok", re: id, call: "other" });
    assert.equal((await done).call, "c");
    second.drop();
    timers.pass(0);
    assert.deepEqual(sentBy(welcomed_again(), "call.place"), []);
  });

  test("given while there is no socket wait for the next one", () => {
    signaling.connect();
    signaling.command("call.decline", { call: "c" });
    socket().open();
    assert.equal(sentBy(socket(), "call.decline").length, 0);
    socket().say(WELCOME);
    assert.equal(sentBy(socket(), "call.decline").length, 1);
  });

  test("are sent again when the server asks to try again, and not for ever", async () => {
    const here = welcomed();
    const done = signaling.command("call.accept", { call: "c" });
    const { id } = here.sent.at(-1);
    const again = { type: "error", re: id, code: "try_again", message: "" };
    for (let count = 1; count <= 5; count++) {
      here.say(again);
      timers.pass(500 * 2 ** count);
      assert.equal(sentBy(here, "call.accept").length, 1 + count);
    }
    here.say(again);
    await assert.rejects(done, { code: "try_again" });
  });
});

function welcomed_again() {
  socket().open();
  socket().say(WELCOME);
  return socket();
}

describe("coming back", () => {
  test("waits longer each time, with the jitter on all of it", () => {
    signaling.connect();
    for (const seconds of [...BACKOFF_SECONDS, 7, 7]) {
      socket().drop();
      assert.equal(signaling.state, "waiting");
      const count = FakeSocket.opened.length;
      timers.pass(seconds * 1000 - 1);
      if (seconds) assert.equal(FakeSocket.opened.length, count);
      timers.pass(1);
      assert.equal(FakeSocket.opened.length, count + 1);
    }
  });

  test("begins anew with no delay after a welcome", () => {
    welcomed().drop();
    timers.pass(0);
    socket().drop();
    timers.pass(300);
    welcomed_again().drop();
    timers.pass(0);
    assert.equal(signaling.state, "connecting");
  });

  test("happens at once when the network is back", () => {
    signaling.connect();
    for (let n = 0; n < 5; n++) {
      socket().drop();
      timers.pass(10_000);
    }
    socket().drop();
    const count = FakeSocket.opened.length;
    signaling.wake();
    assert.equal(FakeSocket.opened.length, count + 1);
  });

  test("does not wait for a socket that does not open", () => {
    signaling.connect();
    const hangs = socket();
    timers.pass(10_000);
    assert.equal(hangs.closed, true);
    timers.pass(0);
    assert.notEqual(socket(), hangs);
  });

  test("waits longer for the welcome of one that has opened", () => {
    signaling.connect();
    socket().open();
    timers.pass(20_000);
    assert.ok(!socket().closed);
    socket().say(WELCOME);
    assert.equal(signaling.state, "open");
  });

  test("begins anew when the network is back, unless it has only just begun", () => {
    signaling.connect();
    const hangs = socket();
    timers.pass(3_000);
    signaling.wake();
    assert.equal(socket(), hangs);
    timers.pass(1);
    signaling.wake();
    assert.notEqual(socket(), hangs);
    assert.equal(hangs.closed, true);
    hangs.drop();
    welcomed_again();
    assert.equal(signaling.state, "open");
  });

  for (const code of [1001, 1006, 1011, 4000, 4003, 4004]) {
    test(`happens after ${code}`, () => {
      welcomed().drop(code);
      assert.equal(signaling.state, "waiting");
    });
  }

  for (const code of [4500, 4502, 4505]) {
    test(`does not happen after ${code}, and commands are refused`, async () => {
      const here = welcomed();
      const open = signaling.command("call.accept", { call: "c" });
      here.drop(code);
      assert.equal(signaling.state, "stopped");
      assert.equal(signaling.stoppedBy, code);
      await assert.rejects(open, { code: "stopped" });
      await assert.rejects(signaling.command("call.accept", { call: "c" }), { code: "stopped" });
      signaling.wake();
      assert.equal(FakeSocket.opened.length, 1);
    });
  }
});

describe("liveness", () => {
  test("the page pings every ten seconds", () => {
    const here = welcomed();
    timers.pass(10_000);
    here.say({ type: "pong" });
    timers.pass(10_000);
    assert.deepEqual(sentBy(here, "ping"), Array(2).fill({ type: "ping", idle: false, hidden: false }));
  });

  test("a socket that is doubted has three seconds to answer", () => {
    const here = welcomed();
    signaling.wake();
    timers.pass(1000);
    here.say({ type: "pong" });
    timers.pass(5000);
    assert.equal(signaling.state, "open");
    signaling.wake();
    timers.pass(2000);
    signaling.wake();
    timers.pass(999);
    assert.equal(signaling.state, "open");
    timers.pass(1);
    assert.notEqual(socket(), here);
    assert.equal(here.closed, true);
  });

  test("a socket that answered can be doubted again, and the next one has time of its own", () => {
    const first = welcomed();
    signaling.wake();
    timers.pass(1000);
    first.say({ type: "pong" });
    timers.pass(1000);
    signaling.wake();
    timers.pass(1000);
    first.drop();
    timers.pass(2500);
    const second = welcomed_again();
    assert.equal(FakeSocket.opened.length, 2);
    signaling.wake();
    timers.pass(2999);
    assert.equal(socket(), second);
    timers.pass(1);
    assert.notEqual(socket(), second);
  });

  test("a socket that was slept through is replaced when the page wakes, once", () => {
    welcomed();
    timers.now += 60_000;
    signaling.wake();
    timers.pass(4000);
    assert.equal(FakeSocket.opened.length, 2);
  });

  test("a socket that has said nothing for 25 s is replaced", () => {
    const here = welcomed();
    timers.pass(30_000);
    assert.ok(here.closed);
    assert.notEqual(socket(), here);
  });

  test("what an old socket says late is not heard", () => {
    const here = welcomed();
    timers.pass(30_000);
    let heard = false;
    signaling.addEventListener("call", () => (heard = true));
    here.say({ type: "call", call: {} });
    assert.equal(heard, false);
  });
});

test("who is watched is watched again after a reconnect", async () => {
  const here = welcomed();
  signaling.watch(["ben"]);
  here.drop();
  timers.pass(0);
  await settle();
  assert.deepEqual(sentBy(welcomed_again(), "presence.watch").map((message) => message.people), [["ben"]]);
});
