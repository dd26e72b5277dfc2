import { Layout } from "../core/layout.js";
import { isSame, rowsOf } from "../core/rows.js";
import { h, icon } from "./dom.js";
import { MessageElement } from "./message.js";
import { Tools } from "./tools.js";

/** @import {Chat} from "../chat.js" */
/** @import {Dates} from "../core/dates.js" */
/** @import {Room} from "../core/room.js" */
/** @import {Row} from "../core/rows.js" */

const ESTIMATE_PX = 58;
const BEYOND_PX = 600;
const AT_END_PX = 4;
const QUIET_MS = 120;
const RETRY_MS = 2000;
const MEASURES = 4;

/**
 * The messages of a conversation: as many elements as a window shows, over a canvas as high as all of it would be.
 *
 * What the window looks at stays where it is, whatever comes before or after it or turns out higher than thought; at the end it
 * stays at the end. What is not here is fetched when the window comes near it.
 */
export class MessagesElement extends HTMLElement {
  /** @type {Chat} */ #chat;
  /** @type {Dates} */ #dates;
  /** @type {Room} */ #room;
  #layout = new Layout(ESTIMATE_PX);
  /** @type {Row[]} */ #rows = [];
  /** @type {Map<string, number>} */ #indexes = new Map();
  /** Whether the rows, or what is drawn of them, may have changed. */ #isStale = true;
  /** @type {Map<string, MessageElement>} */ #elements = new Map();
  #scroller;
  #canvas;
  #pill;
  #tools;
  /** Where the window is: that row's top, so far below the window's. @type {{key: string, offset: number} | null} */ #anchor = null;
  #isAtEnd = true;
  /** Where the window was when it was last looked at, or put: to ask the browser costs a layout once something has changed. */
  #top = 0;
  #height = 0;
  #unreadFrom = 0;
  #isLoading = false;
  #isFailing = false;
  #isAsked = false;
  #active = "";
  #width = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #quiet;
  /** @type {Map<number, any>} */ #answered = new Map();
  #opening = 0;

  /**
   * @param {Chat} chat
   * @param {Dates} dates
   * @param {Room} room
   * @param {{reply: (item: any) => void, edit: (item: any) => void}} wishes
   */
  constructor(chat, dates, room, wishes) {
    super();
    this.#chat = chat;
    this.#dates = dates;
    this.#room = room;
    this.#unreadFrom = room.unread.count > 0 ? room.unread.marker : Infinity;
    this.#canvas = h("div", { class: "canvas", role: "feed", "aria-label": "Messages" });
    this.#scroller = h("div", { class: "scroller", on: { scroll: () => this.#scrolled() } }, this.#canvas);
    this.#pill = h("button", { type: "button", class: "pill", hidden: true, on: { click: () => this.toEnd() } }, icon("down"), h("span", {}));
    this.#tools = new Tools(chat, room, wishes);
    this.#canvas.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#key(event));
    this.#canvas.addEventListener("focusin", (/** @type {FocusEvent} */ event) => this.#focused(event));
    this.#canvas.addEventListener("pointerover", (/** @type {PointerEvent} */ event) => this.#offer(event.target));
    this.append(this.#scroller, this.#pill);
  }

  connectedCallback() {
    this.#observer.observe(this.#scroller);
    document.addEventListener("visibilitychange", this.#looked);
    addEventListener("focus", this.#looked);
  }

  disconnectedCallback() {
    this.#observer.disconnect();
    clearTimeout(this.#quiet);
    document.removeEventListener("visibilitychange", this.#looked);
    removeEventListener("focus", this.#looked);
  }

  #looked = () => this.#ask();

  #observer = new ResizeObserver(() => {
    if (this.#width !== this.#scroller.clientWidth) this.#layout.forget();
    this.#width = this.#scroller.clientWidth;
    this.#height = this.#scroller.clientHeight;
    this.update();
  });

  /**
   * Show the end, or the message of that seq.
   *
   * @param {number | null} seq
   */
  async open(seq) {
    const { timeline } = this.#room;
    const opening = (this.#opening += 1);
    const isHere = seq === null ? timeline.isLast && !timeline.isEmpty && !this.#room.isStale : seq >= timeline.from && seq <= timeline.to;
    this.#isAtEnd = seq === null;
    this.update();
    if (!isHere) await this.#load(() => this.#chat.pages.loadAround(this.#room, seq));
    if (opening !== this.#opening) return;
    this.#layout.learn();
    this.update();
    if (seq !== null) this.#showRow(seq);
  }

  /** Something of the conversation has changed. */
  update() {
    this.#isStale = true;
    this.#ask();
  }

  toEnd() {
    return this.open(null);
  }

  /** Put the focus on the latest message. */
  enter() {
    this.#draw();
    const row = this.#rows.find(({ key }) => key === this.#active) ?? this.#rows.at(-1);
    if (row !== undefined) this.#focusRow(this.#rows.indexOf(row));
  }

  /** The latest message of mine that can be edited. */
  get lastOfMine() {
    return this.#rows.findLast(({ item }) => item?.type === "message" && item.sender === this.#chat.me && !item.erased)?.item ?? null;
  }

  /** @param {number} seq */
  #showRow(seq) {
    this.#collect();
    const row = this.#rows.find(({ item }) => item !== null && item.seq >= seq);
    if (row === undefined) return;
    this.#isAtEnd = false;
    this.#anchor = { key: row.key, offset: this.#height / 3 };
    this.#draw();
    const element = this.#elements.get(row.key);
    element?.classList.add("found");
    element?.focus({ preventScroll: true });
  }

  #ask() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame(() => {
      this.#isAsked = false;
      if (this.isConnected && this.#height > 0) this.#draw();
    });
  }

  // What is drawn.

  #collect() {
    const { timeline, echoes, me } = this.#room;
    const known = new Map(this.#rows.map((row) => [row.key, row]));
    const said = timeline.isLast ? [...echoes.values()] : [];
    this.#rows = rowsOf(timeline.items, said, this.#unreadFrom, me, this.#dayOf).map((row) => {
      const before = known.get(row.key) ?? null;
      return isSame(before, row) ? /** @type {Row} */ (before) : row;
    });
    this.#indexes = new Map(this.#rows.map(({ key }, index) => [key, index]));
    this.#isStale = false;
    this.#place();
  }

  #place() {
    const { timeline } = this.#room;
    const before = timeline.isFirst ? 0 : Math.max(0, timeline.from - 1);
    const after = Math.max(0, timeline.head - timeline.to);
    this.#layout.place(this.#rows.map(({ key }) => key), before, after);
  }

  #draw() {
    if (Math.abs(this.#scroller.scrollTop - this.#top) > 1) this.#look();
    const isStale = this.#isStale;
    if (isStale) this.#collect();
    let range = { first: 0, end: 0 };
    for (let n = 0; n < MEASURES; n += 1) {
      this.#canvas.style.height = `${Math.max(this.#layout.total, this.#height)}px`;
      this.#hold();
      range = this.#layout.window(this.#top, this.#height, BEYOND_PX);
      if (!this.#render(range.first, range.end, isStale && n === 0)) break;
      this.#place();
    }
    const lift = Math.max(0, this.#height - this.#layout.total); // what is short stands at the bottom
    for (let index = range.first; index < range.end; index += 1) {
      this.#elements.get(this.#rows[index].key)?.stand(lift + this.#layout.top(index));
    }
    this.#tellUnread();
    this.#readOn();
    this.#reach();
  }

  /** Put the window where it was over what it shows. */
  #hold() {
    const end = Math.max(0, this.#layout.total - this.#height);
    const wanted = this.#isAtEnd ? end : (this.#anchored() ?? this.#top);
    const top = Math.max(0, Math.min(wanted, end));
    if (Math.abs(top - this.#top) <= 1) return;
    this.#scroller.scrollTop = top;
    this.#top = top;
  }

  #anchored() {
    if (this.#anchor === null) return null;
    const { key, offset } = this.#anchor;
    const index = this.#indexes.get(key);
    return index === undefined ? null : this.#layout.top(index) - offset;
  }

  /**
   * Have elements for these rows and no others; return whether one is not as high as was thought.
   *
   * @param {number} first
   * @param {number} end
   * @param {boolean} isStale whether those that are drawn may have changed
   */
  #render(first, end, isStale) {
    const rows = this.#rows.slice(first, end);
    const wanted = new Set(rows.map(({ key }) => key));
    for (const [key, element] of this.#elements) if (!wanted.has(key)) this.#drop(key, element);
    /** @type {Element | null} */
    let place = this.#canvas.firstElementChild;
    const changed = [];
    const around = this.#around;
    const active = this.#activeKey;
    for (const row of rows) {
      let element = this.#elements.get(row.key);
      const isNew = element === undefined;
      if (element === undefined) this.#elements.set(row.key, (element = new MessageElement()));
      const isOther = (isNew || isStale) && element.show(row, around, row.key === active);
      if (isOther || !this.#layout.knows(row.key)) changed.push(element);
      if (element !== place) this.#canvas.insertBefore(element, place);
      else place = place?.nextElementSibling ?? null;
    }
    let isMoved = false;
    for (const element of changed) isMoved = this.#layout.measure(/** @type {string} */ (element.dataset.id), element.offsetHeight) || isMoved;
    return isMoved;
  }

  /**
   * @param {string} key
   * @param {MessageElement} element
   */
  #drop(key, element) {
    if (element.contains(this.#tools)) this.#tools.remove();
    element.remove();
    this.#elements.delete(key);
  }

  get #around() {
    return { chat: this.#chat, room: this.#room, dates: this.#dates, answered: (/** @type {number} */ seq) => this.#answer(seq) };
  }

  /** @type {Map<number, string>} */
  #days = new Map();

  /** @param {number | string} at */
  #dayOf = (at) => {
    const quarter = Math.floor(Number(at) / 900_000); // no zone's midnight lies within one
    let day = this.#days.get(quarter);
    if (day === undefined) this.#days.set(quarter, (day = this.#dates.dayName(at)));
    return day;
  };

  /**
   * Return what a reply answers, and fetch it if it is not here.
   *
   * @param {number} seq
   */
  #answer(seq) {
    const here = this.#room.timeline.find(seq);
    if (here !== undefined) return here;
    if (!this.#answered.has(seq)) {
      this.#answered.set(seq, undefined);
      this.#chat.pages.fetchItem(this.#room, seq).then(
        (item) => (this.#answered.set(seq, item), this.update()),
        () => setTimeout(() => this.#answered.delete(seq), RETRY_MS),
      );
    }
    return this.#answered.get(seq);
  }

  // Where the window goes.

  #scrolled() {
    this.#look();
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#ask(), QUIET_MS);
    this.#ask();
  }

  /** Take the window for being where it is now. */
  #look() {
    const { scrollTop } = this.#scroller;
    const bottom = scrollTop + this.#height;
    this.#isAtEnd = this.#room.timeline.isLast && bottom >= this.#layout.total - AT_END_PX;
    const isOver = bottom >= this.#layout.top(0) && scrollTop <= this.#layout.top(this.#layout.size);
    if (isOver && this.#rows.length > 0) {
      const index = this.#layout.indexAt(scrollTop);
      this.#anchor = { key: this.#rows[index].key, offset: this.#layout.top(index) - scrollTop };
    } else this.#anchor = null;
    this.#top = scrollTop;
  }

  /** Fetch what the window comes near to, or is over. */
  #reach() {
    if (this.#isLoading || this.#isFailing || this.#opening === 0) return;
    const { timeline } = this.#room;
    if (timeline.isEmpty && !timeline.isFirst) return void this.#load(() => this.#chat.pages.loadAround(this.#room, null));
    const start = this.#layout.top(0);
    const end = this.#layout.top(this.#layout.size);
    const isFar = this.#top + 3 * this.#height < start || this.#top > end + 2 * this.#height;
    if (isFar) return this.#leap(Math.max(1, Math.round(this.#top / this.#layout.mean)));
    if (!timeline.isFirst && this.#top < start + 2 * this.#height) void this.#load(() => this.#chat.pages.loadBefore(this.#room));
    else if (!timeline.isLast && this.#top + 3 * this.#height > end) void this.#load(() => this.#chat.pages.loadAfter(this.#room));
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
      await this.#load(() => this.#chat.pages.loadAround(this.#room, seq));
      const row = this.#rowAt(seq);
      if (row !== undefined) this.#anchor = { key: row.key, offset: 0 };
      this.#ask();
    }, QUIET_MS);
  }

  /** @param {number} seq */
  #rowAt(seq) {
    this.#collect();
    return this.#rows.find(({ item }) => item !== null && item.seq >= seq) ?? this.#rows.at(-1);
  }

  /** @param {() => Promise<void>} work */
  async #load(work) {
    this.#isLoading = true;
    this.toggleAttribute("loading", true);
    try {
      await work();
    } catch {
      this.#isFailing = true; // away, or no longer ours: what is here stays
      setTimeout(() => ((this.#isFailing = false), this.#ask()), RETRY_MS);
    }
    this.#isLoading = false;
    this.toggleAttribute("loading", false);
    this.update();
  }

  /** What stands in the window and is looked at is read. */
  #readOn() {
    if (document.visibilityState !== "visible" || !document.hasFocus() || this.#rows.length === 0) return;
    const bottom = this.#isAtEnd ? this.#rows.length - 1 : this.#layout.indexAt(this.#top + this.#height - 1);
    const { item } = this.#rows[bottom];
    if (this.#isAtEnd) this.#chat.read(this.#room, this.#room.timeline.to);
    else if (item !== null) this.#chat.read(this.#room, item.seq);
  }

  #tellUnread() {
    const count = this.#room.unread.count;
    this.#pill.hidden = this.#isAtEnd || this.#rows.length === 0;
    this.#pill.lastElementChild.textContent = count > 0 ? `${count.toLocaleString()} new` : "Latest";
  }

  // Keys.

  get #activeKey() {
    return this.#indexes.has(this.#active) ? this.#active : this.#rows.at(-1)?.key;
  }

  /** @param {FocusEvent} event */
  #focused({ target }) {
    const element = /** @type {Element} */ (target).closest("rp-message");
    if (element === null) return;
    this.#active = /** @type {HTMLElement} */ (element).dataset.id ?? "";
    for (const [key, other] of this.#elements) other.tabIndex = key === this.#active ? 0 : -1;
    this.#offer(element);
  }

  /** @param {EventTarget | null} target */
  #offer(target) {
    const element = target instanceof Element ? target.closest("rp-message") : null;
    if (element instanceof MessageElement) this.#tools.serve(element);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const element = /** @type {Element} */ (event.target).closest("rp-message");
    if (!(element instanceof MessageElement) || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = this.#indexes.get(element.dataset.id ?? "") ?? 0;
    /** @type {Record<string, number>} */
    const steps = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: this.#rows.length - 1, PageUp: index - 10, PageDown: index + 10 };
    if (event.key in steps) this.#focusRow(Math.max(0, Math.min(steps[event.key], this.#rows.length - 1)));
    else if (event.target !== element || !this.#tools.key(event.key, element)) return;
    event.preventDefault();
  }

  /** @param {number} index */
  #focusRow(index) {
    const row = this.#rows[index];
    const top = this.#layout.top(index);
    const height = this.#layout.top(index + 1) - top;
    this.#isAtEnd = index === this.#rows.length - 1 && this.#room.timeline.isLast;
    if (top < this.#top) this.#anchor = { key: row.key, offset: 8 };
    else if (top + height > this.#top + this.#height) this.#anchor = { key: row.key, offset: Math.max(8, this.#height - height - 8) };
    this.#active = row.key;
    this.#draw();
    this.#elements.get(row.key)?.focus({ preventScroll: true });
  }
}

customElements.define("rp-messages", MessagesElement);
