import assert from "node:assert/strict";
import { test } from "node:test";

import { Room } from "../src/core/room.js";
import { Timeline } from "../src/core/timeline.js";

/** @typedef {import("../src/core/timeline.js").Event} Event */

/** @param {number} seq @param {Partial<Event>} [more] */
const event = (seq, more) => /** @type {Event} */ ({ seq, type: "message", sender: "bob", id: `id ${seq}`, at: "2026-11-25T08:00:00Z", text: `m${seq}`, ...more });

/** @param {number} first @param {number} last @param {Partial<import("../src/core/timeline.js").Page>} [more] */
const page = (first, last, more) => ({ head: last, complete: false, items: Array.from({ length: last - first + 1 }, (_, n) => event(first + n)), ...more });

/** @param {Timeline} timeline */
const seqs = (timeline) => timeline.items.map(({ seq }) => seq);

function opened() {
  const timeline = new Timeline("alice");
  timeline.reset(page(11, 20));
  return timeline;
}

test("pages lengthen it at either end, and it knows where the log begins and ends", () => {
  const timeline = opened();
  timeline.prepend(page(1, 10, { head: 20, complete: true }));

  assert.deepEqual(seqs(timeline), Array.from({ length: 20 }, (_, n) => n + 1));
  assert.deepEqual([timeline.isFirst, timeline.isLast, timeline.from, timeline.to], [true, true, 1, 20]);
});

test("an event that follows on the end is shown, one that came in a page already is not shown twice", () => {
  const timeline = opened();
  for (const seq of [19, 20, 21, 21, 22]) timeline.apply(event(seq));

  assert.deepEqual(seqs(timeline).slice(-3), [20, 21, 22]);
});

test("what is not at the end takes no event, but knows that there is more", () => {
  const timeline = new Timeline("alice");
  timeline.reset(page(11, 20, { head: 50 }), 21);
  timeline.apply(event(51));
  assert.deepEqual([timeline.isLast, timeline.head, timeline.to], [false, 51, 20]);

  timeline.append(page(21, 51, { complete: true }));
  timeline.apply(event(52));
  assert.deepEqual([timeline.isLast, seqs(timeline).at(-1)], [true, 52]);
});

test("what comes live while the end is on its way is neither missing nor there twice", () => {
  const timeline = new Timeline("alice");
  timeline.expect();
  for (const seq of [20, 21, 22]) timeline.apply(event(seq));
  timeline.reset(page(11, 20));
  timeline.settle();
  timeline.apply(event(23));

  assert.deepEqual(seqs(timeline), Array.from({ length: 13 }, (_, n) => n + 11));
});

test("an edit that comes while its message is on its way in a page is in what is shown", () => {
  const timeline = opened();
  timeline.expect();
  timeline.apply(event(21, { type: "edited", target: 5, text: "better", sender: "bob" }));
  timeline.prepend(page(1, 10, { head: 20, complete: true }));
  timeline.settle();

  assert.equal(timeline.find(5)?.text, "better");
});

test("what a page has in it already is not counted again", () => {
  const timeline = new Timeline("alice");
  const liked = { ...event(1), reactions: [{ emoji: "👍", count: 1, mine: false }] };
  timeline.reset({ head: 2, complete: true, items: [liked] });
  timeline.apply(event(2, { type: "reacted", target: 1, emoji: "👍" }));
  assert.equal(timeline.find(1)?.reactions?.[0].count, 1);

  timeline.apply(event(3, { type: "reacted", target: 1, emoji: "👍", sender: "alice" }));
  assert.deepEqual(timeline.find(1)?.reactions, [{ emoji: "👍", count: 2, mine: true }]);
  timeline.apply(event(4, { type: "unreacted", target: 1, emoji: "👍", sender: "alice" }));
  timeline.apply(event(5, { type: "unreacted", target: 1, emoji: "👍" }));
  assert.deepEqual(timeline.find(1)?.reactions, []);
});

test("a deletion takes the text, its edits and its reactions, and no later edit brings them back", () => {
  const timeline = opened();
  timeline.apply(event(21, { type: "edited", target: 15, text: "better" }));
  timeline.apply(event(22, { type: "deleted", target: 15 }));
  timeline.apply(event(21, { type: "edited", target: 15, text: "better" }));

  const { text, erased, edited } = /** @type {any} */ (timeline.find(15));
  assert.deepEqual([text, erased, edited], [undefined, true, undefined]);
});

test("edits and reactions are no rows of their own, and leave no hole", () => {
  const timeline = opened();
  timeline.apply(event(21, { type: "reacted", target: 20, emoji: "👍" }));
  timeline.apply(event(22));

  assert.deepEqual(seqs(timeline).slice(-2), [20, 22]);
  assert.equal(timeline.isLast, true);
});

test("an item that did not change stays the same one", () => {
  const timeline = opened();
  const before = timeline.find(12);
  timeline.apply(event(21, { type: "edited", target: 15, text: "better" }));

  assert.equal(timeline.find(12), before);
});

test("what is cut off at either end can be fetched again", () => {
  const timeline = new Timeline("alice");
  timeline.reset(page(1, 100, { complete: true }));
  timeline.trim(50, 20);
  assert.deepEqual([seqs(timeline)[0], seqs(timeline).at(-1), timeline.items.length], [40, 59, 20]);
  assert.deepEqual([timeline.isFirst, timeline.isLast, timeline.from, timeline.to], [false, false, 40, 59]);

  timeline.prepend(page(20, 39, { head: 100 }));
  timeline.append(page(60, 100, { complete: true }));
  assert.deepEqual(seqs(timeline), Array.from({ length: 81 }, (_, n) => n + 20));
});

/** @param {Partial<import("../src/core/room.js").About>} [more] */
const room = (more) => new Room(/** @type {any} */ ({ conversation: "r", kind: "group", role: "member", head: 20, read: 20, unread: 0, ...more }), "alice");

test("a message of mine is shown once, whether its acknowledgement or its event comes first", () => {
  for (const order of ["ack first", "event first"]) {
    const one = room();
    one.open(page(11, 20));
    const message = { id: "mine", type: "send", state: "pending", seq: /** @type {number | null} */ (null) };
    one.say(message);
    const acknowledge = () => one.say(Object.assign(message, { state: "sent", seq: 21 }));
    const arrive = () => one.apply(event(21, { id: "mine", sender: "alice" }));
    for (const step of order === "ack first" ? [acknowledge, arrive] : [arrive, acknowledge]) step();

    assert.equal(one.echoes.size, 0, order);
    assert.equal(one.timeline.items.filter(({ id }) => id === "mine").length, 1, order);
  }
});

test("what was said while nothing was heard is fetched: at the end at once, elsewhere when the reader gets there", () => {
  const [atEnd, above] = [room(), room()];
  atEnd.open(page(11, 20));
  above.timeline.reset(page(1, 10, { head: 20 }), 11);
  for (const one of [atEnd, above]) one.refresh({ ...one.about, head: 30 }, true);

  assert.deepEqual([atEnd.isStale, above.isStale], [true, false]);
  assert.deepEqual([atEnd.timeline.isLast, above.timeline.isLast], [false, false]);
});

test("an event changes the title, the topic, my role and who is a member", () => {
  const one = room();
  one.members = new Map([["bob", { user: "bob", role: "member", name: null }]]);
  one.apply(event(21, { type: "renamed", title: "Tea" }));
  one.apply(event(22, { type: "topic_changed", topic: "Kettles" }));
  one.apply(event(23, { type: "role_changed", user: "alice", role: "owner" }));
  one.apply(event(24, { type: "joined", user: "carol", role: "member" }));
  one.apply(event(25, { type: "left", user: "bob" }));

  assert.deepEqual([one.about.title, one.about.topic, one.about.role], ["Tea", "Kettles", "owner"]);
  assert.deepEqual([...one.members.keys()], ["alice", "carol"]);
});

test("who types is forgotten after a while, and when they have said it", () => {
  const one = room();
  one.type("bob", 0);
  one.type("carol", 1000);
  one.type("alice", 0);
  assert.deepEqual(one.typing(4999), ["bob", "carol"]);
  assert.deepEqual(one.typing(5000), ["carol"]);
  one.apply(event(21, { sender: "carol" }));
  assert.deepEqual(one.typing(5001), []);
});

test("the latest page, when the reader is elsewhere in the log, changes the list and not what they look at", () => {
  const one = room();
  one.timeline.reset(page(1, 10, { head: 20 }), 11);
  one.glimpse(page(15, 25));

  assert.deepEqual([one.last?.seq, one.head, one.isStale], [25, 25, false]);
  assert.deepEqual(seqs(one.timeline), Array.from({ length: 10 }, (_, n) => n + 1));
});
