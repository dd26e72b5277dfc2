import { Client } from "../../js/src/index.js";
import { Announcer } from "./announcer.js";
import { People } from "./core/people.js";
import { Following } from "./following.js";
import { Pages } from "./pages.js";
import { Rooms } from "./rooms.js";
import { explained, quietly } from "./trouble.js";

/** @import {Room} from "./core/room.js" */
/** @import {Session, Told} from "./session.js" */

const WATCHED = 100;

/**
 * All that the page knows and does, without a way to show it: conversations, what comes of them, what is said.
 *
 * Tells what has changed as events: `list`, `room` (its detail is the id), `state`, `said` (somebody else's message), `trouble`
 * (a text), `ended` (the session is over).
 */
export class Chat extends Announcer {
  #client;
  #following;
  people = new People();
  /** What the status shows. */
  state = {
    read: { isUp: false, gateway: "", reason: "" },
    write: { isUp: false, gateway: "", reason: "" },
    storage: { kind: "", isPersistent: false },
    ackMs: /** @type {number | null} */ (null),
    isLoaded: false,
  };
  /** @type {Map<string, any>} */
  #conversations = new Map();
  /** @type {Map<string, number>} */
  #saidAt = new Map();

  /**
   * @param {Session} session
   * @param {Told} page
   */
  constructor({ user, name: called, token }, page) {
    super();
    this.me = user;
    this.people.call(user, called);
    this.rooms = new Rooms(user, (what, id) => this.tell(what, id));
    this.pages = new Pages(this.rooms, (id) => this.conversation(id));
    const name = `page:${user}`;
    this.#client = new Client({ read: location.origin, write: page.write, token, name, onState: (state) => this.#stateChanged(state) });
    this.#following = new Following(this.#client, this.rooms, this.pages, user, {
      loaded: () => this.#loaded(),
      listed: () => this.#listed(),
      said: (room, event) => this.#said(room, event),
      ended: (why) => this.announce("ended", why),
      tell: (what) => this.tell(what),
    });
    this.#client.on("message", (message) => this.#messageChanged(message));
    this.#client.on("typing", ({ conversation, user: who }) => this.#typed(conversation, who));
    this.#client.on("presence", ({ users }) => this.#seen(users));
    this.#client.on("receipts", ({ conversation, members }) => this.#received(conversation, members));
    this.#client.on("read", (told) => this.#marked(told));
    this.#client.on("epoch", ({ epoch }) => void this.#restored(epoch));
  }

  /** Show what is on this device, then go on with the service for as long as the page is open. */
  async start() {
    await this.rooms.recall();
    await this.#client.ready;
    for (const message of this.#client.outbox) this.#messageChanged(message);
    this.tell("list");
    await this.#following.run();
  }

  async close() {
    this.#following.stop();
    await this.#client.close();
  }

  /** Close, and forget what is kept to be read. What is not sent stays. */
  async leave() {
    await this.close();
    await this.rooms.clear();
  }

  get pending() {
    return this.#client.outbox.filter(({ state }) => state === "pending").length;
  }

  get ordered() {
    return this.rooms.ordered;
  }

  get invitations() {
    return this.rooms.invitations;
  }

  // What the reader does.

  /** @param {string} id */
  conversation(id) {
    let conversation = this.#conversations.get(id);
    if (conversation === undefined) this.#conversations.set(id, (conversation = this.#client.conversation(id)));
    return conversation;
  }

  /**
   * The reader looks at this conversation: know its members, and how far they have come.
   *
   * @param {Room | null} room
   */
  look(room) {
    this.rooms.looked = room;
    if (room === null) return;
    void quietly(() => this.loadMembers(room));
    void quietly(async () => {
      const { members } = await this.conversation(room.id).receipts();
      const marks = (members ?? []).map((/** @type {any} */ { user, read, delivered }) => [user, { read, delivered }]);
      this.#received(room.id, Object.fromEntries(marks));
    });
  }

  /** @param {Room} room */
  async loadMembers(room) {
    const found = new Map();
    /** @type {string | undefined} */
    let after;
    do {
      const { members, next } = await this.conversation(room.id).members({ limit: 1000, after });
      for (const { user, role, name } of members) {
        found.set(user, { user, role, name });
        this.people.call(user, name);
      }
      after = next ?? undefined;
    } while (after !== undefined);
    room.members = found;
    this.#watch();
    this.tell("room", room.id);
  }

  /**
   * I have read up to here.
   *
   * @param {Room} room
   * @param {number} seq
   */
  read(room, seq) {
    if (seq <= room.unread.marker) return;
    room.unread.read(seq, room.head);
    this.conversation(room.id).read(seq);
    this.rooms.moved(room);
  }

  /**
   * Make a change that the service answers; tell of what goes wrong.
   *
   * @template T
   * @param {() => Promise<T>} call
   * @returns {Promise<T | null>} null: it went wrong
   */
  async attempt(call) {
    try {
      return await call();
    } catch (error) {
      this.trouble(explained(error));
      return null;
    }
  }

  /** @param {string} text */
  trouble(text) {
    this.announce("trouble", text);
  }

  /**
   * @param {{title?: string, members: string[]}} about
   */
  async create(about) {
    const { id } = await this.#client.create(about);
    await this.#following.list();
    return id;
  }

  /** @param {string} user */
  async direct(user) {
    const { id } = await this.#client.direct(user);
    await this.#following.list();
    return id;
  }

  /** @param {string} id */
  async accept(id) {
    await this.conversation(id).join();
    this.invitations.delete(id);
    await this.#following.list();
  }

  // What comes.

  #loaded() {
    this.state.isLoaded = true;
    this.tell("state");
  }

  #listed() {
    this.#watch();
    this.tell("list");
  }

  /**
   * @param {Room} room
   * @param {any} event
   */
  #said(room, event) {
    this.conversation(room.id).delivered(event.seq);
    this.announce("said", { room, event });
  }

  /** @param {any} message */
  #messageChanged(message) {
    if (message.state === "pending" && !this.#saidAt.has(message.id)) this.#saidAt.set(message.id, performance.now());
    if (message.state === "sent") this.#acknowledged(message);
    message.shownAt ??= message.at === null ? Date.now() : Date.parse(message.at);
    const room = this.rooms.get(message.conversation);
    if (room === undefined) return;
    room.say(message);
    if (message.state === "failed" && message.type !== "send") {
      this.trouble(`That did not work: ${explained(message.error)}`);
      message.discard();
    }
    this.rooms.changed(room);
  }

  /** @param {any} message */
  #acknowledged({ id }) {
    const since = this.#saidAt.get(id);
    if (since !== undefined) this.state.ackMs = performance.now() - since;
    this.#saidAt.delete(id);
    this.tell("state");
  }

  /**
   * @param {string} id
   * @param {string} user
   */
  #typed(id, user) {
    this.rooms.get(id)?.type(user, Date.now());
    this.tell("room", id);
    setTimeout(() => this.tell("room", id), 5100);
  }

  /** @param {Record<string, {online: boolean}>} users */
  #seen(users) {
    this.people.take(users);
    this.tell("list");
    if (this.rooms.looked !== null) this.tell("room", this.rooms.looked.id);
  }

  /**
   * @param {string} id
   * @param {Record<string, {read: number, delivered: number}>} members
   */
  #received(id, members) {
    this.rooms.get(id)?.receipts.take(members);
    this.tell("room", id);
  }

  /** @param {any} told */
  #marked({ conversation, seq, unread, head }) {
    const room = this.rooms.get(conversation);
    if (room === undefined || unread === undefined) return;
    room.unread.take({ seq, unread, head });
    this.rooms.moved(room);
  }

  /**
   * The database has another history than the one that was listed: what is kept counts no longer.
   *
   * @param {string} epoch
   */
  async #restored(epoch) {
    if (!this.#following.isOutdated(epoch)) return;
    await this.rooms.clear();
    location.reload();
  }

  /** @param {any} state */
  #stateChanged(state) {
    this.state = { ...this.state, [state.what]: state };
    if (state.what === "read") this.#watch();
    this.tell("state");
  }

  /** Hear of who is there: the other one of each direct conversation, and the members of the one that is looked at. */
  #watch() {
    const direct = this.ordered.map((room) => room.about.with).filter((user) => user !== null);
    const users = new Set([...(this.rooms.looked?.members?.keys() ?? []), ...direct]);
    users.delete(this.me);
    if (this.state.read.isUp) this.#client.watch(/** @type {string[]} */ ([...users].slice(0, WATCHED)));
  }
}
