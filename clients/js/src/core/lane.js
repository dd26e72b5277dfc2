/** @import {Pending} from "./types.js" */

const WINDOW = 256;

/**
 * One socket's sends of one conversation: what waits, what is in flight, what was put off.
 *
 * Keeps the order through refusals for the moment (docs/protocol.md: put off, in order): nothing new goes out until every one
 * in flight is answered; then the first goes again, marked so.
 */
export class Lane {
  /** @type {Pending[]} */
  #waiting = [];
  /** @type {Map<string, Pending>} */
  #flying = new Map();
  /** @type {Pending[]} */
  #putOff = [];
  #isHeld = false;
  #saysAgain = false;
  #isPausing = false;
  retryAfterS = 0;

  /** Whether all is answered and something was put off: time to wait, then `restart`. */
  get isPaused() {
    return this.#isHeld && this.#flying.size === 0;
  }

  get isFlying() {
    return this.#flying.size > 0;
  }

  get isEmpty() {
    return this.#waiting.length + this.#flying.size + this.#putOff.length === 0;
  }

  /** @param {Pending} pending */
  add(pending) {
    this.#waiting.push(pending);
  }

  /**
   * Return what is to go out now, in order, and count it as in flight. True marks the one that says `again`.
   *
   * @returns {[Pending, boolean][]}
   */
  take() {
    if (this.#isHeld) return [];
    const many = Math.max(WINDOW - this.#flying.size, 0);
    return this.#waiting.splice(0, many).map((pending) => {
      this.#flying.set(pending.id, pending);
      const again = this.#saysAgain;
      this.#saysAgain = false;
      return [pending, again];
    });
  }

  /** @param {string} id */
  settle(id) {
    this.#flying.delete(id);
  }

  /**
   * A send was put off, and so is what follows it.
   *
   * @param {string} id
   * @param {number} retryAfterS
   */
  putOff(id, retryAfterS) {
    const pending = this.#flying.get(id);
    if (pending === undefined) return;
    this.#flying.delete(id);
    this.#isHeld = true;
    this.#putOff.push(pending);
    this.retryAfterS = Math.max(retryAfterS, this.retryAfterS);
  }

  /** Say once a pause that it begins. */
  beginsPause() {
    const isFirst = !this.#isPausing;
    this.#isPausing = true;
    return isFirst;
  }

  /** The pause is over: the first that was put off leads. */
  restart() {
    this.#waiting.unshift(...this.#putOff.sort((one, other) => one.number - other.number));
    this.#putOff = [];
    this.#isHeld = this.#isPausing = false;
    this.#saysAgain = true;
    this.retryAfterS = 0;
  }
}
