/** @import {Pane} from "./core/pane.js" */
/** @import {Room} from "./core/room.js" */
/** @import {Sheet} from "./core/sheet.js" */
/** @import {Pages} from "./pages.js" */

const QUIET_MS = 120;
const RETRY_MS = 2000;

/**
 * @typedef {object} Hears
 * @property {(isLoading: boolean) => void} loading
 * @property {() => void} changed what is here has changed
 * @property {() => void} moved the window has, or may be tried again
 */

/** Fetches what a window comes near to, or is over; and what replies answer. */
export class Fetching {
  #pages;
  #room;
  #sheet;
  #pane;
  #hears;
  #isLoading = false;
  #isFailing = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #quiet;
  /** @type {Map<number, any>} */
  #answered = new Map();

  /**
   * @param {Pages} pages
   * @param {Room} room
   * @param {Sheet} sheet
   * @param {Pane} pane
   * @param {Hears} hears
   */
  constructor(pages, room, sheet, pane, hears) {
    this.#pages = pages;
    this.#room = room;
    this.#sheet = sheet;
    this.#pane = pane;
    this.#hears = hears;
  }

  /** The window moves: look again when it stands still. */
  wait() {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#hears.moved(), QUIET_MS);
  }

  stop() {
    clearTimeout(this.#quiet);
  }

  /**
   * Have the end of the conversation, or the part around a seq.
   *
   * @param {number | null} seq
   */
  around(seq) {
    return this.#load(() => this.#pages.loadAround(this.#room, seq));
  }

  /** Fetch what the window comes near to, or is over. */
  reach() {
    if (this.#isLoading || this.#isFailing) return;
    const { timeline } = this.#room;
    if (timeline.isEmpty && !timeline.isFirst) return void this.around(null);
    const { start, end, layout } = this.#sheet;
    const { top, height } = this.#pane;
    const isFar = top + 3 * height < start || top > end + 2 * height;
    if (isFar) return this.#leap(Math.max(1, Math.round(top / layout.mean)));
    if (!timeline.isFirst && top < start + 2 * height) void this.#load(() => this.#pages.loadBefore(this.#room));
    else if (!timeline.isLast && top + 3 * height > end) void this.#load(() => this.#pages.loadAfter(this.#room));
  }

  /**
   * Return what a reply answers, and fetch it if it is not here.
   *
   * @param {number} seq
   */
  answer(seq) {
    const here = this.#room.timeline.find(seq);
    if (here !== undefined) return here;
    if (!this.#answered.has(seq)) {
      this.#answered.set(seq, undefined);
      this.#pages.fetchItem(this.#room, seq).then(
        (item) => (this.#answered.set(seq, item), this.#hears.changed()),
        () => setTimeout(() => this.#answered.delete(seq), RETRY_MS),
      );
    }
    return this.#answered.get(seq);
  }

  /**
   * The window is far from what is here: when it stands still, fetch what it is over.
   *
   * @param {number} seq
   */
  #leap(seq) {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(async () => {
      if (this.#isLoading) return;
      await this.around(seq);
      this.#sheet.collect();
      const row = this.#sheet.rowAt(seq) ?? this.#sheet.rows.at(-1);
      if (row !== undefined) this.#pane.hang(row.key, 0);
      this.#hears.moved();
    }, QUIET_MS);
  }

  /** @param {() => Promise<void>} work */
  async #load(work) {
    this.#isLoading = true;
    this.#hears.loading(true);
    try {
      await work();
    } catch {
      this.#isFailing = true; // away, or no longer ours: what is here stays
      setTimeout(() => ((this.#isFailing = false), this.#hears.moved()), RETRY_MS);
    }
    this.#isLoading = false;
    this.#hears.loading(false);
    this.#hears.changed();
  }
}
