import { Pane } from "../core/pane.js";
import { Sheet } from "../core/sheet.js";
import { Fetching } from "../fetching.js";
import { h, icon } from "./dom.js";
import { Drawn } from "./drawn.js";
import { MessageElement } from "./message.js";
import { Tools } from "./tools.js";

/** @import {Chat} from "../chat.js" */
/** @import {Dates} from "../core/dates.js" */
/** @import {Room} from "../core/room.js" */

const BEYOND_PX = 600;
const MEASURES = 4;

/**
 * The messages of a conversation: as many elements as a window shows, over a canvas as high as all of it would be.
 *
 * What is not here is fetched when the window comes near it.
 */
export class MessagesElement extends HTMLElement {
  /** @type {Chat} */ #chat;
  /** @type {Room} */ #room;
  #sheet;
  #pane;
  #fetching;
  #drawn;
  #scroller;
  #canvas;
  #pill;
  #tools;
  #isAsked = false;
  #active = "";
  #width = 0;
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
    this.#room = room;
    this.#sheet = new Sheet(room, dates);
    this.#pane = new Pane(this.#sheet);
    this.#fetching = new Fetching(chat.pages, room, this.#sheet, this.#pane, {
      loading: (isLoading) => void this.toggleAttribute("loading", isLoading),
      changed: () => this.update(),
      moved: () => this.#ask(),
    });
    this.#canvas = h("div", { class: "canvas", role: "feed", "aria-label": "Messages" });
    this.#scroller = h("div", { class: "scroller", on: { scroll: () => this.#scrolled() } }, this.#canvas);
    this.#pill = h("button", { type: "button", class: "pill", hidden: true, on: { click: () => this.toEnd() } }, icon("down"), h("span", {}));
    this.#tools = new Tools(chat, room, wishes);
    const answered = (/** @type {number} */ seq) => this.#fetching.answer(seq);
    this.#drawn = new Drawn(this.#canvas, this.#sheet, this.#tools, { chat, room, dates, answered });
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
    this.#fetching.stop();
    document.removeEventListener("visibilitychange", this.#looked);
    removeEventListener("focus", this.#looked);
  }

  #looked = () => this.#ask();

  #observer = new ResizeObserver(() => {
    if (this.#width !== this.#scroller.clientWidth) this.#sheet.layout.forget();
    this.#width = this.#scroller.clientWidth;
    this.#pane.height = this.#scroller.clientHeight;
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
    this.#pane.isAtEnd = seq === null;
    this.update();
    if (!isHere) await this.#fetching.around(seq);
    if (opening !== this.#opening) return;
    this.#sheet.layout.learn();
    this.update();
    if (seq !== null) this.#showRow(seq);
  }

  /** Something of the conversation has changed. */
  update() {
    this.#sheet.isStale = true;
    this.#ask();
  }

  toEnd() {
    return this.open(null);
  }

  /** Put the focus on the latest message. */
  enter() {
    this.#draw();
    const { rows } = this.#sheet;
    const row = rows.find(({ key }) => key === this.#active) ?? rows.at(-1);
    if (row !== undefined) this.#focusRow(rows.indexOf(row));
  }

  /** The latest message of mine that can be edited. */
  get lastOfMine() {
    return this.#sheet.rows.findLast(({ item }) => item?.type === "message" && item.sender === this.#chat.me && !item.erased)?.item ?? null;
  }

  /** @param {number} seq */
  #showRow(seq) {
    this.#sheet.collect();
    const row = this.#sheet.rowAt(seq);
    if (row === undefined) return;
    this.#pane.isAtEnd = false;
    this.#pane.hang(row.key, this.#pane.height / 3);
    this.#draw();
    const element = this.#drawn.get(row.key);
    element?.classList.add("found");
    element?.focus({ preventScroll: true });
  }

  #ask() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame(() => {
      this.#isAsked = false;
      if (this.isConnected && this.#pane.height > 0) this.#draw();
    });
  }

  // What is drawn.

  #draw() {
    const { layout, isStale } = this.#sheet;
    if (!this.#pane.isAt(this.#scroller.scrollTop)) this.#pane.look(this.#scroller.scrollTop);
    if (isStale) this.#sheet.collect();
    let range = { first: 0, end: 0 };
    for (let n = 0; n < MEASURES; n += 1) {
      this.#canvas.style.height = `${Math.max(layout.total, this.#pane.height)}px`;
      this.#hold();
      range = layout.window(this.#pane.top, this.#pane.height, BEYOND_PX);
      if (!this.#drawn.render(range, isStale && n === 0, this.#activeKey)) break;
      this.#sheet.place();
    }
    this.#drawn.stand(range, Math.max(0, this.#pane.height - layout.total)); // what is short stands at the bottom
    this.#tellUnread();
    this.#readOn();
    if (this.#opening > 0) this.#fetching.reach();
  }

  /** Put the window where it was over what it shows. */
  #hold() {
    const top = this.#pane.held;
    if (this.#pane.isAt(top)) return;
    this.#scroller.scrollTop = top;
    this.#pane.top = top;
  }

  #scrolled() {
    this.#pane.look(this.#scroller.scrollTop);
    this.#fetching.wait();
    this.#ask();
  }

  /** What stands in the window and is looked at is read. */
  #readOn() {
    const { rows, layout } = this.#sheet;
    if (document.visibilityState !== "visible" || !document.hasFocus() || rows.length === 0) return;
    if (this.#pane.isAtEnd) return this.#chat.read(this.#room, this.#room.timeline.to);
    const { item } = rows[layout.indexAt(this.#pane.bottom - 1)];
    if (item !== null) this.#chat.read(this.#room, item.seq);
  }

  #tellUnread() {
    const count = this.#room.unread.count;
    this.#pill.hidden = this.#pane.isAtEnd || this.#sheet.rows.length === 0;
    this.#pill.lastElementChild.textContent = count > 0 ? `${count.toLocaleString()} new` : "Latest";
  }

  // Keys.

  get #activeKey() {
    return this.#sheet.indexOf(this.#active) !== undefined ? this.#active : this.#sheet.rows.at(-1)?.key;
  }

  /** @param {FocusEvent} event */
  #focused({ target }) {
    const element = /** @type {Element} */ (target).closest("rp-message");
    if (element === null) return;
    this.#active = /** @type {HTMLElement} */ (element).dataset.id ?? "";
    this.#drawn.activate(this.#active);
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
    const index = this.#sheet.indexOf(element.dataset.id ?? "") ?? 0;
    const last = this.#sheet.rows.length - 1;
    /** @type {Record<string, number>} */
    const steps = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: last, PageUp: index - 10, PageDown: index + 10 };
    if (event.key in steps) this.#focusRow(Math.max(0, Math.min(steps[event.key], last)));
    else if (event.target !== element || !this.#tools.key(event.key, element)) return;
    event.preventDefault();
  }

  /** @param {number} index */
  #focusRow(index) {
    const { key } = this.#sheet.rows[index];
    this.#pane.show(index);
    this.#active = key;
    this.#draw();
    this.#drawn.get(key)?.focus({ preventScroll: true });
  }
}

customElements.define("rp-messages", MessagesElement);
