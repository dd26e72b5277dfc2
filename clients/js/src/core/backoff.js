/** How long to wait before the next try: full jitter, as in AWS's "Exponential Backoff And Jitter". */
export class Backoff {
  #baseS;
  #capS;
  #tries = 0;

  /**
   * @param {number} baseS
   * @param {number} capS
   */
  constructor(baseS = 0.5, capS = 30) {
    this.#baseS = baseS;
    this.#capS = capS;
  }

  /**
   * Return the seconds to wait now: never shorter than `retryAfterS`, the jitter on top of it, as wide as `spreadS` at least.
   *
   * @param {number} chance from 0 to 1
   * @param {number} retryAfterS
   * @param {number} spreadS
   */
  next(chance, retryAfterS = 0, spreadS = 0) {
    const ceilingS = Math.min(this.#capS, this.#baseS * 2 ** Math.min(this.#tries, 60));
    this.#tries += 1;
    return chance * Math.max(ceilingS, spreadS) + Math.max(retryAfterS, 0);
  }

  /** Something went well: the next wait is short again. */
  reset() {
    this.#tries = 0;
  }
}
