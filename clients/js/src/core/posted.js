/** @import {Frame} from "./types.js" */

const MOST = 100;
const MOST_BYTES = 256 << 10;
const HEARTBEAT_S = 25;
const PUT_OFF = { code: "put_off", detail: "An earlier send was put off.", retryable: true, retry_after: 1 };

export const CHANGES = new Set(["send", "edit", "delete", "react", "unreact"]);

/** Sends by POST as a write socket's frames: one request of a conversation at a time, so that their order is kept. */
export class Posted {
  /** @type {Map<string, Frame[]>} */
  #queues = new Map();
  /** @type {Map<string, Frame[]>} */
  #flying = new Map();
  /** @type {Set<string>} */
  #off = new Set();

  /** @returns {Frame} what answers the hello */
  static welcome() {
    return { type: "welcome", gateway: "", roles: ["write"], heartbeat_s: HEARTBEAT_S, reconnect: { spread_s: 0 } };
  }

  /**
   * Take a change. After one of its conversation that was put off, it is put off too, until one comes again.
   *
   * @param {Frame} frame
   * @returns {Frame[]} what is heard of it at once
   */
  take(frame) {
    const { conversation } = frame;
    if (frame.again) this.#off.delete(conversation);
    if (this.#off.has(conversation)) return [errorOf(frame, PUT_OFF)];
    this.#queues.set(conversation, [...(this.#queues.get(conversation) ?? []), frame]);
    return [];
  }

  /**
   * Return the body of the next request; nothing while one is on its way, or there is nothing to say.
   *
   * @param {string} conversation
   */
  next(conversation) {
    const queue = this.#queues.get(conversation) ?? [];
    if (this.#flying.has(conversation) || queue.length === 0) return [];
    const flying = queue.splice(0, fitting(queue));
    this.#flying.set(conversation, flying);
    return flying.map(changeOf);
  }

  /**
   * Take what became of each of them.
   *
   * @param {string} conversation
   * @param {any[]} answers
   * @returns {Frame[]}
   */
  answered(conversation, answers) {
    const flying = this.#flying.get(conversation) ?? [];
    this.#flying.delete(conversation);
    const acks = answers.filter(({ status }) => status < 300).map(ackOf);
    const errors = flying.flatMap((frame, n) => (answers[n].status < 300 ? [] : [errorOf(frame, answers[n])]));
    if (errors.some(({ retryable }) => retryable)) {
      this.#off.add(conversation);
      errors.push(...(this.#queues.get(conversation) ?? []).map((frame) => errorOf(frame, PUT_OFF)));
      this.#queues.delete(conversation);
    }
    return acks.length > 0 ? [{ type: "acks", acks }, ...errors] : errors;
  }

  /**
   * The request as a whole was refused.
   *
   * @param {string} conversation
   * @param {object} problem
   */
  refused(conversation, problem) {
    const flying = this.#flying.get(conversation) ?? [];
    return this.answered(conversation, flying.map(() => ({ status: 500, ...problem })));
  }
}

/**
 * Return how many of `queue` fit into a request: one at least.
 *
 * @param {Frame[]} queue
 */
function fitting(queue) {
  let many = 1;
  let size = sizeOf(queue[0]);
  while (many < Math.min(MOST, queue.length) && (size += sizeOf(queue[many])) <= MOST_BYTES) many += 1;
  return many;
}

/** @param {Frame} frame its bytes, at most */
const sizeOf = (frame) => JSON.stringify(frame).length * 3;

/** @param {Frame} frame */
function changeOf({ conversation: _, again: __, type, ...change }) {
  return type === "send" ? change : { type, ...change };
}

/** @param {any} answer */
const ackOf = ({ conversation, id, seq, at, status }) => ({ conversation, id, seq, at, duplicate: status === 200 });

/**
 * @param {Frame} frame
 * @param {any} problem
 * @returns {Frame}
 */
function errorOf({ conversation, id }, { code, detail, retryable, retry_after }) {
  const after = retry_after === undefined ? {} : { retry_after };
  return { type: "error", code, detail, retryable, ...after, conversation, id };
}
