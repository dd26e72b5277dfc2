/** @import {Cursor, Entry, Frame} from "./types.js" */

/** What came does not continue what is there: connect again with the positions. */
export class Hole extends Error {}

/** For each log the highest seq up to which we have every event, under an epoch. Hands out each event once, in order. */
export class Positions {
  /** @type {Map<string, number>} */
  #of;
  /** @type {Map<string, number>} */
  #starts = new Map();

  /** @param {Partial<Cursor>} cursor */
  constructor({ epoch = null, inbox = 0, of = {} } = {}) {
    this.epoch = epoch;
    this.inbox = inbox;
    this.#of = new Map(Object.entries(of));
    /** How many events came although they were there already. */
    this.repeats = 0;
  }

  /** @returns {Cursor} a copy */
  get cursor() {
    return { epoch: this.epoch, inbox: this.inbox, of: Object.fromEntries(this.#of) };
  }

  /** Return what a hello says of them. */
  hello() {
    return this.epoch === null ? {} : { epoch: this.epoch, inbox: this.inbox, positions: Object.fromEntries(this.#of) };
  }

  /** @param {string | null} conversation */
  at(conversation) {
    return conversation === null ? this.inbox : this.#of.get(conversation);
  }

  /**
   * Take the answer to a hello that said `saidInbox`; another socket may have moved on since.
   *
   * @param {Frame} frame
   * @param {number} saidInbox
   */
  welcome(frame, saidInbox) {
    if (frame.epoch !== this.epoch) {
      this.epoch = frame.epoch;
      this.inbox = 0;
      this.#of.clear();
    }
    if (frame.inbox < saidInbox) this.inbox = 0;
    this.#starts.clear();
    for (const range of frame.ranges) this.takeRange(range);
  }

  /**
   * Take where a conversation goes on. What is left out before it (`complete: false`) is not ours to see.
   *
   * @param {{conversation: string, from: number, complete?: boolean}} range
   */
  takeRange({ conversation, from, complete = true }) {
    const position = this.#of.get(conversation);
    const start = from - 1;
    this.#starts.set(conversation, start);
    if (position !== undefined && start > position && complete) {
      throw new Hole(`${conversation}: the range begins at ${from}, and ${position} is where we are`);
    }
    if (position === undefined || start > position) this.#of.set(conversation, start);
  }

  /**
   * A position (null: the inbox's) counts no longer: its events come anew from where its range begins.
   *
   * @param {string | null} conversation
   */
  lose(conversation) {
    this.see(conversation, conversation === null ? 0 : (this.#starts.get(conversation) ?? 0));
  }

  /**
   * Return the events of a frame that are new, and move on.
   *
   * @param {string | null} conversation
   * @param {Frame} frame
   * @returns {Entry[]}
   * @throws {Hole} it begins too late, or is not all of the range that it names; nothing has moved then
   */
  apply(conversation, { from, to, events }) {
    if (!Number.isInteger(from) || !Number.isInteger(to) || !Array.isArray(events)) throw new TypeError("no events");
    const position = this.at(conversation);
    if (position === undefined || from > position + 1) throw new Hole(`${conversation ?? "inbox"}: ${from} came after ${position}`);
    if (events.length !== to - from + 1 || events.some((event, n) => event.seq !== from + n)) {
      throw new Hole(`${conversation ?? "inbox"}: not all of ${from} to ${to}`);
    }
    const fresh = events.slice(position - from + 1);
    this.repeats += events.length - fresh.length;
    if (fresh.length > 0) this.see(conversation, to);
    return fresh.map((event) => entry(conversation, event));
  }

  /**
   * Count everything up to `seq` as seen.
   *
   * @param {string | null} conversation
   * @param {number} seq
   */
  see(conversation, seq) {
    if (conversation === null) this.inbox = seq;
    else this.#of.set(conversation, seq);
  }
}

/**
 * @param {string | null} conversation
 * @param {Frame} fields
 * @returns {Entry}
 */
const entry = (conversation, fields) => ({
  conversation,
  seq: fields.seq,
  type: fields.type,
  sender: fields.sender ?? "",
  id: fields.id ?? "",
  at: fields.at ?? "",
  messages: fields.messages ?? 0,
  fields,
});
