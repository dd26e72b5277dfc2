import { Backoff } from "./backoff.js";
import { TOKEN_EXPIRED, comesBack, isSpoken } from "./closing.js";
import { Line } from "./line.js";
import { Ladder } from "./transport.js";

/** @import {Frame, Moved, Output, Pending, Step, Transport} from "./types.js" */
/** @import {Session} from "./session.js" */

const MOVE_BASE_S = 0.1;
const MOVE_CAP_S = 2;

/**
 * A service's connection that is kept up for ever: what happened in, what to do out. `clients/vectors` plays it.
 *
 * One line after the other; after `moved`, or for another transport, the next one before the last one ends. Each call takes the time, in seconds of any
 * clock that never goes back, and returns what to do, in order. `wakesAt` is when `tick` is wanted.
 */
export class Connection {
  #make;
  #backoff;
  #chance;
  #ackTimeoutS;
  #isRenewable;
  #ladder;
  #numbers = 0;
  /** @type {Line | null} */
  #line = null;
  /** @type {Line | null} */
  #second = null;
  /** @type {Backoff | null} a second line is to take over, however often it must be tried */
  #moving = null;
  /** The first one's gateway is about to stop: the second must be another's. */
  #leaves = false;
  #connectAt = Infinity;
  #moveAt = Infinity;
  #retryAfterS = 0;
  #spreadS = 0;
  #retryAt = -Infinity;
  /** How many lines took over from one that was told to move. */
  moves = 0;
  /** How many took over from one by another transport. */
  switches = 0;

  /**
   * @param {(takesOver: boolean) => Session} make makes a session; true: one that takes over
   * @param {{backoffBaseS: number, backoffCapS: number, ackTimeoutS: number}} waits
   * @param {() => number} chance draws from 0 to 1, once for each wait
   * @param {boolean} isRenewable whether another token can be fetched
   * @param {Ladder} ladder by what to read
   */
  constructor(make, waits, chance, isRenewable, ladder = new Ladder(chance)) {
    this.#make = make;
    this.#backoff = new Backoff(waits.backoffBaseS, waits.backoffCapS);
    this.#chance = chance;
    this.#ackTimeoutS = waits.ackTimeoutS;
    this.#isRenewable = isRenewable;
    this.#ladder = ladder;
  }

  /** Whether it is up and takes sends. */
  get canWrite() {
    return this.#line?.session.canWrite ?? false;
  }

  /** The number of the line that serves. */
  get line() {
    return this.#line?.number ?? null;
  }

  /** What the line that serves reads by; null while there is none. */
  get via() {
    return this.#line?.isWelcome ? this.#line.via : null;
  }

  /** @param {number} number */
  knows(number) {
    return this.#of(number) !== undefined;
  }

  get wakesAt() {
    const climbAt = this.#mayClimb ? this.#ladder.climbAt : Infinity;
    return Math.min(this.#connectAt, this.#moveAt, climbAt, ...this.#lines.map((line) => line.wakesAt));
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
    if (line === this.#second) return this.#giveUpSecond(retryAfterS ?? 0, now);
    this.#retryAfterS = retryAfterS ?? 0;
    return [...this.#leave(reason, now), ...this.#blame()];
  }

  /**
   * Something that is not the service refused it, with this HTTP status: with another transport it may go.
   *
   * @param {number} number
   * @param {number} code
   * @param {string} reason
   * @param {number} now
   * @returns {Step[]}
   */
  blocked(number, code, reason, now) {
    return this.#ladder.hasChoice ? this.failed(number, reason, null, now) : this.refused(number, code, reason, now);
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
    if (line === this.#line) this.#approve(line, output);
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
    if (!returns) return [...forgotten, ...this.#stop(number, code, reason)];
    const left = this.#leave(`${reason || "the connection ended"} (${code})`, now);
    return [...forgotten, ...left, ...this.#judge(line, code)];
  }

  /**
   * Plain HTTP was answered, or was not.
   *
   * @param {boolean} isAnswered
   * @param {number} now
   * @returns {Step[]}
   */
  probed(isAnswered, now) {
    if (!this.#ladder.answer(isAnswered, now) || this.#line === null) return [];
    return [{ do: "close", line: this.#line.number }, ...this.#drop(), ...this.#connect()];
  }

  /**
   * Read by these from now on, the best one first; where the line that stands is by another one, the next takes over.
   *
   * @param {readonly Transport[]} rungs
   * @param {number} now
   * @returns {Step[]}
   */
  choose(rungs, now) {
    this.#ladder.choose(rungs, this.via ?? this.#ladder.current, now);
    return [...this.#callOff(), ...this.#steer(now)];
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
    if (token === null) {
      line.missToken(now);
      return [];
    }
    if (line.via !== "sse") return line.show(token);
    // Nobody can be told on a stream: another one is opened with it.
    return line === this.#line && this.#mayClimb ? this.#replace() : [];
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
    this.#ladder.hint(now);
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
    if (now >= this.#moveAt) steps.push(...this.#openSecond(this.#ladder.current));
    if (this.#mayClimb && now >= this.#ladder.climbAt) steps.push(...this.#climb(this.#ladder.climb(), now));
    return [...steps, ...this.#steer(now)];
  }

  // Coming back.

  /** @returns {Step[]} */
  #connect() {
    this.#connectAt = Infinity;
    this.#retryAfterS = 0;
    this.#line = this.#nextLine(false, this.#ladder.current);
    return [connectOf(this.#line)];
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
    this.#leaves = false;
    this.#moveAt = Infinity;
    return second === null ? [] : [{ do: "close", line: second.number }];
  }

  // By what it reads.

  get #mayClimb() {
    return this.#line !== null && this.#line.session.isSettled && this.#second === null && this.#moving === null;
  }

  /**
   * @param {Line} line
   * @param {Output[]} output
   */
  #approve(line, output) {
    if (line.session.isSettled) this.#ladder.settle();
    if (output.some((action) => action.do === "alive")) this.#ladder.prove();
  }

  /**
   * Was it the transport's fault that this line has ended? Not if the service said why, nor if all went well before.
   *
   * @param {Line} line
   * @param {number} code
   * @returns {Step[]}
   */
  #judge(line, code) {
    if (line.fellSilent || !(line.session.isSettled || isSpoken(code))) return this.#blame();
    this.#ladder.prove();
    return [];
  }

  /** @returns {Step[]} */
  #blame() {
    return this.#ladder.fail() ? [{ do: "probe" }] : [];
  }

  /**
   * @param {Transport | null} via
   * @param {number} now
   * @returns {Step[]}
   */
  #climb(via, now) {
    if (via !== null) return this.#openSecond(via);
    this.#ladder.stay(now);
    return [];
  }

  /** Have another line take over, by what is to be read by now. */
  #replace() {
    this.#moving = new Backoff(MOVE_BASE_S, MOVE_CAP_S);
    return this.#openSecond(this.#ladder.current);
  }

  /**
   * Let go of a second line that was for another transport.
   *
   * @returns {Step[]}
   */
  #callOff() {
    const second = this.#second;
    if (second === null || this.#leaves) return [];
    this.#second = this.#moving = null;
    return [{ do: "close", line: second.number }];
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
    if (line === null) return [];
    /** @type {Step[]} */
    let steps = [];
    if (line.moved !== null && !this.#leaves) steps = this.#plan(line.moved, now);
    else if (this.#mayClimb && line.via !== this.#ladder.current) steps = this.#replace();
    return [...steps, ...this.#passOver(line, now)];
  }

  /**
   * @param {Line} line
   * @param {number} now
   * @returns {Step[]}
   */
  #passOver(line, now) {
    const second = this.#second;
    if (second === null || !second.session.isSettled) return [];
    if (this.#leaves && second.session.gateway === line.session.gateway) {
      return [{ do: "close", line: second.number }, ...this.#giveUpSecond(0, now)];
    }
    line.session.hold();
    if (line.session.isWaiting) return [];
    return [...this.#takeOver(second, now), { do: "close", line: line.number }];
  }

  /**
   * @param {Moved} moved
   * @param {number} now
   * @returns {Step[]}
   */
  #plan(moved, now) {
    const second = this.#second;
    this.#second = null;
    this.#moving = new Backoff(MOVE_BASE_S, MOVE_CAP_S);
    this.#leaves = true;
    this.#moveAt = now + moved.retryAfterS + this.#chance() * Math.min(moved.spreadS, moved.withinS / 2);
    return second === null ? [] : [{ do: "close", line: second.number }];
  }

  /**
   * @param {Transport} via
   * @returns {Step[]}
   */
  #openSecond(via) {
    this.#moveAt = Infinity;
    this.#second = this.#nextLine(true, via);
    return [connectOf(this.#second)];
  }

  /**
   * The second came to nothing: it is tried again, or, where it was to be a better one, the next best.
   *
   * @param {number} retryAfterS
   * @param {number} now
   * @returns {Step[]}
   */
  #giveUpSecond(retryAfterS, now) {
    this.#second = null;
    if (this.#moving === null) return this.#climb(this.#ladder.nextBetter(), now);
    this.#moveAt = now + this.#moving.next(this.#chance(), retryAfterS);
    return [];
  }

  /**
   * @param {Line} second
   * @param {number} now
   * @returns {Step[]}
   */
  #takeOver(second, now) {
    if (this.#moving === null) this.#ladder.rise(second.via, now);
    this.moves += this.#leaves ? 1 : 0;
    this.switches += this.#line?.via === second.via ? 0 : 1;
    this.#line = second;
    this.#second = this.#moving = null;
    this.#leaves = false;
    this.#ladder.settle();
    const steps = second.takeOver(now);
    return second.moved === null ? steps : [...steps, ...this.#plan(second.moved, now)];
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
    return this.#giveUpSecond(0, now);
  }

  /** @param {Output} action */
  #note(action) {
    if (action.do === "up") this.#spreadS = action.spreadS;
    else if (action.do === "dismissed") {
      this.#retryAfterS = action.retryAfterS;
      this.#spreadS = action.spreadS ?? this.#spreadS;
    }
  }

  /**
   * @param {boolean} takesOver
   * @param {Transport} via
   */
  #nextLine(takesOver, via) {
    return new Line(++this.#numbers, this.#make(takesOver), this.#backoff, this.#chance, this.#ackTimeoutS, via);
  }

  /** @param {number} number */
  #of(number) {
    return this.#lines.find((line) => line.number === number);
  }
}

/**
 * @param {Line} line
 * @returns {Step}
 */
const connectOf = ({ number, via }) => (via === "ws" ? { do: "connect", line: number } : { do: "connect", line: number, via });
