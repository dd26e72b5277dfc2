import { Layout } from "./layout.js";
import { isSame, rowsOf } from "./rows.js";

/** @import {Dates} from "./dates.js" */
/** @import {Room} from "./room.js" */
/** @import {Row} from "./rows.js" */

const ESTIMATE_PX = 58;

/** The rows of a conversation, as far as it is here, and where each of them stands. */
export class Sheet {
  #room;
  #dates;
  #unreadFrom;
  /** @type {Map<string, number>} */
  #indexes = new Map();
  /** @type {Map<number, string>} */
  #days = new Map();
  /** @type {Row[]} */
  rows = [];
  layout = new Layout(ESTIMATE_PX);
  /** Whether the rows, or what is drawn of them, may have changed. */
  isStale = true;

  /**
   * @param {Room} room
   * @param {Dates} dates
   */
  constructor(room, dates) {
    this.#room = room;
    this.#dates = dates;
    this.#unreadFrom = room.unread.count > 0 ? room.unread.marker : Infinity;
  }

  /** Whether the conversation's end is here. */
  get hasEnd() {
    return this.#room.timeline.isLast;
  }

  /** Where the first row begins. */
  get start() {
    return this.layout.top(0);
  }

  /** Where the last row ends. */
  get end() {
    return this.layout.top(this.layout.size);
  }

  /** @param {string} key */
  indexOf(key) {
    return this.#indexes.get(key);
  }

  /**
   * Return the row of that seq, or of the next one that is here.
   *
   * @param {number} seq
   */
  rowAt(seq) {
    return this.rows.find(({ item }) => item !== null && item.seq >= seq);
  }

  /** Take the rows from what the conversation is now; those that are drawn alike stay the same. */
  collect() {
    const { timeline, echoes, me } = this.#room;
    const known = new Map(this.rows.map((row) => [row.key, row]));
    const said = timeline.isLast ? [...echoes.values()] : [];
    this.rows = rowsOf(timeline.items, said, this.#unreadFrom, me, this.#dayOf).map((row) => {
      const before = known.get(row.key) ?? null;
      return isSame(before, row) ? /** @type {Row} */ (before) : row;
    });
    this.#indexes = new Map(this.rows.map(({ key }, index) => [key, index]));
    this.isStale = false;
    this.place();
  }

  /** Let each row stand where it belongs by the heights that are known now. */
  place() {
    const { timeline } = this.#room;
    const before = timeline.isFirst ? 0 : Math.max(0, timeline.from - 1);
    const after = Math.max(0, timeline.head - timeline.to);
    this.layout.place(this.rows.map(({ key }) => key), before, after);
  }

  /** @param {number | string} at */
  #dayOf = (at) => {
    const quarter = Math.floor(Number(at) / 900_000); // no zone's midnight lies within one
    let day = this.#days.get(quarter);
    if (day === undefined) this.#days.set(quarter, (day = this.#dates.dayName(at)));
    return day;
  };
}
