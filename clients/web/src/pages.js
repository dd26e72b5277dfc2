import { quietly } from "./trouble.js";

/** @import {Room} from "./core/room.js" */
/** @import {Rooms} from "./rooms.js" */

const HISTORY_PAGE = 100;
const TAIL_PAGE = 40;
const AT_ONCE = 4;
const KEPT_ITEMS = 1200;

/** Fetches what is to be seen of the conversations' logs, a page at a time. Rejects where it can't be had now. */
export class Pages {
  #rooms;
  #conversation;

  /**
   * @param {Rooms} rooms
   * @param {(id: string) => any} conversation the client's
   */
  constructor(rooms, conversation) {
    this.#rooms = rooms;
    this.#conversation = conversation;
  }

  /**
   * Make sure that the end of a conversation is here, or the part around a seq.
   *
   * @param {Room} room
   * @param {number | null} seq
   */
  async loadAround(room, seq) {
    if (seq === null) return this.#load(room, { limit: HISTORY_PAGE }, (page) => room.open(page));
    const before = seq + HISTORY_PAGE / 2;
    await this.#load(room, { before, limit: HISTORY_PAGE }, (page) => room.timeline.reset(page, before));
    if (room.timeline.to < seq + HISTORY_PAGE / 4) await this.loadAfter(room);
  }

  /** @param {Room} room */
  loadBefore(room) {
    const { timeline } = room;
    return this.#load(room, { before: timeline.from, limit: HISTORY_PAGE }, (page) => {
      timeline.prepend(page);
      timeline.trim(timeline.from, KEPT_ITEMS);
    });
  }

  /** @param {Room} room */
  loadAfter(room) {
    const { timeline } = room;
    return this.#load(room, { after: timeline.to, limit: HISTORY_PAGE }, (page) => {
      timeline.append(page);
      timeline.trim(timeline.to, KEPT_ITEMS);
    });
  }

  /**
   * Return one item, for a reply that shows what it answers.
   *
   * @param {Room} room
   * @param {number} seq
   */
  async fetchItem(room, seq) {
    const { items } = await this.#conversation(room.id).history({ after: seq - 1, limit: 1 });
    return items[0]?.seq === seq ? items[0] : null;
  }

  /** Have the end of each conversation whose end is not known, as far as it can be had. */
  async loadTails() {
    const stale = this.#rooms.ordered.filter((room) => room.isStale);
    const work = async () => {
      for (let room = stale.shift(); room !== undefined; room = stale.shift()) {
        const one = room;
        if (one.isStale) await quietly(() => this.#loadTail(one));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  /** @param {Room} room */
  #loadTail(room) {
    const isElsewhere = () => room === this.#rooms.looked && !room.timeline.isEmpty && !room.timeline.isLast && !room.isLacking;
    return this.#load(room, { limit: TAIL_PAGE }, (page) => (isElsewhere() ? room.glimpse(page) : room.open(page)));
  }

  /**
   * @param {Room} room
   * @param {{after?: number, before?: number, limit: number}} range
   * @param {(page: any) => void} take
   */
  async #load(room, range, take) {
    const { timeline } = room;
    timeline.expect();
    try {
      take(await this.#conversation(room.id).history(range));
    } finally {
      timeline.settle();
    }
    this.#rooms.moved(room);
  }
}
