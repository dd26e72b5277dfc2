/** @import {Change, Pending} from "./types.js" */

/** What was said and is not yet acknowledged, in order, and what was refused. A (conversation, id) is in it once. */
export class Outbox {
  /** @type {Map<string, Pending>} */
  #pending = new Map();
  /** @type {Map<string, Pending>} */
  #failed = new Map();
  #numbers = 0;

  /** How many are pending. */
  get size() {
    return this.#pending.size;
  }

  /** What was refused for good, and is kept until it is retried or discarded. */
  get failed() {
    return [...this.#failed.values()];
  }

  /** What is pending. */
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
    const name = key(conversation, id);
    const known = this.#pending.get(name) ?? this.#failed.get(name);
    return known ?? this.#append({ conversation, id, change, number: 0, attempts: 0 });
  }

  /**
   * Take a change out, acknowledged; undefined if it is not there (any more).
   *
   * @param {string} conversation
   * @param {string} id
   */
  settle(conversation, id) {
    return take(this.#pending, key(conversation, id));
  }

  /**
   * A change was refused for good: it is kept, and not sent again. Undefined if it is not pending (any more).
   *
   * @param {string} conversation
   * @param {string} id
   */
  fail(conversation, id) {
    const pending = take(this.#pending, key(conversation, id));
    if (pending !== undefined) this.#failed.set(key(conversation, id), pending);
    return pending;
  }

  /**
   * Put one that had failed at the end, pending again; undefined if there is none.
   *
   * @param {string} conversation
   * @param {string} id
   */
  retry(conversation, id) {
    const failed = take(this.#failed, key(conversation, id));
    return failed && this.#append(failed);
  }

  /**
   * Take out one that had failed; undefined if there is none.
   *
   * @param {string} conversation
   * @param {string} id
   */
  discard(conversation, id) {
    return take(this.#failed, key(conversation, id));
  }

  /** @param {Pending} pending */
  #append(pending) {
    pending.number = ++this.#numbers;
    this.#pending.set(key(pending.conversation, pending.id), pending);
    return pending;
  }
}

/**
 * @param {Map<string, Pending>} from
 * @param {string} name
 */
function take(from, name) {
  const pending = from.get(name);
  from.delete(name);
  return pending;
}

/**
 * @param {string} conversation
 * @param {string} id
 */
const key = (conversation, id) => `${conversation} ${id}`;
