import { Positions } from "./core/positions.js";
import { Feed, joined } from "./feed.js";

/** @import {Cursor, Entry, Frame, Pending, Transport} from "./core/types.js" */
/** @import {Link} from "./link.js" */

const PAGE = 1000;

/**
 * @typedef {object} Around what a reading needs of its client
 * @property {() => Promise<void>} ready resolves when `stored` is known
 * @property {(positions: Positions) => Link} link makes a link that tells what it hears
 * @property {(page: {after?: string, limit: number}) => Promise<any>} list
 * @property {(conversation: string, page: {after: number, limit: number}) => Promise<any>} log
 * @property {<T>(call: () => Promise<T>) => Promise<T>} insist
 */

/** The read side of a client: one socket, from where the app is, or with what comes; and who takes what it delivers. */
export class Reading {
  #around;
  /** @type {Promise<void> | null} */
  #opening = null;
  /** Whether the read socket began where the app was, not with what comes. */
  #isWhole = false;
  #isStopped = false;
  /** @type {Link | null} */
  #link = null;
  #positions = new Positions();
  feed = new Feed();
  /** @type {Cursor | null} where the app was when it last ran */
  stored = null;

  /** @param {Around} around */
  constructor(around) {
    this.#around = around;
  }

  get moves() {
    return this.#link?.moves ?? 0;
  }

  /** By what events come now; null while they do not. */
  get via() {
    return this.#link?.via ?? null;
  }

  get switches() {
    return this.#link?.switches ?? 0;
  }

  /** @param {readonly Transport[]} rungs */
  choose(rungs) {
    this.#link?.choose(rungs);
  }

  get canWrite() {
    return this.#link?.canWrite === true;
  }

  /** Whether it is up and takes no sends. */
  get isReadOnly() {
    return this.via !== null && !this.canWrite;
  }

  /** @param {Pending} pending */
  offer(pending) {
    this.#link?.offer(pending);
  }

  /**
   * Return whether there was a socket to say it on.
   *
   * @param {Frame} frame
   */
  say(frame) {
    return this.#link?.say(frame) === true;
  }

  hint() {
    this.#link?.hint();
  }

  stop() {
    this.#isStopped = true;
    this.#link?.stop();
  }

  /**
   * @param {Cursor} [from]
   * @returns {AsyncGenerator<Entry, void, void>}
   */
  async *events(from) {
    const reader = this.feed.follow();
    try {
      await this.open(from ?? "seen");
      for (;;) {
        const item = await reader.next();
        if (item === null) this.#restart(this.feed.seen.cursor);
        else if ("positions" in item) this.feed.seen = new Positions(item.positions);
        else {
          yield item;
          this.feed.seen.see(item.conversation, item.seq);
        }
      }
    } finally {
      this.feed.leave(reader);
    }
  }

  /**
   * @param {string} conversation
   * @param {number} [after]
   * @returns {AsyncGenerator<Entry, void, void>}
   */
  async *follow(conversation, after) {
    const reader = this.feed.follow(conversation);
    try {
      await this.open();
      if (after !== undefined) reader.cut(); // what is there already comes in pages
      const start = after ?? this.#positions.at(conversation);
      yield* joined(reader, start, (from, before) => this.#pages(conversation, from, before));
    } finally {
      this.feed.leave(reader);
    }
  }

  /**
   * Open the read socket; where it is open already, begin anew if the app is somewhere else.
   *
   * @param {"seen" | "now" | Cursor} from where the app was, or with what comes, or where it is
   */
  async open(from = "now") {
    const isFirst = this.#opening === null;
    this.#opening ??= this.#start(from);
    try {
      await this.#opening;
    } catch (error) {
      this.#opening = null;
      throw error;
    }
    if (isFirst || from === "now" || (from === "seen" && this.#isWhole)) return;
    this.#restart(from === "seen" ? (this.stored ?? {}) : from);
  }

  /** @param {"seen" | "now" | Cursor} from */
  async #start(from) {
    await this.#around.ready();
    this.#isWhole = from !== "now";
    if (from === "now") this.#connect(await this.#around.insist(() => this.#heads()));
    else this.#connect(from === "seen" ? (this.stored ?? {}) : from);
  }

  /** @param {Partial<Cursor>} start */
  #connect(start) {
    if (this.#isStopped) return;
    this.#positions = new Positions(start);
    this.#link = this.#around.link(this.#positions);
    this.#link.start();
  }

  /**
   * Begin anew where the one who reads everything is: they were too slow, or came late.
   *
   * @param {Partial<Cursor>} start
   */
  #restart(start) {
    this.#isWhole = true;
    this.#link?.stop();
    this.feed.rewind();
    this.#connect(start);
  }

  /**
   * Return the positions of one who has everything that is there now.
   *
   * @returns {Promise<Cursor>}
   */
  async #heads() {
    /** @type {Cursor} */
    const cursor = { epoch: null, inbox: 0, of: {} };
    /** @type {string | undefined} */
    let after;
    do {
      const { epoch, inbox, conversations, next } = await this.#around.list({ after, limit: PAGE });
      // What is joined between two pages is in the inbox after the first one's.
      if (after === undefined) Object.assign(cursor, { epoch, inbox });
      for (const { conversation, head } of conversations) cursor.of[conversation] = head;
      after = next ?? undefined;
    } while (after !== undefined);
    return cursor;
  }

  /**
   * Yield the events after `after` and before `until`, as far as they are there.
   *
   * @param {string} conversation
   * @param {number} after
   * @param {number} until
   * @returns {AsyncGenerator<Entry, void, void>}
   */
  async *#pages(conversation, after, until) {
    const log = new Positions({ of: { [conversation]: after } });
    for (;;) {
      const at = /** @type {number} */ (log.at(conversation));
      if (at + 1 >= until) return;
      const page = await this.#around.insist(() => this.#around.log(conversation, { after: at, limit: PAGE }));
      if (page.from > at + 1) log.see(conversation, page.from - 1); // what is before it is not ours to see
      for (const entry of log.apply(conversation, page)) if (entry.seq < until) yield entry;
      if (page.complete) return;
    }
  }
}
