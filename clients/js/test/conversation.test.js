import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation } from "../src/conversation.js";

test("half of a surrogate pair, which no frame can carry, is replaced before it is stored", () => {
  /** @type {any[]} */
  const put = [];
  const client = /** @type {any} */ ({ put: (/** @type {string} */ _, /** @type {any} */ change) => put.push(change) });
  const conversation = new Conversation(client, "room");
  conversation.send("a\ud800b \u{1f600}", { replyTo: 7 });
  conversation.edit(3, "\udc00");
  conversation.react(3, "\ud83d");

  assert.deepEqual(put, [
    { type: "send", text: "a\ufffdb \u{1f600}", reply_to: 7 },
    { type: "edit", seq: 3, text: "\ufffd" },
    { type: "react", seq: 3, emoji: "\ufffd" },
  ]);
});
