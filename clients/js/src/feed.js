import { Positions } from "./core/positions.js";

/** @import {Cursor, Entry} from "./core/types.js" */

export const BUFFER_EVENTS = 10_000;

/** The log begins anew (a backup was restored): what is shown of it counts no longer, read its history again. */
export class PositionLost extends Error {}

/** @typedef {{positions: Cursor}} Seat what was handed out before adds up to these positions */

/**
 * What one reader has not taken yet.
 *
 * Past its bound it forgets all of it and takes no more, and `next` says so once: who reads knows where they were.
 */
export class Reader {
  /** @type {(Entry | Seat)[]} */
  #waiting = [];
  #isCut = false;
  /** @type {Error | null} */
  #error = null;
  /** @type {() => void} */
  #wake = () => {};
  /** The highest seq that came; of use to who follows one conversation. */
  at = 0;

  /** @param {Entry | Seat} item */
  push(item) {
    if (this.#isCut) return;
    if ("seq" in item) this.at = item.seq;
    if (this.#waiting.push(item) > BUFFER_EVENTS) this.cut();
    this.#wake();
  }

  /** Forget what waits: what comes next does not continue it. */
  cut() {
    this.#waiting = [];
    this.#isCut = true;
    this.at = 0;
    this.#wake();
  }

  /** Forget what waits; what comes next is where its reader begins anew. */
  clear() {
    this.#waiting = [];
    this.#isCut = false;
  }

  /** @param {Error} error what comes after what is here */
  fail(error) {
    this.#error ??= error;
    this.#wake();
  }

  /**
   * Wait for the next one; null where something was cut, from where it takes more. Throws what `fail` said, when all is taken.
   *
   * @returns {Promise<Entry | Seat | null>}
   */
  async next() {
    for (;;) {
      const item = this.#waiting.shift();
      if (item !== undefined) return item;
      if (this.#error !== null) throw this.#error;
      if (this.#isCut) {
        this.#isCut = false;
        return null;
      }
      await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
    }
  }
}

/** Hands out what the socket delivers: to those who follow one conversation, and to the one who reads everything. */
export class Feed {
  /** @type {Map<Reader, string | undefined>} */
  #readers = new Map();
  /** @type {string | null} */
  #epoch = null;
  /** @type {Error | null} */
  #error = null;
  /** Up to where the one who reads everything has taken it. */
  seen = new Positions();

  /** @param {string} [conversation] none: everything, the inbox too */
  follow(conversation) {
    const reader = new Reader();
    this.#readers.set(reader, conversation);
    if (this.#error !== null) reader.fail(this.#error);
    return reader;
  }

  /** @param {Reader} reader */
  leave(reader) {
    this.#readers.delete(reader);
  }

  /** @param {Entry[]} entries */
  push(entries) {
    for (const [reader, conversation] of this.#readers) {
      for (const entry of entries) {
        if (conversation === undefined || conversation === entry.conversation) reader.push(entry);
      }
    }
  }

  /**
   * What was delivered so far adds up to these positions, whatever they were before.
   *
   * @param {Cursor} positions
   */
  seat(positions) {
    const isAnew = this.#epoch !== null && this.#epoch !== positions.epoch;
    this.#epoch = positions.epoch;
    for (const [reader, conversation] of this.#readers) {
      if (conversation === undefined) reader.push({ positions });
      else if (isAnew || (positions.of[conversation] ?? reader.at) < reader.at) {
        reader.fail(new PositionLost("the log begins anew"));
      }
    }
  }

  /** What is delivered from now on begins where the one who reads everything is: the others find their places again. */
  rewind() {
    for (const [reader, conversation] of this.#readers) {
      if (conversation === undefined) reader.clear();
      else reader.cut();
    }
  }

  /** @param {Error} error what all readers end with */
  fail(error) {
    this.#error ??= error;
    for (const reader of this.#readers.keys()) reader.fail(error);
  }
}

/**
 * Yield the events of a conversation that follow on `after`: what a reader gets, with what it lacks from `pages`. Each once, in order.
 *
 * @param {Reader} reader
 * @param {number | undefined} after none: from the first one that comes
 * @param {(after: number, before: number) => AsyncIterable<Entry>} pages
 * @returns {AsyncGenerator<Entry, void, void>}
 */
export async function* joined(reader, after, pages) {
  let last = after;
  for (;;) {
    const item = await reader.next();
    if (item !== null && !("seq" in item)) continue;
    const before = item?.seq ?? Infinity;
    last ??= before - 1;
    if (before > last + 1) {
      for await (const missed of pages(last, before)) {
        last = missed.seq;
        yield missed;
      }
    }
    if (item !== null && item.seq > last) {
      last = item.seq;
      yield item;
    }
  }
}
