import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { END_REASONS } from "../../static/js/protocol.js";
import { isOurs } from "../../static/js/ui/navigation.js";
import { clock, endSentence, mediaSentence, presenceLine, when } from "../../static/js/ui/sentences.js";

describe("every ending has its sentence", () => {
  for (const reason of [...END_REASONS, "elsewhere", "disconnected", "refused"]) {
    for (const direction of ["outgoing", "incoming"]) {
      test(`${reason}, ${direction}`, () => {
        const said = endSentence({ reason, durationMs: null }, "Ana", direction);
        assert.ok(said.sentence.length > 5);
        assert.doesNotMatch(said.sentence + said.advice, /%\(|undefined|null/);
      });
    }
  }

  test("the ones that people know by heart", () => {
    const say = (reason, more = {}) => endSentence({ reason, durationMs: null, ...more }, "Ana", "outgoing").sentence;
    assert.equal(say("missed"), "No answer");
    assert.equal(say("busy"), "Ana is in another call");
    assert.equal(say("elsewhere"), "Answered on another device");
    assert.equal(say("revoked", { byAdmin: true }), "An admin ended the call");
    assert.equal(say("revoked"), "The call was ended");
    assert.equal(say("completed", { durationMs: 267_000 }), "Call ended · 04:27");
  });
});

test("every reason why a device cannot be used has its sentence", () => {
  for (const reason of ["denied", "missing", "in_use", "insecure", "failed"])
    for (const kind of ["microphone", "camera"]) assert.ok(mediaSentence(reason, kind).advice.length > 10);
  assert.equal(mediaSentence("in_use", "microphone").sentence, "Your microphone is used by another program");
});

test("clocks", () => {
  assert.equal(clock(0), "00:00");
  assert.equal(clock(59_999), "00:59");
  assert.equal(clock(3_600_000 + 4 * 60_000 + 27_000), "1:04:27");
});

test("presence in words", () => {
  assert.equal(presenceLine({ id: "x", status: "in_call", seconds: 720 }), "In a call · 12 min");
  assert.equal(presenceLine({ id: "x", status: "online" }), "On line");
  assert.match(presenceLine({ id: "x", status: "do_not_disturb", seconds: 60 }), /^Do not disturb until/);
});

test("when something was", () => {
  const now = new Date(2026, 10, 23, 15, 0);
  assert.match(when(new Date(2026, 10, 23, 9, 12), now), /^Today/);
  assert.match(when(new Date(2026, 10, 22, 23, 59), now), /^Yesterday/);
  assert.doesNotMatch(when(new Date(2026, 10, 20), now), /Today|Yesterday|2026/);
  assert.match(when(new Date(2025, 10, 20), now), /2025/);
});

describe("links that swap the page", () => {
  globalThis.location = new URL("https://calls.example.org/calls/");
  const link = (href, more = {}) => {
    const url = new URL(href, globalThis.location);
    return { target: "", download: "", closest: () => null, origin: url.origin, pathname: url.pathname, hash: url.hash, search: url.search, ...more };
  };
  const click = (more = {}) => ({ button: 0, ...more });

  test("are those of the app", () => {
    for (const href of ["/", "/people/ana/", "/settings/", "?before=x"]) assert.ok(isOurs(link(href), click()), href);
  });

  test("are not those that lead out of it, or that ask for another window", () => {
    for (const href of ["/admin/", "/accounts/logout/", "https://elsewhere.example/", "#page"])
      assert.ok(!isOurs(link(href), click()), href);
    assert.ok(!isOurs(link("/", { target: "_blank" }), click()));
    assert.ok(!isOurs(link("/", { closest: () => ({}) }), click()));
    for (const key of ["metaKey", "ctrlKey", "shiftKey"]) assert.ok(!isOurs(link("/"), click({ [key]: true })), key);
    assert.ok(!isOurs(link("/"), click({ button: 1 })));
  });
});
