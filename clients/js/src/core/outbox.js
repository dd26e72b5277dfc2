/** @import {Change, Pending} from "./types.js" */

/** The changes that are not yet acknowledged, in order. A (conversation, id) is in it once. */
export class Outbox {
  /** @type {Map<string, Pending>} */
  #pending = new Map();
  #numbers = 0;

  get size() {
    return this.#pending.size;
  }

  [Symbol.iterator]() {
    return [...this.#pending.values()][Symbol.iterator]();
  }

  /**
   * Put a change at the end; one that is there already stays where it is.
   *
   * @param {string} conversation
   * @param {string} id
   * @param {Change} change
   */
  add(conversation, id, change) {
    const known = this.#pending.get(key(conversation, id));
    if (known !== undefined) return known;
    const pending = { conversation, id, change, number: ++this.#numbers, attempts: 0 };
    this.#pending.set(key(conversation, id), pending);
    return pending;
  }

  /**
   * Take a change out, acknowledged or finally refused; undefined if it is not there (any more).
   *
   * @param {string} conversation
   * @param {string} id
   */
  settle(conversation, id) {
    const pending = this.#pending.get(key(conversation, id));
    this.#pending.delete(key(conversation, id));
    return pending;
  }
}

/**
 * @param {string} conversation
 * @param {string} id
 */
const key = (conversation, id) => `${conversation} ${id}`;
