/** Settings: what only a script can do, devices, the ring and notifications. */

import { Media } from "../media.js";
import { _ } from "../text.js";
import { fillDevices } from "../ui/devices.js";
import { Notifier } from "../ui/notify.js";

/** @param {import("../sound.js").Sound} sound */
export async function arrivedAtSettings(sound) {
  const zone = document.querySelector("[data-fill='time-zone']");
  if (zone instanceof HTMLInputElement) zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const section = document.querySelector("[data-devices]");
  if (!(section instanceof HTMLElement)) return;
  section.hidden = false;
  wireSound(section, sound);
  wireNotifications(section);
  if (!navigator.mediaDevices) return;
  const media = new Media();
  section.addEventListener("change", (event) => {
    const select = event.target;
    if (select instanceof HTMLSelectElement && select.dataset.device)
      localStorage.setItem(`earshot.${select.dataset.device}`, select.value);
  });
  await fillDevices(section, media);
}

/** @param {HTMLElement} section @param {import("../sound.js").Sound} sound */
function wireSound(section, sound) {
  const button = section.querySelector("[data-action='test-sound']");
  if (!(button instanceof HTMLButtonElement)) return;
  button.hidden = false;
  button.onclick = async () => {
    await sound.unlock();
    sound.test();
  };
}

/** @param {HTMLElement} section */
function wireNotifications(section) {
  const button = section.querySelector("[data-action='ask-notifications']");
  const notifier = new Notifier();
  if (!(button instanceof HTMLButtonElement) || !notifier.possible) return;
  button.hidden = notifier.allowed;
  button.onclick = async () => {
    const allowed = await notifier.ask();
    button.hidden = allowed;
    const say = section.querySelector("[data-say]");
    if (say)
      say.textContent = allowed
        ? _("Calls are shown as notifications while this page is hidden.")
        : _("Your browser does not allow notifications for this page. Allow them at the left end of the address bar.");
  };
}
