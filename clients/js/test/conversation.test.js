import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../src/conversation.js";
import { FRAME_BYTES } from "../src/core/bounds.js";
import { Refused } from "../src/errors.js";

const ROOM = "5f0c2a1e-8d7b-4c3f-9a60-1b2c3d4e5f60";

/** @param {string} id */
function conversationOf(id) {
  /** @type {any[]} */
  const put = [];
  const client = /** @type {any} */ ({ put: (/** @type {string} */ _, /** @type {any} */ change) => put.push(change) });
  return { put, conversation: new Conversation(client, id) };
}

test("half of a surrogate pair, which no frame can carry, is replaced before it is stored", () => {
  const { put, conversation } = conversationOf(ROOM);
  conversation.send("a\ud800b \u{1f600}", { replyTo: 7 });
  conversation.edit(3, "\udc00");
  conversation.react(3, "\ud83d");

  assert.deepEqual(put, [
    { type: "send", text: "a\ufffdb \u{1f600}", reply_to: 7 },
    { type: "edit", seq: 3, text: "\ufffd" },
    { type: "react", seq: 3, emoji: "\ufffd" },
  ]);
});

test("what no frame can carry is refused at once, and not stored", () => {
  const { put, conversation } = conversationOf(ROOM);
  const longest = "\u{1f600}".repeat(8000);
  conversation.send(longest, { replyTo: Number.MAX_SAFE_INTEGER });
  assert.equal(put.length, 1);
  const refused = [
    () => conversation.send("x".repeat(FRAME_BYTES)),
    () => conversation.send("\u{1f600}".repeat(FRAME_BYTES / 4)),
    () => conversation.send("x", { replyTo: 0 }),
    () => conversation.edit(1.5, "x"),
    () => conversation.delete(2 ** 53),
    () => conversation.send("x", { id: "one" }),
    () => conversation.send("x", { id: ROOM.toUpperCase() }),
    () => conversationOf("room").conversation.send("x"),
  ];
  for (const say of refused) assert.throws(say, Refused, String(say));
  assert.equal(put.length, 1);
});
