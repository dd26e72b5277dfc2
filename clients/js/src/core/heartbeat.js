const SILENT_HEARTBEATS = 2.5;

/** When to ping, and when a silent peer is given up: both ways, since a browser can't see TCP's keep-alive. */
export class Heartbeat {
  #heartbeatS;
  #heardAt;
  #pingedAt;

  /**
   * @param {number} heartbeatS
   * @param {number} now
   */
  constructor(heartbeatS, now) {
    this.#heartbeatS = heartbeatS;
    this.#heardAt = this.#pingedAt = now;
  }

  get pingAt() {
    return this.#pingedAt + this.#heartbeatS;
  }

  get cutAt() {
    return this.#heardAt + SILENT_HEARTBEATS * this.#heartbeatS;
  }

  /** @param {number} now */
  hear(now) {
    this.#heardAt = now;
  }

  /** @param {number} now */
  pinged(now) {
    this.#pingedAt = now;
  }

  /**
   * The path may be gone: a peer that says nothing is given up after one heartbeat from now.
   *
   * @param {number} now
   */
  doubt(now) {
    this.#heardAt = Math.min(this.#heardAt, now - (SILENT_HEARTBEATS - 1) * this.#heartbeatS);
  }
}
