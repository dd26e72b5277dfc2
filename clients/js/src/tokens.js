/** @typedef {string | (() => string | Promise<string>)} TokenSource */

/** Keeps the token that was fetched until it is forgotten; who asks while it is fetched waits for the same one. */
export class Tokens {
  #source;
  /** @type {Promise<string> | null} */
  #token = null;

  /** @param {TokenSource} source */
  constructor(source) {
    this.#source = source;
  }

  get isRenewable() {
    return typeof this.#source === "function";
  }

  /** @returns {Promise<string>} */
  get() {
    return this.#token ?? this.renew();
  }

  /** Fetch another one; for a fixed token that is the same one. */
  renew() {
    const source = this.#source;
    const token = Promise.resolve().then(() => (typeof source === "function" ? source() : source));
    token.catch(() => this.#forget(token));
    this.#token = token;
    return token;
  }

  /** It has expired: the next `get` fetches another one. */
  forget() {
    this.#token = null;
  }

  /** @param {Promise<string>} token */
  #forget(token) {
    if (this.#token === token) this.#token = null;
  }
}
