/** @typedef {"ws" | "sse" | "poll" | "post"} Transport what carries a service's frames: a read service's the first three, a write service's a WebSocket or POSTs */

const TRIES = 2;

/** @type {readonly Transport[]} */
export const AUTO = ["ws", "sse", "poll"];
/** @type {readonly Transport[]} */
export const WRITING = ["ws", "post"];

/**
 * The transports, the best one first, and the one to use now.
 *
 * One rung down after TRIES lines in a row that came to nothing while plain HTTP was answered after each: a service that is away
 * answers neither, and pushes nobody down. From the last one it goes on with the first. Up again is tried after a pause that grows.
 */
export class Ladder {
  #chance;
  #rungs;
  #baseS;
  #capS;
  #at = 0;
  #failures = 0;
  #climbs = 0;
  #isAsking = false;
  /** @type {Transport[]} */
  #better = [];
  climbAt = Infinity;

  /**
   * @param {() => number} chance draws from 0 to 1, once for each pause
   * @param {readonly Transport[]} rungs
   * @param {number} baseS the first pause
   * @param {number} capS the longest one
   */
  constructor(chance, rungs = ["ws"], baseS = 30, capS = 600) {
    this.#chance = chance;
    this.#rungs = rungs;
    this.#baseS = baseS;
    this.#capS = capS;
  }

  get current() {
    return this.#rungs[this.#at];
  }

  get hasChoice() {
    return this.#rungs.length > 1;
  }

  /**
   * Read by these from now on. With several, go on where one is and try at once for more.
   *
   * @param {readonly Transport[]} rungs
   * @param {Transport} serving
   * @param {number} now
   */
  choose(rungs, serving, now) {
    this.#rungs = rungs;
    this.#failures = this.#climbs = 0;
    this.#isAsking = false;
    this.#at = Math.max(rungs.indexOf(serving), 0);
    this.climbAt = this.#at > 0 ? now : Infinity;
  }

  // Down.

  /** A line came to nothing, or fell silent. Return whether it is to be asked if plain HTTP is answered. */
  fail() {
    const asks = this.hasChoice && !this.#isAsking;
    this.#isAsking ||= asks;
    return asks;
  }

  /**
   * Plain HTTP was answered, or was not. Return whether that led down.
   *
   * @param {boolean} isAnswered
   * @param {number} now
   */
  answer(isAnswered, now) {
    if (!this.#isAsking) return false;
    this.#isAsking = false;
    this.#failures = isAnswered ? this.#failures + 1 : 0;
    if (this.#failures < TRIES) return false;
    this.#failures = 0;
    this.#at = (this.#at + 1) % this.#rungs.length;
    this.#plan(now);
    return true;
  }

  /** A line has come to stand: whatever was the matter before is over. */
  settle() {
    this.#isAsking = false;
  }

  /** The line that stands was heard from again, or ended for a reason of its own. */
  prove() {
    this.#failures = 0;
    if (this.#at === 0) this.#climbs = 0;
  }

  // Up.

  /** Begin to try for more: return what to try first, if there is anything better. */
  climb() {
    this.#better = this.#rungs.slice(0, this.#at);
    return this.nextBetter();
  }

  /** Return what to try after one that came to nothing; null: stay for now. */
  nextBetter() {
    return this.#better.shift() ?? null;
  }

  /**
   * Nothing better is to be had.
   *
   * @param {number} now
   */
  stay(now) {
    this.#plan(now);
  }

  /**
   * Another line stands, by a better one.
   *
   * @param {Transport} to
   * @param {number} now
   */
  rise(to, now) {
    this.#at = this.#rungs.indexOf(to);
    this.#failures = 0;
    this.#plan(now);
  }

  /**
   * It may be another network.
   *
   * @param {number} now
   */
  hint(now) {
    this.#climbs = 0;
    if (this.#at > 0) this.climbAt = Math.min(this.climbAt, now + this.#baseS);
  }

  /**
   * Say when to try for more: after half of the pause to all of it.
   *
   * @param {number} now
   */
  #plan(now) {
    this.climbAt = Infinity;
    if (this.#at === 0) return;
    const pauseS = Math.min(this.#capS, this.#baseS * 2 ** Math.min(this.#climbs, 60));
    this.climbAt = now + (pauseS * (1 + this.#chance())) / 2;
    this.#climbs += 1;
  }
}
