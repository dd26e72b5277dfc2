import { MemoryStore } from "../src/store.js";

/** @import {Kept} from "../src/store.js" */

/** A store in memory that several tabs of one test share, that takes its time, and that can be made to refuse. */
export class SharedStore extends MemoryStore {
  isShared = true;
  isFull = false;
  /** @type {string[]} what was done, in order */
  done = [];
  /** @type {Promise<void>} */
  #last = Promise.resolve();

  /** @param {Kept[]} kept */
  put(kept) {
    return this.#later(() => {
      if (this.isFull) throw new Error("QuotaExceededError");
      this.done.push(...kept.map(({ id }) => `put ${id}`));
      return super.put(kept);
    });
  }

  /**
   * @param {string} conversation
   * @param {string} id
   */
  remove(conversation, id) {
    return this.#later(() => super.remove(conversation, id));
  }

  /** @param {() => Promise<void>} change */
  #later(change) {
    const made = this.#last.then(change);
    this.#last = made.catch(() => {});
    return made;
  }
}
