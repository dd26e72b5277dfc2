import { Api } from "./api.js";
import { Conversation } from "./conversation.js";
import { Session } from "./core/session.js";
import { AUTO, WRITING } from "./core/transport.js";
import { Closed, Stopped } from "./errors.js";
import { hints } from "./hints.js";
import { Link } from "./link.js";
import { optionsOf } from "./options.js";
import { insist } from "./patience.js";
import { Reading } from "./reading.js";
import { Sends } from "./sends.js";
import { openStore } from "./storage.js";
import { MemoryStore } from "./store.js";
import { Tabs } from "./tabs.js";
import { Tokens } from "./tokens.js";
import { uuid } from "./uuid.js";

/** @import {Positions} from "./core/positions.js" */
/** @import {Change, Cursor, Entry, Frame, Pending, Told, Transport} from "./core/types.js" */
/** @import {Message} from "./message.js" */
/** @import {Given} from "./options.js" */
/** @import {Store} from "./store.js" */
/** @import {TokenSource} from "./tokens.js" */

const SAVE_EVERY_MS = 1000;

/**
 * @typedef {{what: "read" | "write", isUp: boolean, gateway: string, reason: string, isFinal: boolean}} SocketState
 * @typedef {{what: "storage", kind: "disk" | "memory", isPersistent: boolean, reason: string}} StorageState
 *
 * @typedef {Told | {do: "stop", code: number, reason: string}} Heard what a link tells
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
  #tabs;
  #listeners = new EventTarget();
  /** @type {Store} */
  #store = new MemoryStore();
  #sends;
  /** @type {Promise<void>} */
  #ready;
  #reading;
  #leads = false;
  /** @type {Link | null} */
  #writer = null;
  #user = "";
  #epoch = "";
  /** @type {string[]} */
  #watched = [];
  /** @type {Record<string, string>} */
  #said = {};
  /** @type {readonly Transport[]} */
  #rungs;
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
    this.#rungs = rungsOf(this.#options.via);
    this.#tokens = new Tokens(wants.token);
    this.api = new Api({ read: trimmed(wants.read), write: trimmed(wants.write) }, this.#tokens, this.#options.fetch);
    this.#tabs = new Tabs(`ringpost:${name}`);
    this.#sends = new Sends(this.#late(), {
      out: (pending) => this.#sendOut(pending),
      share: (news) => this.#tabs.tell(news),
      changed: (message) => this.#emit("message", message),
      unstored: (error) => this.#loseStorage(error),
    });
    this.#reading = new Reading({
      ready: () => this.#ready,
      link: (positions) => this.#readLink(positions),
      list: (page) => this.conversations(page),
      log: (conversation, page) => this.conversation(conversation).log(page),
      insist: (call) => insist(call, this.#options, () => this.#isClosed),
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
    return this.#reading.moves + (this.#writer?.moves ?? 0);
  }

  /** By what events come now; null while they do not. */
  get transport() {
    return this.#reading.via;
  }

  /** How often another transport took over while the one before still stood. */
  get switches() {
    return this.#reading.switches;
  }

  /**
   * Read by this from now on: nothing is lost, and nothing comes twice.
   *
   * @param {"auto" | Transport} via
   */
  readBy(via) {
    this.#rungs = rungsOf(via);
    this.#reading.choose(this.#rungs);
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
   * that the app was (else everything since one joined), or from `from`. An event counts as seen when the next one is asked for.
   * One reader.
   *
   * @param {{from?: Cursor}} [where] `from`: what the app has, such as the heads of a list of conversations that it shows
   * @returns {AsyncGenerator<Entry, void, void>}
   */
  events({ from } = {}) {
    return this.#reading.events(from);
  }

  /**
   * @param {string} conversation
   * @param {number} [after]
   * @returns {AsyncGenerator<Entry, void, void>}
   */
  follow(conversation, after) {
    return this.#reading.follow(conversation, after);
  }

  /**
   * Hear of what passes by: `message` (a message of ours changed its state), `typing`, `presence`, `receipts`, `read`, `epoch` (the
   * database has another history, also the first time: positions of the former one count no longer). Returns what ends it.
   *
   * @param {"message" | "typing" | "presence" | "receipts" | "read" | "epoch"} type
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
    if (!this.say({ type: "watch", users })) this.#reading.open().catch(() => {}); // the welcome says it
  }

  /** The network may have come, gone or changed: try sooner what waits, ask at once whether the other end is there. */
  hint() {
    this.#reading.hint();
    this.#writer?.hint();
  }

  /** Close. What is not acknowledged stays in the outbox on disk; in memory it is given up. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#ready.catch(() => {});
    this.#unhint();
    clearInterval(this.#saver);
    this.#reading.stop();
    this.#writer?.stop();
    this.#reading.feed.fail(new Closed("this client was closed"));
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
    return this.#reading.say(frame);
  }

  // Storage.

  async #open() {
    const { store, state } = await openStore(this.#wants.store, this.#wants.name);
    this.#store = store;
    this.#hasStorage = state.kind === "disk";
    this.#sayState(state);
    try {
      await this.#sends.restore();
      this.#reading.stored = await store.loadPositions();
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
    const seen = this.#reading.feed.seen.cursor;
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

  /** @param {Positions} positions */
  #readLink(positions) {
    const make = (/** @type {boolean} */ takesOver) =>
      new Session(this.#writer === null ? this.#sends.outbox : null, positions, takesOver);
    const hear = (/** @type {Heard} */ told) => this.#hear("read", told);
    return new Link(trimmed(this.#wants.read), this.#tokens, this.#options, make, hear, this.api, this.#rungs);
  }

  /** @param {Pending} pending */
  #sendOut(pending) {
    if (this.#isClosed) return;
    if (this.#writer === null && this.#reading.canWrite) this.#reading.offer(pending);
    else this.#openWriter()?.offer(pending);
  }

  /** Return the write socket; one that is opened now takes the whole outbox by itself. */
  #openWriter() {
    if (this.#writer !== null) return this.#writer;
    const make = (/** @type {boolean} */ takesOver) => new Session(this.#sends.outbox, null, takesOver);
    const hear = (/** @type {Heard} */ told) => this.#hear("write", told);
    this.#writer = new Link(trimmed(this.#wants.write), this.#tokens, this.#options, make, hear, this.api, WRITING, "write");
    this.#writer.start();
    return this.#writer;
  }

  /**
   * Take what a service's link tells.
   *
   * @param {"read" | "write"} service
   * @param {Heard} told
   */
  #hear(service, told) {
    this.#take(service, told);
    // What reads by less than a socket takes no sends.
    if (service === "read" && this.#reading.isReadOnly && this.#sends.outbox.size > 0) this.#openWriter();
  }

  /**
   * @param {"read" | "write"} service
   * @param {Heard} told
   */
  #take(service, told) {
    switch (told.do) {
      case "up":
        return this.#up(service, told.gateway, told.frame);
      case "away":
        return this.#saySocket(service, false, told.reason);
      case "stop":
        this.#reading.feed.fail(new Stopped(told.code, told.reason));
        return this.#saySocket(service, false, `${told.reason} (${told.code})`, "", true);
      case "deliver":
        return this.#deliver(told.events);
      case "seat":
        return this.#seat(told.positions);
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
    this.#user = welcome.user ?? this.#user;
    this.#saySocket(service, true, "", gateway);
    if (service !== "read") return;
    if (this.#watched.length > 0) this.say({ type: "watch", users: this.#watched });
    for (const [conversation, seq] of Object.entries(welcome.markers ?? {})) this.#emit("read", { type: "read", conversation, seq });
  }

  /** @param {Entry[]} entries */
  #deliver(entries) {
    for (const entry of entries) {
      if (entry.conversation !== null && entry.sender === this.#user) this.#sends.seen(entry.conversation, entry);
    }
    this.#reading.feed.push(entries);
  }

  /** @param {Cursor} positions */
  #seat(positions) {
    this.#reading.feed.seat(positions);
    const epoch = positions.epoch ?? "";
    if (epoch !== this.#epoch) this.#emit("epoch", { epoch });
    this.#epoch = epoch;
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

/**
 * @param {"auto" | Transport} via
 * @returns {readonly Transport[]}
 */
const rungsOf = (via) => (via === "auto" ? AUTO : [via]);
