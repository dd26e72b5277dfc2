/** What only a browser has: IndexedDB, locks, channels between tabs, hints. Runs on its page, and posts what failed to /result. */

import { DatabaseStore } from "../../src/database.js";
import { hints } from "../../src/hints.js";
import { Sends } from "../../src/sends.js";
import { openStore } from "../../src/storage.js";
import { Tabs } from "../../src/tabs.js";

/** @import {Kept} from "../../src/store.js" */

const ROOM = "a0000000-0000-4000-8000-000000000001";
const PATIENCE_MS = 5000;

/** @param {string} id @returns {Kept} */
const kept = (id) => ({ conversation: ROOM, id, change: { type: "send", text: `<b>${id}</b>\u202e` } });

/**
 * @param {unknown} actual
 * @param {unknown} expected
 */
function equal(actual, expected) {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${one} is not ${other}`);
}

/** @param {() => boolean} isSo */
async function until(isSo) {
  const started = performance.now();
  while (!isSo()) {
    if (performance.now() - started > PATIENCE_MS) throw new Error(`not within ${PATIENCE_MS} ms: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * A tab as the client makes it: a connection to the database, a place in the queue for the lock, an outbox.
 *
 * @param {string} name
 */
async function openTab(name) {
  const store = await DatabaseStore.open(name);
  const tabs = new Tabs(name);
  /** @type {string[]} */
  const out = [];
  const sends = new Sends(store, {
    out: ({ id }) => out.push(id),
    share: (news) => tabs.tell(news),
    changed: () => {},
    unstored: (error) => {
      throw error;
    },
  });
  await sends.restore();
  tabs.join(() => void sends.lead(), (news) => sends.hear(news));
  return { sends, out, tabs, store };
}

/**
 * @param {Sends} sends
 * @param {string} id
 */
const say = (sends, id) => sends.add(ROOM, { type: "send", text: id }, id);

/** @type {Record<string, () => Promise<void>>} */
const tests = {
  "a database gives back what was put and not removed, in order, to the next connection": async () => {
    const before = await DatabaseStore.open("order");
    await Promise.all([before.put([kept("one"), kept("two")]), before.put([kept("three")]), before.remove(ROOM, "two")]);
    await before.put([{ ...kept("one"), failed: { code: "not_found", detail: "" } }]);
    await before.savePositions({ epoch: "e", inbox: 1, of: { [ROOM]: 5 } });
    await before.close();
    const after = await DatabaseStore.open("order");
    equal(await after.load(), [kept("three"), { ...kept("one"), failed: { code: "not_found", detail: "" } }]);
    equal(await after.loadPositions(), { epoch: "e", inbox: 1, of: { [ROOM]: 5 } });
  },

  "a database that was closed under it refuses, and says so": async () => {
    const store = await DatabaseStore.open("closed");
    await store.close();
    const refused = await store.put([kept("one")]).then(() => false, () => true);
    equal(refused, true);
  },

  "of two tabs one sends, both see the result, and the other sends when it has gone": async () => {
    const [first, second] = [await openTab("tabs"), await openTab("tabs")];
    say(first.sends, "one");
    await until(() => first.out.length === 1);
    const message = say(second.sends, "two");
    await until(() => first.out.length === 2);
    first.sends.outbox.settle(ROOM, "two");
    first.sends.acked([{ conversation: ROOM, id: "two", seq: 8, at: "", duplicate: false, attempts: 1 }]);
    await until(() => message.state === "sent");
    equal([message.seq, second.out], [8, []]);

    first.tabs.leave();
    await until(() => second.out.length === 1);
    say(second.sends, "three");
    await until(() => second.out.length === 2);
    equal(second.out, ["one", "three"]);
    second.tabs.leave();
  },

  "where the browser refuses storage it is said, and the client goes on in memory": async () => {
    const { state: there } = await openStore(undefined, "there");
    equal([there.kind, typeof there.isPersistent], ["disk", "boolean"]);
    const real = Object.getOwnPropertyDescriptor(globalThis, "indexedDB");
    const refuses = { open: () => { throw new DOMException("no", "SecurityError"); } };
    Object.defineProperty(globalThis, "indexedDB", { value: refuses, configurable: true });
    const { store, state } = await openStore(undefined, "refused");
    if (real) Object.defineProperty(globalThis, "indexedDB", real);
    equal([state.kind, state.reason, await store.load()], ["memory", "SecurityError: no", []]);
  },

  "the platform's events are hints until the client is closed": async () => {
    let heard = 0;
    const end = hints(() => (heard += 1));
    for (const type of ["online", "offline", "pageshow"]) dispatchEvent(new Event(type));
    document.dispatchEvent(new Event("visibilitychange"));
    equal(heard, 4);
    end();
    dispatchEvent(new Event("online"));
    equal(heard, 4);
  },
};

/** @type {Record<string, string>} */
const results = {};
for (const [name, run] of Object.entries(tests)) {
  results[name] = await run().then(() => "passed", (error) => String(error));
}
await fetch("/result", { method: "POST", body: JSON.stringify(results) });
