/** What only the admin's own browser can find out: whether it may use devices, reach the socket, and get through the relay. */

import { gather } from "../relay_probe.js";
import { roundTrip } from "../signaling.js";
import { _, interpolate } from "../text.js";

const list = /** @type {HTMLElement} */ (document.querySelector("#browser"));
const blank = /** @type {HTMLTemplateElement} */ (document.querySelector("#finding"));

/** @param {"ok"|"note"|"problem"} status @param {string} title @param {string} says @param {string} [advice] */
function show(status, title, says, advice = "") {
  const row = /** @type {HTMLElement} */ (blank.content.firstElementChild?.cloneNode(true));
  row.dataset.status = status;
  const [mark, name, what, quiet] = row.querySelectorAll("span, b");
  mark.textContent = { ok: _("ok"), note: _("note"), problem: _("problem") }[status];
  name.textContent = title;
  what.textContent = says;
  quiet.textContent = advice;
  list.append(row);
}

function secure() {
  const title = _("Secure context");
  if (isSecureContext) show("ok", title, _("This browser gives camera and microphone to this address."));
  else show("problem", title, _("This browser gives neither camera nor microphone to this address."), _("Open it by https."));
}

async function socket() {
  const title = _("WebSocket");
  try {
    const ms = await roundTrip(location.origin.replace("http", "ws") + "/ws/");
    show("ok", title, interpolate(_("It answers after %(ms)s ms."), { ms: Math.round(ms) }));
  } catch (error) {
    show("problem", title, _("It does not answer."), _("The proxy must pass on Upgrade and Connection for /ws/."));
  }
}

/** @returns {Promise<RTCIceServer[]>} */
async function servers() {
  const headers = { "X-CSRFToken": list.dataset.csrf ?? "" };
  const response = await fetch(list.dataset.relay ?? "", { method: "POST", headers });
  return (await response.json()).ice_servers;
}

async function relay() {
  const title = _("Relay");
  const all = await servers();
  if (!all.length) return show("note", title, _("No relay is set."), _("Set TURN_URLS and TURN_SECRET."));
  for (const { urls, ...rest } of all) for (const url of urls) await one(title, url, rest);
}

/** @param {string} title @param {string} url @param {object} credentials */
async function one(title, url, credentials) {
  const wanted = url.startsWith("stun") ? "srflx" : "relay";
  const { types, errors } = await gather([{ urls: [url], ...credentials }]);
  if (types.includes(wanted)) show("ok", title, interpolate(_("%(url)s serves this browser."), { url }));
  else if (wanted === "srflx") show("note", title, interpolate(_("%(url)s tells no other address."), { url }), _("Right where no router lies between."));
  else show("problem", title, interpolate(_("%(url)s gives this browser no address (%(errors)s)."), { url, errors: errors.join(", ") || _("no answer") }), _("See whether a firewall lets its port through, UDP and TCP."));
}

secure();
await socket();
await relay();
list.dataset.done = "true";
