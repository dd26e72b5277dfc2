import { DatabaseStore } from "./database.js";
import { MemoryStore } from "./store.js";

/** @import {StorageState} from "./states.js" */
/** @import {Store} from "./store.js" */

/**
 * Open what is to be kept on this device; where that is refused, go on in memory, and say so.
 *
 * @param {Store | undefined} given
 * @param {string} name
 * @returns {Promise<{store: Store, state: StorageState}>}
 */
export async function openStore(given, name) {
  if (given !== undefined) {
    const kind = given instanceof MemoryStore ? "memory" : "disk";
    return { store: given, state: { what: "storage", kind, isPersistent: kind === "disk", reason: "given" } };
  }
  try {
    const store = await DatabaseStore.open(`ringpost:${name}`);
    return { store, state: { what: "storage", kind: "disk", isPersistent: await persists(), reason: "" } };
  } catch (error) {
    return { store: new MemoryStore(), state: { what: "storage", kind: "memory", isPersistent: false, reason: String(error) } };
  }
}

/** Ask that the browser does not clear it when space gets short; it may say no. */
async function persists() {
  return (await globalThis.navigator?.storage?.persist?.().catch(() => false)) ?? false;
}
