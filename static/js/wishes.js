/** What this device wanted to send in a call, kept so that it may want the same after a reload. */

const KEY = "earshot.wishes";

/** @typedef {{microphone: boolean, camera: boolean}} Wants */

/** @param {Storage} storage @param {string} call @param {Wants} wants */
export function keepWishes(storage, call, wants) {
  storage.setItem(KEY, JSON.stringify({ call, wants }));
}

/** @param {Storage} storage @param {string} call @returns {Wants|null} */
export function keptWishes(storage, call) {
  try {
    const kept = JSON.parse(storage.getItem(KEY) ?? "null");
    return kept?.call === call ? { microphone: kept.wants.microphone === true, camera: kept.wants.camera === true } : null;
  } catch {
    return null;
  }
}
