/** Choosing microphone, camera and speaker: fills every select with `data-device` below a root. */

import { _, interpolate } from "../text.js";

/** @typedef {import("../media.js").Media} Media */

/**
 * @param {ParentNode} root
 * @param {{devices: () => Promise<MediaDeviceInfo[]>, chosen: (kind: MediaDeviceKind) => string}} media
 * @returns {Promise<number>} how many selects have something to choose
 */
export async function fillDevices(root, media) {
  const devices = await media.devices();
  let filled = 0;
  for (const select of /** @type {NodeListOf<HTMLSelectElement>} */ (root.querySelectorAll("select[data-device]"))) {
    const kind = /** @type {MediaDeviceKind} */ (select.dataset.device);
    const choices = devices.filter((device) => device.kind === kind && device.deviceId !== "");
    select.replaceChildren(...choices.map((device, index) => option(device, index)));
    if (choices.some((device) => device.deviceId === media.chosen(kind))) select.value = media.chosen(kind);
    const row = select.closest("label, .field");
    if (row instanceof HTMLElement) row.hidden = choices.length === 0;
    if (choices.length) filled += 1;
  }
  return filled;
}

/** @param {MediaDeviceInfo} device @param {number} index */
function option(device, index) {
  const element = document.createElement("option");
  element.value = device.deviceId;
  element.textContent = device.label || interpolate(_("Device %(n)s"), { n: index + 1 });
  return element;
}
