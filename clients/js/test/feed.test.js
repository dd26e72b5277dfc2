import assert from "node:assert/strict";
import { test } from "node:test";

import { BUFFER_EVENTS, Feed, PositionLost, joined } from "../src/feed.js";

/** @import {Entry} from "../src/core/types.js" */

const ROOM = "a0000000-0000-4000-8000-000000000001";

/**
 * @param {number} seq
 * @param {string} [conversation]
 * @returns {Entry}
 */
const entry = (seq, conversation = ROOM) => ({ conversation, seq, type: "message", sender: "", id: "", at: "", messages: 0, fields: { type: "" } });

/**
 * @param {number} from
 * @param {number} to
 */
const entries = (from, to) => Array.from({ length: to - from + 1 }, (_, n) => entry(from + n));

/** A log that is read in pages: up to `head`, whatever it is then. */
class Log {
  head = 0;
  reads = 0;

  /**
   * @param {number} after
   * @param {number} before
   */
  async *pages(after, before) {
    this.reads += 1;
    yield* entries(after + 1, Math.min(before - 1, this.head));
  }
}

/**
 * @param {AsyncIterator<Entry>} events
 * @param {number} many
 */
async function take(events, many) {
  const seqs = [];
  while (seqs.length < many) seqs.push((await events.next()).value.seq);
  return seqs;
}

test("who follows from a seq gets what is there, then what comes, each once, in order", async () => {
  const feed = new Feed();
  const log = new Log();
  log.head = 5;
  const reader = feed.follow(ROOM);
  reader.cut();
  const events = joined(reader, 2, (after, before) => log.pages(after, before));

  const first = await take(events, 1);
  feed.push(entries(4, 7)); // the socket begins within what the pages bring
  feed.push([entry(1, "another")]);

  assert.deepEqual([...first, ...(await take(events, 4))], [3, 4, 5, 6, 7]);
  assert.equal(log.reads, 1);
});

test("what the socket left out comes from the log before what follows it", async () => {
  const feed = new Feed();
  const log = new Log();
  const events = joined(feed.follow(ROOM), 1, (after, before) => log.pages(after, before));
  feed.push([entry(2)]);
  log.head = 9;
  feed.push([entry(6)]);

  assert.deepEqual(await take(events, 5), [2, 3, 4, 5, 6]);
});

test("one who is too slow loses nothing, and keeps no more than its bound", async () => {
  const feed = new Feed();
  const log = new Log();
  const events = joined(feed.follow(ROOM), 0, (after, before) => log.pages(after, before));
  const many = BUFFER_EVENTS + 5;
  feed.push(entries(1, many));
  log.head = many;

  const seqs = await take(events, many);
  feed.push([entry(many + 1)]);

  assert.deepEqual([...seqs, ...(await take(events, 1))], entries(1, many + 1).map(({ seq }) => seq));
});

test("who follows from now on begins with the first that comes", async () => {
  const feed = new Feed();
  const events = joined(feed.follow(ROOM), undefined, () => new Log().pages(0, 0));
  feed.push(entries(41, 42));

  assert.deepEqual(await take(events, 2), [41, 42]);
});

test("a log that begins anew ends the one who follows it", async () => {
  const feed = new Feed();
  feed.seat({ epoch: "e1", inbox: 0, of: { [ROOM]: 3 } });
  const reader = feed.follow(ROOM);
  feed.push([entry(4)]);
  feed.seat({ epoch: "e2", inbox: 0, of: {} });

  assert.deepEqual(await reader.next(), entry(4));
  await assert.rejects(reader.next(), PositionLost);
});

test("a position that goes back ends it too, and one that stays does not", async () => {
  const feed = new Feed();
  const reader = feed.follow(ROOM);
  feed.push([entry(4)]);
  feed.seat({ epoch: "e1", inbox: 0, of: { [ROOM]: 4 } });
  assert.deepEqual(await reader.next(), entry(4));
  feed.seat({ epoch: "e1", inbox: 0, of: { [ROOM]: 0 } });

  await assert.rejects(reader.next(), PositionLost);
});

test("the one who reads everything gets positions where they changed, in order with the events", async () => {
  const feed = new Feed();
  const reader = feed.follow();
  const seat = { epoch: "e1", inbox: 0, of: { [ROOM]: 5 } };
  feed.push([entry(1, "another")]);
  feed.seat(seat);
  feed.push([entry(6)]);

  assert.deepEqual([await reader.next(), await reader.next(), await reader.next()], [entry(1, "another"), { positions: seat }, entry(6)]);
});
