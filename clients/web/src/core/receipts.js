/** How far the members of a conversation have come, by user; and what that says of a message of mine. */
export class Receipts {
  /** @type {Map<string, {read: number, delivered: number}>} */
  #marks = new Map();

  /** @param {Record<string, {read: number, delivered: number}>} marks */
  take(marks) {
    for (const [user, { read, delivered }] of Object.entries(marks)) {
      const known = this.#marks.get(user) ?? { read: 0, delivered: 0 };
      this.#marks.set(user, { read: Math.max(known.read, read), delivered: Math.max(known.delivered, delivered, read) });
    }
  }

  /** @param {string} user */
  forget(user) {
    this.#marks.delete(user);
  }

  /**
   * @param {number} seq
   * @param {string} me
   * @returns {{state: "sent" | "delivered" | "read", read: string[], of: number}} `delivered` and `read`: by all others
   */
  of(seq, me) {
    const others = [...this.#marks].filter(([user]) => user !== me);
    const read = others.filter(([, mark]) => mark.read >= seq).map(([user]) => user);
    const isDelivered = others.length > 0 && others.every(([, mark]) => mark.delivered >= seq);
    const state = others.length > 0 && read.length === others.length ? "read" : isDelivered ? "delivered" : "sent";
    return { state, read, of: others.length };
  }
}
