import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { ACK_MS, PeerStream, RESEND_MS, WINDOW } from "../../static/js/stream.js";
import { FakeTimers } from "./fakes.js";

const candidate = (n) => ({ kind: "candidate", candidate: String(n), sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "u" });

function make(timers = new FakeTimers(), parts = {}) {
  const sent = [];
  const state = { overflowed: false };
  const stream = new PeerStream({
    call: "c", to: "leg-b", epoch: 1, toEpoch: 1, send: (message) => sent.push(message),
    onOverflow: () => (state.overflowed = true), setTimer: timers.set, clearTimer: timers.clear, ...parts,
  });
  return { stream, sent, timers, state };
}

/** As the server passes it on. */
const forwarded = (message) => ({ ...message, from: "leg-a" });
const arriving = (seq, body = candidate(seq), more = {}) => ({ type: "peer", call: "c", from: "leg-b", epoch: 1, to_epoch: 1, seq, ack: 0, body, ...more });

describe("what arrives", () => {
  test("is held until the peer connection exists, then delivered in order", () => {
    const { stream } = make();
    for (const seq of [2, 1, 3]) stream.take(arriving(seq));
    const taken = [];
    stream.open((body) => taken.push(body.candidate));
    stream.take(arriving(4));
    assert.deepEqual(taken, ["1", "2", "3", "4"]);
  });

  test("is delivered once, however often it comes", () => {
    const { stream } = make();
    const taken = [];
    stream.open((body) => taken.push(body.candidate));
    for (const seq of [1, 1, 2, 1, 2]) stream.take(arriving(seq));
    assert.deepEqual(taken, ["1", "2"]);
  });

  test("of another epoch, mine or theirs, is stale and dropped", () => {
    const { stream } = make();
    const taken = [];
    stream.open((body) => taken.push(body));
    stream.take(arriving(1, candidate(1), { epoch: 2 }));
    stream.take(arriving(1, candidate(1), { to_epoch: 2 }));
    assert.deepEqual(taken, []);
  });

  test("is acknowledged within a moment, without a body", () => {
    const { stream, sent, timers } = make();
    stream.take(arriving(1));
    stream.take(arriving(3));
    timers.pass(ACK_MS);
    assert.deepEqual(sent, [{ type: "peer", call: "c", to: "leg-b", epoch: 1, to_epoch: 1, seq: 0, ack: 1 }]);
  });

  test("is acknowledged by the next message, if there is one", () => {
    const { stream, sent, timers } = make();
    stream.take(arriving(1));
    stream.post(candidate(1));
    timers.pass(ACK_MS);
    assert.deepEqual(sent.map(({ seq, ack }) => [seq, ack]), [[1, 1]]);
  });

  test("as a repeat is acknowledged again: the first acknowledgement was lost", () => {
    const { stream, sent, timers } = make();
    stream.take(arriving(1));
    timers.pass(ACK_MS);
    stream.take(arriving(1));
    timers.pass(ACK_MS);
    assert.deepEqual(sent.map(({ ack }) => ack), [1, 1]);
  });

  test("too far ahead means a fresh negotiation, not a gap", () => {
    const { stream, state } = make();
    stream.take(arriving(WINDOW));
    assert.equal(state.overflowed, false);
    stream.take(arriving(WINDOW + 1));
    assert.equal(state.overflowed, true);
  });
});

describe("what is sent", () => {
  test("is sent again on its schedule until it is acknowledged", () => {
    const { stream, sent, timers } = make();
    stream.post(candidate(1));
    for (const ms of [...RESEND_MS, RESEND_MS.at(-1)]) {
      const count = sent.length;
      timers.pass(ms - 1);
      assert.equal(sent.length, count);
      timers.pass(1);
      assert.equal(sent.length, count + 1);
    }
    stream.take(arriving(0, null, { ack: 1 }));
    const count = sent.length;
    timers.pass(60_000);
    assert.equal(sent.length, count);
  });

  test("is sent again when the socket is back", () => {
    const { stream, sent } = make();
    stream.post(candidate(1));
    stream.post(candidate(2));
    stream.take(arriving(0, null, { ack: 1 }));
    stream.resend();
    assert.deepEqual(sent.map(({ seq }) => seq), [1, 2, 2]);
  });

  test("and never acknowledged ends in a fresh negotiation, with no more than the window kept", () => {
    const { stream, state } = make();
    for (let n = 0; n < WINDOW; n++) stream.post(candidate(n));
    assert.equal(state.overflowed, false);
    stream.post(candidate("one more"));
    assert.equal(state.overflowed, true);
  });

  test("stops with the stream", () => {
    const { stream, sent, timers } = make();
    stream.post(candidate(1));
    stream.close();
    stream.post(candidate(2));
    timers.pass(60_000);
    assert.equal(sent.length, 1);
  });
});

test("two streams over a link that loses, repeats and reorders deliver everything in order, both ways", () => {
  for (let seed = 1; seed <= 40; seed++) {
    let state = seed;
    const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const timers = new FakeTimers();
    const link = (to) => (message) => {
      for (let copies = random() < 0.3 ? 0 : random() < 0.2 ? 2 : 1; copies > 0; copies--)
        timers.set(() => to().take(forwarded(message)), random() * 300);
    };
    const a = make(timers, { send: link(() => b.stream) });
    const b = make(timers, { to: "leg-a", send: link(() => a.stream) });
    const got = { a: [], b: [] };
    a.stream.open((body) => got.a.push(body.candidate));
    timers.set(() => b.stream.open((body) => got.b.push(body.candidate)), 700);
    for (let n = 0; n < 30; n++)
      timers.set(() => {
        a.stream.post(candidate(`a${n}`));
        b.stream.post(candidate(`b${n}`));
      }, random() * 1000);
    timers.pass(120_000);
    assert.equal(got.b.length, 30, `seed ${seed}`);
    assert.equal(got.a.length, 30, `seed ${seed}`);
    assert.equal(new Set(got.a).size, 30);
    assert.ok(!a.state.overflowed && !b.state.overflowed);
    const order = (list) => list.map((each) => each.slice(1));
    assert.deepEqual(order(got.a), order(got.b));
  }
});
