import { Lane } from "./lane.js";
import { Hole } from "./positions.js";

/** @import {Ack, Action, Frame, Pending} from "./types.js" */
/** @import {Outbox} from "./outbox.js" */
/** @import {Positions} from "./positions.js" */

/**
 * One socket's life, from the hello on: frames in, actions out. `outbox` and `positions` outlive it; null for what it does not do.
 *
 * Two sessions may share both, while the second takes over: it sends nothing until `takeOver`.
 */
export class Session {
  #outbox;
  #positions;
  #sends;
  /** @type {Map<string, Lane>} */
  #lanes = new Map();
  #saidInbox = 0;
  #isCaughtUp = false;
  /** @type {string[]} */
  roles = [];
  gateway = "";

  /** @type {Record<string, (frame: Frame) => Action[]>} */
  #handlers = {
    welcome: (frame) => this.#welcome(frame),
    events: (frame) => this.#events(frame.conversation, frame),
    inbox: (frame) => this.#events(null, frame),
    range: (frame) => this.#range(frame),
    caught_up: () => this.#caughtUp(),
    pong: () => [{ do: "alive" }],
    acks: (frame) => this.#acks(frame),
    error: (frame) => this.#error(frame),
    position_lost: (frame) => this.#lost(frame),
    token_expiring: () => [{ do: "renew" }],
    moved: (frame) => this.#moved(frame),
    read: (frame) => [{ do: "notice", frame }],
    receipts: (frame) => [{ do: "notice", frame }],
    typing: (frame) => [{ do: "notice", frame }],
    presence: (frame) => [{ do: "notice", frame }],
  };

  /**
   * @param {Outbox | null} outbox
   * @param {Positions | null} positions
   * @param {boolean} takesOver
   */
  constructor(outbox, positions, takesOver = false) {
    this.#outbox = outbox;
    this.#positions = positions;
    this.#sends = !takesOver;
  }

  get canWrite() {
    return this.roles.includes("write");
  }

  /** Whether a send is in flight. */
  get isWaiting() {
    return [...this.#lanes.values()].some((lane) => lane.isFlying);
  }

  /** Whether it has its welcome, and all that was there before. */
  get isSettled() {
    return this.roles.length > 0 && (this.#isCaughtUp || this.#positions === null || !this.roles.includes("read"));
  }

  /**
   * @param {string} token
   * @returns {Frame} the first frame
   */
  hello(token) {
    this.#saidInbox = this.#positions?.epoch != null ? this.#positions.inbox : 0;
    return { type: "hello", token, ...this.#positions?.hello() };
  }

  /**
   * Take a frame of the service. One of a type that this client does not know is passed over.
   *
   * @param {Frame} frame
   * @returns {Action[]}
   */
  receive(frame) {
    const type = frame.type;
    if (typeof type !== "string") throw new TypeError("a frame without a type");
    const handler = Object.hasOwn(this.#handlers, type) ? this.#handlers[type] : undefined;
    if (handler === undefined || !(this.roles.length > 0 || type === "welcome" || type === "error")) return [];
    try {
      return handler(frame);
    } catch (error) {
      if (error instanceof Hole) return [{ do: "reconnect" }];
      throw error;
    }
  }

  /**
   * Send what was just put into the outbox.
   *
   * @param {Pending} pending
   */
  offer(pending) {
    if (!this.canWrite || !this.#sends) return [];
    this.#lane(pending.conversation).add(pending);
    return this.#move(pending.conversation);
  }

  /**
   * The pause after a put-off is over.
   *
   * @param {string} conversation
   * @returns {Action[]}
   */
  again(conversation) {
    const lane = this.#lanes.get(conversation);
    if (lane === undefined || !lane.isPaused || !this.#sends) return [];
    lane.restart();
    return this.#move(conversation);
  }

  /** Send nothing more; what is in flight is still answered. */
  hold() {
    this.#sends = false;
  }

  /**
   * Send what is in the outbox, and what comes into it.
   *
   * @returns {Action[]}
   */
  takeOver() {
    this.#sends = true;
    if (!this.canWrite || this.#outbox === null) return [];
    for (const pending of this.#outbox) this.#lane(pending.conversation).add(pending);
    return [...this.#lanes.keys()].flatMap((conversation) => this.#transmit(conversation));
  }

  /**
   * @param {Frame} frame
   * @returns {Action[]}
   */
  #welcome(frame) {
    this.roles = [...frame.roles];
    this.gateway = String(frame.gateway ?? "");
    if (this.#positions !== null && this.roles.includes("read")) this.#positions.welcome(frame, this.#saidInbox);
    /** @type {Action} */
    const up = { do: "up", gateway: this.gateway, roles: this.roles, heartbeatS: frame.heartbeat_s, spreadS: spreadS(frame) ?? 0, frame };
    return [up, ...this.#seat(), ...(this.#sends ? this.takeOver() : [])];
  }

  /** @returns {Action[]} */
  #caughtUp() {
    this.#isCaughtUp = true;
    return [{ do: "caught_up" }];
  }

  /**
   * @param {Frame} frame
   * @returns {Action[]}
   */
  #moved(frame) {
    return [{ do: "moved", retryAfterS: frame.retry_after, withinS: frame.within_s, spreadS: spreadS(frame) ?? 0 }];
  }

  /**
   * @param {string | null} conversation
   * @param {Frame} frame
   * @returns {Action[]}
   */
  #events(conversation, frame) {
    const events = this.#positions?.apply(conversation, frame) ?? [];
    return events.length > 0 ? [{ do: "deliver", events }] : [];
  }

  /**
   * @param {Frame} frame
   * @returns {Action[]}
   */
  #range(frame) {
    this.#positions?.takeRange(/** @type {any} */ (frame));
    return this.#seat();
  }

  /**
   * @param {Frame} frame
   * @returns {Action[]}
   */
  #lost(frame) {
    this.#positions?.lose(frame.conversation ?? null);
    return this.#seat();
  }

  /** @returns {Action[]} */
  #seat() {
    return this.#positions?.epoch != null ? [{ do: "seat", positions: this.#positions.cursor }] : [];
  }

  /**
   * @param {Frame} frame
   * @returns {Action[]}
   */
  #acks(frame) {
    /** @type {Ack[]} */
    const acks = [];
    for (const { conversation, id, seq, at, duplicate } of frame.acks) {
      this.#lane(conversation).settle(id);
      const pending = this.#outbox?.settle(conversation, id);
      if (pending) acks.push({ conversation, id, seq, at, duplicate: Boolean(duplicate), attempts: pending.attempts });
    }
    const conversations = new Set(frame.acks.map((/** @type {Frame} */ ack) => ack.conversation));
    const moves = [...conversations].flatMap((conversation) => this.#move(conversation));
    return acks.length > 0 ? [{ do: "acked", acks }, ...moves] : moves;
  }

  /**
   * @param {Frame} frame
   * @returns {Action[]}
   */
  #error(frame) {
    const retryAfterS = frame.retry_after ?? 0;
    if (frame.id === undefined) {
      // About a frame before, or about the socket; if it matters, a close code follows.
      return frame.retryable ? [{ do: "dismissed", retryAfterS, spreadS: spreadS(frame) }] : [];
    }
    const { conversation, id, code, detail = "" } = frame;
    if (frame.retryable) {
      this.#lane(conversation).putOff(id, retryAfterS);
      return this.#move(conversation);
    }
    this.#lane(conversation).settle(id);
    const isOurs = this.#outbox?.fail(conversation, id) !== undefined;
    const moves = this.#move(conversation);
    return isOurs ? [{ do: "failed", conversation, id, code, detail }, ...moves] : moves;
  }

  /**
   * Go on with a conversation, after something of it was answered or added.
   *
   * @param {string} conversation
   * @returns {Action[]}
   */
  #move(conversation) {
    const lane = this.#lane(conversation);
    if (lane.isPaused) return lane.beginsPause() ? [{ do: "pause", conversation, retryAfterS: lane.retryAfterS }] : [];
    const actions = this.#transmit(conversation);
    if (lane.isEmpty) this.#lanes.delete(conversation);
    return actions;
  }

  /**
   * @param {string} conversation
   * @returns {Action[]}
   */
  #transmit(conversation) {
    if (!this.#sends) return [];
    return this.#lane(conversation)
      .take()
      .map(([pending, again]) => {
        pending.attempts += 1;
        const { type, ...said } = pending.change;
        return { do: "transmit", frame: { type, conversation, id: pending.id, ...said, ...(again ? { again: true } : {}) } };
      });
  }

  /** @param {string} conversation */
  #lane(conversation) {
    let lane = this.#lanes.get(conversation);
    if (lane === undefined) this.#lanes.set(conversation, (lane = new Lane()));
    return lane;
  }
}

/**
 * Return within what time to come back, where the frame says it.
 *
 * @param {Frame} frame
 * @returns {number | null}
 */
const spreadS = (frame) => frame.reconnect?.spread_s ?? null;
