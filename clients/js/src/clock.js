/**
 * Seconds that never go back, and that a sleep of the machine counts in.
 *
 * A monotonic clock stands still while some machines sleep, the wall clock does not: the one that went further counts.
 */
export class Clock {
  #now = 0;
  #steady = performance.now();
  #wall = Date.now();

  now() {
    const steady = performance.now();
    const wall = Date.now();
    this.#now += Math.max(steady - this.#steady, wall - this.#wall, 0) / 1000;
    this.#steady = steady;
    this.#wall = wall;
    return this.#now;
  }
}
