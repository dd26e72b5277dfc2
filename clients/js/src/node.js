/** What Node has beside a browser: a store in a folder. */

import { closeSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";

import { MemoryStore } from "./store.js";

/** @import {Cursor} from "./core/types.js" */
/** @import {Kept, Store} from "./store.js" */

const COMPACT_AT = 1000;

/**
 * An outbox and positions in a folder, for one process at a time: who starts two on one folder has the order of neither.
 *
 * The outbox is appended to and forced to the disk; it is written anew when it is mostly past.
 *
 * @implements {Store}
 */
export class FolderStore {
  isShared = false;
  #folder;
  #outbox = new MemoryStore();
  #file = -1;
  #past = 0;

  /** @param {string} folder */
  constructor(folder) {
    this.#folder = folder;
  }

  async load() {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#file = openSync(this.#path, "a+", 0o600);
    const journal = readFileSync(this.#path);
    const whole = journal.lastIndexOf("\n") + 1;
    for (const line of journal.subarray(0, whole).toString().split("\n")) this.#replay(line);
    // A crash can tear the last line: it goes, or the next one would continue it.
    ftruncateSync(this.#file, whole);
    return this.#outbox.load();
  }

  /** @param {Kept[]} kept */
  async put(kept) {
    writeSync(this.#file, kept.map((put) => record({ put })).join(""));
    fsyncSync(this.#file);
    await this.#outbox.put(kept);
  }

  /**
   * Not forced to the disk: a change that goes out again is known by its id.
   *
   * @param {string} conversation
   * @param {string} id
   */
  async remove(conversation, id) {
    writeSync(this.#file, record({ done: [conversation, id] }));
    await this.#outbox.remove(conversation, id);
    this.#past += 1;
    const left = await this.#outbox.load();
    if (this.#past >= COMPACT_AT && this.#past > left.length) this.#compact(left);
  }

  /** @returns {Promise<Cursor | null>} */
  async loadPositions() {
    try {
      return JSON.parse(readFileSync(join(this.#folder, "positions.json"), "utf8"));
    } catch {
      return null;
    }
  }

  /** @param {Cursor} positions */
  async savePositions(positions) {
    replace(join(this.#folder, "positions.json"), JSON.stringify(positions));
  }

  async close() {
    closeSync(this.#file);
  }

  get #path() {
    return join(this.#folder, "outbox.log");
  }

  /** @param {string} line */
  #replay(line) {
    try {
      const { put, done } = JSON.parse(line);
      if (put) void this.#outbox.put([put]);
      if (done) void this.#outbox.remove(done[0], done[1]);
    } catch {
      // No record, by a fault of the disk: the ones after it are still owed.
    }
  }

  /** @param {Kept[]} left */
  #compact(left) {
    const former = this.#file;
    replace(this.#path, left.map((put) => record({ put })).join(""));
    this.#file = openSync(this.#path, "a+", 0o600);
    closeSync(former);
    this.#past = 0;
  }
}

/** @param {object} fields */
const record = (fields) => `${JSON.stringify(fields)}\n`;

/**
 * Put a file in the place of what was there, whole or not at all.
 *
 * @param {string} path
 * @param {string} text
 */
function replace(path, text) {
  const file = openSync(`${path}.new`, "w", 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
}

