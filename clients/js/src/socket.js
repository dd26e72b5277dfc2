/** @import {Frame} from "./core/types.js" */
/** @import {Options} from "./options.js" */

export const ABNORMAL = 1006;
const GOODBYE = 1000;
const OPEN = 1;

/**
 * @typedef {object} Hears
 * @property {() => void} opened
 * @property {(reason: string) => void} failed it was never opened
 * @property {(code: number, reason: string) => void} refused for good, with an HTTP status
 * @property {(code: number, reason: string) => void} blocked by something that is not the service, with an HTTP status
 * @property {(frame: Frame | null) => void} received null for what was not JSON
 * @property {(code: number, reason: string) => void} closed
 */

/** One WebSocket. After `leave` it tells nothing any more. */
export class Socket {
  #socket;
  /** @type {Hears | null} */
  #hears;
  #isOpened = false;
  #timer;

  /**
   * @param {string} url
   * @param {Options} options
   * @param {Hears} hears
   */
  constructor(url, options, hears) {
    this.#hears = hears;
    this.#socket = new options.webSocket(url);
    this.#socket.onopen = () => this.#open();
    this.#socket.onmessage = ({ data }) => this.#hears?.received(parsed(data));
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
    // Node 20 tells of a refused handshake in no other way.
    this.#socket.onerror = () => this.#end(ABNORMAL, "");
    this.#timer = setTimeout(() => this.#giveUp(), options.connectTimeoutS * 1000);
  }

  /**
   * Send a frame; return whether it could be. One after the end goes nowhere.
   *
   * @param {Frame} frame
   */
  send(frame) {
    if (this.#socket.readyState !== OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  leave() {
    clearTimeout(this.#timer);
    this.#hears = null;
    this.#socket.close(GOODBYE);
  }

  #open() {
    clearTimeout(this.#timer);
    this.#isOpened = true;
    this.#hears?.opened();
  }

  #giveUp() {
    const hears = this.#hears;
    this.leave();
    hears?.failed("no answer in time");
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #end(code, reason) {
    clearTimeout(this.#timer);
    const hears = this.#hears;
    this.#hears = null;
    if (this.#isOpened) hears?.closed(code, reason);
    else hears?.failed("unreachable");
  }
}

/** @param {unknown} data */
function parsed(data) {
  try {
    return typeof data === "string" ? JSON.parse(data) : null;
  } catch {
    return null;
  }
}
