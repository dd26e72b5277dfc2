import { HttpCarrier, closeCode } from "./carrier.js";
import { EventLines } from "./core/sse.js";

/** @import {Frame} from "./core/types.js" */

/** A line by server-sent events: the hello goes out as a POST, the frames come as its answer. Nobody can be spoken to on it. */
export class EventStream extends HttpCarrier {
  /**
   * @override
   * @param {Frame} hello
   */
  async read({ type: _, token, ...cursor }) {
    const answer = await this.api.open("read", "/v1/stream", token, cursor, this.signal);
    const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
    const decoder = new TextDecoder();
    const lines = new EventLines();
    while (!this.isOver) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const data of lines.feed(decoder.decode(value, { stream: true }))) this.#take(parsed(data));
    }
  }

  /** @param {Frame | null} frame */
  #take(frame) {
    if (frame?.type !== "end") return this.hear(frame);
    this.hear({ ...frame, type: "error" });
    this.end(closeCode(frame.code), frame.detail ?? "");
  }
}

/**
 * Return the frame of an event; a comment is what a pong is on a socket, and null stands for what is not JSON.
 *
 * @param {string | null} data
 * @returns {Frame | null}
 */
function parsed(data) {
  if (data === null) return { type: "pong" };
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}
