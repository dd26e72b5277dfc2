import { Api } from "./api.js";
import { Conversation } from "./conversation.js";
import { Positions } from "./core/positions.js";
import { Session } from "./core/session.js";
import { Closed, Stopped } from "./errors.js";
import { Feed, joined } from "./feed.js";
import { hints } from "./hints.js";
import { Link } from "./link.js";
import { optionsOf } from "./options.js";
import { insist } from "./patience.js";
import { Sends } from "./sends.js";
import { openStore } from "./storage.js";
import { MemoryStore } from "./store.js";
import { Tabs } from "./tabs.js";
import { Tokens } from "./tokens.js";
import { uuid } from "./uuid.js";

/** @import {Change, Cursor, Entry, Frame, Pending, Told} from "./core/types.js" */
/** @import {Message} from "./message.js" */
/** @import {Given} from "./options.js" */
/** @import {Store} from "./store.js" */
/** @import {TokenSource} from "./tokens.js" */

const SAVE_EVERY_MS = 1000;
const PAGE = 1000;

/**
 * @typedef {{what: "read" | "write", isUp: boolean, gateway: string, reason: string, isFinal: boolean}} SocketState
 * @typedef {{what: "storage", kind: "disk" | "memory", isPersistent: boolean, reason: string}} StorageState
 *
 * @typedef {object} Wants
 * @property {string} read the address of the read service
 * @property {string} write
 * @property {TokenSource} token a token, or what fetches one
 * @property {string} [name] of the outbox on this device: one for each user
 * @property {Store} [store] in place of IndexedDB
 * @property {(state: SocketState | StorageState) => void} [onState]
 */

/**
 * One user at one Ringpost.
 *
 * What is said goes into the outbox on the disk first, and leaves it when it is acknowledged, or refused for good and discarded.
 * The read socket opens with the first `events()`, the write socket with the first thing that is said, or at once if something
 * was left in the outbox.
 */
export class Client {
  #wants;
  #options;
  #tokens;
  #feed = new Feed();
  #tabs;
  #listeners = new EventTarget();
  /** @type {Store} */
  #store = new MemoryStore();
  #sends;
  /** @type {Promise<void>} */
  #ready;
  /** @type {Cursor | null} */
  #stored = null;
  #leads = false;
  /** @type {Promise<void> | null} */
  #reading = null;
  /** Whether the read socket began where the app was, not with what comes. */
  #isWhole = false;
  /** @type {Link | null} */
  #reader = null;
  /** @type {Link | null} */
  #writer = null;
  #positions = new Positions();
  #user = "";
  /** @type {string[]} */
  #watched = [];
  /** @type {Record<string, string>} */
  #said = {};
  #hasStorage = false;
  #isClosed = false;
  /** @type {() => void} */
  #unhint;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #saver;
  #savedSeen = "";

  /** @param {Wants & Given} wants */
  constructor({ name = "ringpost", onState = () => {}, ...wants }) {
    this.#wants = { ...wants, name, onState };
    this.#options = optionsOf(wants);
    this.#tokens = new Tokens(wants.token);
    this.api = new Api({ read: trimmed(wants.read), write: trimmed(wants.write) }, this.#tokens, this.#options.fetch);
    this.#tabs = new Tabs(`ringpost:${name}`);
    this.#sends = new Sends(this.#late(), {
      out: (pending) => this.#sendOut(pending),
      share: (news) => this.#tabs.tell(news),
      changed: (message) => this.#emit("message", message),
      unstored: (error) => this.#loseStorage(error),
    });
    this.#unhint = hints(() => this.hint());
    this.#ready = this.#open();
  }

  /** What was said and is not committed: pending, and failed. Complete once `ready` is. */
  get outbox() {
    return this.#sends.messages;
  }

  /** Resolves when what was left on this device has been read. */
  get ready() {
    return this.#ready;
  }

  /** How often a gateway that was about to stop was left for another one before it did. */
  get moves() {
    return (this.#reader?.moves ?? 0) + (this.#writer?.moves ?? 0);
  }

  /** @param {string} id */
  conversation(id) {
    return new Conversation(this, id);
  }

  /**
   * Create a conversation.
   *
   * @param {{title?: string, topic?: string, members?: string[], history?: "all" | "joined", access?: "invited" | "open", id?: string}} [about]
   */
  async create({ id = uuid(), ...about } = {}) {
    const { conversation } = await this.api.post("write", "/v1/conversations", { id, ...about });
    return this.conversation(conversation);
  }

  /**
   * Open the conversation of me and one other user.
   *
   * @param {string} user
   */
  async direct(user) {
    const { conversation } = await this.api.post("write", "/v1/direct", { id: uuid(), user });
    return this.conversation(conversation);
  }

  /**
   * A page of my conversations, with what is unread; its `next` is the `after` of the next one.
   *
   * @param {{after?: string, limit?: number}} [page]
   */
  conversations(page = {}) {
    return this.api.get("read", "/v1/conversations", page);
  }

  /**
   * Every event of every conversation and of the inbox, each once, each log in order, without a hole: from where the store says
   * that the app was, else everything since one joined. An event counts as seen when the next one is asked for. One reader.
   *
   * @returns {AsyncGenerator<Entry, void, void>}
   */
  async *events() {
    const reader = this.#feed.follow();
    try {
      await this.#read("seen");
      for (;;) {
        const item = await reader.next();
        if (item === null) this.#restart(this.#feed.seen.cursor);
        else if ("positions" in item) this.#feed.seen = new Positions(item.positions);
        else {
          yield item;
          this.#feed.seen.see(item.conversation, item.seq);
        }
      }
    } finally {
      this.#feed.leave(reader);
    }
  }

  /**
   * @param {string} conversation
   * @param {number} [after]
   * @returns {AsyncGenerator<Entry, void, void>}
   */
  async *follow(conversation, after) {
    const reader = this.#feed.follow(conversation);
    try {
      await this.#read("now");
      if (after !== undefined) reader.cut(); // what is there already comes in pages
      const start = after ?? this.#positions.at(conversation);
      yield* joined(reader, start, (from, before) => this.#pages(conversation, from, before));
    } finally {
      this.#feed.leave(reader);
    }
  }

  /**
   * Hear of what passes by: `message` (a message of ours changed its state), `typing`, `presence`, `receipts`, `read`. Returns what ends it.
   *
   * @param {"message" | "typing" | "presence" | "receipts" | "read"} type
   * @param {(detail: any) => void} listener
   */
  on(type, listener) {
    const hear = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.#listeners.addEventListener(type, hear);
    return () => this.#listeners.removeEventListener(type, hear);
  }

  /**
   * Hear of these users' presence, in place of those before.
   *
   * @param {string[]} users at most 100
   */
  watch(users) {
    this.#watched = users;
    if (!this.say({ type: "watch", users })) this.#read("now").catch(() => {}); // the welcome says it
  }

  /** The network may have come, gone or changed: try sooner what waits, ask at once whether the other end is there. */
  hint() {
    this.#reader?.hint();
    this.#writer?.hint();
  }

  /** Close. What is not acknowledged stays in the outbox on disk; in memory it is given up. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#ready.catch(() => {});
    this.#unhint();
    clearInterval(this.#saver);
    this.#reader?.stop();
    this.#writer?.stop();
    this.#feed.fail(new Closed("this client was closed"));
    await this.#sends.close();
    await this.#save();
    this.#tabs.leave();
    await this.#store.close();
  }

  // What conversations want.

  /**
   * @param {string} conversation
   * @param {Change} change
   * @param {string} id
   */
  put(conversation, change, id) {
    if (this.#isClosed) throw new Closed("this client was closed");
    return this.#sends.add(conversation, change, id);
  }

  /**
   * Say something that needs no answer on the read socket; return whether there was one.
   *
   * @param {Frame} frame
   */
  say(frame) {
    return this.#reader?.say(frame) === true;
  }

  // Storage.

  async #open() {
    const { store, state } = await openStore(this.#wants.store, this.#wants.name);
    this.#store = store;
    this.#hasStorage = state.kind === "disk";
    this.#sayState(state);
    try {
      await this.#sends.restore();
      this.#stored = await store.loadPositions();
    } catch (error) {
      this.#loseStorage(error);
    }
    if (store.isShared) this.#tabs.join(() => this.#lead(), (news) => this.#sends.hear(news));
    else this.#lead();
    this.#saver = setInterval(() => void this.#save(), SAVE_EVERY_MS);
    this.#saver.unref?.(); // Node would stay for it
  }

  #lead() {
    this.#leads = true;
    void this.#sends.lead();
  }

  async #save() {
    const seen = this.#feed.seen.cursor;
    const said = JSON.stringify(seen);
    if (!this.#leads || seen.epoch === null || said === this.#savedSeen) return;
    this.#savedSeen = said;
    // On a full disk the older positions stay: some events come again, none is missed.
    await this.#store.savePositions(seen).catch(() => {});
  }

  /**
   * What is said from now on may not outlive the page; said once.
   *
   * @param {unknown} error
   */
  #loseStorage(error) {
    if (this.#hasStorage) this.#sayState({ what: "storage", kind: "memory", isPersistent: false, reason: String(error) });
    this.#hasStorage = false;
  }

  /**
   * The store, for whoever uses it before it is open.
   *
   * @returns {Store}
   */
  #late() {
    const opened = async () => {
      await this.#ready;
      return this.#store;
    };
    return {
      isShared: false,
      load: () => this.#store.load(),
      put: async (kept) => (await opened()).put(kept),
      remove: async (conversation, id) => (await opened()).remove(conversation, id),
      loadPositions: () => this.#store.loadPositions(),
      savePositions: (positions) => this.#store.savePositions(positions),
      close: async () => {},
    };
  }

  // Sockets.

  /**
   * Open the read socket, once.
   *
   * @param {"seen" | "now"} from where to begin: where the app was, or with what comes
   */
  async #read(from) {
    this.#reading ??= this.#startReading(from);
    try {
      await this.#reading;
    } catch (error) {
      this.#reading = null;
      throw error;
    }
    if (from === "seen" && !this.#isWhole) this.#restart(this.#stored ?? {});
  }

  /** @param {"seen" | "now"} from */
  async #startReading(from) {
    await this.#ready;
    this.#isWhole = from === "seen";
    const start = from === "seen" ? (this.#stored ?? {}) : await this.#insist(() => this.#heads());
    if (!this.#isClosed) this.#openReader(start);
  }

  /** @param {Partial<Cursor>} start */
  #openReader(start) {
    const positions = (this.#positions = new Positions(start));
    const make = (/** @type {boolean} */ takesOver) =>
      new Session(this.#writer === null ? this.#sends.outbox : null, positions, takesOver);
    this.#reader = new Link(trimmed(this.#wants.read), this.#tokens, this.#options, make, (told) => this.#hear("read", told));
    this.#reader.start();
  }

  /**
   * Begin anew where the one who reads everything is: they were too slow, or came late.
   *
   * @param {Partial<Cursor>} start
   */
  #restart(start) {
    if (this.#isClosed) return;
    this.#isWhole = true;
    this.#reader?.stop();
    this.#feed.rewind();
    this.#openReader(start);
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
      const { epoch, inbox, conversations, next } = await this.conversations({ after, limit: PAGE });
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
      const page = await this.#insist(() => this.conversation(conversation).log({ after: at, limit: PAGE }));
      if (page.from > at + 1) log.see(conversation, page.from - 1); // what is before it is not ours to see
      for (const entry of log.apply(conversation, page)) if (entry.seq < until) yield entry;
      if (page.complete) return;
    }
  }

  /**
   * @template T
   * @param {() => Promise<T>} call
   */
  #insist(call) {
    return insist(call, this.#options, () => this.#isClosed);
  }

  /** @param {Pending} pending */
  #sendOut(pending) {
    if (this.#isClosed) return;
    if (this.#writer === null && this.#reader?.canWrite) this.#reader.offer(pending);
    else this.#openWriter()?.offer(pending);
  }

  /** Return the write socket; one that is opened now takes the whole outbox by itself. */
  #openWriter() {
    if (this.#writer !== null) return this.#writer;
    const make = (/** @type {boolean} */ takesOver) => new Session(this.#sends.outbox, null, takesOver);
    this.#writer = new Link(trimmed(this.#wants.write), this.#tokens, this.#options, make, (told) => this.#hear("write", told));
    this.#writer.start();
    return this.#writer;
  }

  /**
   * Take what a service's link tells.
   *
   * @param {"read" | "write"} service
   * @param {Told | {do: "stop", code: number, reason: string}} told
   */
  #hear(service, told) {
    switch (told.do) {
      case "up":
        return this.#up(service, told.gateway, told.frame);
      case "away":
        return this.#saySocket(service, false, told.reason);
      case "stop":
        this.#feed.fail(new Stopped(told.code, told.reason));
        return this.#saySocket(service, false, `${told.reason} (${told.code})`, "", true);
      case "deliver":
        return this.#deliver(told.events);
      case "seat":
        return this.#feed.seat(told.positions);
      case "acked":
        return this.#sends.acked(told.acks);
      case "failed":
        return this.#sends.failed(told);
      case "notice":
        return this.#emit(told.frame.type, told.frame);
    }
  }

  /**
   * @param {"read" | "write"} service
   * @param {string} gateway
   * @param {Frame} welcome
   */
  #up(service, gateway, welcome) {
    this.#user = welcome.user;
    this.#saySocket(service, true, "", gateway);
    if (service !== "read") return;
    if (this.#watched.length > 0) this.say({ type: "watch", users: this.#watched });
    for (const [conversation, seq] of Object.entries(welcome.markers ?? {})) this.#emit("read", { type: "read", conversation, seq });
    if (!welcome.roles.includes("write") && this.#sends.outbox.size > 0) this.#openWriter();
  }

  /** @param {Entry[]} entries */
  #deliver(entries) {
    for (const entry of entries) {
      if (entry.conversation !== null && entry.sender === this.#user) this.#sends.seen(entry.conversation, entry);
    }
    this.#feed.push(entries);
  }

  /**
   * Tell the app of a change of a socket's state: each once.
   *
   * @param {"read" | "write"} what
   * @param {boolean} isUp
   * @param {string} reason
   */
  #saySocket(what, isUp, reason, gateway = "", isFinal = false) {
    const said = `${isUp} ${gateway} ${isFinal}`;
    if (this.#said[what] === said) return;
    this.#said[what] = said;
    this.#sayState({ what, isUp, gateway, reason, isFinal });
  }

  /** @param {SocketState | StorageState} state */
  #sayState(state) {
    try {
      this.#wants.onState(state);
    } catch (error) {
      // A fault of the app is the app's to see, and must not stop what is on its way.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #emit(type, detail) {
    this.#listeners.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** @param {string} url */
const trimmed = (url) => url.replace(/\/+$/, "");
