import { HttpCarrier, isAnswered } from "./carrier.js";
import { Polled, WAIT_S } from "./core/polled.js";
import { Refused, Unavailable } from "./errors.js";

/** @import {Frame} from "./core/types.js" */

const PATIENCE_MS = 10_000;

/** A line by long polls: one request after the other, each answered with what is there by then. Carries events alone. */
export class Polling extends HttpCarrier {
  #token = "";

  /**
   * Of what is sent it takes the hello, to begin with, and fresh tokens.
   *
   * @override
   * @param {Frame} frame
   */
  send(frame) {
    if (frame.type === "hello" || frame.type === "token") this.#token = frame.token;
    return super.send(frame);
  }

  /**
   * @override
   * @param {Frame} hello
   */
  async read(hello) {
    const polled = new Polled(hello);
    while (!this.isOver) {
      for (const frame of await this.#poll(polled)) this.hear(frame);
    }
  }

  /** @param {Polled} polled */
  async #poll(polled) {
    try {
      return polled.take(await this.#insist(polled));
    } catch (error) {
      if (!(error instanceof Refused && error.code === "position_lost")) throw error;
      polled.lose();
      return polled.take(await this.#insist(polled));
    }
  }

  /**
   * Ask, and once more where nobody answered: the gateway of the poll before may be gone, and its connection with it.
   *
   * @param {Polled} polled
   */
  async #insist(polled) {
    try {
      return await this.#ask(polled);
    } catch (error) {
      if (!(error instanceof Unavailable) || isAnswered(error) || !polled.isBegun) throw error;
      return this.#ask(polled);
    }
  }

  /** @param {Polled} polled */
  async #ask(polled) {
    const patience = new AbortController();
    const leave = () => patience.abort();
    const timer = setTimeout(leave, WAIT_S * 1000 + PATIENCE_MS);
    this.signal.addEventListener("abort", leave);
    try {
      const answer = await this.api.open("read", "/v1/poll", this.#token, polled.ask(), patience.signal);
      return await answer.json().catch((error) => {
        throw new Unavailable("unreachable", String(error));
      });
    } finally {
      clearTimeout(timer);
      this.signal.removeEventListener("abort", leave);
    }
  }
}
