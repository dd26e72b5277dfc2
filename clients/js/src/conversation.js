import { check } from "./core/bounds.js";
import { Pace } from "./pace.js";
import { uuid } from "./uuid.js";

/** @import {Change, Entry} from "./core/types.js" */
/** @import {Client} from "./client.js" */

const READ_EVERY_MS = 1000;
const TYPING_EVERY_MS = 2000;

/** One conversation, as its user sees it. What changes what people see goes through the outbox, in order. */
export class Conversation {
  #client;
  #path;
  #reading = new Pace(READ_EVERY_MS);
  #delivering = new Pace(READ_EVERY_MS);
  #typing = new Pace(TYPING_EVERY_MS);
  #read = 0;
  #delivered = 0;

  /**
   * @param {Client} client
   * @param {string} id
   */
  constructor(client, id) {
    this.#client = client;
    this.id = id;
    this.#path = `/v1/conversations/${encodeURIComponent(id)}`;
  }

  /**
   * Send a message; it is `pending` at once, and goes out whether anybody waits for it or not.
   *
   * @param {string} text
   * @param {{replyTo?: number, id?: string}} [more]
   */
  send(text, { replyTo, id } = {}) {
    return this.#say({ type: "send", text, ...(replyTo === undefined ? {} : { reply_to: replyTo }) }, id);
  }

  /**
   * Give my message `seq` another text.
   *
   * @param {number} seq
   * @param {string} text
   */
  edit(seq, text) {
    return this.#say({ type: "edit", seq, text });
  }

  /**
   * Erase the text of message `seq`.
   *
   * @param {number} seq
   */
  delete(seq) {
    return this.#say({ type: "delete", seq });
  }

  /**
   * @param {number} seq
   * @param {string} emoji
   */
  react(seq, emoji) {
    return this.#say({ type: "react", seq, emoji });
  }

  /**
   * @param {number} seq
   * @param {string} emoji
   */
  unreact(seq, emoji) {
    return this.#say({ type: "unreact", seq, emoji });
  }

  /**
   * Every event after `after` (none: from now on), each once, in order, without a hole, until the loop is left.
   *
   * @param {{after?: number}} [from]
   * @returns {AsyncGenerator<Entry, void, void>}
   */
  events({ after } = {}) {
    return this.#client.follow(this.id, after);
  }

  /**
   * A page of the log as it now is: latest texts, reactions; what comes after its `head` comes by `events({after: head})`.
   *
   * @param {{after?: number, before?: number, limit?: number}} [page]
   */
  history(page = {}) {
    return this.#client.api.get("read", `${this.#path}/history`, page);
  }

  /**
   * A page of the log as it was written.
   *
   * @param {{after?: number, before?: number, limit?: number}} [page]
   */
  log(page = {}) {
    return this.#client.api.get("read", `${this.#path}/events`, page);
  }

  /** @param {{after?: string, limit?: number}} [page] */
  members(page = {}) {
    return this.#client.api.get("read", `${this.#path}/members`, page);
  }

  /** @param {{seq?: number}} [upTo] */
  receipts(upTo = {}) {
    return this.#client.api.get("read", `${this.#path}/receipts`, upTo);
  }

  /**
   * I have read up to here; said once a second at most, and only upwards.
   *
   * @param {number} seq
   */
  read(seq) {
    if (seq <= this.#read) return;
    this.#read = seq;
    this.#reading.call(() => {
      if (this.#client.say({ type: "read", conversation: this.id, seq: this.#read })) return;
      this.#client.api.post("read", `${this.#path}/read`, { seq: this.#read }).catch(() => {}); // the next one says more
    });
  }

  /**
   * I have got everything up to here.
   *
   * @param {number} seq
   */
  delivered(seq) {
    this.#delivered = Math.max(seq, this.#delivered);
    this.#delivering.call(() => void this.#client.say({ type: "delivered", conversation: this.id, seq: this.#delivered }));
  }

  /** I type; call it at each key. */
  typing() {
    this.#typing.callNow(() => void this.#client.say({ type: "typing", conversation: this.id }));
  }

  /**
   * @param {string} user
   * @param {"member" | "moderator" | "owner"} [role]
   */
  add(user, role) {
    return this.#change("members", { user, ...(role && { role }) });
  }

  /**
   * @param {string} user
   * @param {"member" | "moderator" | "owner"} [role]
   */
  invite(user, role) {
    return this.#change("invitations", { user, ...(role && { role }) });
  }

  join() {
    return this.#change("join", {});
  }

  leave() {
    return this.#change("leave", {});
  }

  /** @param {string} user */
  remove(user) {
    return this.#change("remove", { user });
  }

  /**
   * @param {string} user
   * @param {"member" | "moderator" | "owner"} role
   */
  setRole(user, role) {
    return this.#change("role", { user, role });
  }

  /** @param {string | null} title */
  setTitle(title) {
    return this.#change("title", { title });
  }

  /** @param {string | null} topic */
  setTopic(topic) {
    return this.#change("topic", { topic });
  }

  /**
   * @param {Change} change
   * @param {string} [id]
   */
  #say(change, id = uuid()) {
    const said = wellFormed(change);
    check(this.id, id, said);
    return this.#client.put(this.id, said, id);
  }

  /**
   * @param {string} what
   * @param {object} body
   */
  #change(what, body) {
    return this.#client.api.post("write", `${this.#path}/${what}`, { id: uuid(), ...body });
  }
}

/**
 * Replace the halves of surrogate pairs that stand alone: no UTF-8 has them, and a frame that is none names no send when it is refused.
 *
 * @param {Change} change
 * @returns {Change}
 */
function wellFormed(change) {
  const texts = Object.entries(change).filter(([, value]) => typeof value === "string");
  return { ...change, ...Object.fromEntries(texts.map(([name, value]) => [name, String(value).toWellFormed()])) };
}
