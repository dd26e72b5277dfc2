/**
 * One user who chats, for tests that start a real system: `node chat.js '{"read", "write", "token", "room", "folder", "say"}'`.
 *
 * Sends m0, m1, … after what the folder's outbox holds: `say` of them, fewer if its input is closed before. Prints "stored" once they are
 * on the disk, and when all is acknowledged and has been seen, what it saw and was told: one line of JSON.
 */
import { setTimeout as pause } from "node:timers/promises";

import { Client } from "../../src/index.js";
import { FolderStore } from "../../src/node.js";

const SPEAKING_MS = 10;
const { read, write, token, room: id, folder, say } = JSON.parse(process.argv[2]);
const waits = { backoffBaseS: 0.1, backoffCapS: 0.5, ackTimeoutS: 5 };

/** @type {string[]} */
const states = [];
const client = new Client({
  read,
  write,
  token: async () => token,
  store: new FolderStore(folder),
  waits,
  onState: (state) => void states.push("isUp" in state ? `${state.what} ${state.isUp ? "up" : "away"}` : state.kind),
});
const room = client.conversation(id);

/** @type {string[]} */
const texts = [];
/** @type {number[]} */
const seqs = [];

/** @param {number} until the seq of the last one */
async function watch(until) {
  for await (const { seq, type, fields } of room.events({ after: 0 })) {
    seqs.push(seq);
    if (type === "message") texts.push(fields.text);
    if (seq >= until) return;
  }
}

let isTold = false;
process.stdin.on("end", () => (isTold = true)).resume();

await client.ready;
const left = client.outbox;
const said = [];
for (let n = 0; n < say && !isTold; n += 1) {
  said.push(room.send(`m${n}`));
  await pause(SPEAKING_MS);
}
console.log("stored");
const sent = await Promise.all([...left, ...said].map((message) => message.sent));
const acked = sent.map(({ seq }) => /** @type {number} */ (seq));
await watch(Math.max(...acked));
console.log(JSON.stringify({ left: left.length, acked, seqs, texts, states, moves: client.moves, pending: client.outbox.length }));
await client.close();
process.stdin.destroy();
