import { Backoff } from "./core/backoff.js";
import { Closed, Unavailable } from "./errors.js";

/** @import {Options} from "./options.js" */

/**
 * Make a call again and again until it has an answer, backing off in between; rejects with Closed once nobody waits for it.
 *
 * @template T
 * @param {() => Promise<T>} call
 * @param {Options} options
 * @param {() => boolean} isOver
 * @returns {Promise<T>}
 */
export async function insist(call, { waits, chance }, isOver) {
  const backoff = new Backoff(waits.backoffBaseS, waits.backoffCapS);
  while (!isOver()) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      const waitS = backoff.next(chance(), error.retryAfterS ?? 0);
      await new Promise((resolve) => setTimeout(resolve, waitS * 1000));
    }
  }
  throw new Closed("this client was closed");
}
