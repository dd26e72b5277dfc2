const RECENT = 500;

/** How many messages of others are not read: what the service counts, and what came since. */
export class Unread {
  /** @type {number[]} the seqs of messages of others after the service's count */
  #since = [];
  #counted = 0;
  /** My read marker. */
  marker = 0;

  get count() {
    return this.#counted + this.#since.length;
  }

  /**
   * The service tells where my marker is, and what is unread after it, as of its head.
   *
   * @param {{seq: number, unread: number, head: number}} told
   */
  take({ seq, unread, head }) {
    if (seq < this.marker) return;
    this.marker = seq;
    this.#counted = unread;
    this.#since = this.#since.filter((one) => one > head);
  }

  /**
   * A message of somebody else has come.
   *
   * @param {number} seq
   */
  hear(seq) {
    this.#since.push(seq);
    if (this.#since.length <= RECENT) return;
    this.#counted += this.#since.length - RECENT;
    this.#since = this.#since.slice(-RECENT);
  }

  /**
   * I have read up to here; the service says it too, in a moment.
   *
   * @param {number} seq
   * @param {number} head
   */
  read(seq, head) {
    if (seq <= this.marker) return;
    this.marker = seq;
    this.#since = this.#since.filter((one) => one > seq);
    if (seq >= head) this.#counted = 0;
  }
}
