/**
 * The words of the protocol (docs/protocol.md), the same as in calls/core/vocabulary.py; a test compares the two.
 *
 * @typedef {"voice"|"video"} Kind
 * @typedef {"ringing"|"joined"|"left"|"declined"|"missed"|"busy"|"lost"} LegState
 * @typedef {"ringing"|"active"|"ended"} CallState
 * @typedef {"completed"|"declined"|"cancelled"|"missed"|"busy"|"unavailable"|"failed"|"lost"|"revoked"} EndReason
 * @typedef {"permission"|"device"|"signaling"|"turn"|"ice"|"dtls"|"media"} FailureStage
 * @typedef {"online"|"in_call"|"do_not_disturb"|"away"|"offline"} PresenceStatus
 *
 * @typedef {{id: string, name: string, handle: string, hue: number, guest?: {title: string, line: string}}} PersonView
 * @typedef {"open"|"unknown"|"not_yet"|"expired"|"used_up"|"out_of_hours"|"paused"|"revoked"} LinkState
 * @typedef {{id: string, role: "caller"|"callee", state: LegState, person: PersonView, epoch: number,
 *   alerted: boolean, device?: string, failure?: FailureStage}} LegView
 * @typedef {{id: string, rev: number, kind: Kind, state: CallState, me: string, legs: LegView[],
 *   end_reason?: EndReason, by_admin?: boolean, ring_left_ms?: number, active_ms?: number, relay_only?: boolean,
 *   ice_servers?: RTCIceServer[]}} Snapshot
 * @typedef {{id: string, status: PresenceStatus, seconds?: number}} PresenceView
 *
 * @typedef {{kind: "offer"|"answer", sdp: string}
 *   | {kind: "candidate", candidate: string, sdpMid: string|null, sdpMLineIndex: number|null, usernameFragment: string|null}
 *   | {kind: "media", microphone: boolean, camera: boolean}} PeerBody
 * @typedef {{type: "peer", call: string, from: string, epoch: number, to_epoch: number, seq: number, ack: number,
 *   body?: PeerBody|null}} PeerMessage
 */

export const PROTOCOL_VERSION = 1;

export const KINDS = Object.freeze(["voice", "video"]);
export const ROLES = Object.freeze(["caller", "callee"]);
export const LEG_STATES = Object.freeze(["ringing", "joined", "left", "declined", "missed", "busy", "lost"]);
export const CALL_STATES = Object.freeze(["ringing", "active", "ended"]);
export const END_REASONS = Object.freeze([
  "completed", "declined", "cancelled", "missed", "busy", "unavailable", "failed", "lost", "revoked",
]);
export const FAILURE_STAGES = Object.freeze(["permission", "device", "signaling", "turn", "ice", "dtls", "media"]);
export const PRESENCE = Object.freeze(["online", "in_call", "do_not_disturb", "away", "offline"]);

export const LINK_STATES = Object.freeze([
  "open", "unknown", "not_yet", "expired", "used_up", "out_of_hours", "paused", "revoked",
]);

export const CLOSE_CODES = Object.freeze({
  RESTARTING: 4000,
  SILENT: 4001,
  TOO_SLOW: 4002,
  TRY_AGAIN: 4003,
  MOVE_ON: 4004,
  SIGNED_OUT: 4500,
  PROTOCOL_TOO_OLD: 4501,
  REPLACED: 4502,
  BAD_MESSAGES: 4503,
  FLOOD: 4504,
  FOREIGN_ORIGIN: 4505,
});

/** From here on a close code means: do not come back by yourself. */
export const FIRST_FINAL_CLOSE_CODE = 4500;

/** @param {Snapshot} call @returns {LegView} */
export function myLeg(call) {
  const leg = call.legs.find((each) => each.id === call.me);
  if (!leg) throw new Error(`snapshot of ${call.id} without its own leg`);
  return leg;
}

/** The other leg of a direct call. @param {Snapshot} call @returns {LegView} */
export function otherLeg(call) {
  const leg = call.legs.find((each) => each.id !== call.me);
  if (!leg) throw new Error(`snapshot of ${call.id} without another leg`);
  return leg;
}
