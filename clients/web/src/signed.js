const NAME = "ringpost-device";
const STORE = "signed";
const KEY = "user";
const WAIT_MS = 3000;

/*
 * Who signed in on this device. It is in IndexedDB, since a browser writes what is put into localStorage to the disk some five
 * seconds later: one that was killed before would ask who one is, and keep to itself what is in the outbox.
 */

/**
 * Return who signed in last; null if nobody did, or if this device does not tell.
 *
 * @returns {Promise<string | null>}
 */
export async function remembered() {
  const user = await changed("readonly", (store) => store.get(KEY)).catch(() => null);
  return typeof user === "string" ? user : null;
}

/**
 * Resolves once it is on the disk, or can't be.
 *
 * @param {string} user
 */
export async function remember(user) {
  await changed("readwrite", (store) => store.put(user, KEY)).catch(() => {});
}

export async function forget() {
  await changed("readwrite", (store) => store.delete(KEY)).catch(() => {});
}

/**
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} change
 * @returns {Promise<unknown>}
 */
function changed(mode, change) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("the disk does not answer")), WAIT_MS);
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => void opening.result.createObjectStore(STORE);
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction(STORE, mode, { durability: "strict" });
      const request = change(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
      opening.result.close(); // once the transaction is over
    };
  });
}
