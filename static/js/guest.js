/** Puts the parts of a guest's page together: from the secret in the address to the call, and what follows it. */

import { Telephone } from "./calls.js";
import { deviceId } from "./device.js";
import { GuestPage } from "./pages/guest.js";
import { warmUp } from "./peer.js";
import { Signaling } from "./signaling.js";
import { Sound } from "./sound.js";
import { pageSettings, post, postLastWord } from "./ui/dom.js";
import { endSentence } from "./ui/sentences.js";
import { Stage } from "./ui/stage.js";

/** Endings after which it makes sense to wait for the other. */
const WORTH_WAITING = ["missed", "busy", "unavailable"];

const settings = pageSettings();
const device = await deviceId();
const page = new GuestPage();
let passcode = "";
/** @type {(import("./pages/guest.js").LinkView & {owner: import("./protocol.js").PersonView})|null} */
let link = null;
/** @type {"video"|"voice"} */
let kind = "video";
let waiting = false;
/** Whether the other has been away since the last call. */
let seenAway = false;

/** @type {Signaling} */
const signaling = new Signaling({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/`,
  device,
  pingSeconds: settings.pingSeconds,
  deadSeconds: settings.deadSeconds,
  heldCalls: () => telephone.heldCalls(),
  isHidden: () => document.visibilityState === "hidden",
});
const telephone = new Telephone({
  signaling,
  device,
  connectSeconds: settings.connectSeconds,
  restartSeconds: settings.restartSeconds,
  giveUpSeconds: settings.giveUpSeconds,
  lastWord: (report) => postLastWord(device, report),
});

// Before the stage draws: what a guest may do after a call stands on the page, not on the stage.
telephone.addEventListener("change", () => {
  const session = telephone.current;
  if (!session?.ended || !link) return;
  const { ended, person, direction } = session;
  telephone.dismiss();
  // Who did not answer is called again when they come back; who was not there, when they are.
  seenAway = ended.reason !== "missed";
  if (ended.reason === "disconnected" || ended.code === "link_closed") look();
  else
    page.showAfter(endSentence(ended, person.name, direction), link.owner.name, {
      wait: WORTH_WAITING.includes(ended.reason),
      write: ended.reason !== "completed",
    });
});
new Stage(telephone, new Sound());

/** @param {string} path @param {Record<string, string>} fields @returns {Promise<any>} what the server says; null if it cannot be reached */
async function ask(path, fields) {
  try {
    const response = await post(path, new URLSearchParams({ secret: location.hash.slice(1), passcode, ...fields }));
    return response.status === 204 ? {} : await response.json();
  } catch {
    page.show("offline");
    return null;
  }
}

/** Ask what the link in the address is, and show it. */
async function look() {
  show(await ask("/l/look", {}));
}

/** @param {import("./pages/guest.js").LinkView|null} said */
function show(said) {
  if (!said) return;
  if (said.passcode) return page.askPasscode(said.passcode === "wrong");
  if (said.state !== "open" || !said.owner) return page.showClosed(said);
  link = { ...said, owner: said.owner };
  if (said.page) return page.showSignedIn(said);
  page.showEntry(link);
  // Somebody who was let in before may have been in a call when the page was loaded again.
  if (said.guest && signaling.state === "idle") signaling.connect();
}

/** @param {"video"|"voice"} wanted */
function call(wanted) {
  if (!link) return;
  kind = wanted;
  waiting = false;
  page.show("loading");
  if (signaling.state === "idle" || signaling.state === "stopped") signaling.connect();
  telephone.place(link.owner, kind);
}

page.addEventListener("passcode", (event) => {
  passcode = String(/** @type {CustomEvent} */ (event).detail.get("passcode"));
  look();
});

page.addEventListener("entry", async (event) => {
  /** @type {FormData} */
  const fields = /** @type {CustomEvent} */ (event).detail;
  const wanted = fields.get("kind") === "voice" || link?.kind === "voice" ? "voice" : "video";
  if (link?.guest) return call(wanted);
  const said = await ask("/l/enter", { name: String(fields.get("name")), line: String(fields.get("line")) });
  if (said?.errors) return page.showErrors(said.errors);
  if (!said || said.passcode || said.state !== "open") return show(said);
  link = said;
  call(wanted);
});

page.addEventListener("again", () => call(kind));

page.addEventListener("wait", () => {
  if (!link) return;
  waiting = true;
  page.showWaiting(link.owner.name);
  signaling.watch([link.owner.id]);
});

page.addEventListener("stop-waiting", () => {
  waiting = false;
  if (link) page.showEntry(link);
});

page.addEventListener("message", async (event) => {
  const said = await ask("/l/message", { text: String(/** @type {CustomEvent} */ (event).detail.get("text")) });
  if (said?.errors) page.showErrors(said.errors);
  else if (said && link) page.showLeft(link.owner.name);
});

telephone.addEventListener("presence", (event) => {
  const [view] = /** @type {CustomEvent} */ (event).detail;
  if (!view || !waiting || view.id !== link?.owner.id) return;
  if (view.status !== "online") seenAway = true;
  else if (seenAway) call(kind);
});

// Sent away: the link says why.
signaling.addEventListener("state", () => signaling.state === "stopped" && !telephone.busy && look());
addEventListener("hashchange", () => location.reload());
addEventListener("online", () => signaling.wake());
addEventListener("pagehide", () => telephone.leaving());
addEventListener("beforeunload", (event) => telephone.busy && event.preventDefault());
document.addEventListener("visibilitychange", () => signaling.wake());
warmUp();
look();
