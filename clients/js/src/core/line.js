import { Heartbeat } from "./heartbeat.js";

/** @import {Action, Frame, Moved, Output, Pending, Transport} from "./types.js" */
/** @import {Backoff} from "./backoff.js" */
/** @import {Session} from "./session.js" */

const WELCOME_HEARTBEAT_S = 4; // until the welcome tells: 2.5 times that for it to come
const RENEW_PAUSE_S = 4;
const PING = Object.freeze({ type: "ping" });

/** One socket from its handshake to its end: its session, and all that it does by the clock. */
export class Line {
  #backoff;
  #chance;
  #ackTimeoutS;
  /** @type {Heartbeat | null} */
  #heartbeat = null;
  /** @type {Map<string, number>} */
  #pauses = new Map();
  #waitsSince = Infinity;
  #answeredAt = -Infinity;
  #renewAt = Infinity;
  #renewedAt = -Infinity;
  #isCut = false;
  fellSilent = false;
  /** @type {Moved | null} */
  moved = null;

  /**
   * @param {number} number
   * @param {Session} session
   * @param {Backoff} backoff shared with the lines before and after
   * @param {() => number} chance draws from 0 to 1
   * @param {number} ackTimeoutS
   * @param {Transport} via
   */
  constructor(number, session, backoff, chance, ackTimeoutS, via = "ws") {
    this.number = number;
    this.session = session;
    this.via = via;
    this.#backoff = backoff;
    this.#chance = chance;
    this.#ackTimeoutS = ackTimeoutS;
  }

  get isWelcome() {
    return this.session.roles.length > 0;
  }

  /** When `tick` has something to do, should nothing come before. */
  get wakesAt() {
    if (this.#heartbeat === null || this.#isCut) return Infinity;
    const pingAt = this.isWelcome ? this.#heartbeat.pingAt : Infinity;
    return Math.min(this.#renewAt, pingAt, this.#endsAt(this.#heartbeat), ...this.#pauses.values());
  }

  /**
   * The handshake is done: say hello.
   *
   * @param {string} token
   * @param {number} now
   * @returns {Output[]}
   */
  open(token, now) {
    this.#heartbeat = new Heartbeat(WELCOME_HEARTBEAT_S, now);
    return [{ do: "send", line: this.number, frame: this.session.hello(token) }];
  }

  /**
   * Take a frame; one that is not what docs/protocol.md says ends the socket.
   *
   * @param {Frame | null} frame
   * @param {number} now
   * @returns {Output[]}
   */
  receive(frame, now) {
    this.#heartbeat?.hear(now);
    return this.#take(this.#read(frame), now);
  }

  /**
   * @param {Pending} pending
   * @param {number} now
   */
  offer(pending, now) {
    return this.#take(this.session.offer(pending), now);
  }

  /** @param {number} now */
  takeOver(now) {
    return this.#take(this.session.takeOver(), now);
  }

  /** @returns {Output[]} */
  cut() {
    if (this.#isCut) return [];
    this.#isCut = true;
    return [{ do: "cut", line: this.number }];
  }

  /**
   * @param {string} token
   * @returns {Output[]}
   */
  show(token) {
    return [{ do: "send", line: this.number, frame: { type: "token", token } }];
  }

  /** @param {number} now */
  missToken(now) {
    this.#renewAt = now + RENEW_PAUSE_S;
  }

  /**
   * Ask at once whether the other end is still there.
   *
   * @param {number} now
   * @returns {Output[]}
   */
  doubt(now) {
    if (this.#heartbeat === null || !this.isWelcome || this.#isCut) return [];
    this.#heartbeat.doubt(now);
    this.#heartbeat.pinged(now);
    return [{ do: "send", line: this.number, frame: PING }];
  }

  /**
   * Do what is due.
   *
   * @param {number} now
   * @returns {Output[]}
   */
  tick(now) {
    if (this.#heartbeat === null || this.#isCut) return [];
    const output = [...this.#pauses].filter(([, at]) => now >= at).flatMap(([conversation]) => this.#again(conversation, now));
    if (now >= this.#endsAt(this.#heartbeat)) {
      this.fellSilent = true;
      return [...output, ...this.cut()];
    }
    if (this.isWelcome && now >= this.#heartbeat.pingAt) {
      this.#heartbeat.pinged(now);
      output.push({ do: "send", line: this.number, frame: PING });
    }
    if (now >= this.#renewAt) output.push(...this.#renew(now));
    return output;
  }

  /**
   * Have another token fetched, with a pause where each one is about to end at once: the service says so of each.
   *
   * @param {number} now
   * @returns {Output[]}
   */
  #renew(now) {
    const againAt = this.#renewedAt + RENEW_PAUSE_S;
    if (now < againAt) {
      this.#renewAt = againAt;
      return [];
    }
    this.#renewAt = Infinity;
    this.#renewedAt = now;
    return [{ do: "renew", line: this.number }];
  }

  /**
   * @param {string} conversation
   * @param {number} now
   */
  #again(conversation, now) {
    this.#pauses.delete(conversation);
    return this.#take(this.session.again(conversation), now);
  }

  /**
   * When it is given up: nothing was heard for too long, or no send answered.
   *
   * @param {Heartbeat} heartbeat
   */
  #endsAt(heartbeat) {
    return Math.min(heartbeat.cutAt, Math.max(this.#waitsSince, this.#answeredAt) + this.#ackTimeoutS);
  }

  /**
   * @param {Frame | null} frame
   * @returns {Action[]}
   */
  #read(frame) {
    try {
      return this.session.receive(/** @type {Frame} */ (frame));
    } catch (error) {
      if (error instanceof TypeError) return [{ do: "reconnect" }];
      throw error;
    }
  }

  /**
   * @param {Action[]} actions
   * @param {number} now
   */
  #take(actions, now) {
    const output = actions.flatMap((action) => this.#turn(action, now));
    if (!this.session.isWaiting) this.#waitsSince = Infinity;
    else if (this.#waitsSince === Infinity) this.#waitsSince = now;
    return output;
  }

  /**
   * Turn what the session wants into what the edge does.
   *
   * @param {Action} action
   * @param {number} now
   * @returns {Output[]}
   */
  #turn(action, now) {
    switch (action.do) {
      case "transmit":
        return [{ do: "send", line: this.number, frame: action.frame }];
      case "pause":
        this.#answeredAt = now;
        this.#pauses.set(action.conversation, now + this.#backoff.next(this.#chance(), action.retryAfterS));
        return [];
      case "reconnect":
        return this.cut();
      case "renew":
        return this.#renew(now);
      default:
        this.#note(action, now);
        return [action];
    }
  }

  /**
   * @param {Action} action
   * @param {number} now
   */
  #note(action, now) {
    if (["acked", "failed", "alive", "caught_up"].includes(action.do)) this.#backoff.reset();
    if (action.do === "acked" || action.do === "failed") this.#answeredAt = now;
    else if (action.do === "up") this.#heartbeat = new Heartbeat(action.heartbeatS, now);
    else if (action.do === "moved") this.moved = action;
  }
}
