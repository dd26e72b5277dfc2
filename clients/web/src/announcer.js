/** Tells whoever listens what has happened, and what has changed. */
export class Announcer extends EventTarget {
  /** @type {Set<string>} */
  #told = new Set();

  /**
   * @param {string} what
   * @param {unknown} detail
   */
  announce(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }

  /**
   * Tell of a change, once a turn.
   *
   * @param {"list" | "room" | "state"} what
   * @param {string} [id]
   */
  tell(what, id = "") {
    const name = `${what} ${id}`;
    if (this.#told.has(name)) return;
    this.#told.add(name);
    queueMicrotask(() => {
      this.#told.delete(name);
      this.announce(what, id);
    });
  }
}
