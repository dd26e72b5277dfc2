import { Connection } from "./core/connection.js";
import { Ladder } from "./core/transport.js";
import { Refused } from "./errors.js";
import { Polling } from "./polling.js";
import { Posting } from "./posting.js";
import { ABNORMAL, Socket } from "./socket.js";
import { EventStream } from "./stream.js";

/** @import {Api} from "./api.js" */
/** @import {HttpCarrier} from "./carrier.js" */
/** @import {Frame, Pending, Step, Told, Transport} from "./core/types.js" */
/** @import {Session} from "./core/session.js" */
/** @import {Tokens} from "./tokens.js" */
/** @import {Options} from "./options.js" */

const CARRIERS = { sse: EventStream, poll: Polling, post: Posting };
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Runs a connection over real sockets, one clock and one timer. */
export class Link {
  #url;
  #tokens;
  #options;
  #tell;
  #api;
  #connection;
  #service;
  /** @type {Map<number, Socket | HttpCarrier>} */
  #sockets = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isStopped = false;

  /**
   * @param {string} url
   * @param {Tokens} tokens
   * @param {Options} options
   * @param {(takesOver: boolean) => Session} make
   * @param {(told: Told | {do: "stop", code: number, reason: string}) => void} tell
   * @param {Api} api carries what is not a WebSocket
   * @param {readonly Transport[]} rungs by what, the best one first
   * @param {"read" | "write"} service
   */
  constructor(url, tokens, options, make, tell, api, rungs = ["ws"], service = "read") {
    this.#service = service;
    this.#url = `${url.replace(/^http/, "ws")}/v1/socket`;
    this.#tokens = tokens;
    this.#options = options;
    this.#tell = tell;
    this.#api = api;
    const { waits, chance } = options;
    const ladder = new Ladder(chance, rungs, waits.climbBaseS, waits.climbCapS);
    this.#connection = new Connection(make, waits, chance, tokens.isRenewable, ladder);
  }

  get canWrite() {
    return this.#connection.canWrite;
  }

  /** How often a gateway that was about to stop was left for another one before it did. */
  get moves() {
    return this.#connection.moves;
  }

  /** By what it reads now; null while it is away. */
  get via() {
    return this.#connection.via;
  }

  /** How often another transport took over while the one before still stood. */
  get switches() {
    return this.#connection.switches;
  }

  /**
   * Read by these from now on, the best one first.
   *
   * @param {readonly Transport[]} rungs
   */
  choose(rungs) {
    this.#do(this.#connection.choose(rungs, this.#now));
  }

  start() {
    this.#do(this.#connection.start(this.#now));
  }

  /** Say goodbye and let go of everything; nothing is told any more. */
  stop() {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    for (const socket of this.#sockets.values()) socket.leave();
    this.#sockets.clear();
  }

  /**
   * Send what was just put into the outbox; if the socket is away, the next one will.
   *
   * @param {Pending} pending
   */
  offer(pending) {
    this.#do(this.#connection.offered(pending, this.#now));
  }

  /** The network may have come, gone or changed. */
  hint() {
    this.#tick();
    this.#do(this.#connection.hinted(this.#now));
  }

  /**
   * Say something that needs no answer; return whether there was a socket to say it on.
   *
   * @param {Frame} frame
   */
  say(frame) {
    const line = this.#connection.line;
    return line !== null && this.#sockets.get(line)?.send(frame) === true;
  }

  get #now() {
    return this.#options.clock.now();
  }

  /** @param {Step[]} steps */
  #do(steps) {
    if (this.#isStopped) return;
    for (const step of steps) this.#take(step);
    this.#schedule();
  }

  /** @param {Step} step */
  #take(step) {
    switch (step.do) {
      case "send":
        return this.#sockets.get(step.line)?.send(step.frame);
      case "connect":
        return void this.#open(step.line, step.via ?? "ws");
      case "probe":
        return void this.#probe();
      case "close":
        return this.#drop(step.line);
      case "cut":
        this.#drop(step.line);
        // A browser may take minutes to find out that nobody answers its close.
        return queueMicrotask(() => this.#close(step.line, ABNORMAL, "cut"));
      case "renew":
        return void (this.#tokens.isRenewable && this.#renew(step.line));
      case "forget_token":
        return this.#tokens.forget();
      default:
        return this.#tell(step);
    }
  }

  /**
   * @param {number} line
   * @param {Transport} via
   */
  async #open(line, via) {
    let token = "";
    try {
      token = await this.#tokens.get();
    } catch (error) {
      const isFinal = error instanceof Refused;
      const steps = isFinal
        ? this.#connection.refused(line, error.status ?? 401, error.message, this.#now)
        : this.#connection.failed(line, `no token: ${error}`, null, this.#now);
      return this.#do(steps);
    }
    // Let go of, or stopped, while the token was fetched.
    if (this.#isStopped || !this.#connection.knows(line)) return;
    try {
      this.#sockets.set(line, this.#connect(line, via, token));
    } catch (error) {
      // The page's rules may forbid it, such as a plain socket from a secure page.
      this.#do(this.#connection.failed(line, String(error), null, this.#now));
    }
  }

  /**
   * @param {number} line
   * @param {Transport} via
   * @param {string} token
   */
  #connect(line, via, token) {
    const connection = this.#connection;
    const hears = {
      opened: () => this.#do(connection.opened(line, token, this.#now)),
      failed: (/** @type {string} */ reason) => this.#do(connection.failed(line, reason, null, this.#now)),
      refused: (/** @type {number} */ code, /** @type {string} */ reason) =>
        this.#do(connection.refused(line, code, reason, this.#now)),
      blocked: (/** @type {number} */ code, /** @type {string} */ reason) =>
        this.#do(connection.blocked(line, code, reason, this.#now)),
      received: (/** @type {Frame | null} */ frame) => this.#do(connection.received(line, frame, this.#now)),
      closed: (/** @type {number} */ code, /** @type {string} */ reason) => this.#close(line, code, reason),
    };
    if (via === "ws") return new Socket(this.#url, this.#options, hears);
    return new CARRIERS[via](this.#api, hears);
  }

  async #probe() {
    const isAnswered = await this.#api.isReady(this.#service);
    this.#do(this.#connection.probed(isAnswered, this.#now));
  }

  /** @param {number} line */
  async #renew(line) {
    const token = await this.#tokens.renew().catch(() => null);
    this.#do(this.#connection.renewed(line, token, this.#now));
  }

  /** @param {number} line */
  #drop(line) {
    this.#sockets.get(line)?.leave();
    this.#sockets.delete(line);
  }

  /**
   * @param {number} line
   * @param {number} code
   * @param {string} reason
   */
  #close(line, code, reason) {
    this.#sockets.delete(line);
    this.#do(this.#connection.closed(line, code, reason, this.#now));
  }

  #schedule() {
    clearTimeout(this.#timer);
    const wakesAt = this.#connection.wakesAt;
    if (wakesAt === Infinity) return;
    this.#timer = setTimeout(() => this.#tick(), Math.min(Math.max(wakesAt - this.#now, 0) * 1000, LONGEST_TIMER_MS));
  }

  #tick() {
    this.#do(this.#connection.tick(this.#now));
  }
}
