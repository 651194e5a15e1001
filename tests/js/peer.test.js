import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { Peer } from "../../static/js/peer.js";
import { FakeStream, FakeTimers, FakeTrack, settle } from "./fakes.js";

/** As much of RTCPeerConnection's signaling state machine (W3C WebRTC 4.3.1) as perfect negotiation leans on. */
class FakeConnection {
  static made = [];

  constructor(configuration) {
    Object.assign(this, {
      configuration, signalingState: "stable", connectionState: "new", iceConnectionState: "new",
      localDescription: null, remoteDescription: null, transceivers: [], candidates: [], restarts: 0,
      report: new Map(),
    });
    FakeConnection.made.push(this);
  }
  addTransceiver(what, { direction }) {
    const track = typeof what === "string" ? null : what;
    const kind = track ? track.kind : what;
    const transceiver = { direction, receiver: { track: { kind } }, sender: makeSender(track) };
    this.transceivers.push(transceiver);
    queueMicrotask(() => this.onnegotiationneeded?.());
    return transceiver;
  }
  getTransceivers() {
    return this.transceivers;
  }
  async setLocalDescription() {
    const type = this.signalingState === "have-remote-offer" ? "answer" : "offer";
    await null;
    this.localDescription = { type, sdp: `${type} of ${FakeConnection.made.indexOf(this)}` };
    this.signalingState = type === "offer" ? "have-local-offer" : "stable";
  }
  async setRemoteDescription(description) {
    if (description.type === "answer" && this.signalingState !== "have-local-offer") throw new Error("InvalidStateError");
    await null;
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    if (!this.transceivers.length)
      for (const kind of ["audio", "video"])
        this.transceivers.push({ direction: "recvonly", receiver: { track: { kind } }, sender: makeSender(null) });
  }
  async addIceCandidate(candidate) {
    if (!this.remoteDescription) throw new Error("no remote description");
    this.candidates.push(candidate);
  }
  restartIce() {
    this.restarts += 1;
    queueMicrotask(() => this.onnegotiationneeded?.());
  }
  async getStats() {
    return this.report;
  }
  /** What has come by now, counted by the transport. */
  counts(packetsReceived) {
    this.report = new Map([["T", { id: "T", type: "transport", packetsReceived }]]);
  }
  close() {
    this.signalingState = "closed";
  }
  become(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

const makeSender = (track) => ({ track, async replaceTrack(next) { this.track = next; } });

let timers, posted;
beforeEach(() => {
  FakeConnection.made = [];
  timers = new FakeTimers();
  posted = [];
});

function make(parts = {}) {
  const peer = new Peer({
    polite: false, configuration: { iceServers: [] }, post: (body) => posted.push(body),
    audio: new FakeTrack("audio"), video: new FakeTrack("video"), connectSeconds: 20, restartSeconds: 2, giveUpSeconds: 30,
    Connection: FakeConnection, Stream: FakeStream, setTimer: timers.set, clearTimer: timers.clear, now: () => timers.now,
    ...parts,
  });
  return { peer, connection: FakeConnection.made.at(-1) };
}
const events = (peer, type) => {
  const seen = [];
  peer.addEventListener(type, (event) => seen.push(event.detail ?? true));
  return seen;
};

describe("negotiation", () => {
  test("the caller offers both m-lines, with the tracks that it had before", async () => {
    const { connection } = make();
    assert.deepEqual(connection.transceivers.map((each) => each.sender.track?.kind), ["audio", "video"]);
    await settle();
    assert.ok(posted.some((body) => body.kind === "offer"));
  });

  test("the callee offers nothing by itself and puts its tracks on the offer's m-lines before it answers", async () => {
    const { peer, connection } = make({ polite: true });
    connection.onnegotiationneeded();
    await settle();
    assert.deepEqual(posted, []);
    peer.take({ kind: "offer", sdp: "theirs" });
    await settle();
    assert.deepEqual(connection.transceivers.map((each) => [each.direction, each.sender.track?.kind]), [["sendrecv", "audio"], ["sendrecv", "video"]]);
    assert.deepEqual(posted.map((body) => body.kind), ["answer"]);
  });

  test("listen only answers too, and a track may come later without a negotiation", async () => {
    const { peer, connection } = make({ polite: true, audio: null, video: null });
    peer.take({ kind: "offer", sdp: "theirs" });
    await settle();
    const track = new FakeTrack("video");
    peer.setTrack("video", track);
    assert.equal(connection.transceivers[1].sender.track, track);
    assert.deepEqual(posted.map((body) => body.kind), ["answer"]);
  });

  test("candidates that come with the offer wait until it is applied", async () => {
    const { peer, connection } = make({ polite: true });
    peer.take({ kind: "offer", sdp: "theirs" });
    peer.take({ kind: "candidate", candidate: "c", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "u" });
    await settle();
    assert.deepEqual(connection.candidates, [{ candidate: "c", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: "u" }]);
  });

  test("in glare the impolite side ignores the other's offer and its candidates", async () => {
    const { peer, connection } = make();
    await settle();
    peer.take({ kind: "offer", sdp: "theirs" });
    peer.take({ kind: "candidate", candidate: "c", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: null });
    await settle();
    assert.equal(connection.remoteDescription, null);
    assert.equal(connection.signalingState, "have-local-offer");
  });

  test("in glare the polite side gives way and answers", async () => {
    const { peer, connection } = make({ polite: true });
    peer.take({ kind: "offer", sdp: "first" });
    await settle();
    connection.restartIce();
    await settle();
    assert.equal(connection.signalingState, "have-local-offer");
    peer.take({ kind: "offer", sdp: "second" });
    await settle();
    assert.equal(connection.remoteDescription.sdp, "second");
    assert.deepEqual(posted.map((body) => body.kind), ["answer", "offer", "answer"]);
  });
});

describe("a connection that does not come about", () => {
  for (const [stage, arrange] of [
    ["signaling", () => {}],
    ["ice", (peer) => peer.take({ kind: "answer", sdp: "theirs" })],
    ["turn", (peer, connection) => {
      peer.take({ kind: "answer", sdp: "theirs" });
      connection.onicecandidateerror({ errorCode: 401 });
    }],
    ["dtls", (peer, connection) => {
      peer.take({ kind: "answer", sdp: "theirs" });
      connection.iceConnectionState = "connected";
    }],
  ]) {
    test(`fails after 20 s at the stage ${stage}`, async () => {
      const { peer, connection } = make();
      const failed = events(peer, "failed");
      await settle();
      arrange(peer, connection);
      await settle();
      timers.pass(19_999);
      assert.deepEqual(failed, []);
      timers.pass(1);
      assert.deepEqual(failed.map((each) => each.stage), [stage]);
    });
  }

  test("tells what ICE had to work with, and no address", async () => {
    const { peer, connection } = make();
    const failed = events(peer, "failed");
    await settle();
    connection.onicecandidate({ candidate: { candidate: "candidate:1 1 udp 1 192.0.2.1 9 typ host", sdpMid: "0" } });
    connection.onicecandidate({ candidate: { candidate: "candidate:2 1 udp 1 192.0.2.2 9 typ srflx raddr 192.0.2.1", sdpMid: "0" } });
    connection.onicecandidateerror({ errorCode: 701 });
    connection.onicecandidateerror({ errorCode: 701 });
    peer.take({ kind: "answer", sdp: "theirs" });
    peer.take({ kind: "candidate", candidate: "candidate:3 1 udp 1 192.0.2.3 9 typ relay", sdpMid: "0", sdpMLineIndex: 0, usernameFragment: null });
    await settle();
    timers.pass(20_000);
    assert.deepEqual(failed, [{ stage: "ice", trace: { local: ["host", "srflx"], remote: ["relay"], errors: [701] } }]);
  });

  test("fails at once when the other side's description is not one", async () => {
    const { peer, connection } = make({ polite: true });
    const failed = events(peer, "failed");
    connection.setRemoteDescription = async () => { throw new Error("bad SDP"); };
    peer.take({ kind: "offer", sdp: "nonsense" });
    await settle();
    assert.deepEqual(failed.map((each) => each.stage), ["signaling"]);
  });
});

async function connected() {
  const made = make();
  await settle();
  made.peer.take({ kind: "answer", sdp: "theirs" });
  await settle();
  made.connection.become("connected");
  return made;
}

/** Looks at the statistics go on beside the timers: one step is as far as they can get without each other. */
async function pass(ms) {
  for (let left = ms; left > 0; left -= 500) {
    timers.pass(500);
    await settle();
  }
}

async function silent() {
  const made = await connected();
  made.connection.counts(100);
  await pass(1_000);
  return { ...made, doubts: events(made.peer, "doubt"), troubles: events(made.peer, "trouble") };
}

describe("a connection that breaks", () => {
  test("and heals by itself within 2 s is left alone", async () => {
    const { peer, connection } = await connected();
    const failed = events(peer, "failed");
    connection.become("disconnected");
    timers.pass(1_999);
    connection.become("connected");
    timers.pass(60_000);
    assert.equal(connection.restarts, 0);
    assert.deepEqual(failed, []);
  });

  test("is restarted after 2 s, and given up after 30", async () => {
    const { peer, connection } = await connected();
    const failed = events(peer, "failed");
    connection.become("disconnected");
    timers.pass(2_000);
    assert.equal(connection.restarts, 1);
    timers.pass(27_999);
    assert.deepEqual(failed, []);
    timers.pass(1);
    assert.deepEqual(failed.map((each) => each.stage), ["ice"]);
  });

  test("is restarted at once when it has failed, or when the socket is back", async () => {
    const { peer, connection } = await connected();
    connection.become("disconnected");
    peer.restart();
    assert.equal(connection.restarts, 1);
    connection.become("failed");
    timers.pass(0);
    assert.equal(connection.restarts, 2);
  });

  test("a healthy one is not restarted when the socket is back", async () => {
    const { peer, connection } = await connected();
    peer.restart();
    assert.equal(connection.restarts, 0);
  });

  test("or so the browser says, is left alone while something comes, until it says failed", async () => {
    const { peer, connection } = await connected();
    const troubles = events(peer, "trouble");
    connection.counts(100);
    await pass(1_000);
    connection.become("disconnected");
    for (let count = 101; count < 111; count += 1) {
      connection.counts(count);
      await pass(1_000);
    }
    assert.deepEqual([peer.connected, troubles.length, connection.restarts], [true, 0, 0]);
    connection.become("failed");
    timers.pass(0);
    assert.deepEqual([peer.connected, troubles.length, connection.restarts], [false, 1, 1]);
  });

  test("and of which the browser said so while something still came, is in trouble once nothing comes", async () => {
    const { connection, troubles } = await silent();
    connection.become("disconnected");
    await pass(2_000);
    assert.equal(troubles.length, 0);
    await pass(500);
    assert.equal(troubles.length, 1);
  });
});

describe("a path on which nothing comes any more, though the browser has not noticed", () => {
  test("is doubted after a second, and in trouble after two and a half", async () => {
    const { peer, doubts, troubles } = await silent();
    await pass(500);
    assert.deepEqual([doubts.length, troubles.length], [0, 0]);
    await pass(500);
    assert.deepEqual([doubts.length, troubles.length], [1, 0]);
    await pass(1_000);
    assert.deepEqual([peer.connected, troubles.length], [true, 0]);
    await pass(500);
    assert.deepEqual([peer.connected, doubts.length, troubles.length], [false, 1, 1]);
  });

  test("is looked at again after a look that failed", async () => {
    const { connection, troubles } = await silent();
    const { getStats } = connection;
    connection.getStats = async () => { throw new Error("not now"); };
    await pass(1_000);
    connection.getStats = getStats;
    await pass(5_000);
    assert.equal(troubles.length, 1);
  });

  test("is restarted once, 2 s later, and given up after 30", async () => {
    const { peer, connection } = await silent();
    const failed = events(peer, "failed");
    await pass(2_500);
    await pass(1_500);
    assert.equal(connection.restarts, 0);
    await pass(500);
    assert.equal(connection.restarts, 1);
    await pass(27_500);
    assert.deepEqual([connection.restarts, failed.length], [1, 0]);
    await pass(500);
    assert.deepEqual(failed.map((each) => each.stage), ["ice"]);
  });

  test("and that heals by itself is not restarted", async () => {
    const { peer, connection } = await silent();
    const again = events(peer, "connected");
    await pass(2_500);
    connection.counts(101);
    await pass(500);
    assert.deepEqual([peer.connected, again.length], [true, 1]);
    for (let count = 102; count < 162; count += 1) {
      connection.counts(count);
      await pass(1_000);
    }
    assert.equal(connection.restarts, 0);
  });

  test("is not taken for healed while the browser says that it is broken", async () => {
    const { peer, connection } = await silent();
    await pass(2_500);
    connection.become("disconnected");
    connection.counts(101);
    await pass(1_000);
    assert.equal(peer.connected, false);
    connection.become("connected");
    assert.equal(peer.connected, true);
  });

  test("is restarted as soon as the socket is back, and not a second time", async () => {
    const { peer, connection } = await silent();
    await pass(2_500);
    peer.restart();
    await pass(10_000);
    assert.equal(connection.restarts, 1);
  });

  test("has its time again once it was restarted", async () => {
    const { peer, connection, troubles } = await silent();
    await pass(5_000);
    connection.become("connecting");
    connection.become("connected");
    await pass(1_500);
    assert.deepEqual([peer.connected, troubles.length], [true, 1]);
    await pass(500);
    assert.deepEqual([peer.connected, troubles.length], [false, 2]);
  });

  test("is not what a page hears whose timers are held back to one a minute", async () => {
    const { connection, troubles } = await silent();
    for (let minute = 1; minute <= 5; minute += 1) {
      timers.pass(60_000);
      await settle();
      connection.counts(100 + minute);
    }
    assert.deepEqual([connection.restarts, troubles.length], [0, 0]);
  });

  test("is left alone when a little comes now and then, as from somebody who sends nothing", async () => {
    const { connection, troubles } = await silent();
    for (let count = 101; count < 131; count += 1) {
      await pass(2_000);
      connection.counts(count);
    }
    assert.deepEqual([connection.restarts, troubles.length], [0, 0]);
  });
});

test("a sample is taken after a second, and every five", async () => {
  const { peer, connection } = await connected();
  const samples = events(peer, "sample");
  connection.counts(1);
  timers.pass(1_000);
  await settle();
  assert.equal(samples.length, 1);
  for (let second = 2; second <= 11; second += 1) {
    connection.counts(second);
    timers.pass(1_000);
    await settle();
  }
  assert.equal(samples.length, 3);
});

test("after close nothing is posted and no timer runs", async () => {
  const { peer, connection } = make();
  await settle();
  peer.close();
  assert.equal(connection.signalingState, "closed");
  assert.deepEqual(timers.waiting, []);
});
