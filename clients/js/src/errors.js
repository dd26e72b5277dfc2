/**
 * Every error of this client, in one tree.
 *
 * ClientError
 * ├── Refused         the service said no, and would say no again
 * ├── Unavailable     not now: no way through, or a fault of the service; the same request may succeed later
 * ├── Stopped         a socket was closed with a code that says not to come back
 * └── Closed          this client was closed, or the message discarded, while the call was waiting
 */
export class ClientError extends Error {}

/** Final: nothing was stored. Branch on `code` (docs/protocol.md lists them), never on the text. */
export class Refused extends ClientError {
  /**
   * @param {string} code
   * @param {string} detail
   * @param {number | null} status
   */
  constructor(code, detail = "", status = null) {
    super(detail || code);
    this.code = code;
    this.detail = detail;
    this.status = status;
  }
}

/** The outcome is unknown, or it was put off. The same request, with the same id, may be made again. */
export class Unavailable extends ClientError {
  /**
   * @param {string} code
   * @param {string} detail
   * @param {number | null} retryAfterS
   */
  constructor(code, detail = "", retryAfterS = null) {
    super(detail || code);
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

/** The service closed the socket for good: `code` is the close code. */
export class Stopped extends ClientError {
  /**
   * @param {number} code
   * @param {string} reason
   */
  constructor(code, reason = "") {
    super(`${reason || "closed"} (${code})`);
    this.code = code;
  }
}

/** What was not acknowledged stays in the outbox, if that is on disk. */
export class Closed extends ClientError {}
