import { Api } from "./api.js";
import { Conversation } from "./conversation.js";
import { Session } from "./core/session.js";
import { AUTO, WRITING } from "./core/transport.js";
import { Closed } from "./errors.js";
import { Hearing } from "./hearing.js";
import { hints } from "./hints.js";
import { Keeper } from "./keeper.js";
import { Link } from "./link.js";
import { optionsOf } from "./options.js";
import { insist } from "./patience.js";
import { Reading } from "./reading.js";
import { Sends } from "./sends.js";
import { States } from "./states.js";
import { Tokens } from "./tokens.js";
import { uuid } from "./uuid.js";
import { Writing } from "./writing.js";

/** @import {Positions} from "./core/positions.js" */
/** @import {Change, Cursor, Entry, Frame, Pending, Transport} from "./core/types.js" */
/** @import {Heard, Kind} from "./hearing.js" */
/** @import {Given} from "./options.js" */
/** @import {SocketState, StorageState} from "./states.js" */
/** @import {Store} from "./store.js" */
/** @import {TokenSource} from "./tokens.js" */

/**
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
  #urls;
  #options;
  #tokens;
  #keeper;
  #sends;
  #reading;
  #writing;
  #hearing;
  /** @type {Promise<void>} */
  #ready;
  /** @type {readonly Transport[]} */
  #rungs;
  /** @type {() => void} */
  #unhint;
  #isClosed = false;

  /** @param {Wants & Given} wants */
  constructor({ name = "ringpost", onState = () => {}, ...wants }) {
    this.#urls = { read: trimmed(wants.read), write: trimmed(wants.write) };
    this.#options = optionsOf(wants);
    this.#rungs = rungsOf(this.#options.via);
    this.#tokens = new Tokens(wants.token);
    this.api = new Api(this.#urls, this.#tokens, this.#options.fetch);
    const states = new States(onState);
    this.#keeper = new Keeper(wants.store, name, states);
    this.#sends = new Sends(this.#keeper.store, {
      out: (pending) => this.#sendOut(pending),
      share: (news) => this.#keeper.tell(news),
      changed: (message) => this.#hearing.emit("message", message),
      unstored: (error) => this.#keeper.lose(error),
    });
    this.#reading = new Reading({
      ready: () => this.#ready,
      link: (positions) => this.#readLink(positions),
      list: (page) => this.conversations(page),
      log: (conversation, page) => this.conversation(conversation).log(page),
      insist: (call) => insist(call, this.#options, () => this.#isClosed),
    });
    this.#writing = new Writing(this.#sends.outbox, this.#reading, (make) => this.#link("write", make, WRITING));
    this.#hearing = new Hearing(this.#reading, this.#sends, states);
    this.#unhint = hints(() => this.hint());
    this.#ready = this.#keeper.open({
      restore: () => this.#restore(),
      lead: () => void this.#sends.lead(),
      hear: (news) => this.#sends.hear(news),
      seen: () => this.#reading.feed.seen.cursor,
    });
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
    return this.#reading.moves + this.#writing.moves;
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
   * @param {Kind} type
   * @param {(detail: any) => void} listener
   */
  on(type, listener) {
    return this.#hearing.on(type, listener);
  }

  /**
   * Hear of these users' presence, in place of those before.
   *
   * @param {string[]} users at most 100
   */
  watch(users) {
    if (!this.#hearing.watch(users)) this.#reading.open().catch(() => {}); // the welcome says it
  }

  /** The network may have come, gone or changed: try sooner what waits, ask at once whether the other end is there. */
  hint() {
    this.#reading.hint();
    this.#writing.hint();
  }

  /** Close. What is not acknowledged stays in the outbox on disk; in memory it is given up. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#ready.catch(() => {});
    this.#unhint();
    this.#keeper.stop();
    this.#reading.stop();
    this.#writing.stop();
    this.#reading.feed.fail(new Closed("this client was closed"));
    await this.#sends.close();
    await this.#keeper.close(this.#reading.feed.seen.cursor);
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

  async #restore() {
    await this.#sends.restore();
    this.#reading.stored = await this.#keeper.store.loadPositions();
  }

  // Sockets.

  /** @param {Pending} pending */
  #sendOut(pending) {
    if (!this.#isClosed) this.#writing.send(pending);
  }

  /** @param {Positions} positions */
  #readLink(positions) {
    const make = (/** @type {boolean} */ takesOver) => new Session(this.#writing.readersOutbox, positions, takesOver);
    return this.#link("read", make, this.#rungs);
  }

  /**
   * @param {"read" | "write"} service
   * @param {(takesOver: boolean) => Session} make
   * @param {readonly Transport[]} rungs
   */
  #link(service, make, rungs) {
    const hear = (/** @type {Heard} */ told) => this.#hear(service, told);
    return new Link(this.#urls[service], this.#tokens, this.#options, make, hear, this.api, rungs, service);
  }

  /**
   * @param {"read" | "write"} service
   * @param {Heard} told
   */
  #hear(service, told) {
    this.#hearing.take(service, told);
    if (service === "read") this.#writing.look();
  }
}

/** @param {string} url */
const trimmed = (url) => url.replace(/\/+$/, "");

/**
 * @param {"auto" | Transport} via
 * @returns {readonly Transport[]}
 */
const rungsOf = (via) => (via === "auto" ? AUTO : [via]);
