import { nameOf } from "./store.js";

/** @import {Cursor} from "./core/types.js" */
/** @import {Kept, Store} from "./store.js" */

const VERSION = 1;

/**
 * A store in IndexedDB, which all tabs of an origin share.
 *
 * @implements {Store}
 */
export class DatabaseStore {
  isShared = true;
  #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
    // Another tab wants to delete it, or to bring a newer version: don't stand in its way.
    database.onversionchange = () => database.close();
  }

  /**
   * Open the database of that name; rejects where the browser refuses.
   *
   * @param {string} name
   * @param {IDBFactory} factory
   */
  static async open(name, factory = globalThis.indexedDB) {
    const request = factory.open(name, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("outbox", { autoIncrement: true }).createIndex("name", "name", { unique: true });
      request.result.createObjectStore("positions");
    };
    return new DatabaseStore(await done(request));
  }

  /** @returns {Promise<Kept[]>} */
  async load() {
    const entries = await done(this.#database.transaction("outbox").objectStore("outbox").getAll());
    return entries.map(({ kept }) => kept);
  }

  /** @param {Kept[]} kept */
  put(kept) {
    return this.#change("outbox", (outbox) => {
      for (const one of kept) {
        const name = nameOf(one.conversation, one.id);
        drop(outbox, name, () => outbox.add({ name, kept: one }));
      }
    });
  }

  /**
   * @param {string} conversation
   * @param {string} id
   */
  remove(conversation, id) {
    return this.#change("outbox", (outbox) => drop(outbox, nameOf(conversation, id), () => {}));
  }

  /** @returns {Promise<Cursor | null>} */
  async loadPositions() {
    return (await done(this.#database.transaction("positions").objectStore("positions").get("seen"))) ?? null;
  }

  /** @param {Cursor} positions */
  savePositions(positions) {
    return this.#change("positions", (store) => void store.put(positions, "seen"));
  }

  async close() {
    this.#database.close();
  }

  /**
   * Make a change; it is on the disk when this resolves.
   *
   * @param {string} name
   * @param {(store: IDBObjectStore) => void} change
   * @returns {Promise<void>}
   */
  #change(name, change) {
    return new Promise((resolve, reject) => {
      const transaction = this.#database.transaction(name, "readwrite", { durability: "strict" });
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
      change(transaction.objectStore(name));
    });
  }
}

/**
 * Delete what is under a name, then go on.
 *
 * @param {IDBObjectStore} outbox
 * @param {string} name
 * @param {() => void} goOn
 */
function drop(outbox, name, goOn) {
  const request = outbox.index("name").getKey(name);
  request.onsuccess = () => {
    if (request.result !== undefined) outbox.delete(request.result);
    goOn();
  };
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
