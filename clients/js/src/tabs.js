/**
 * The tabs of one outbox: one leads, as long as it lives, and all hear what it tells.
 *
 * Where there are no locks (a page that is not served securely, Node) each one leads.
 */
export class Tabs {
  #name;
  /** @type {BroadcastChannel | null} */
  #channel = null;
  /** @type {(value?: unknown) => void} */
  #leave = () => {};
  #leaving = new AbortController();

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
  }

  /**
   * @param {() => void} lead called once, when it is this tab's turn
   * @param {(news: any) => void} hear
   */
  join(lead, hear) {
    const locks = globalThis.navigator?.locks;
    if (locks === undefined || globalThis.BroadcastChannel === undefined) return lead();
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => hear(data);
    const left = new Promise((resolve) => (this.#leave = resolve));
    const turn = () => {
      lead();
      return left;
    };
    locks.request(this.#name, { signal: this.#leaving.signal }, turn).catch(() => {}); // aborted: it was never our turn
  }

  /** @param {unknown} news */
  tell(news) {
    this.#channel?.postMessage(news);
  }

  leave() {
    this.#leaving.abort();
    this.#leave();
    this.#channel?.close();
  }
}
