import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { BACKOFF_SECONDS, CommandError, Signaling } from "../../static/js/signaling.js";
import { FakeSocket, FakeTimers, settle } from "./fakes.js";

const WELCOME = { type: "welcome", protocol: 1, person: { id: "ana" }, calls: [], ice_servers: [] };
let timers, signaling, hidden;

beforeEach(() => {
  FakeSocket.opened = [];
  timers = new FakeTimers();
  hidden = false;
  signaling = new Signaling({
    url: "ws://test/ws/", device: "this-device", pingSeconds: 10, deadSeconds: 25,
    heldCalls: () => ["held"], isHidden: () => hidden, Socket: FakeSocket, setTimer: timers.set, clearTimer: timers.clear,
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

  test("does not happen before it was there: a guest who looks away has not been let in yet", () => {
    signaling.wake();
    assert.deepEqual([FakeSocket.opened, signaling.state], [[], "idle"]);
  });

  test("after it was stopped is for whoever has signed in anew, and commands are carried again", async () => {
    welcomed().drop(4500);
    signaling.connect();
    welcomed_again();
    const done = signaling.command("call.place", { call: "c" });
    socket().say({ type: "ok", re: socket().sent.at(-1).id, call: "c" });
    assert.equal((await done).call, "c");
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
  const ping = (more = {}) => ({ type: "ping", idle: false, hidden: false, ...more });

  test("the page pings when it is let in and every ten seconds from then on", () => {
    const here = welcomed();
    timers.pass(10_000);
    here.say({ type: "pong" });
    timers.pass(10_000);
    assert.deepEqual(sentBy(here, "ping"), Array(3).fill(ping()));
  });

  test("a hidden page says so with its first frames, before its next timer, which may be a minute away", () => {
    hidden = true;
    const here = welcomed();
    assert.deepEqual(here.sent.slice(1), [ping({ hidden: true })]);
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

  test("a socket that has not answered a ping for 25 s is replaced at once", () => {
    const here = welcomed();
    timers.pass(2000);
    here.say({ type: "pong" });
    timers.pass(8000 + 24_999);
    assert.equal(socket(), here);
    timers.pass(1);
    assert.ok(here.closed);
    assert.notEqual(socket(), here);
  });

  for (const [what, seconds, begin] of [
    ["does not open", 10, () => signaling.connect()],
    ["opens and lets nobody in", 25, () => (signaling.connect(), socket().open())],
  ]) {
    test(`a socket that ${what} for ${seconds} s is replaced`, () => {
      begin();
      const here = socket();
      timers.pass(seconds * 1000 - 1);
      assert.equal(socket(), here);
      timers.pass(1);
      assert.ok(here.closed);
      assert.notEqual(socket(), here);
    });
  }

  test("sockets that are silent again and again are tried ever more seldom", () => {
    welcomed();
    timers.pass(25_000);
    assert.equal(FakeSocket.opened.length, 2);
    timers.pass(10_000);
    assert.deepEqual([FakeSocket.opened.length, signaling.state], [2, "waiting"]);
    timers.pass(BACKOFF_SECONDS[1] * 1000);
    assert.deepEqual([FakeSocket.opened.length, signaling.state], [3, "connecting"]);
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

describe("a hidden page, whose timers run once a minute", () => {
  const MINUTE = 60_000;

  beforeEach(() => {
    const set = timers.set;
    timers.set = (act, ms) => set(act, hidden ? (Math.floor((timers.now + ms) / MINUTE) + 1) * MINUTE - timers.now : ms);
    signaling._parts.setTimer = timers.set;
    class Answering extends FakeSocket {
      send(text) {
        super.send(text);
        if (this.answers !== false && this.sent.at(-1).type === "ping") queueMicrotask(() => this.say({ type: "pong" }));
      }
    }
    signaling._parts.Socket = Answering;
  });

  /** Second by second, so that answers come between two timers. */
  async function seconds(count) {
    for (let n = 0; n < count; n++) {
      timers.pass(1000);
      await settle();
    }
  }

  test("stays on the one socket", async () => {
    const here = welcomed();
    await seconds(35);
    hidden = true;
    signaling.wake();
    await seconds(600);
    assert.deepEqual([FakeSocket.opened.length, here.closed, signaling.state], [1, undefined, "open"]);
    assert.ok(sentBy(here, "ping").slice(5).every((each) => each.hidden));
  });

  test("leaves a dead one in the minute after, and does not wait another for the next", async () => {
    const here = welcomed();
    hidden = true;
    signaling.wake();
    await seconds(120);
    here.answers = false;
    await seconds(120);
    assert.ok(here.closed);
    assert.deepEqual([FakeSocket.opened.length, signaling.state], [2, "connecting"]);
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
