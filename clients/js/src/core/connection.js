import { Backoff } from "./backoff.js";
import { TOKEN_EXPIRED, comesBack } from "./closing.js";
import { Line } from "./line.js";

/** @import {Frame, Moved, Output, Pending, Step} from "./types.js" */
/** @import {Session} from "./session.js" */

const MOVE_BASE_S = 0.1;
const MOVE_CAP_S = 2;

/**
 * A service's connection that is kept up for ever: what happened in, what to do out. `clients/vectors` plays it.
 *
 * One line after the other; after `moved`, the next one before the last one ends. Each call takes the time, in seconds of any
 * clock that never goes back, and returns what to do, in order. `wakesAt` is when `tick` is wanted.
 */
export class Connection {
  #make;
  #backoff;
  #chance;
  #ackTimeoutS;
  #isRenewable;
  #numbers = 0;
  /** @type {Line | null} */
  #line = null;
  /** @type {Line | null} */
  #second = null;
  /** @type {Backoff | null} */
  #moving = null;
  #connectAt = Infinity;
  #moveAt = Infinity;
  #retryAfterS = 0;
  #spreadS = 0;
  #retryAt = -Infinity;
  /** How many lines took over from one that still stood. */
  moves = 0;

  /**
   * @param {(takesOver: boolean) => Session} make makes a session; true: one that takes over
   * @param {{backoffBaseS: number, backoffCapS: number, ackTimeoutS: number}} waits
   * @param {() => number} chance draws from 0 to 1, once for each wait
   * @param {boolean} isRenewable whether another token can be fetched
   */
  constructor(make, waits, chance, isRenewable) {
    this.#make = make;
    this.#backoff = new Backoff(waits.backoffBaseS, waits.backoffCapS);
    this.#chance = chance;
    this.#ackTimeoutS = waits.ackTimeoutS;
    this.#isRenewable = isRenewable;
  }

  /** Whether it is up and takes sends. */
  get canWrite() {
    return this.#line?.session.canWrite ?? false;
  }

  /** The number of the line that serves. */
  get line() {
    return this.#line?.number ?? null;
  }

  /** @param {number} number */
  knows(number) {
    return this.#of(number) !== undefined;
  }

  get wakesAt() {
    return Math.min(this.#connectAt, this.#moveAt, ...this.#lines.map((line) => line.wakesAt));
  }

  get #lines() {
    return [this.#line, this.#second].filter((line) => line !== null);
  }

  /**
   * @param {number} _now
   * @returns {Step[]}
   */
  start(_now) {
    return this.#connect();
  }

  /**
   * The handshake is done; the token is for the hello.
   *
   * @param {number} number
   * @param {string} token
   * @param {number} now
   * @returns {Step[]}
   */
  opened(number, token, now) {
    return this.#of(number)?.open(token, now) ?? [];
  }

  /**
   * There was no way through.
   *
   * @param {number} number
   * @param {string} reason
   * @param {number | null} retryAfterS
   * @param {number} now
   * @returns {Step[]}
   */
  failed(number, reason, retryAfterS, now) {
    const line = this.#of(number);
    if (line === undefined) return [];
    if (line === this.#second) {
      this.#tryAgain(retryAfterS ?? 0, now);
      return [];
    }
    this.#retryAfterS = retryAfterS ?? 0;
    return this.#leave(reason, now);
  }

  /**
   * The handshake was refused for good.
   *
   * @param {number} number
   * @param {number} code
   * @param {string} reason
   * @param {number} _now
   * @returns {Step[]}
   */
  refused(number, code, reason, _now) {
    return this.#of(number) === undefined ? [] : this.#stop(number, code, reason);
  }

  /**
   * Take a frame; null for one that was not JSON.
   *
   * @param {number} number
   * @param {Frame | null} frame
   * @param {number} now
   * @returns {Step[]}
   */
  received(number, frame, now) {
    const line = this.#of(number);
    if (line === undefined) return [];
    const output = line.receive(frame, now);
    for (const action of output) this.#note(action);
    return [...output, ...this.#steer(now)];
  }

  /**
   * The socket has ended; 1006: without a close frame.
   *
   * @param {number} number
   * @param {number} code
   * @param {string} reason
   * @param {number} now
   * @returns {Step[]}
   */
  closed(number, code, reason, now) {
    const line = this.#of(number);
    if (line === undefined) return [];
    /** @type {Step[]} */
    const forgotten = code === TOKEN_EXPIRED ? [{ do: "forget_token" }] : [];
    if (line === this.#second) return [...forgotten, ...this.#loseSecond(line, now)];
    if (this.#second?.session.isSettled) return [...forgotten, ...this.#takeOver(this.#second, now)];
    const returns = comesBack(code) || (code === TOKEN_EXPIRED && this.#isRenewable);
    const ended = returns ? this.#leave(`${reason || "the connection ended"} (${code})`, now) : this.#stop(number, code, reason);
    return [...forgotten, ...ended];
  }

  /**
   * A token was fetched; null: there was none to be had now.
   *
   * @param {number} number
   * @param {string | null} token
   * @param {number} now
   * @returns {Step[]}
   */
  renewed(number, token, now) {
    const line = this.#of(number);
    if (line === undefined) return [];
    if (token !== null) return line.show(token);
    line.missToken(now);
    return [];
  }

  /**
   * A change is in the outbox, and stored; if no line is up, the next one sends it.
   *
   * @param {Pending} pending
   * @param {number} now
   * @returns {Step[]}
   */
  offered(pending, now) {
    return this.#line?.offer(pending, now) ?? [];
  }

  /**
   * The network may have come, gone or changed: come back sooner, or ask whether the peer is there.
   *
   * @param {number} now
   * @returns {Step[]}
   */
  hinted(now) {
    if (this.#connectAt < Infinity) {
      this.#backoff.reset();
      const waitS = this.#backoff.next(this.#chance(), this.#retryAt - now, this.#spreadS);
      this.#connectAt = Math.min(this.#connectAt, now + waitS);
    }
    return this.#line?.doubt(now) ?? [];
  }

  /**
   * Do what is due.
   *
   * @param {number} now
   * @returns {Step[]}
   */
  tick(now) {
    /** @type {Step[]} */
    const steps = this.#lines.flatMap((line) => line.tick(now));
    if (now >= this.#connectAt) steps.push(...this.#connect());
    if (now >= this.#moveAt) steps.push(...this.#openSecond());
    return [...steps, ...this.#steer(now)];
  }

  // Coming back.

  /** @returns {Step[]} */
  #connect() {
    this.#connectAt = Infinity;
    this.#retryAfterS = 0;
    this.#line = this.#nextLine(false);
    return [{ do: "connect", line: this.#line.number }];
  }

  /**
   * No line is left: come back after a pause.
   *
   * @param {string} reason
   * @param {number} now
   * @returns {Step[]}
   */
  #leave(reason, now) {
    const closes = this.#drop();
    this.#retryAt = now + this.#retryAfterS;
    this.#connectAt = now + this.#backoff.next(this.#chance(), this.#retryAfterS, this.#spreadS);
    return [...closes, { do: "away", reason }];
  }

  /**
   * @param {number} number
   * @param {number} code
   * @param {string} reason
   * @returns {Step[]}
   */
  #stop(number, code, reason) {
    const others = this.#lines.filter((line) => line.number !== number);
    this.#drop();
    return [...others.map((line) => /** @type {Step} */ ({ do: "close", line: line.number })), { do: "stop", code, reason }];
  }

  /** @returns {Step[]} */
  #drop() {
    const second = this.#second;
    this.#line = this.#second = this.#moving = null;
    this.#moveAt = Infinity;
    return second === null ? [] : [{ do: "close", line: second.number }];
  }

  // Make before break.

  /**
   * Go on with a move: nothing is sent while what is in flight is answered on the old line, so that no send overtakes.
   *
   * @param {number} now
   * @returns {Step[]}
   */
  #steer(now) {
    const line = this.#line;
    const second = this.#second;
    if (line === null) return [];
    if (line.moved !== null && this.#moving === null) this.#plan(line.moved, now);
    if (second === null || !second.session.isSettled) return [];
    if (second.session.gateway === line.session.gateway) {
      this.#tryAgain(0, now);
      return [{ do: "close", line: second.number }];
    }
    line.session.hold();
    if (line.session.isWaiting) return [];
    return [...this.#takeOver(second, now), { do: "close", line: line.number }];
  }

  /**
   * @param {Moved} moved
   * @param {number} now
   */
  #plan(moved, now) {
    this.#moving = new Backoff(MOVE_BASE_S, MOVE_CAP_S);
    this.#moveAt = now + moved.retryAfterS + this.#chance() * Math.min(moved.spreadS, moved.withinS / 2);
  }

  /** @returns {Step[]} */
  #openSecond() {
    this.#moveAt = Infinity;
    this.#second = this.#nextLine(true);
    return [{ do: "connect", line: this.#second.number }];
  }

  /**
   * @param {number} retryAfterS
   * @param {number} now
   */
  #tryAgain(retryAfterS, now) {
    this.#second = null;
    const moving = /** @type {Backoff} */ (this.#moving);
    this.#moveAt = now + moving.next(this.#chance(), retryAfterS);
  }

  /**
   * @param {Line} second
   * @param {number} now
   * @returns {Step[]}
   */
  #takeOver(second, now) {
    this.#line = second;
    this.#second = this.#moving = null;
    this.moves += 1;
    const steps = second.takeOver(now);
    if (second.moved !== null) this.#plan(second.moved, now);
    return steps;
  }

  /**
   * @param {Line} second
   * @param {number} now
   * @returns {Step[]}
   */
  #loseSecond(second, now) {
    if (second.session.isSettled && this.#line !== null) {
      // The first has held back sends, which the next one takes from the outbox.
      this.#second = null;
      return this.#line.cut();
    }
    this.#tryAgain(0, now);
    return [];
  }

  /** @param {Output} action */
  #note(action) {
    if (action.do === "up") this.#spreadS = action.spreadS;
    else if (action.do === "dismissed") {
      this.#retryAfterS = action.retryAfterS;
      this.#spreadS = action.spreadS ?? this.#spreadS;
    }
  }

  /** @param {boolean} takesOver */
  #nextLine(takesOver) {
    return new Line(++this.#numbers, this.#make(takesOver), this.#backoff, this.#chance, this.#ackTimeoutS);
  }

  /** @param {number} number */
  #of(number) {
    return this.#lines.find((line) => line.number === number);
  }
}
