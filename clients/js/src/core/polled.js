/** @import {Frame} from "./types.js" */

export const WAIT_S = 20;
const HEARTBEAT_S = 25;
const LIMIT = 500;

/** Polls as a read socket's frames: the cursor that each asks with, and what its answer would be on a socket. */
export class Polled {
  /** @type {string | null} */
  #epoch;
  /** @type {number} */
  #inbox;
  /** @type {Map<string, number>} */
  #positions;
  /** @type {string[]} */
  #first;
  #isWelcome = false;
  #isLost = false;
  #isCaughtUp = false;

  /** @param {Frame} hello the frame that a socket would begin with; its token is not looked at */
  constructor({ epoch = null, inbox = 0, positions = {}, first = [] }) {
    this.#epoch = epoch;
    this.#inbox = inbox;
    this.#positions = new Map(Object.entries(positions));
    this.#first = first;
  }

  /** Whether a poll was answered. */
  get isBegun() {
    return this.#isWelcome;
  }

  /** Return the body of the next poll: it waits for news once all that was there has come. */
  ask() {
    const first = this.#first.length > 0 ? { first: this.#first } : {};
    return { ...this.#cursor(), ...first, wait_s: this.#isCaughtUp ? WAIT_S : 0, limit: LIMIT };
  }

  /** A position counted no longer (`position_lost`): ask without any, and have the reader forget theirs. */
  lose() {
    this.#epoch = null;
    this.#inbox = 0;
    this.#positions.clear();
    this.#isWelcome = this.#isCaughtUp = false;
    this.#isLost = true;
  }

  /**
   * Return the frames of an answer; a pong at least, since somebody answered.
   *
   * @param {any} answer
   * @returns {Frame[]}
   */
  take(answer) {
    const frames = this.#named(answer);
    for (const page of answer.conversations) {
      frames.push({ type: "events", ...page });
      this.#positions.set(page.conversation, page.to);
    }
    if (answer.inbox !== null) {
      frames.push({ type: "inbox", ...answer.inbox });
      this.#inbox = answer.inbox.to;
    }
    frames.push({ type: "pong" });
    if (!this.#isCaughtUp && isAll(answer)) {
      this.#isCaughtUp = true;
      frames.push({ type: "caught_up" });
    }
    return frames;
  }

  #cursor() {
    if (this.#epoch === null) return {};
    return { epoch: this.#epoch, inbox: this.#inbox, positions: Object.fromEntries(this.#positions) };
  }

  /**
   * Return what tells where each conversation goes on: a welcome at first, then a range where that is news.
   *
   * @param {any} answer
   * @returns {Frame[]}
   */
  #named({ user, epoch, ranges }) {
    const fresh = ranges.filter((/** @type {Frame} */ one) => this.#positions.get(one.conversation) !== one.from - 1);
    for (const { conversation, from } of ranges) this.#positions.set(conversation, from - 1);
    if (this.#isWelcome) return fresh.map((/** @type {Frame} */ one) => ({ ...one, type: "range" }));
    this.#isWelcome = true;
    this.#epoch = epoch;
    const about = { gateway: "", roles: ["read"], heartbeat_s: HEARTBEAT_S, reconnect: { spread_s: 0 } };
    const welcome = { type: "welcome", user, epoch, inbox: this.#inbox, ranges, markers: {} };
    return [{ ...welcome, ...about }, ...this.#lost(ranges)];
  }

  /** @param {Frame[]} ranges */
  #lost(ranges) {
    if (!this.#isLost) return [];
    this.#isLost = false;
    const lost = { type: "position_lost", epoch: this.#epoch };
    return [lost, ...ranges.map(({ conversation }) => ({ ...lost, conversation }))];
  }
}

/**
 * Say whether nothing was left out for want of room.
 *
 * @param {any} answer
 */
function isAll({ ranges, inbox, conversations }) {
  const pages = inbox === null ? conversations : [...conversations, inbox];
  const withPage = new Set(conversations.map((/** @type {Frame} */ page) => page.conversation));
  const isNamed = (/** @type {Frame} */ one) => one.from > one.to || withPage.has(one.conversation);
  const isFull = pages.reduce((/** @type {number} */ sum, /** @type {Frame} */ page) => sum + page.events.length, 0) >= LIMIT;
  return !isFull && ranges.every(isNamed) && pages.every((/** @type {Frame} */ page) => page.complete);
}
