import { Refused, Unavailable } from "./errors.js";
import { ABNORMAL } from "./socket.js";

/** @import {Api} from "./api.js" */
/** @import {Frame} from "./core/types.js" */
/** @import {Hears} from "./socket.js" */

// docs/protocol.md, "Close codes": what a socket would have been closed with.
const CODES = new Map([
  ["draining", 4000],
  ["slow_consumer", 4001],
  ["unauthenticated", 4500],
  ["token_expired", 4501],
  ["too_many_sockets", 4504],
]);
const PASSING = 4003;

/** A line by requests, from the hello on. After `leave` it tells nothing any more. */
export class HttpCarrier {
  /** @type {Hears | null} */
  #hears;
  #abort = new AbortController();
  #isBegun = false;
  api;

  /**
   * @param {Api} api
   * @param {Hears} hears
   */
  constructor(api, hears) {
    this.api = api;
    this.#hears = hears;
    queueMicrotask(() => this.#hears?.opened());
  }

  /** Ends what is on its way, once somebody leaves. */
  get signal() {
    return this.#abort.signal;
  }

  /**
   * Send a frame; return whether it could be: only the hello can.
   *
   * @param {Frame} frame
   */
  send(frame) {
    if (frame.type !== "hello" || this.#isBegun) return false;
    this.#isBegun = true;
    void this.#run(frame);
    return true;
  }

  leave() {
    this.#hears = null;
    this.#abort.abort();
  }

  /**
   * Read until there is no more; reject with what a request was refused with.
   *
   * @param {Frame} _hello
   * @returns {Promise<void>}
   */
  async read(_hello) {
    throw new Error("a carrier reads");
  }

  /**
   * A frame came, or what is one on a socket; null for what was not JSON.
   *
   * @param {Frame | null} frame
   */
  hear(frame) {
    this.#hears?.received(frame);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  end(code, reason) {
    const hears = this.#hears;
    this.leave();
    hears?.closed(code, reason);
  }

  /** Ends once nobody wants to hear any more. */
  get isOver() {
    return this.#hears === null;
  }

  /** @param {Frame} hello */
  async #run(hello) {
    try {
      await this.read(hello);
      this.end(ABNORMAL, "");
    } catch (error) {
      this.fail(error);
    }
  }

  /**
   * End as a socket would that was refused like that.
   *
   * @param {unknown} error
   */
  fail(error) {
    if (error instanceof Unavailable) this.#putOff(error);
    else if (error instanceof Refused) this.#refuse(error);
    else this.end(ABNORMAL, String(error));
  }

  /** @param {Unavailable} error */
  #putOff(error) {
    if (!isAnswered(error)) return this.end(ABNORMAL, error.message);
    this.hear({ type: "error", code: error.code, retryable: true, retry_after: error.retryAfterS });
    this.end(closeCode(error.code), error.message);
  }

  /** @param {Refused} error */
  #refuse(error) {
    if (CODES.has(error.code)) return this.end(closeCode(error.code), error.message);
    const hears = this.#hears;
    this.leave();
    const isOurs = !error.code.startsWith("http_");
    if (isOurs) hears?.refused(error.status ?? 0, error.message);
    else hears?.blocked(error.status ?? 0, error.message);
  }
}

/**
 * Return the close code of a socket that ends for the reason `code` (docs/protocol.md, "Errors").
 *
 * @param {string} code
 */
export const closeCode = (code) => CODES.get(code) ?? PASSING;

/**
 * Say whether it was the service that put it off, not a path that led nowhere, nor something between.
 *
 * @param {Unavailable} error
 */
export const isAnswered = ({ code }) => code !== "unreachable" && !code.startsWith("http_");

/**
 * Say whether the service refused what was sent; else it is about who sent it, or about the way there.
 *
 * @param {unknown} error
 */
export function isAboutSends(error) {
  if (error instanceof Unavailable) return isAnswered(error) && !CODES.has(error.code);
  return error instanceof Refused && !CODES.has(error.code) && !error.code.startsWith("http_");
}
