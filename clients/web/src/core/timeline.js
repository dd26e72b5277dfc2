/**
 * @typedef {{emoji: string, count: number, mine: boolean}} Reaction
 *
 * @typedef {object} Item what a screen shows of a log's event, as the service's history has it
 * @property {number} seq
 * @property {string} type
 * @property {string} sender
 * @property {string} id
 * @property {string} at
 * @property {string} [text]
 * @property {boolean} [erased]
 * @property {{seq: number, at: string}} [edited]
 * @property {Reaction[]} [reactions]
 * @property {number} [reply_to]
 * @property {string} [user]
 * @property {string} [role]
 * @property {string | null} [title]
 * @property {string | null} [topic]
 * @property {{user: string, role: string}[]} [members]
 * @property {number} asOf up to which seq what happened to it is in it
 *
 * @typedef {{head: number, complete: boolean, items: any[]}} Page
 * @typedef {{seq: number, type: string, sender: string, [field: string]: any}} Event
 */

const SHOWN = new Set(["message", "created", "joined", "left", "removed", "invited", "renamed", "topic_changed", "role_changed"]);

/**
 * A contiguous part of a conversation as it now is: everything that is to be shown from the seq `from` to the seq `to`.
 *
 * Pages lengthen it at either end, events at its head. Items are replaced, never changed: who drew one sees by its identity
 * whether it is still what was drawn.
 */
export class Timeline {
  /** @type {Item[]} in order of seq */
  items = [];
  from = 1;
  to = 0;
  head = 0;
  isFirst = false;
  /** What happened while a page was on its way, which it may lack. @type {Event[]} */
  #meanwhile = [];
  #loads = 0;

  /** @param {string} me */
  constructor(me) {
    this.me = me;
  }

  /** Whether it goes to the end of the log, so that what comes live continues it. */
  get isLast() {
    return this.to >= this.head;
  }

  get isEmpty() {
    return this.items.length === 0;
  }

  /** A page is asked for: remember what happens until it is here. */
  expect() {
    this.#loads += 1;
  }

  /** It came, or will not. */
  settle() {
    this.#loads -= 1;
    if (this.#loads === 0) this.#meanwhile = [];
  }

  /**
   * Begin anew with the page that ends before `before`.
   *
   * @param {Page} page
   * @param {number} before Infinity: the end of the log
   */
  reset(page, before = Infinity) {
    this.items = this.#taken(page);
    this.head = Math.max(this.head, page.head);
    this.isFirst = page.complete;
    this.to = Math.min(before - 1, page.head);
    this.from = page.complete ? 1 : (this.items[0]?.seq ?? this.to + 1);
    if (before === Infinity) this.#catchUp(page.head);
  }

  /** @param {Page} page what comes before `from` */
  prepend(page) {
    const older = this.#taken(page).filter((item) => item.seq < this.from);
    this.items = [...older, ...this.items];
    this.isFirst = page.complete;
    this.from = page.complete ? 1 : (older[0]?.seq ?? this.from);
  }

  /** @param {Page} page what comes after `to` */
  append(page) {
    const newer = this.#taken(page).filter((item) => item.seq > this.to);
    this.items = [...this.items, ...newer];
    this.head = Math.max(this.head, page.head);
    this.to = Math.max(this.to, page.complete ? page.head : (newer.at(-1)?.seq ?? this.to));
    if (page.complete) this.#catchUp(page.head);
  }

  /**
   * Take an event of the log; return whether what is shown has changed.
   *
   * @param {Event} event
   */
  apply(event) {
    if (this.#loads > 0) this.#meanwhile.push(event);
    const wasLast = this.isLast;
    this.head = Math.max(this.head, event.seq);
    if (wasLast && event.seq === this.to + 1) {
      this.to = event.seq;
      if (SHOWN.has(event.type)) this.items = [...this.items, /** @type {Item} */ ({ ...event, asOf: event.seq })];
    }
    return this.#fold(event) || SHOWN.has(event.type);
  }

  /**
   * Keep at most `most` items, those around `seq`.
   *
   * @param {number} seq
   * @param {number} most
   */
  trim(seq, most) {
    if (this.items.length <= most * 1.5) return;
    const middle = this.#indexOf(seq);
    const start = Math.max(0, Math.min(middle - Math.floor(most / 2), this.items.length - most));
    const end = start + most;
    if (start > 0) {
      this.isFirst = false;
      this.from = this.items[start].seq;
    }
    if (end < this.items.length) this.to = this.items[end].seq - 1;
    this.items = this.items.slice(start, end);
  }

  /** @param {number} seq */
  find(seq) {
    const item = this.items[this.#indexOf(seq)];
    return item?.seq === seq ? item : undefined;
  }

  /**
   * What was shown up to a page's head is in it; what came since, while it was on its way, is not.
   *
   * @param {Page} page
   */
  #taken({ items, head }) {
    const missed = this.#meanwhile.filter((event) => event.seq > head);
    return items.map((item) => missed.reduce((now, event) => folded(now, event, this.me), { ...item, asOf: head }));
  }

  /**
   * Append what came live while the page to the end of the log was on its way.
   *
   * @param {number} head the page's
   */
  #catchUp(head) {
    for (const event of this.#meanwhile) {
      if (event.seq !== Math.max(this.to, head) + 1) continue;
      this.to = event.seq;
      if (SHOWN.has(event.type)) this.items = [...this.items, /** @type {Item} */ ({ ...event, asOf: event.seq })];
      else this.#fold(event);
    }
  }

  /** @param {Event} event */
  #fold(event) {
    if (event.target === undefined) return false;
    const index = this.#indexOf(event.target);
    const item = this.items[index];
    if (item?.seq !== event.target) return false;
    const now = folded(item, event, this.me);
    if (now === item) return false;
    this.items = this.items.with ? this.items.with(index, now) : this.items.map((one) => (one === item ? now : one));
    return true;
  }

  /**
   * Return the index of the item with that seq, or of the next one.
   *
   * @param {number} seq
   */
  #indexOf(seq) {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.items[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * Return the item as it is after the event.
 *
 * @param {Item} item
 * @param {Event} event
 * @param {string} me
 * @returns {Item}
 */
export function folded(item, event, me) {
  if (event.target !== item.seq || event.seq <= item.asOf) return item;
  const now = { ...item, asOf: event.seq };
  if (event.type === "edited" && !event.erased) return { ...now, text: event.text, edited: { seq: event.seq, at: event.at } };
  if (event.type === "deleted") return { ...now, text: undefined, edited: undefined, reactions: undefined, erased: true };
  if (event.type === "reacted") return { ...now, reactions: counted(item.reactions, event.emoji, 1, event.sender === me) };
  if (event.type === "unreacted") return { ...now, reactions: counted(item.reactions, event.emoji, -1, event.sender === me) };
  return item;
}

/**
 * @param {Reaction[] | undefined} reactions
 * @param {string} emoji
 * @param {1 | -1} step
 * @param {boolean} isMine
 */
export function counted(reactions = [], emoji, step, isMine) {
  const known = reactions.some((one) => one.emoji === emoji);
  const all = known || step < 0 ? reactions : [...reactions, { emoji, count: 0, mine: false }];
  return all
    .map((one) => (one.emoji === emoji ? { emoji, count: one.count + step, mine: isMine ? step > 0 : one.mine } : one))
    .filter((one) => one.count > 0);
}
