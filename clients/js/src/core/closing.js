/** What the end of a socket, or the status of an answer, means for the next one. */

// RFC 6455 7.4.1: going away, no close frame at all, an error, a restart, try later.
const COME_BACK = new Set([1001, 1006, 1011, 1012, 1013]);
const LATER = new Set([408, 425, 429]);

export const TOKEN_EXPIRED = 4501;

/** @param {number} code a close code */
export const comesBack = (code) => (code >= 4000 && code < 4500) || COME_BACK.has(code);

/**
 * Say whether it was the service itself that closed the socket, with a code of its own.
 *
 * @param {number} code a close code
 */
export const isSpoken = (code) => code >= 4000 && code < 5000;

/** @param {number} status an HTTP status */
export const isPassing = (status) => status >= 500 || LATER.has(status);
