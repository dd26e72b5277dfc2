/** Something that is done at most once in a while. */
export class Pace {
  #everyMs;
  #isResting = false;
  /** @type {(() => void) | null} */
  #next = null;

  /** @param {number} everyMs */
  constructor(everyMs) {
    this.#everyMs = everyMs;
  }

  /**
   * Do it now, or when the pause is over; of several in a pause the last one.
   *
   * @param {() => void} work
   */
  call(work) {
    if (this.#isResting) this.#next = work;
    else this.#do(work);
  }

  /**
   * Do it now, or not at all.
   *
   * @param {() => void} work
   */
  callNow(work) {
    if (!this.#isResting) this.#do(work);
  }

  /** @param {() => void} work */
  #do(work) {
    this.#isResting = true;
    setTimeout(() => this.#rested(), this.#everyMs);
    work();
  }

  #rested() {
    this.#isResting = false;
    const next = this.#next;
    this.#next = null;
    if (next !== null) this.#do(next);
  }
}
