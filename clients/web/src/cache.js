const VERSION = 1;
const TAIL = 120;

/** What this device keeps to be read offline: the conversations of one user, each with its latest items. A cache: it may be lost. */
export class Cache {
  /** @type {Promise<IDBDatabase | null>} */
  #opened;
  #name;

  /** @param {string} user */
  constructor(user) {
    this.#name = `ringpost-page:${user}`;
    this.#opened = open(this.#name).catch(() => null);
  }

  /** @returns {Promise<any[]>} */
  async rooms() {
    const database = await this.#opened;
    if (database === null) return [];
    return done(database.transaction("rooms").objectStore("rooms").getAll()).catch(() => []);
  }

  /** @param {import("./core/room.js").Room} room */
  async keep(room) {
    const database = await this.#opened;
    if (database === null) return;
    const { about, last, unread, timeline } = room;
    const kept = { id: room.id, about: { ...about, read: unread.marker, unread: unread.count, head: room.head }, last };
    const store = database.transaction("rooms", "readwrite").objectStore("rooms");
    const tail = tailOf(timeline) ?? (await done(store.get(room.id)).catch(() => null))?.tail;
    store.put({ ...kept, tail });
  }

  /** @param {string} id */
  async drop(id) {
    (await this.#opened)?.transaction("rooms", "readwrite").objectStore("rooms").delete(id);
  }

  /** Forget all of it. */
  async clear() {
    (await this.#opened)?.close();
    indexedDB.deleteDatabase(this.#name);
  }
}

/**
 * The end of a conversation, if that is what is here.
 *
 * @param {import("./core/timeline.js").Timeline} timeline
 */
function tailOf(timeline) {
  if (!timeline.isLast || timeline.isEmpty) return null;
  const items = timeline.items.slice(-TAIL);
  return { items, head: timeline.head, complete: timeline.isFirst && items.length === timeline.items.length };
}

/**
 * @param {string} name
 * @returns {Promise<IDBDatabase>}
 */
function open(name) {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => void request.result.createObjectStore("rooms", { keyPath: "id" });
  return done(request).then((database) => {
    database.onversionchange = () => database.close();
    return database;
  });
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
