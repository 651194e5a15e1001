import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import { Meter, mos, quality, QualityLog, REPORT_SAMPLES, route, Silence } from "../../static/js/quality.js";

const vectors = JSON.parse(readFileSync(new URL("../core/mos.json", import.meta.url), "utf8"));

/** A statistics report as a browser gives it. */
function report({ timestamp = 0, audio = {}, video = {}, pair = {}, local = "host", remote = "host", transport = true } = {}) {
  return new Map(
    [
      transport && { id: "T", type: "transport", selectedCandidatePairId: "P" },
      { id: "P", type: "candidate-pair", timestamp, nominated: true, state: "succeeded", localCandidateId: "L", remoteCandidateId: "R", ...pair },
      { id: "L", type: "local-candidate", candidateType: local },
      { id: "R", type: "remote-candidate", candidateType: remote },
      audio && { id: "A", type: "inbound-rtp", kind: "audio", ...audio },
      video && { id: "V", type: "inbound-rtp", kind: "video", ...video },
    ]
      .filter(Boolean)
      .map((each) => [each.id, each]),
  );
}

describe("a sample", () => {
  test("is what happened since the last", () => {
    const meter = new Meter();
    meter.sample(
      report({
        timestamp: 1000,
        pair: { bytesSent: 1000, bytesReceived: 2000 },
        audio: { packetsLost: 5, packetsReceived: 100, totalSamplesReceived: 48_000, concealedSamples: 4800, silentConcealedSamples: 0 },
        video: { packetsLost: 1, packetsReceived: 50, framesDecoded: 20 },
      }),
      1,
      0,
    );
    const sample = meter.sample(
      report({
        timestamp: 6000,
        pair: { bytesSent: 501_000, bytesReceived: 252_000, currentRoundTripTime: 0.0423 },
        audio: { jitter: 0.004, packetsLost: 15, packetsReceived: 190, totalSamplesReceived: 288_000, concealedSamples: 9600, silentConcealedSamples: 2400 },
        video: { packetsLost: 1, packetsReceived: 150, framesDecoded: 120, frameWidth: 640, frameHeight: 480, framesPerSecond: 24 },
        local: "relay",
      }),
      7,
      2,
    );
    assert.deepEqual(sample, {
      at: 7, round_trip_ms: 42.3, jitter_ms: 4, loss: 0.1, concealed: 0.01, video_loss: 0, send_kbps: 800, receive_kbps: 400,
      width: 640, height: 480, frames_per_second: 24, local: "relay", remote: "host", reconnects: 2,
    });
  });

  test("leaves out what could not be measured, and a picture that stands still", () => {
    const sample = new Meter().sample(report({ audio: null, video: { frameWidth: 640, framesDecoded: 0 } }), 1, 0);
    assert.deepEqual(sample, { at: 1, local: "host", remote: "host", reconnects: 0 });
  });

  test("takes no loss from a counter that goes back, as after late packets", () => {
    const meter = new Meter();
    meter.sample(report({ audio: { packetsLost: 9, packetsReceived: 10 } }), 1, 0);
    assert.equal(meter.sample(report({ audio: { packetsLost: 7, packetsReceived: 60 } }), 2, 0).loss, 0);
  });

  test("finds the pair without a transport's word", () => {
    assert.equal(new Meter().sample(report({ transport: false, remote: "srflx" }), 1, 0).remote, "srflx");
  });

  test("before there is a pair is only what it is", () => {
    assert.deepEqual(new Meter().sample(new Map(), 3, 0), { at: 3, reconnects: 0 });
  });
});

describe("silence", () => {
  test("is counted in reports in a row with nothing new", () => {
    const silence = new Silence();
    const after = (packetsReceived) => {
      silence.listen(new Map([["T", { id: "T", type: "transport", packetsReceived }]]));
      return silence.reports;
    };
    assert.deepEqual([7, 8, 8, 8, 9, 9].map(after), [0, 0, 1, 2, 0, 1]);
  });

  for (const counter of ["bytesReceived", "requestsReceived", "responsesReceived"])
    test(`is broken by ${counter} of the pair in use`, () => {
      const silence = new Silence();
      for (const count of [5, 5, 6]) silence.listen(report({ pair: { packetsReceived: 1, [counter]: count } }));
      assert.equal(silence.reports, 0);
    });

  test("is not broken by another pair that starts from nothing", () => {
    const silence = new Silence();
    silence.listen(report({ pair: { bytesReceived: 100 } }));
    silence.listen(report({ pair: { id: "Q", bytesReceived: 0 }, transport: false }));
    assert.equal(silence.reports, 1);
  });

  test("is not known of a browser that counts nothing", () => {
    const silence = new Silence();
    for (let count = 0; count < 9; count += 1) silence.listen(report());
    assert.equal(silence.reports, 0);
  });
});

describe("reports", () => {
  test("hold a minute each, are numbered, and say how long ago", () => {
    let now = 0;
    const sent = [];
    const log = new QualityLog((number, samples) => sent.push([number, samples]), () => now);
    for (let each = 0; each < REPORT_SAMPLES + 2; each += 1) log.add({ at: (now += 5000), reconnects: 0 });
    assert.equal(sent.length, 1);
    assert.deepEqual(sent[0][1].map((sample) => sample.ago_ms).slice(-3), [10_000, 5_000, 0]);
    log.flush();
    log.flush();
    assert.deepEqual(sent.map(([number, samples]) => [number, samples.length]), [[1, 12], [2, 2]]);
    assert.ok(sent[1][1].every((sample) => !("at" in sample)));
  });
});

test("the score is the server's", () => {
  for (const [roundTrip, jitter, lost, score] of vectors) assert.equal(mos(roundTrip, jitter, lost).toFixed(3), score.toFixed(3));
});

test("quality is a word for what people notice", () => {
  assert.equal(quality({ at: 0, reconnects: 0, round_trip_ms: 40, loss: 0 }), "good");
  assert.equal(quality({ at: 0, reconnects: 0, round_trip_ms: 40, loss: 0.08 }), "fair");
  assert.equal(quality({ at: 0, reconnects: 0, round_trip_ms: 40, loss: 0, concealed: 0.3 }), "poor");
  assert.equal(quality({ at: 0, reconnects: 0, round_trip_ms: 900, loss: 0 }), "poor");
  assert.equal(quality({ at: 0, reconnects: 0, video_loss: 0.3 }), "poor");
});

test("a pair is relayed if either end is", () => {
  assert.equal(route({ local: "host", remote: "prflx" }), "direct");
  assert.equal(route({ local: "host", remote: "relay" }), "relay");
  assert.equal(route({ local: "host" }), null);
});
