import { Session } from "./core/session.js";

/** @import {Outbox} from "./core/outbox.js" */
/** @import {Pending} from "./core/types.js" */
/** @import {Link} from "./link.js" */
/** @import {Reading} from "./reading.js" */

/** The one way out for what is said: the read socket if that can write, else one of its own, from when it is first needed. */
export class Writing {
  #outbox;
  #reading;
  #makeLink;
  /** @type {Link | null} */
  #link = null;

  /**
   * @param {Outbox} outbox
   * @param {Reading} reading
   * @param {(make: (takesOver: boolean) => Session) => Link} makeLink
   */
  constructor(outbox, reading, makeLink) {
    this.#outbox = outbox;
    this.#reading = reading;
    this.#makeLink = makeLink;
  }

  /** What a read socket that can write sends; null: another one does. */
  get readersOutbox() {
    return this.#link === null ? this.#outbox : null;
  }

  get moves() {
    return this.#link?.moves ?? 0;
  }

  /**
   * Send what is in the outbox, and stored.
   *
   * @param {Pending} pending
   */
  send(pending) {
    if (this.#link === null && this.#reading.canWrite) this.#reading.offer(pending);
    else this.#open().offer(pending);
  }

  /** The read socket may have changed: what reads by less than a socket takes no sends. */
  look() {
    if (this.#reading.isReadOnly && this.#outbox.size > 0) this.#open();
  }

  hint() {
    this.#link?.hint();
  }

  stop() {
    this.#link?.stop();
  }

  /** Return the write socket; one that is opened now takes the whole outbox by itself. */
  #open() {
    if (this.#link === null) {
      this.#link = this.#makeLink((takesOver) => new Session(this.#outbox, null, takesOver));
      this.#link.start();
    }
    return this.#link;
  }
}
