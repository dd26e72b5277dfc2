import { Outbox } from "./core/outbox.js";
import { Message } from "./message.js";
import { nameOf } from "./store.js";

/** @import {Ack, Change, Failed, Pending} from "./core/types.js" */
/** @import {Kept, Store} from "./store.js" */

/**
 * @typedef {{type: "put", kept: Kept} | {type: "acked", ack: Ack} | {type: "failed", failed: Failed}
 *   | {type: "discarded", conversation: string, id: string}} News what one tab tells the others
 *
 * @typedef {object} Hears
 * @property {(pending: Pending) => void} out gets what may go out
 * @property {(news: News) => void} share gets what other tabs should know
 * @property {(message: Message) => void} changed
 * @property {(error: unknown) => void} unstored what could not be stored goes out all the same
 */

/** What was said, from the call to the acknowledgement: stored first, then sent, by the tab that leads. */
export class Sends {
  #store;
  #hears;
  /** @type {Map<string, Message>} */
  #messages = new Map();
  /** @type {Message[]} */
  #unsaved = [];
  #saving = Promise.resolve();
  /** @type {Kept[] | null} what comes while the outbox is read; null: it is read */
  #early = [];
  #leads = false;
  outbox = new Outbox();

  /**
   * @param {Store} store
   * @param {Hears} hears
   */
  constructor(store, hears) {
    this.#store = store;
    this.#hears = hears;
  }

  /** What is not sent yet, failed included, in order. */
  get messages() {
    return [...this.#messages.values()];
  }

  /**
   * @param {string} conversation
   * @param {Change} change
   * @param {string} id
   */
  add(conversation, change, id) {
    const known = this.#messages.get(nameOf(conversation, id));
    if (known !== undefined) return known;
    const message = this.#remember({ conversation, id, change });
    this.#keep(message);
    return message;
  }

  /** Show what was left by the page, or the process, before. */
  async restore() {
    for (const kept of await this.#store.load()) this.#remember(kept);
  }

  /** Send what is stored, and what comes, from now on. */
  async lead() {
    this.#leads = true;
    const stored = await this.#store.load().catch(() => []);
    const early = this.#early ?? [];
    this.#early = null;
    for (const kept of [...stored, ...early]) {
      this.#remember(kept);
      this.#admit(kept);
    }
  }

  /**
   * Take what a session tells of sends.
   *
   * @param {Ack[]} acks
   */
  acked(acks) {
    for (const ack of acks) {
      this.#forget(ack.conversation, ack.id);
      this.#settle(ack);
      this.#hears.share({ type: "acked", ack });
    }
  }

  /** @param {Failed} failed */
  failed(failed) {
    const message = this.#fail(failed);
    if (message) void this.#store.put([message.kept]).catch(this.#hears.unstored);
    else {
      this.outbox.discard(failed.conversation, failed.id); // nobody is there to retry it
      this.#forget(failed.conversation, failed.id);
    }
    this.#hears.share({ type: "failed", failed });
  }

  /**
   * Take what another tab told.
   *
   * @param {News} news
   */
  hear(news) {
    if (news.type === "put") this.#take(news.kept);
    if (news.type === "acked") this.#settle(news.ack);
    if (news.type === "failed") this.#fail(news.failed);
    if (news.type === "discarded") this.#drop(news.conversation, news.id);
  }

  /**
   * An event with the id of a message of ours has come: it is committed, whatever became of its acknowledgement.
   *
   * @param {string} conversation
   * @param {{id: string, seq: number, at: string}} event
   */
  seen(conversation, { id, seq, at }) {
    this.#settle({ conversation, id, seq, at });
  }

  /** End every wait; the outbox stays as it is. */
  async close() {
    await this.#saving;
    for (const message of this.#messages.values()) message.abandon();
  }

  /** @param {Kept} kept */
  #remember(kept) {
    const name = nameOf(kept.conversation, kept.id);
    let message = this.#messages.get(name);
    if (message !== undefined) return message;
    const outbox = { again: (/** @type {Message} */ it) => this.#keep(it), forget: (/** @type {Message} */ it) => this.#discard(it) };
    message = new Message(kept, outbox);
    if (kept.failed) message.fail(kept.failed);
    this.#messages.set(name, message);
    return message;
  }

  /**
   * Put it on the disk; what is said in one turn shares one write.
   *
   * @param {Message} message
   */
  #keep(message) {
    if (this.#unsaved.push(message) === 1) queueMicrotask(() => (this.#saving = this.#saving.then(() => this.#save())));
    this.#hears.changed(message);
  }

  async #save() {
    const kept = this.#unsaved.map((message) => message.kept);
    this.#unsaved = [];
    let isStored = true;
    try {
      await this.#store.put(kept);
    } catch (error) {
      isStored = false;
      this.#hears.unstored(error);
    }
    for (const one of kept) {
      if (this.#leads || !isStored) this.#admit(one);
      if (isStored) this.#hears.share({ type: "put", kept: one });
    }
  }

  /**
   * Another tab has said something, or says it again; it is stored.
   *
   * @param {Kept} kept
   */
  #take(kept) {
    const message = this.#remember(kept);
    message.reopen();
    this.#hears.changed(message);
    if (this.#leads) this.#admit(kept);
  }

  /** @param {Kept} kept */
  #admit(kept) {
    if (kept.failed) return;
    if (this.#leads && this.#early !== null) return void this.#early.push(kept);
    const many = this.outbox.size;
    const { conversation, id, change } = kept;
    const pending = this.outbox.retry(conversation, id) ?? this.outbox.add(conversation, id, change);
    if (this.outbox.size > many) this.#hears.out(pending);
  }

  /** @param {Message} message */
  #discard({ conversation, id }) {
    this.#forget(conversation, id);
    this.#drop(conversation, id);
    this.#hears.share({ type: "discarded", conversation, id });
  }

  /**
   * @param {string} conversation
   * @param {string} id
   */
  #drop(conversation, id) {
    const message = this.#messages.get(nameOf(conversation, id));
    this.outbox.discard(conversation, id);
    if (message === undefined) return;
    this.#messages.delete(nameOf(conversation, id));
    message.state = "discarded";
    this.#hears.changed(message);
  }

  /** @param {Pick<Ack, "conversation" | "id" | "seq" | "at">} ack */
  #settle(ack) {
    const message = this.#messages.get(nameOf(ack.conversation, ack.id));
    if (message === undefined || !message.settle(ack)) return;
    this.#messages.delete(nameOf(ack.conversation, ack.id));
    this.#hears.changed(message);
  }

  /** @param {Failed} failed */
  #fail(failed) {
    const message = this.#messages.get(nameOf(failed.conversation, failed.id));
    if (message?.fail(failed)) this.#hears.changed(message);
    return message;
  }

  /**
   * @param {string} conversation
   * @param {string} id
   */
  #forget(conversation, id) {
    // One that stays is sent again after a reload, and known by its id.
    void this.#store.remove(conversation, id).catch(this.#hears.unstored);
  }
}
