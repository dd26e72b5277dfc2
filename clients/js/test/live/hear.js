/**
 * One user who listens, for tests that start a real system: `node hear.js '{"read", "write", "token", "room", "via", "turns"}'`.
 *
 * Prints "listening" when the socket is up, then "by TRANSPORT" whenever that changes, and once the input has said up to which seq, the seqs
 * and texts of all events: one line of JSON. Reads by `via`, or, where there are `turns`, by one after the other of these.
 */
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

import { Client, MemoryStore } from "../../src/index.js";

const TURN_MS = 300;
const LOOK_MS = 10;
const { read, write, token, room: id, via, turns = [] } = JSON.parse(process.argv[2]);
const waits = { backoffBaseS: 0.1, backoffCapS: 0.5, ackTimeoutS: 5, climbBaseS: 1, climbCapS: 1 };

let isListening = false;
let aways = 0;
const client = new Client({
  read,
  write,
  token,
  store: new MemoryStore(),
  waits,
  via,
  onState: (state) => {
    if (!("isUp" in state)) return;
    if (!state.isUp) aways += 1;
    if (state.isUp && !isListening) console.log("listening");
    isListening ||= state.isUp;
  },
});

/** @type {number[]} */
const seqs = [];
/** @type {string[]} */
const texts = [];

async function listen() {
  for await (const { conversation, seq, type, fields } of client.events()) {
    if (conversation !== id) continue;
    seqs.push(seq);
    if (type === "message") texts.push(fields.text);
  }
}

let by = "ws";
setInterval(() => {
  const { transport } = client;
  if (transport !== null && transport !== by) console.log(`by ${(by = transport)}`);
}, LOOK_MS).unref();
if (turns.length > 0) setInterval(() => client.readBy(turns[Math.floor(Math.random() * turns.length)]), TURN_MS).unref();

const listening = listen().catch(() => {}); // it ends with the client
const input = createInterface(process.stdin);
const [until] = await once(input, "line");
while (!((seqs.at(-1) ?? 0) >= Number(until))) await pause(20);
console.log(JSON.stringify({ seqs, texts, aways, moves: client.moves, switches: client.switches }));
input.close();
await client.close();
await listening;
