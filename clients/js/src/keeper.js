import { openStore } from "./storage.js";
import { MemoryStore } from "./store.js";
import { Tabs } from "./tabs.js";

/** @import {Cursor} from "./core/types.js" */
/** @import {News} from "./sends.js" */
/** @import {States} from "./states.js" */
/** @import {Store} from "./store.js" */

const SAVE_EVERY_MS = 1000;

/**
 * @typedef {object} Owner whose things are kept
 * @property {() => Promise<void>} restore read what was left
 * @property {() => void} lead called once, when it is this tab's turn to send
 * @property {(news: News) => void} hear
 * @property {() => Cursor} seen how far the app has seen
 */

/** Keeps on this device what is to outlive the page, or the process; where that fails, the client goes on, and it is said. */
export class Keeper {
  #given;
  #name;
  #states;
  #tabs;
  /** @type {Store} */
  #store = new MemoryStore();
  #opened = Promise.resolve();
  #leads = false;
  #hasStorage = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #saver;
  #savedSeen = "";

  /**
   * @param {Store | undefined} given in place of IndexedDB
   * @param {string} name
   * @param {States} states
   */
  constructor(given, name, states) {
    this.#given = given;
    this.#name = name;
    this.#states = states;
    this.#tabs = new Tabs(`ringpost:${name}`);
  }

  /**
   * The store, for whoever uses it before it is open.
   *
   * @returns {Store}
   */
  get store() {
    const opened = async () => {
      await this.#opened;
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

  /**
   * Open the store, and save from now on how far the app has seen; resolves when what was left has been read.
   *
   * @param {Owner} owner
   */
  open(owner) {
    this.#opened = this.#open(owner);
    return this.#opened;
  }

  /**
   * Tell the other tabs.
   *
   * @param {News} news
   */
  tell(news) {
    this.#tabs.tell(news);
  }

  /**
   * What is said from now on may not outlive the page; said once.
   *
   * @param {unknown} error
   */
  lose(error) {
    if (this.#hasStorage) this.#states.say({ what: "storage", kind: "memory", isPersistent: false, reason: String(error) });
    this.#hasStorage = false;
  }

  /** Save no more by itself. */
  stop() {
    clearInterval(this.#saver);
  }

  /**
   * Save a last time, and let another tab lead.
   *
   * @param {Cursor} seen
   */
  async close(seen) {
    await this.#save(seen);
    this.#tabs.leave();
    await this.#store.close();
  }

  /** @param {Owner} owner */
  async #open({ restore, lead, hear, seen }) {
    const { store, state } = await openStore(this.#given, this.#name);
    this.#store = store;
    this.#hasStorage = state.kind === "disk";
    this.#states.say(state);
    await restore().catch((error) => this.lose(error));
    if (store.isShared) this.#tabs.join(() => this.#lead(lead), hear);
    else this.#lead(lead);
    this.#saver = setInterval(() => void this.#save(seen()), SAVE_EVERY_MS);
    this.#saver.unref?.(); // Node would stay for it
  }

  /** @param {() => void} lead */
  #lead(lead) {
    this.#leads = true;
    lead();
  }

  /** @param {Cursor} seen */
  async #save(seen) {
    const said = JSON.stringify(seen);
    if (!this.#leads || seen.epoch === null || said === this.#savedSeen) return;
    this.#savedSeen = said;
    // On a full disk the older positions stay: some events come again, none is missed.
    await this.#store.savePositions(seen).catch(() => {});
  }
}
