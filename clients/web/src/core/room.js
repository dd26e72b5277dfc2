import { Receipts } from "./receipts.js";
import { folded, Timeline } from "./timeline.js";
import { Unread } from "./unread.js";

/** @import {Event, Item, Page} from "./timeline.js" */

const TYPING_MS = 5000;

/**
 * @typedef {object} About a conversation as the service lists it
 * @property {string} conversation
 * @property {"group" | "direct"} kind
 * @property {string | null} title
 * @property {string | null} topic
 * @property {string | null} with
 * @property {"member" | "moderator" | "owner"} role
 * @property {number} head
 * @property {number} joined
 * @property {number} read
 * @property {number} unread
 *
 * @typedef {{user: string, role: string, name: string | null}} Member
 */

/** One conversation, as this page knows it. */
export class Room {
  unread = new Unread();
  receipts = new Receipts();
  /** @type {Map<string, Member> | null} null until they were asked for */
  members = null;
  /** @type {Map<string, any>} what I said and the log does not show yet, by id */
  echoes = new Map();
  /** @type {Map<string, any>} my edits, deletions and reactions on their way, by id */
  changes = new Map();
  /** @type {Item | null} the latest message */
  last = null;
  /** @type {Map<string, number>} who types, until when */
  #typing = new Map();
  /** Whether its end is to be fetched. */
  isStale = true;
  /** Whether its end was shown, and what was said since was not heard. */
  isLacking = false;

  /**
   * @param {About} about
   * @param {string} me
   */
  constructor(about, me) {
    this.about = about;
    this.me = me;
    this.timeline = new Timeline(me);
    this.refresh(about);
  }

  get id() {
    return this.about.conversation;
  }

  get isDirect() {
    return this.about.kind === "direct";
  }

  get head() {
    return this.timeline.head;
  }

  /** When something was last said, for the order of the list. */
  get at() {
    return this.last?.at ?? this.timeline.items.at(-1)?.at ?? "";
  }

  /** What I may do to others. */
  get isLed() {
    return !this.isDirect && this.about.role !== "member";
  }

  /**
   * The service lists it anew.
   *
   * @param {About} about
   * @param {boolean} isAnew whether what was said since is lacking, since nothing was heard
   */
  refresh(about, isAnew = false) {
    this.about = about;
    this.unread.take({ seq: about.read, unread: about.unread, head: about.head });
    if (this.timeline.isEmpty) this.isStale = true;
    else if (isAnew && this.timeline.to < about.head) this.#lack(about.head);
  }

  /**
   * The latest page is here.
   *
   * @param {Page} page
   */
  open(page) {
    this.timeline.reset(page);
    this.isStale = this.isLacking = false;
    this.last = this.timeline.items.findLast(isMessage) ?? this.last;
  }

  /**
   * The latest page is here, while the reader is somewhere else in the log: take from it what the list shows.
   *
   * @param {Page} page
   */
  glimpse(page) {
    this.timeline.head = Math.max(this.timeline.head, page.head);
    this.isStale = false;
    this.last = page.items.findLast(isMessage) ?? this.last;
  }

  /**
   * Take an event of the log that is new.
   *
   * @param {Event} event
   */
  apply(event) {
    this.timeline.apply(event);
    this.echoes.delete(event.id);
    this.changes.delete(event.id);
    if (event.type === "message") this.#hear(event);
    else if (this.last !== null && event.target === this.last.seq) this.last = folded(this.last, event, this.me);
    this.#rename(event);
    this.#seat(event);
  }

  /**
   * What I said changed its state.
   *
   * @param {any} message the client's
   */
  say(message) {
    const kept = message.type === "send" ? this.echoes : this.changes;
    const isShown = message.state === "discarded" || (message.seq !== null && message.seq <= this.head);
    if (isShown) kept.delete(message.id);
    else kept.set(message.id, message);
  }

  /**
   * @param {string} user
   * @param {number} nowMs
   */
  type(user, nowMs) {
    if (user !== this.me) this.#typing.set(user, nowMs + TYPING_MS);
  }

  /** @param {number} nowMs */
  typing(nowMs) {
    for (const [user, until] of this.#typing) if (until <= nowMs) this.#typing.delete(user);
    return [...this.#typing.keys()];
  }

  /**
   * Nothing was heard up to this head. Where the end was shown, it has to be fetched; elsewhere it is, once the reader gets there.
   *
   * @param {number} head
   */
  #lack(head) {
    this.isStale = this.isLacking = this.timeline.isLast;
    this.timeline.head = Math.max(head, this.timeline.head);
  }

  /** @param {Event} event */
  #hear(event) {
    this.last = /** @type {Item} */ ({ ...event, asOf: event.seq });
    this.#typing.delete(event.sender);
    if (event.sender !== this.me) this.unread.hear(event.seq);
  }

  /** @param {Event} event */
  #rename(event) {
    if (event.type === "renamed") this.about = { ...this.about, title: event.title };
    if (event.type === "topic_changed") this.about = { ...this.about, topic: event.topic };
    if (event.type === "role_changed" && event.user === this.me) this.about = { ...this.about, role: event.role };
  }

  /** @param {Event} event */
  #seat(event) {
    const { user, role } = event;
    if (event.type === "left" || event.type === "removed") {
      this.members?.delete(user);
      this.receipts.forget(user);
    }
    if (event.type === "joined" || event.type === "role_changed") {
      this.members?.set(user, { name: this.members.get(user)?.name ?? null, user, role });
    }
  }
}

/** @param {Item} item */
const isMessage = (item) => item.type === "message";
