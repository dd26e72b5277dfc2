import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Api } from "../src/api.js";
import { Refused, Unavailable } from "../src/errors.js";
import { FolderStore } from "../src/node.js";
import { optionsOf } from "../src/options.js";
import { Pace } from "../src/pace.js";
import { insist } from "../src/patience.js";
import { openStore } from "../src/storage.js";
import { Tokens } from "../src/tokens.js";
import { uuid } from "../src/uuid.js";

const ROOM = "a0000000-0000-4000-8000-000000000001";

/** @param {string} id */
const kept = (id) => ({ conversation: ROOM, id, change: { type: "send", text: `${id}\n\u2028"` } });

/** @param {(folder: string) => Promise<void>} work */
async function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), "ringpost-js-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a folder gives back what was put and not removed, in order, after a crash that tore the last line", () =>
  inFolder(async (folder) => {
    const before = new FolderStore(folder);
    await before.load();
    await before.put([kept("one"), kept("two")]);
    await before.put([kept("three")]);
    await before.remove(ROOM, "two");
    appendFileSync(join(folder, "outbox.log"), '{"put":{"conversation":"a0');

    const after = new FolderStore(folder);
    assert.deepEqual(await after.load(), [kept("one"), kept("three")]);
    await after.put([kept("four")]);
    const last = new FolderStore(folder);
    assert.deepEqual(await last.load(), [kept("one"), kept("three"), kept("four")]);
    for (const store of [before, after, last]) await store.close();
  }));

test("a folder's journal does not grow for ever", () =>
  inFolder(async (folder) => {
    const store = new FolderStore(folder);
    await store.load();
    await store.put([kept("stays")]);
    for (let n = 0; n < 1000; n += 1) await store.remove(ROOM, `gone ${n}`);

    assert.equal(readFileSync(join(folder, "outbox.log"), "utf8").split("\n").length, 2);
    await store.put([kept("new")]);
    await store.close();
    const next = new FolderStore(folder);
    assert.deepEqual(await next.load(), [kept("stays"), kept("new")]);
    await next.close();
  }));

test("a folder keeps positions", () =>
  inFolder(async (folder) => {
    const store = new FolderStore(folder);
    assert.equal(await store.loadPositions(), null);
    const positions = { epoch: "e", inbox: 2, of: { [ROOM]: 7 } };
    await store.savePositions(positions);

    assert.deepEqual(await new FolderStore(folder).loadPositions(), positions);
  }));

test("where there is no IndexedDB it is said, and the client goes on in memory", async () => {
  const { store, state } = await openStore(undefined, "alice");

  assert.deepEqual([state.what, state.kind, state.isPersistent], ["storage", "memory", false]);
  assert.notEqual(state.reason, "");
  assert.deepEqual(await store.load(), []);
});

test("a token is fetched once for all who ask, and again when it is forgotten or could not be had", async () => {
  let fetched = 0;
  const tokens = new Tokens(async () => {
    fetched += 1;
    if (fetched === 1) throw new Error("offline");
    return `t${fetched}`;
  });

  await assert.rejects(tokens.get());
  assert.deepEqual(await Promise.all([tokens.get(), tokens.get()]), ["t2", "t2"]);
  tokens.forget();
  assert.equal(await tokens.get(), "t3");
});

/**
 * An HTTP server that gives these answers, one after the other.
 *
 * @param {[number, object | string][]} answers
 * @param {(api: Api, asked: string[]) => Promise<void>} work
 */
async function answering(answers, work) {
  /** @type {string[]} */
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    const [status, body] = answers.shift() ?? [500, {}];
    response.writeHead(status, { Connection: "close" }).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  let number = 0;
  const url = `http://127.0.0.1:${port}`;
  try {
    await work(new Api({ read: url, write: url }, new Tokens(() => `t${++number}`), fetch), asked);
  } finally {
    server.close();
  }
}

test("an expired token is renewed, and the call made once more", () =>
  answering([[401, { code: "token_expired", retryable: false }], [200, { next: null }]], async (api, asked) => {
    assert.deepEqual(await api.get("read", "/v1/conversations", { limit: 5, after: undefined }), { next: null });
    assert.deepEqual(asked, ["GET /v1/conversations?limit=5 Bearer t1", "GET /v1/conversations?limit=5 Bearer t2"]);
  }));

test("a problem says whether the same may be asked again", () =>
  answering(
    [
      [404, { code: "not_found", detail: "No.", retryable: false }],
      [429, { code: "rate_limited", retryable: true, retry_after: 3 }],
      [500, { code: "internal", retryable: false }],
      [502, "<html>"],
      [200, '{"cut off'],
    ],
    async (api) => {
      await assert.rejects(api.post("write", "/", {}), (error) => error instanceof Refused && error.code === "not_found");
      await assert.rejects(api.post("write", "/", {}), (error) => error instanceof Unavailable && error.retryAfterS === 3);
      for (let n = 0; n < 3; n += 1) await assert.rejects(api.post("write", "/", {}), Unavailable);
    },
  ));

test("who insists asks again until there is an answer, and no more once it is refused or nobody waits", async () => {
  const options = optionsOf({ webSocket: /** @type {any} */ (class {}), chance: () => 0 });
  const answers = [new Unavailable("unreachable"), new Unavailable("unreachable"), null];
  const ask = async () => {
    const error = answers.shift();
    if (error) throw error;
    return "yes";
  };

  assert.equal(await insist(ask, options, () => false), "yes");
  await assert.rejects(insist(() => Promise.reject(new Refused("not_found")), options, () => false), Refused);
  await assert.rejects(insist(ask, options, () => true), { message: "this client was closed" });
});

test("what is done at most once in a while is done at once, then with the last that was said", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const pace = new Pace(1000);
  /** @type {number[]} */
  const done = [];
  for (const n of [1, 2, 3]) pace.call(() => done.push(n));
  pace.callNow(() => done.push(4));
  assert.deepEqual(done, [1]);
  context.mock.timers.tick(1000);
  assert.deepEqual(done, [1, 3]);
  context.mock.timers.tick(1000);
  pace.callNow(() => done.push(5));
  assert.deepEqual(done, [1, 3, 5]);
});

test("an id is a UUID, also where the page is not served securely", () => {
  const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  assert.match(uuid(), shape);
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  assert.match(uuid(), shape);
});
