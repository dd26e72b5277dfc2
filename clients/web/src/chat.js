import { Client, Stopped, Unavailable } from "../../js/src/index.js";
import { Cache } from "./cache.js";
import { People } from "./core/people.js";
import { Room } from "./core/room.js";

/** @import {Session, Told} from "./session.js" */

const LIST_PAGE = 500;
const HISTORY_PAGE = 100;
const TAIL_PAGE = 40;
const AT_ONCE = 4;
const SAVE_MS = 1000;
const RETRY_MS = 3000;
const WATCHED = 100;
const KEPT_ITEMS = 1200;

/**
 * All that the page knows and does, without a way to show it: conversations, what comes of them, what is said.
 *
 * Tells what has changed as events: `list`, `room` (its detail is the id), `state`, `said` (somebody else's message), `trouble`
 * (a text), `ended` (the session is over).
 */
export class Chat extends EventTarget {
  #client;
  #cache;
  /** @type {Map<string, Room>} */
  rooms = new Map();
  /** @type {Map<string, {room: string, title: string | null, by: string}>} what I am invited to */
  invitations = new Map();
  people = new People();
  /** What the status shows. */
  state = {
    read: { isUp: false, gateway: "", reason: "" },
    write: { isUp: false, gateway: "", reason: "" },
    storage: { kind: "", isPersistent: false },
    ackMs: /** @type {number | null} */ (null),
    isLoaded: false,
  };
  #epoch = "";
  #isClosed = false;
  /** @type {Map<string, any>} */
  #conversations = new Map();
  /** @type {Map<string, number>} */
  #saidAt = new Map();
  /** @type {Set<Room>} */
  #unsaved = new Set();
  /** @type {Set<string>} */
  #told = new Set();
  /** @type {Room | null} */
  #looked = null;

  /**
   * @param {Session} session
   * @param {Told} page
   */
  constructor({ user, name: called, token }, page) {
    super();
    this.me = user;
    this.people.call(user, called);
    this.#cache = new Cache(user);
    const name = `page:${user}`;
    this.#client = new Client({ read: location.origin, write: page.write, token, name, onState: (state) => this.#stateChanged(state) });
    this.#client.on("message", (message) => this.#messageChanged(message));
    this.#client.on("typing", ({ conversation, user: who }) => this.#typed(conversation, who));
    this.#client.on("presence", ({ users }) => this.#seen(users));
    this.#client.on("receipts", ({ conversation, members }) => this.#received(conversation, members));
    this.#client.on("read", (told) => this.#marked(told));
    this.#client.on("epoch", ({ epoch }) => void this.#restored(epoch));
    setInterval(() => this.#save(), SAVE_MS);
  }

  /** Show what is on this device, then go on with the service for as long as the page is open. */
  async start() {
    for (const kept of await this.#cache.rooms()) this.#recall(kept);
    await this.#client.ready;
    for (const message of this.#client.outbox) this.#messageChanged(message);
    this.#tell("list");
    await this.#follow();
  }

  async close() {
    this.#isClosed = true;
    await this.#client.close();
  }

  /** Close, and forget what is kept to be read. What is not sent stays. */
  async leave() {
    await this.close();
    await this.#cache.clear();
  }

  get pending() {
    return this.#client.outbox.filter(({ state }) => state === "pending").length;
  }

  /** In the order of the list: what was said last comes first. */
  get ordered() {
    return [...this.rooms.values()].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
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
    this.#looked = room;
    if (room === null) return;
    void this.#try(() => this.loadMembers(room));
    void this.#try(async () => {
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
    this.#tell("room", room.id);
  }

  /**
   * Make sure that the end of a conversation is here, or the part around a seq. Rejects where it can't be had now.
   *
   * @param {Room} room
   * @param {number | null} seq
   */
  async loadAround(room, seq) {
    if (seq === null) return this.#page(room, { limit: HISTORY_PAGE }, (page) => room.open(page));
    const before = seq + HISTORY_PAGE / 2;
    await this.#page(room, { before, limit: HISTORY_PAGE }, (page) => room.timeline.reset(page, before));
    if (room.timeline.to < seq + HISTORY_PAGE / 4) await this.loadAfter(room);
  }

  /** @param {Room} room */
  loadBefore(room) {
    const { timeline } = room;
    return this.#page(room, { before: timeline.from, limit: HISTORY_PAGE }, (page) => {
      timeline.prepend(page);
      timeline.trim(timeline.from, KEPT_ITEMS);
    });
  }

  /** @param {Room} room */
  loadAfter(room) {
    const { timeline } = room;
    return this.#page(room, { after: timeline.to, limit: HISTORY_PAGE }, (page) => {
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
    const { items } = await this.conversation(room.id).history({ after: seq - 1, limit: 1 });
    return items[0]?.seq === seq ? items[0] : null;
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
    this.#changed(room);
    this.#tell("list");
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
    this.dispatchEvent(new CustomEvent("trouble", { detail: text }));
  }

  /**
   * @param {{title?: string, members: string[]}} about
   */
  async create(about) {
    const { id } = await this.#client.create(about);
    await this.#list();
    return id;
  }

  /** @param {string} user */
  async direct(user) {
    const { id } = await this.#client.direct(user);
    await this.#list();
    return id;
  }

  /** @param {string} id */
  async accept(id) {
    await this.conversation(id).join();
    this.invitations.delete(id);
    await this.#list();
  }

  // What comes.

  async #follow() {
    while (!this.#isClosed) {
      try {
        const from = await this.#list(true);
        this.state.isLoaded = true;
        this.#tell("state");
        void this.#loadTails();
        for await (const entry of this.#client.events({ from })) this.#take(entry);
      } catch (error) {
        if (this.#isClosed) return;
        if (isFinal(error)) return void this.dispatchEvent(new CustomEvent("ended", { detail: explained(error) }));
        if (!(error instanceof Unavailable)) console.error(error);
        await this.#pause();
      }
    }
  }

  /** Wait, but no longer than until the network is said to be back. */
  #pause() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, RETRY_MS);
      addEventListener("online", () => resolve(clearTimeout(timer)), { once: true });
    });
  }

  /**
   * Fetch the list; return the positions that it stands for. The inbox begins anew: it is where invitations are.
   *
   * @param {boolean} isAnew whether what was said since is lacking, since nothing was heard
   */
  async #list(isAnew = false) {
    const cursor = { epoch: /** @type {string | null} */ (null), inbox: 0, of: /** @type {Record<string, number>} */ ({}) };
    let after;
    do {
      const { epoch, conversations, next } = await this.#client.conversations({ after, limit: LIST_PAGE });
      cursor.epoch ??= epoch;
      for (const about of conversations) {
        cursor.of[about.conversation] = about.head;
        this.#meet(about, isAnew);
      }
      after = next ?? undefined;
    } while (after !== undefined);
    for (const id of this.rooms.keys()) if (!(id in cursor.of)) this.#forget(id);
    this.#epoch = cursor.epoch ?? "";
    this.#watch();
    this.#tell("list");
    return cursor;
  }

  /**
   * @param {import("./core/room.js").About} about
   * @param {boolean} isAnew
   */
  #meet(about, isAnew) {
    const known = this.rooms.get(about.conversation);
    if (known !== undefined) known.refresh(about, isAnew);
    else this.rooms.set(about.conversation, new Room(about, this.me));
    this.invitations.delete(about.conversation);
  }

  /** @param {any} kept */
  #recall({ about, last, tail }) {
    const room = new Room(about, this.me);
    if (tail) room.open(tail);
    room.last = last ?? room.last;
    this.rooms.set(room.id, room);
  }

  async #loadTails() {
    const stale = this.ordered.filter((room) => room.isStale);
    const work = async () => {
      for (let room = stale.shift(); room !== undefined; room = stale.shift()) {
        const one = room;
        if (one.isStale) await this.#try(() => this.#loadTail(one));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  /** @param {Room} room */
  #loadTail(room) {
    const isElsewhere = () => room === this.#looked && !room.timeline.isEmpty && !room.timeline.isLast && !room.isLacking;
    return this.#page(room, { limit: TAIL_PAGE }, (page) => (isElsewhere() ? room.glimpse(page) : room.open(page)));
  }

  /**
   * @param {Room} room
   * @param {{after?: number, before?: number, limit: number}} range
   * @param {(page: any) => void} take
   */
  async #page(room, range, take) {
    const { timeline } = room;
    timeline.expect();
    try {
      take(await this.conversation(room.id).history(range));
    } finally {
      timeline.settle();
    }
    this.#changed(room);
    this.#tell("list");
  }

  /** @param {any} entry */
  #take({ conversation, fields }) {
    if (conversation === null) return this.#takeInbox(fields);
    const room = this.rooms.get(conversation);
    if (room === undefined) return;
    const isNew = fields.seq > room.head;
    room.apply(fields);
    if (fields.type === "message" && fields.sender !== this.me && isNew) {
      this.conversation(room.id).delivered(fields.seq);
      this.dispatchEvent(new CustomEvent("said", { detail: { room, event: fields } }));
    }
    this.#changed(room);
    this.#tell("list");
  }

  /** @param {any} event */
  #takeInbox({ type, conversation, title, sender }) {
    if (type === "invited" && !this.rooms.has(conversation)) this.invitations.set(conversation, { room: conversation, title, by: sender });
    if (type === "joined" || type === "left" || type === "removed") this.invitations.delete(conversation);
    const isMine = this.rooms.has(conversation);
    if (this.state.isLoaded && ((type === "joined" && !isMine) || (isMine && (type === "left" || type === "removed")))) {
      void this.#try(() => this.#list().then(() => this.#loadTails()));
    }
    this.#tell("list");
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
    this.#changed(room);
  }

  /** @param {any} message */
  #acknowledged({ id }) {
    const since = this.#saidAt.get(id);
    if (since !== undefined) this.state.ackMs = performance.now() - since;
    this.#saidAt.delete(id);
    this.#tell("state");
  }

  /**
   * @param {string} id
   * @param {string} user
   */
  #typed(id, user) {
    this.rooms.get(id)?.type(user, Date.now());
    this.#tell("room", id);
    setTimeout(() => this.#tell("room", id), 5100);
  }

  /** @param {Record<string, {online: boolean}>} users */
  #seen(users) {
    this.people.take(users);
    this.#tell("list");
    if (this.#looked !== null) this.#tell("room", this.#looked.id);
  }

  /**
   * @param {string} id
   * @param {Record<string, {read: number, delivered: number}>} members
   */
  #received(id, members) {
    this.rooms.get(id)?.receipts.take(members);
    this.#tell("room", id);
  }

  /** @param {any} told */
  #marked({ conversation, seq, unread, head }) {
    const room = this.rooms.get(conversation);
    if (room === undefined || unread === undefined) return;
    room.unread.take({ seq, unread, head });
    this.#changed(room);
    this.#tell("list");
  }

  /**
   * The database has another history than the one that was listed: what is kept counts no longer.
   *
   * @param {string} epoch
   */
  async #restored(epoch) {
    if (this.#epoch === "" || epoch === this.#epoch) return;
    await this.#cache.clear();
    location.reload();
  }

  /** @param {any} state */
  #stateChanged(state) {
    this.state = { ...this.state, [state.what]: state };
    if (state.what === "read") this.#watch();
    this.#tell("state");
  }

  /** Hear of who is there: the other one of each direct conversation, and the members of the one that is looked at. */
  #watch() {
    const direct = this.ordered.map((room) => room.about.with).filter((user) => user !== null);
    const users = new Set([...(this.#looked?.members?.keys() ?? []), ...direct]);
    users.delete(this.me);
    if (this.state.read.isUp) this.#client.watch(/** @type {string[]} */ ([...users].slice(0, WATCHED)));
  }

  /** @param {string} id */
  #forget(id) {
    this.rooms.delete(id);
    void this.#cache.drop(id);
    this.#tell("room", id);
  }

  /** @param {Room} room */
  #changed(room) {
    this.#unsaved.add(room);
    this.#tell("room", room.id);
  }

  #save() {
    for (const room of this.#unsaved) if (this.rooms.has(room.id)) void this.#cache.keep(room);
    this.#unsaved.clear();
  }

  /**
   * Do what matters to nobody if it fails: it is done again when it is needed.
   *
   * @param {() => Promise<unknown>} work
   */
  #try(work) {
    return work().catch(() => {});
  }

  /**
   * Tell of a change, once a turn.
   *
   * @param {"list" | "room" | "state"} what
   * @param {string} [id]
   */
  #tell(what, id = "") {
    const name = `${what} ${id}`;
    if (this.#told.has(name)) return;
    this.#told.add(name);
    queueMicrotask(() => {
      this.#told.delete(name);
      this.dispatchEvent(new CustomEvent(what, { detail: id }));
    });
  }
}

/** @param {unknown} error */
const isFinal = (error) => error instanceof Stopped || /** @type {any} */ (error)?.status === 401;

/** @param {any} error */
export function explained(error) {
  if (error instanceof Unavailable) return "the service can't be reached just now. Try again in a moment.";
  return error?.detail || error?.message || String(error);
}
