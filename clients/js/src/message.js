import { Closed, Refused } from "./errors.js";

/** @import {Ack, Change} from "./core/types.js" */
/** @import {Kept} from "./store.js" */

/** @typedef {"pending" | "sent" | "failed" | "discarded"} MessageState */

/**
 * Something that was said: a message, or an edit, a deletion, a reaction.
 *
 * `pending` from the first moment, `sent` once it is committed (then it has `seq` and `at`), `failed` if it was refused for
 * good (then `error` says why, and it can be sent again or discarded).
 */
export class Message {
  #change;
  #again;
  #forget;
  /** @type {MessageState} */
  state = "pending";
  /** @type {number | null} */
  seq = null;
  /** @type {string | null} */
  at = null;
  /** @type {Refused | null} */
  error = null;
  /** @type {(message: Message) => void} */
  #resolve = () => {};
  /** @type {(error: Error) => void} */
  #reject = () => {};

  /**
   * @param {Kept} kept
   * @param {{again: (message: Message) => void, forget: (message: Message) => void}} outbox
   */
  constructor({ conversation, id, change }, outbox) {
    this.conversation = conversation;
    this.id = id;
    this.#change = change;
    this.#again = outbox.again;
    this.#forget = outbox.forget;
    this.sent = this.#promise();
  }

  /** What it is: `send`, `edit`, `delete`, `react`, `unreact`. */
  get type() {
    return this.#change.type;
  }

  /** What was typed; empty for what has no text. */
  get text() {
    return this.#change.text ?? "";
  }

  /** @returns {Kept} what is to be kept of it */
  get kept() {
    const { conversation, id, error } = this;
    const kept = { conversation, id, change: this.#change };
    return error === null ? kept : { ...kept, failed: { code: error.code, detail: error.detail } };
  }

  /** Send it again, after it failed; it goes behind what was said since. */
  retry() {
    if (this.reopen()) this.#again(this);
  }

  /** Give it up, after it failed. */
  discard() {
    if (this.state === "failed") this.#forget(this);
  }

  /** It is on its way again. Return whether it had failed. */
  reopen() {
    if (this.state !== "failed") return false;
    this.state = "pending";
    this.error = null;
    this.sent = this.#promise();
    return true;
  }

  /**
   * It is committed. Return whether that is new.
   *
   * @param {Pick<Ack, "seq" | "at">} ack
   */
  settle({ seq, at }) {
    if (this.state !== "pending") return false;
    Object.assign(this, { state: "sent", seq, at });
    this.#resolve(this);
    return true;
  }

  /**
   * It was refused for good. Return whether that is new.
   *
   * @param {{code: string, detail: string}} why
   */
  fail({ code, detail }) {
    if (this.state !== "pending") return false;
    this.state = "failed";
    this.error = new Refused(code, detail);
    this.#reject(this.error);
    return true;
  }

  /** The client ends: who waits for it waits no longer. */
  abandon() {
    this.#reject(new Closed("this client was closed"));
  }

  /** @returns {Promise<Message>} */
  #promise() {
    const promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    promise.catch(() => {}); // who does not wait for it needs no warning: the state says it too
    return promise;
  }
}
