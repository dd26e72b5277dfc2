/** What is known of users: how they are called, and who is there. */
export class People {
  /** @type {Map<string, string>} */
  #names = new Map();
  /** @type {Map<string, boolean>} */
  #online = new Map();

  /**
   * @param {string} user
   * @param {string | null} name
   */
  call(user, name) {
    if (name) this.#names.set(user, name);
  }

  /** @param {string} user */
  name(user) {
    return user === "" ? "The service" : (this.#names.get(user) ?? user);
  }

  /** @param {Record<string, {online: boolean}>} users */
  take(users) {
    for (const [user, { online }] of Object.entries(users)) this.#online.set(user, online);
  }

  /** @param {string} user */
  isOnline(user) {
    return this.#online.get(user);
  }
}
