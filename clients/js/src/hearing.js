import { Stopped } from "./errors.js";

/** @import {Cursor, Entry, Frame, Told} from "./core/types.js" */
/** @import {Reading} from "./reading.js" */
/** @import {Sends} from "./sends.js" */
/** @import {States} from "./states.js" */

/**
 * @typedef {Told | {do: "stop", code: number, reason: string}} Heard what a link tells
 * @typedef {"message" | "typing" | "presence" | "receipts" | "read" | "epoch"} Kind of what passes by
 */

/** Takes what a client's links tell, and passes it on to whom it concerns. */
export class Hearing {
  #reading;
  #sends;
  #states;
  #listeners = new EventTarget();
  #user = "";
  #epoch = "";
  /** @type {string[]} */
  #watched = [];

  /**
   * @param {Reading} reading
   * @param {Sends} sends
   * @param {States} states
   */
  constructor(reading, sends, states) {
    this.#reading = reading;
    this.#sends = sends;
    this.#states = states;
  }

  /**
   * @param {Kind} type
   * @param {(detail: any) => void} listener
   */
  on(type, listener) {
    const hear = (/** @type {Event} */ event) => listener(/** @type {CustomEvent} */ (event).detail);
    this.#listeners.addEventListener(type, hear);
    return () => this.#listeners.removeEventListener(type, hear);
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  emit(type, detail) {
    this.#listeners.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /**
   * Say whose presence is of interest, now and to each socket to come; return whether there is one.
   *
   * @param {string[]} users
   */
  watch(users) {
    this.#watched = users;
    return this.#reading.say({ type: "watch", users });
  }

  /**
   * @param {"read" | "write"} service
   * @param {Heard} told
   */
  take(service, told) {
    switch (told.do) {
      case "up":
        return this.#up(service, told.gateway, told.frame);
      case "away":
        return this.#states.saySocket(service, false, told.reason);
      case "stop":
        this.#reading.feed.fail(new Stopped(told.code, told.reason));
        return this.#states.saySocket(service, false, `${told.reason} (${told.code})`, "", true);
      case "deliver":
        return this.#deliver(told.events);
      case "seat":
        return this.#seat(told.positions);
      case "acked":
        return this.#sends.acked(told.acks);
      case "failed":
        return this.#sends.failed(told);
      case "notice":
        return this.emit(told.frame.type, told.frame);
    }
  }

  /**
   * @param {"read" | "write"} service
   * @param {string} gateway
   * @param {Frame} welcome
   */
  #up(service, gateway, welcome) {
    this.#user = welcome.user ?? this.#user;
    this.#states.saySocket(service, true, "", gateway);
    if (service !== "read") return;
    if (this.#watched.length > 0) this.watch(this.#watched);
    for (const [conversation, seq] of Object.entries(welcome.markers ?? {})) this.emit("read", { type: "read", conversation, seq });
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
    if (epoch !== this.#epoch) this.emit("epoch", { epoch });
    this.#epoch = epoch;
  }
}
