/** @import {Change, Cursor} from "./core/types.js" */

/**
 * @typedef {{conversation: string, id: string, change: Change, failed?: {code: string, detail: string}}} Kept a change on disk
 *
 * @typedef {object} Store where the outbox and the positions outlive the page, or the process; changes are made in the order of the calls
 * @property {boolean} isShared whether other tabs see what is put here
 * @property {() => Promise<Kept[]>} load what is kept, in the order in which it was put
 * @property {(kept: Kept[]) => Promise<void>} put put at the end; one that is there moves. Safe on disk when it resolves
 * @property {(conversation: string, id: string) => Promise<void>} remove
 * @property {() => Promise<Cursor | null>} loadPositions
 * @property {(positions: Cursor) => Promise<void>} savePositions
 * @property {() => Promise<void>} close
 */

/**
 * A store that outlives nothing.
 *
 * @implements {Store}
 */
export class MemoryStore {
  isShared = false;
  /** @type {Map<string, Kept>} */
  #kept = new Map();
  /** @type {Cursor | null} */
  #positions = null;

  async load() {
    return [...this.#kept.values()];
  }

  /** @param {Kept[]} kept */
  async put(kept) {
    for (const one of kept) {
      this.#kept.delete(nameOf(one.conversation, one.id));
      this.#kept.set(nameOf(one.conversation, one.id), one);
    }
  }

  /**
   * @param {string} conversation
   * @param {string} id
   */
  async remove(conversation, id) {
    this.#kept.delete(nameOf(conversation, id));
  }

  async loadPositions() {
    return this.#positions;
  }

  /** @param {Cursor} positions */
  async savePositions(positions) {
    this.#positions = positions;
  }

  async close() {}
}

/**
 * @param {string} conversation
 * @param {string} id
 */
export const nameOf = (conversation, id) => `${conversation} ${id}`;
