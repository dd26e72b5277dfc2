import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";

import { Sends } from "../src/sends.js";
import { SharedStore } from "./shared_store.js";

/** @import {News} from "../src/sends.js" */

const ROOM = "a0000000-0000-4000-8000-000000000001";

/** Tabs over one store, each of which hears what the others share. */
class Tabs {
  store = new SharedStore();
  /** @type {Sends[]} */
  tabs = [];
  /** @type {string[]} what went out, and from which tab */
  out = [];
  /** @type {unknown[]} */
  unstored = [];

  open() {
    const number = this.tabs.length;
    const tab = new Sends(this.store, {
      out: ({ id }) => {
        this.store.done.push(`out ${id}`);
        this.out.push(`${number}: ${id}`);
      },
      share: (news) => this.#share(number, news),
      changed: () => {},
      unstored: (error) => this.unstored.push(error),
    });
    this.tabs.push(tab);
    return tab;
  }

  /**
   * @param {number} from
   * @param {News} news
   */
  #share(from, news) {
    for (const [number, tab] of this.tabs.entries()) if (number !== from) tab.hear(structuredClone(news));
  }
}

/**
 * @param {Sends} tab
 * @param {string} id
 */
const say = (tab, id) => tab.add(ROOM, { type: "send", text: id }, id);

/**
 * @param {string} id
 * @param {number} seq
 */
const ack = (id, seq = 1) => ({ conversation: ROOM, id, seq, at: "", duplicate: false, attempts: 1 });

/** @param {string} id */
const no = (id) => ({ do: /** @type {"failed"} */ ("failed"), conversation: ROOM, id, code: "not_found", detail: "" });

test("a message is pending at once, and stored before it goes out", async () => {
  const tabs = new Tabs();
  const tab = tabs.open();
  await tab.lead();

  const message = say(tab, "one");
  assert.equal(message.state, "pending");
  assert.deepEqual(tabs.store.done, []);
  await setImmediate();

  assert.deepEqual(tabs.store.done, ["put one", "out one"]);
});

test("it leaves the store with its acknowledgement", async () => {
  const tabs = new Tabs();
  const tab = tabs.open();
  await tab.lead();
  const message = say(tab, "one");
  await setImmediate();

  tab.outbox.settle(ROOM, "one");
  tab.acked([ack("one", 7)]);
  await setImmediate();

  assert.equal((await message.sent).seq, 7);
  assert.equal(message.state, "sent");
  assert.deepEqual(await tabs.store.load(), []);
  assert.deepEqual(tab.messages, []);
});

test("what one page left, the next one shows and sends, in order", async () => {
  const tabs = new Tabs();
  const before = tabs.open();
  for (const id of ["one", "two", "three"]) say(before, id);
  await setImmediate();
  assert.deepEqual(tabs.out, []);

  const after = tabs.open();
  await after.restore();
  assert.deepEqual(after.messages.map(({ text }) => text), ["one", "two", "three"]);
  await after.lead();

  assert.deepEqual(tabs.out, ["1: one", "1: two", "1: three"]);
});

test("of two tabs one sends, and both see the result", async () => {
  const tabs = new Tabs();
  const [leader, follower] = [tabs.open(), tabs.open()];
  await leader.lead();

  const message = say(follower, "one");
  await setImmediate();
  assert.deepEqual(tabs.out, ["0: one"]);
  assert.deepEqual(leader.messages.map(({ state }) => state), ["pending"]);
  leader.acked([ack("one", 4)]);

  assert.deepEqual([message.state, message.seq], ["sent", 4]);
  assert.deepEqual(leader.messages, []);
});

test("when the tab that leads dies, the next one sends what is left, and nothing twice", async () => {
  const tabs = new Tabs();
  const [first, second] = [tabs.open(), tabs.open()];
  await first.lead();
  say(first, "one");
  say(second, "two");
  await setImmediate();
  first.acked([ack("one")]);
  await setImmediate();
  tabs.tabs.shift();
  say(second, "three");
  const leading = second.lead();
  say(second, "four");
  await leading;
  await setImmediate();

  assert.deepEqual(tabs.out, ["0: one", "0: two", "1: two", "1: three", "1: four"]);
});

test("what was refused for good has failed, also after a reload, and goes out again when it is told to", async () => {
  const tabs = new Tabs();
  const before = tabs.open();
  await before.lead();
  const message = say(before, "one");
  await setImmediate();
  before.outbox.settle(ROOM, "one");
  before.failed(no("one"));
  await assert.rejects(message.sent, { code: "not_found" });
  await setImmediate();
  tabs.tabs.pop();

  const after = tabs.open();
  await after.restore();
  await after.lead();
  const [again] = after.messages;
  assert.deepEqual([again.state, again.error?.code, tabs.out.length], ["failed", "not_found", 1]);
  again.retry();
  assert.equal(again.state, "pending");
  await setImmediate();
  after.acked([ack("one", 9)]);

  assert.deepEqual(tabs.out, ["0: one", "0: one"]);
  assert.equal((await again.sent).seq, 9);
});

test("a failed message that is discarded is gone in every tab and from the store", async () => {
  const tabs = new Tabs();
  const [leader, follower] = [tabs.open(), tabs.open()];
  await leader.lead();
  const message = say(follower, "one");
  await setImmediate();
  leader.outbox.settle(ROOM, "one");
  leader.failed(no("one"));
  assert.equal(message.state, "failed");
  message.discard();
  await setImmediate();

  assert.equal(message.state, "discarded");
  assert.deepEqual([leader.messages, follower.messages, await tabs.store.load()], [[], [], []]);
});

test("where the store is full it is said, and the message goes out all the same", async () => {
  const tabs = new Tabs();
  const tab = tabs.open();
  await tab.lead();
  tabs.store.isFull = true;

  const message = say(tab, "one");
  await setImmediate();

  assert.equal(tabs.unstored.length, 1);
  assert.deepEqual(tabs.out, ["0: one"]);
  tab.acked([ack("one")]);
  assert.equal((await message.sent).state, "sent");
});

test("the event itself is as good as its acknowledgement", async () => {
  const tabs = new Tabs();
  const tab = tabs.open();
  await tab.lead();
  const message = say(tab, "one");
  await setImmediate();

  tab.seen(ROOM, { id: "one", seq: 3, at: "now" });

  assert.deepEqual([message.state, message.seq], ["sent", 3]);
});

test("who waits for a message when the client is closed hears so; it stays stored", async () => {
  const tabs = new Tabs();
  const tab = tabs.open();
  await tab.lead();
  const message = say(tab, "one");

  await tab.close();

  await assert.rejects(message.sent, { message: "this client was closed" });
  assert.equal((await tabs.store.load()).length, 1);
});
