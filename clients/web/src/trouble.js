import { Stopped, Unavailable } from "../../js/src/index.js";

/** @param {unknown} error */
export const isPassing = (error) => error instanceof Unavailable;

/** @param {unknown} error */
export const isFinal = (error) => error instanceof Stopped || /** @type {any} */ (error)?.status === 401;

/** @param {any} error */
export function explained(error) {
  if (isPassing(error)) return "the service can't be reached just now. Try again in a moment.";
  return error?.detail || error?.message || String(error);
}

/**
 * Do what matters to nobody if it fails: it is done again when it is needed.
 *
 * @param {() => Promise<unknown>} work
 */
export const quietly = (work) => work().catch(() => {});
