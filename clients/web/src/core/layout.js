/** Where rows stand that are as high as they were measured, or, until then, as high as others are. */
export class Layout {
  /** @type {Map<string, number>} */
  #heights = new Map();
  #estimate;
  /** @type {string[]} */
  #keys = [];
  #tops = new Float64Array(1);
  /** The height of what is not there yet, before the first row and after the last. */
  total = 0;

  /** @param {number} estimate the height of a row that nobody measured */
  constructor(estimate) {
    this.#estimate = estimate;
  }

  get size() {
    return this.#keys.length;
  }

  /** How high a row is on the average, as far as they were measured. */
  get mean() {
    return this.#estimate;
  }

  /** Take the average of what was measured for what was not. What stands before the first row moves by that. */
  learn() {
    if (this.#heights.size < 20) return;
    let sum = 0;
    for (const height of this.#heights.values()) sum += height;
    this.#estimate = sum / this.#heights.size;
  }

  /**
   * @param {string[]} keys the rows, in order
   * @param {number} before how many rows are estimated to come before them
   * @param {number} after
   */
  place(keys, before, after) {
    this.#keys = keys;
    const tops = new Float64Array(keys.length + 1);
    let top = before * this.#estimate;
    for (let index = 0; index < keys.length; index += 1) {
      tops[index] = top;
      top += this.#heights.get(keys[index]) ?? this.#estimate;
    }
    tops[keys.length] = top;
    this.#tops = tops;
    this.total = top + after * this.#estimate;
  }

  /**
   * A row was measured; return whether it is not as high as was thought.
   *
   * @param {string} key
   * @param {number} height
   */
  measure(key, height) {
    const known = this.#heights.get(key);
    if (known !== undefined && Math.abs(known - height) < 0.5) return false;
    this.#heights.set(key, height);
    return true;
  }

  /** @param {string} key */
  knows(key) {
    return this.#heights.has(key);
  }

  /** The rows have another width: what was measured counts no longer. */
  forget() {
    this.#heights.clear();
  }

  /** @param {number} index up to `size`, which is where the last row ends */
  top(index) {
    return this.#tops[index];
  }

  /**
   * Return the index of the row that a line crosses; the first or the last one for a line beyond them.
   *
   * @param {number} y
   */
  indexAt(y) {
    let low = 0;
    let high = this.#keys.length;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.#tops[middle] <= y) low = middle;
      else high = middle;
    }
    return low;
  }

  /**
   * Return which rows a window shows: from `first` up to, not including, `end`.
   *
   * @param {number} y
   * @param {number} height
   * @param {number} more what is drawn beyond it, on either side
   */
  window(y, height, more) {
    if (this.#keys.length === 0) return { first: 0, end: 0 };
    return { first: this.indexAt(y - more), end: this.indexAt(y + height + more) + 1 };
  }
}
