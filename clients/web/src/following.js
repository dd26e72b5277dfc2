import { explained, isFinal, isPassing, quietly } from "./trouble.js";

/** @import {Client} from "../../js/src/index.js" */
/** @import {Room} from "./core/room.js" */
/** @import {Pages} from "./pages.js" */
/** @import {Rooms} from "./rooms.js" */

const LIST_PAGE = 500;
const RETRY_MS = 3000;

/**
 * @typedef {object} Hears
 * @property {() => void} loaded the list is here, and its events come from now on
 * @property {() => void} listed conversations may have come, or gone
 * @property {(room: Room, event: any) => void} said somebody else's message, which is new
 * @property {(why: string) => void} ended the session is over
 * @property {(what: "list") => void} tell
 */

/** Goes with the service: the list of my conversations, then all that happens in them. */
export class Following {
  #client;
  #rooms;
  #pages;
  #me;
  #hears;
  #epoch = "";
  #isLoaded = false;
  #isClosed = false;

  /**
   * @param {Client} client
   * @param {Rooms} rooms
   * @param {Pages} pages
   * @param {string} me
   * @param {Hears} hears
   */
  constructor(client, rooms, pages, me, hears) {
    this.#client = client;
    this.#rooms = rooms;
    this.#pages = pages;
    this.#me = me;
    this.#hears = hears;
  }

  /** Go on for as long as the page is open. */
  async run() {
    while (!this.#isClosed) {
      try {
        const from = await this.list(true);
        this.#isLoaded = true;
        this.#hears.loaded();
        void this.#pages.loadTails();
        for await (const entry of this.#client.events({ from })) this.#take(entry);
      } catch (error) {
        if (this.#isClosed) return;
        if (isFinal(error)) return this.#hears.ended(explained(error));
        if (!isPassing(error)) console.error(error);
        await this.#pause();
      }
    }
  }

  stop() {
    this.#isClosed = true;
  }

  /**
   * Fetch the list; return the positions that it stands for. The inbox begins anew: it is where invitations are.
   *
   * @param {boolean} isAnew whether what was said since is lacking, since nothing was heard
   */
  async list(isAnew = false) {
    const cursor = { epoch: /** @type {string | null} */ (null), inbox: 0, of: /** @type {Record<string, number>} */ ({}) };
    let after;
    do {
      const { epoch, conversations, next } = await this.#client.conversations({ after, limit: LIST_PAGE });
      cursor.epoch ??= epoch;
      for (const about of conversations) {
        cursor.of[about.conversation] = about.head;
        this.#rooms.meet(about, isAnew);
      }
      after = next ?? undefined;
    } while (after !== undefined);
    this.#rooms.retain(cursor.of);
    this.#epoch = cursor.epoch ?? "";
    this.#hears.listed();
    return cursor;
  }

  /**
   * Say whether the database has another history than the one that was listed: what is kept counts no longer.
   *
   * @param {string} epoch the database's
   */
  isOutdated(epoch) {
    return this.#epoch !== "" && epoch !== this.#epoch;
  }

  /** Wait, but no longer than until the network is said to be back. */
  #pause() {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, RETRY_MS);
      addEventListener("online", () => resolve(clearTimeout(timer)), { once: true });
    });
  }

  /** @param {any} entry */
  #take({ conversation, fields }) {
    if (conversation === null) return this.#takeInbox(fields);
    const room = this.#rooms.get(conversation);
    if (room === undefined) return;
    const isNew = fields.seq > room.head;
    room.apply(fields);
    if (fields.type === "message" && fields.sender !== this.#me && isNew) this.#hears.said(room, fields);
    this.#rooms.moved(room);
  }

  /** @param {any} event */
  #takeInbox({ type, conversation, title, sender }) {
    const { invitations } = this.#rooms;
    const isMine = this.#rooms.has(conversation);
    if (type === "invited" && !isMine) invitations.set(conversation, { room: conversation, title, by: sender });
    if (type === "joined" || type === "left" || type === "removed") invitations.delete(conversation);
    if (this.#isLoaded && ((type === "joined" && !isMine) || (isMine && (type === "left" || type === "removed")))) {
      void quietly(() => this.list().then(() => this.#pages.loadTails()));
    }
    this.#hears.tell("list");
  }
}
