import { Cache } from "./cache.js";
import { Room } from "./core/room.js";

/** @import {About} from "./core/room.js" */

const SAVE_MS = 1000;

/**
 * The reader's conversations, by id: as the service lists them, and as this device keeps them.
 *
 * What changes is kept soon, and told as it happens.
 */
export class Rooms {
  #me;
  #tell;
  #cache;
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** @type {Set<Room>} */
  #unsaved = new Set();
  /** @type {Map<string, {room: string, title: string | null, by: string}>} what I am invited to */
  invitations = new Map();
  /** @type {Room | null} the one that the reader looks at */
  looked = null;

  /**
   * @param {string} me
   * @param {(what: "list" | "room", id?: string) => void} tell
   */
  constructor(me, tell) {
    this.#me = me;
    this.#tell = tell;
    this.#cache = new Cache(me);
    setInterval(() => this.#save(), SAVE_MS);
  }

  /** @param {string} id */
  get(id) {
    return this.#rooms.get(id);
  }

  /** @param {string} id */
  has(id) {
    return this.#rooms.has(id);
  }

  get size() {
    return this.#rooms.size;
  }

  values() {
    return this.#rooms.values();
  }

  /** In the order of the list: what was said last comes first. */
  get ordered() {
    return [...this.values()].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  }

  /** Take those that are kept on this device. */
  async recall() {
    for (const { about, last, tail } of await this.#cache.rooms()) {
      const room = new Room(about, this.#me);
      if (tail) room.open(tail);
      room.last = last ?? room.last;
      this.#rooms.set(room.id, room);
    }
  }

  /** Forget what is kept on this device. */
  clear() {
    return this.#cache.clear();
  }

  /**
   * The service lists it.
   *
   * @param {About} about
   * @param {boolean} isAnew whether what was said since is lacking, since nothing was heard
   */
  meet(about, isAnew) {
    const known = this.#rooms.get(about.conversation);
    if (known !== undefined) known.refresh(about, isAnew);
    else this.#rooms.set(about.conversation, new Room(about, this.#me));
    this.invitations.delete(about.conversation);
  }

  /**
   * Forget all but these.
   *
   * @param {Record<string, unknown>} listed
   */
  retain(listed) {
    for (const id of this.#rooms.keys()) if (!(id in listed)) this.#forget(id);
  }

  /** @param {Room} room */
  changed(room) {
    this.#unsaved.add(room);
    this.#tell("room", room.id);
  }

  /**
   * It has changed, and so has what the list shows of it.
   *
   * @param {Room} room
   */
  moved(room) {
    this.changed(room);
    this.#tell("list");
  }

  /** @param {string} id */
  #forget(id) {
    this.#rooms.delete(id);
    void this.#cache.drop(id);
    this.#tell("room", id);
  }

  #save() {
    for (const room of this.#unsaved) if (this.has(room.id)) void this.#cache.keep(room);
    this.#unsaved.clear();
  }
}
