/**
 * @typedef {{what: "read" | "write", isUp: boolean, gateway: string, reason: string, isFinal: boolean}} SocketState
 * @typedef {{what: "storage", kind: "disk" | "memory", isPersistent: boolean, reason: string}} StorageState
 */

/** How the sockets and the storage fare, told to the app: each change of a socket once. */
export class States {
  #onState;
  /** @type {Record<string, string>} */
  #said = {};

  /** @param {(state: SocketState | StorageState) => void} onState */
  constructor(onState) {
    this.#onState = onState;
  }

  /**
   * @param {"read" | "write"} what
   * @param {boolean} isUp
   * @param {string} reason
   */
  saySocket(what, isUp, reason, gateway = "", isFinal = false) {
    const said = `${isUp} ${gateway} ${isFinal}`;
    if (this.#said[what] === said) return;
    this.#said[what] = said;
    this.say({ what, isUp, gateway, reason, isFinal });
  }

  /** @param {SocketState | StorageState} state */
  say(state) {
    try {
      this.#onState(state);
    } catch (error) {
      // A fault of the app is the app's to see, and must not stop what is on its way.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
