import { HttpCarrier, isAboutSends } from "./carrier.js";
import { CHANGES, Posted } from "./core/posted.js";
import { Refused, Unavailable } from "./errors.js";

/** @import {Frame} from "./core/types.js" */

/** A line by POSTs: what a write socket would send goes out in arrays. It stands while the write service says that it can serve. */
export class Posting extends HttpCarrier {
  #token = "";
  #posted = new Posted();

  /**
   * Takes the hello, fresh tokens, pings and changes.
   *
   * @override
   * @param {Frame} frame
   */
  send(frame) {
    if (frame.type === "hello" || frame.type === "token") this.#token = frame.token;
    if (frame.type === "hello") return super.send(frame);
    if (frame.type === "ping") void this.#answerPing();
    else if (CHANGES.has(frame.type)) void this.#drain(frame.conversation, this.#posted.take(frame));
    else return frame.type === "token";
    return true;
  }

  /**
   * Be welcome, then stay: what is heard are the answers.
   *
   * @override
   */
  async read() {
    if (!(await this.api.isReady("write"))) throw new Unavailable("unreachable", "the write service is not ready");
    this.hear(Posted.welcome());
    await new Promise((resolve) => this.signal.addEventListener("abort", resolve));
  }

  async #answerPing() {
    if (await this.api.isReady("write")) this.hear({ type: "pong" });
  }

  /**
   * Post what there is of a conversation; what is said at once goes together.
   *
   * @param {string} conversation
   * @param {Frame[]} refusals
   */
  async #drain(conversation, refusals) {
    await null;
    for (const frame of refusals) this.hear(frame);
    while (!this.isOver) {
      const changes = this.#posted.next(conversation);
      if (changes.length === 0) return;
      for (const frame of await this.#post(conversation, changes)) this.hear(frame);
    }
  }

  /**
   * @param {string} conversation
   * @param {object[]} changes
   * @returns {Promise<Frame[]>}
   */
  async #post(conversation, changes) {
    const path = `/v1/conversations/${encodeURIComponent(conversation)}/messages`;
    try {
      const answer = await this.api.open("write", path, this.#token, changes, this.signal);
      return this.#posted.answered(conversation, await answer.json());
    } catch (error) {
      if (!isAboutSends(error)) this.fail(error);
      else return this.#posted.refused(conversation, problemOf(/** @type {Refused | Unavailable} */ (error)));
      return [];
    }
  }
}

/** @param {Refused | Unavailable} error */
function problemOf(error) {
  const { code, message: detail } = error;
  if (error instanceof Refused) return { code, detail, retryable: false };
  return { code, detail, retryable: true, ...(error.retryAfterS === null ? {} : { retry_after: error.retryAfterS }) };
}
