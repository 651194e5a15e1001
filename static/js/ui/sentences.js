/** What happened, as people would say it, and what one may do about it. Every ending of a call has its sentence here. */

import { _, interpolate } from "../text.js";

/** @typedef {import("../call.js").Ended} Ended */
/** @typedef {import("../media.js").MediaReason} MediaReason */
/** @typedef {import("../media.js").MediaKind} MediaKind */
/** @typedef {{sentence: string, advice: string, again: boolean}} Said */

/** A length of time as a clock: 04:27, 1:04:27. @param {number} ms */
export function clock(ms) {
  const all = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${two(minutes)}:${two(seconds)}`;
}

/** @param {Ended} ended @param {string} name the other person's @param {"outgoing"|"incoming"} direction @returns {Said} */
export function endSentence(ended, name, direction) {
  const say = (/** @type {string} */ text, advice = "", again = true) => ({
    sentence: interpolate(text, { name, time: ended.durationMs === null ? "" : clock(ended.durationMs) }),
    advice: interpolate(advice, { name }),
    again,
  });
  switch (ended.reason) {
    case "completed":
      return ended.durationMs === null ? say(_("Call ended")) : say(_("Call ended · %(time)s"));
    case "declined":
      return say(_("%(name)s declined the call"));
    case "cancelled":
      return direction === "outgoing" ? say(_("You cancelled the call")) : say(_("%(name)s stopped calling"));
    case "missed":
      return direction === "outgoing"
        ? say(_("No answer"), _("%(name)s will see that you called."))
        : say(_("It has stopped ringing"), _("You were a moment too late. Call %(name)s back."));
    case "busy":
      return say(_("%(name)s is in another call"), _("They will see that you called."));
    case "unavailable":
      return say(_("%(name)s is not on line"), _("They will see that you called."));
    case "failed":
      if (ended.brokeOff) return say(_("The connection broke off · %(time)s"), _("It did not come back. Look to your network, then call again."));
      return say(_("The call could not be connected"), failureAdvice(ended.failure));
    case "lost":
      return say(_("The connection to %(name)s was lost"), _("One of you has been off line for too long."));
    case "revoked":
      return ended.byAdmin
        ? say(_("An admin ended the call"), "", false)
        : say(_("The call was ended"), _("A change of somebody's account or link ended it."), false);
    case "elsewhere":
      return say(_("Answered on another device"), "", false);
    case "disconnected":
      return say(_("You are no longer connected"), _("Load the page again, and sign in if it asks you to."), false);
    case "refused":
      return refusal(ended.code, say);
  }
}

/** @param {string|undefined} code @param {(text: string, advice?: string, again?: boolean) => Said} say */
function refusal(code, say) {
  switch (code) {
    case "already_in_call":
      return say(_("You are in a call already"), _("It is on another device of yours. Hang up there first."));
    case "too_late":
    case "wrong_state":
    case "no_such_call":
      return say(_("It has stopped ringing"));
    case "too_many":
      return say(_("That was too fast"), _("Wait a moment, then try again."));
    case "not_allowed":
      return say(_("This call is not possible"), "", false);
    case "link_closed":
      return say(_("This link lets nobody call now"), "", false);
    default:
      return say(_("The server could not place the call"), _("Try again in a moment."));
  }
}

/** @param {import("../protocol.js").FailureStage|undefined} stage */
function failureAdvice(stage) {
  switch (stage) {
    case "signaling":
      return _("The other side did not answer in time. They may be deciding about their camera; try again.");
    case "turn":
      return _("The relay did not let you in. That is for an admin to mend: tell them.");
    case "ice":
    case "dtls":
      return _("Your networks did not let the two of you through. Another network may help; an admin can set up a relay.");
    case "permission":
    case "device":
      return _("A microphone or camera could not be used.");
    default:
      return _("Check both connections, then try again.");
  }
}

/** Why the microphone or camera cannot be used, and what helps. @param {MediaReason} reason @param {MediaKind} kind @returns {Said} */
export function mediaSentence(reason, kind) {
  const microphone = kind === "microphone";
  switch (reason) {
    case "denied":
      return {
        sentence: microphone ? _("This browser may not use your microphone") : _("This browser may not use your camera"),
        advice: _("Allow it at the left end of the address bar, then try again."),
        again: true,
      };
    case "missing":
      return {
        sentence: microphone ? _("No microphone was found") : _("No camera was found"),
        advice: _("Plug one in, then try again, or go on without it."),
        again: true,
      };
    case "in_use":
      return {
        sentence: microphone
          ? _("Your microphone is used by another program")
          : _("Your camera is used by another program"),
        advice: _("Close the other program, then try again, or go on without it."),
        again: true,
      };
    case "insecure":
      return {
        sentence: _("Browsers give microphone and camera to secure pages only"),
        advice: _("Open Earshot by https, or on this very machine by localhost."),
        again: false,
      };
    case "failed":
      return {
        sentence: microphone ? _("Your microphone could not be opened") : _("Your camera could not be opened"),
        advice: _("Try again, or choose another device."),
        again: true,
      };
  }
}

/** @param {import("../protocol.js").PresenceView} view */
export function presenceLine(view) {
  const minutes = Math.round((view.seconds ?? 0) / 60);
  switch (view.status) {
    case "online":
      return _("On line");
    case "away":
      return _("Away");
    case "in_call":
      return minutes ? interpolate(_("In a call · %(n)s min"), { n: minutes }) : _("In a call");
    case "do_not_disturb":
      return view.seconds === undefined
        ? _("Do not disturb")
        : interpolate(_("Do not disturb until %(time)s"), { time: hour(new Date(Date.now() + view.seconds * 1000)) });
    case "offline":
      return _("Off line");
  }
}

/** @param {Date} moment */
export function hour(moment) {
  return moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** When something was, as short as it stays clear. @param {Date} moment @param {Date} now */
export function when(moment, now) {
  const days = Math.round((startOfDay(now) - startOfDay(moment)) / 86_400_000);
  if (days < 0) return moment.toLocaleString([], { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  if (days === 0) return interpolate(_("Today %(time)s"), { time: hour(moment) });
  if (days === 1) return interpolate(_("Yesterday %(time)s"), { time: hour(moment) });
  if (days < 7) return moment.toLocaleDateString([], { weekday: "long" });
  const year = moment.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return moment.toLocaleDateString([], { day: "numeric", month: "short", year });
}

/** A day as the heading of what was on it. @param {Date} day @param {Date} now */
export function dayName(day, now) {
  const days = Math.round((startOfDay(now) - startOfDay(day)) / 86_400_000);
  if (days === 0) return _("Today");
  if (days === 1) return _("Yesterday");
  const year = day.getFullYear() === now.getFullYear() ? undefined : "numeric";
  return day.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year });
}

/** @param {Date} moment */
function startOfDay(moment) {
  return new Date(moment.getFullYear(), moment.getMonth(), moment.getDate()).getTime();
}
