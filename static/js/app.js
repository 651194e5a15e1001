/** Puts the parts of a signed-in page together. */

import { Telephone } from "./calls.js";
import { deviceId } from "./device.js";
import { warmUp } from "./peer.js";
import { CLOSE_CODES } from "./protocol.js";
import { arrivedAtPeople, showPresence, shownPeople } from "./pages/people.js";
import { arrivedAtRecents } from "./pages/recents.js";
import { arrivedAtAddresses } from "./pages/links.js";
import { arrivedAtSettings } from "./pages/settings.js";
import { Signaling } from "./signaling.js";
import { Sound } from "./sound.js";
import { _, interpolate } from "./text.js";
import { Navigation } from "./ui/navigation.js";
import { one, pageSettings, postLastWord } from "./ui/dom.js";
import { Rings } from "./ui/ring.js";
import { hour, when } from "./ui/sentences.js";
import { Stage } from "./ui/stage.js";
import { toast } from "./ui/toasts.js";

const IDLE_MS = 5 * 60_000;
const CONNECTION_BAR_MS = 3000;
const PRESENCE_REFRESH_MS = 60_000;

const settings = pageSettings();
const device = await deviceId();

let touchedAt = performance.now();
for (const type of ["pointerdown", "keydown", "pointermove"])
  document.addEventListener(type, () => (touchedAt = performance.now()), { passive: true });

const sound = new Sound();
let undisturbed = false;
/** @type {Signaling} */
const signaling = new Signaling({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/`,
  device,
  pingSeconds: settings.pingSeconds,
  deadSeconds: settings.deadSeconds,
  heldCalls: () => telephone.heldCalls(),
  isIdle: () => performance.now() - touchedAt > IDLE_MS,
  isHidden: () => document.visibilityState === "hidden",
});
const telephone = new Telephone({
  signaling,
  device,
  connectSeconds: settings.connectSeconds,
  restartSeconds: settings.restartSeconds,
  giveUpSeconds: settings.giveUpSeconds,
  lastWord: (report) => postLastWord(device, report),
  isUndisturbed: () => undisturbed,
});

const stage = new Stage(telephone, sound);
new Rings(telephone, sound, () => undisturbed);

telephone.addEventListener("presence", (event) => {
  const views = /** @type {CustomEvent} */ (event).detail;
  for (const view of views) if (view.id === settings.me) undisturbed = view.status === "do_not_disturb";
  showPresence(views);
});

telephone.addEventListener("notice", (event) => {
  const { kind, person } = /** @type {CustomEvent} */ (event).detail;
  /** @type {Record<string, string>} */
  const sentences = {
    answered_elsewhere: _("Answered on another device"),
    declined_elsewhere: _("Declined on another device"),
    missed: _("You missed a call from %(name)s"),
    ended: _("%(name)s stopped calling"),
  };
  toast(interpolate(sentences[kind], { name: person.name }));
  if (kind === "missed") countMissed();
});

sound.addEventListener("blocked", () => (one("#sound-bar").hidden = !sound.blocked));
one("#sound-bar button").onclick = () => sound.unlock();

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-call]") : null;
  const holder = button?.closest("[data-person]");
  if (!(button instanceof HTMLButtonElement) || !(holder instanceof HTMLElement)) return;
  const { person = "", name = "", handle = "", hueOf = "0" } = holder.dataset;
  const kind = button.dataset.call === "video" ? "video" : "voice";
  if (telephone.busy) toast(_("You are in a call. Hang up first."));
  else telephone.place({ id: person, name, handle, hue: Number(hueOf) }, kind);
});

document.cookie = `zone=${Intl.DateTimeFormat().resolvedOptions().timeZone};path=/;max-age=31536000;samesite=lax`;

new Navigation({
  mayLeave: () => !telephone.busy,
  arrived() {
    stage.setSmall(true);
    drawTimes();
    telephone.watch(shownPeople());
    const page = one("#page").dataset.page;
    if (page === "people") arrivedAtPeople();
    else if (page === "recents") arrivedAtRecents(drawTimes);
    else if (page === "settings") arrivedAtSettings(sound);
    arrivedAtAddresses();
  },
});

function drawTimes() {
  for (const time of document.querySelectorAll("time[data-when], time[data-local]"))
    time.textContent = when(new Date(time.getAttribute("datetime") ?? ""), new Date());
  for (const time of document.querySelectorAll("time[data-hour]"))
    time.textContent = hour(new Date(time.getAttribute("datetime") ?? ""));
}

let barTimer = 0;
signaling.addEventListener("state", () => {
  clearTimeout(barTimer);
  const bar = one("#connection-bar");
  if (signaling.state === "open") {
    bar.hidden = true;
    return;
  }
  barTimer = setTimeout(() => {
    bar.hidden = false;
    one("[data-text]", bar).textContent = connectionText();
  }, signaling.state === "stopped" ? 0 : CONNECTION_BAR_MS);
});

function connectionText() {
  switch (signaling.stoppedBy) {
    case null:
      return _("Reconnecting to the server…");
    case CLOSE_CODES.SIGNED_OUT:
      return _("You are signed out. Load the page again to sign in.");
    case CLOSE_CODES.REPLACED:
      return _("This page was opened a second time. Go on there, or load this one again.");
    case CLOSE_CODES.PROTOCOL_TOO_OLD:
      return _("Earshot has been updated. Load the page again.");
    default:
      return _("The server has ended the connection. Load the page again.");
  }
}

function countMissed() {
  const badge = one("#missed");
  const count = Number(badge.dataset.count) + 1;
  badge.dataset.count = String(count);
  badge.hidden = false;
  const [seen, said] = badge.children;
  seen.textContent = String(count);
  said.textContent = interpolate(_("%(n)s missed calls"), { n: count });
}

addEventListener("online", () => signaling.wake());
addEventListener("pagehide", () => telephone.leaving());
document.addEventListener("visibilitychange", () => signaling.wake());
setInterval(() => telephone.watch(shownPeople()), PRESENCE_REFRESH_MS);
if ("requestIdleCallback" in window) requestIdleCallback(() => warmUp());
else setTimeout(warmUp, 500);
signaling.connect();
