/**
 * One device of a user with the JavaScript SDK: does what its stdin says, and reports to its stdout, a line of JSON each.
 *
 * The orders that it is born with say where the service is, who it is and which folder it has. What it reports is in `reports.py`.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

const OUTPUT = 1;
const { writeSync, readFileSync, readdirSync } = fs;
const orders = JSON.parse(process.argv[2]);

/** Write one line, whole or (killed in the middle) not. */
const report = (what, fields = {}) => void writeSync(OUTPUT, `${JSON.stringify({ what, ...fields })}\n`);

// Where it may be killed: before, in and after each effect on the disk; before and after each frame.

let stepsLeft = Infinity;

function step() {
  stepsLeft -= 1;
  if (stepsLeft <= 0) process.kill(process.pid, "SIGKILL");
}

for (const name of ["openSync", "fsyncSync", "ftruncateSync", "renameSync", "closeSync"]) {
  const effect = fs[name];
  fs[name] = (...given) => {
    step();
    const result = effect(...given);
    step();
    return result;
  };
}
fs.writeSync = (file, data, ...more) => {
  step();
  if (stepsLeft <= 1) writeSync(file, data.slice(0, data.length / 2)); // torn by the next step
  step();
  const result = writeSync(file, data, ...more);
  step();
  return result;
};
syncBuiltinESMExports();

class Tapped extends WebSocket {
  send(data) {
    step();
    super.send(data);
    step();
  }

  set onmessage(hear) {
    super.onmessage = (event) => {
      const frame = JSON.parse(event.data);
      for (const ack of frame.acks ?? []) if (ack.duplicate) report("repeated");
      step();
      hear(event);
      step();
    };
  }
}

// A wall clock that can be wrong.

const RightDate = Date;
let clockMs = 0;
globalThis.Date = class extends RightDate {
  constructor(...given) {
    super(...(given.length > 0 ? given : [RightDate.now() + clockMs]));
  }

  static now() {
    return RightDate.now() + clockMs;
  }
};

const { Client, Closed } = await import("../../clients/js/src/index.js");
const { FolderStore } = await import("../../clients/js/src/node.js");

/** Says when something is on the disk. */
class Told extends FolderStore {
  async put(kept) {
    await super.put(kept);
    for (const { change } of kept) report("kept", { text: change.text });
  }
}

const client = new Client({
  read: orders.read,
  write: orders.write,
  token: orders.token,
  store: new Told(orders.folder),
  webSocket: Tapped,
  waits: { backoffBaseS: 0.1, backoffCapS: 1, ackTimeoutS: 4 },
  connectTimeoutS: 3,
  onState: (state) => {
    if (!("isUp" in state)) return;
    if (state.isFinal) report("broken", { fault: `told not to come back: ${state.reason}` });
    report(state.isUp ? "up" : "away", { service: state.what, ...(state.isUp ? {} : { reason: state.reason }) });
  },
});

function expect(message) {
  message.sent.then(
    ({ text, seq }) => report("acked", { text, seq }),
    (error) => {
      if (error.code !== undefined) report("refused", { text: message.text, code: error.code });
    },
  );
}

function see({ conversation, seq, type, fields }) {
  const { id = "", sender = "", text = "" } = fields;
  report("seen", { room: conversation, seq, id, sender, text, is_message: type === "message" });
}

/** How far the lives before have come in a conversation, as they have written down. */
function shown(room) {
  let last = 0;
  for (const name of readdirSync(orders.folder).filter((name) => /^life-.*\.log$/.test(name))) {
    for (const line of readFileSync(join(orders.folder, name), "utf8").split("\n").slice(0, -1)) {
      const { what, room: of, seq } = JSON.parse(line);
      if (what === "seen" && of === room) last = Math.max(last, seq);
    }
  }
  return last;
}

/** Be shown everything; each is written down before the next one is asked for. */
async function follow(events) {
  try {
    for await (const event of events) see(event);
  } catch (error) {
    if (!(error instanceof Closed)) report("broken", { fault: `events ended: ${error}` });
  }
}

async function drain() {
  while (client.outbox.length > 0) await pause(20);
  report("drained");
}

async function close() {
  const left = client.outbox.length;
  await client.close();
  report("closed", { left });
  process.exit(0);
}

process.on("uncaughtException", (error) => {
  report("broken", { fault: String(error.stack) });
  process.exit(1);
});

await client.ready;
report("began", { left: client.outbox.map(({ text }) => text) });
for (const message of client.outbox) expect(message);
if (orders.keeper === "sdk") void follow(client.events());
else for (const room of orders.rooms) void follow(client.conversation(room).events({ after: shown(room) }));

for await (const line of createInterface(process.stdin)) {
  const order = JSON.parse(line);
  switch (order.do) {
    case "send":
      for (const text of order.texts) {
        report("said", { room: order.room, text });
        expect(client.conversation(order.room).send(text));
      }
      break;
    case "die":
      stepsLeft = order.step;
      break;
    case "clock":
      clockMs = order.by_s * 1000;
      break;
    case "hint":
      client.hint();
      break;
    case "drain":
      void drain();
      break;
    case "close":
      await close();
  }
}
await close();
