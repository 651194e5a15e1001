/**
 * The id of this device: one browser tab. Kept in sessionStorage, so that it survives a reload; a duplicated tab
 * copies sessionStorage, so a lock that only one living page can hold decides whose id it is.
 */

const KEY = "earshot.device";

/** @returns {string} 22 characters: 128 bits */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * @param {{storage?: Storage, locks?: LockManager|undefined}} [parts]
 * @returns {Promise<string>}
 */
export async function deviceId({ storage = sessionStorage, locks = navigator.locks } = {}) {
  const kept = storage.getItem(KEY);
  if (kept && (!locks || (await holds(locks, kept)))) return kept;
  const id = randomId();
  storage.setItem(KEY, id);
  if (locks) await holds(locks, id); // nobody else has it; where a browser refuses locks, it has to do without
  return id;
}

/**
 * Whether this page could take the lock, which it then holds for as long as it lives. A page that reloads may
 * find its own lock held for a moment by the page it replaces, so it waits a little before it gives up.
 * @param {LockManager} locks @param {string} id @returns {Promise<boolean>}
 */
function holds(locks, id) {
  return new Promise((resolve) => {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), 400);
    locks
      .request(`earshot.device.${id}`, { signal: patience.signal }, () => {
        clearTimeout(timer);
        resolve(true);
        return new Promise(() => {});
      })
      .catch(() => resolve(false));
  });
}
