import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Connection } from "../src/core/connection.js";
import { Outbox } from "../src/core/outbox.js";
import { Polled } from "../src/core/polled.js";
import { Positions } from "../src/core/positions.js";
import { Posted } from "../src/core/posted.js";
import { Session } from "../src/core/session.js";
import { AUTO, Ladder } from "../src/core/transport.js";

/** @import {Frame, Step} from "../src/core/types.js" */

const FOLDER = fileURLToPath(new URL("../../vectors/", import.meta.url));

/** A connection with its outbox and positions, as a vector begins. */
class Player {
  /** @param {any} vector */
  constructor({ begins, chances }) {
    this.outbox = begins.outbox && outboxOf(begins.outbox);
    this.positions = begins.positions && new Positions(begins.positions);
    this.chances = [...chances];
    const waits = {
      backoffBaseS: begins.waits.backoff_base_s,
      backoffCapS: begins.waits.backoff_cap_s,
      ackTimeoutS: begins.waits.ack_timeout_s,
    };
    this.connection = new Connection(
      (takesOver) => new Session(this.outbox, this.positions, takesOver),
      waits,
      () => this.draw(),
      begins.renewable,
      new Ladder(() => this.draw(), rungsOf(begins.via ?? "ws")),
    );
  }

  draw() {
    assert.notEqual(this.chances.length, 0, "no chance is left to draw");
    return this.chances.shift() ?? 0;
  }

  /**
   * @param {any} on
   * @param {number} now
   * @returns {Step[]}
   */
  take(on, now) {
    const { connection } = this;
    switch (on.type) {
      case "start":
        return connection.start(now);
      case "opened":
        return connection.opened(on.line, on.token, now);
      case "failed":
        return connection.failed(on.line, "", on.retry_after, now);
      case "refused":
        return connection.refused(on.line, on.code, "", now);
      case "blocked":
        return connection.blocked(on.line, on.code, "", now);
      case "probed":
        return connection.probed(on.answered, now);
      case "choose":
        return connection.choose(rungsOf(on.via), now);
      case "frame":
        return connection.received(on.line, on.frame, now);
      case "closed":
        return connection.closed(on.line, on.code, "", now);
      case "renewed":
        return connection.renewed(on.line, on.token, now);
      case "offer":
        return connection.offered(this.outbox.add(on.conversation, on.id, { type: "send", text: on.text }), now);
      case "retry":
        return connection.offered(this.retried(on), now);
      case "discard":
        assert.ok(this.outbox.discard(on.conversation, on.id));
        return [];
      case "hint":
        return connection.hinted(now);
      case "time":
        return connection.tick(now);
      default:
        throw new Error(`unknown: ${on.type}`);
    }
  }

  /** @param {any} on */
  retried({ conversation, id }) {
    const pending = this.outbox.retry(conversation, id);
    assert.ok(pending);
    return pending;
  }

  ends() {
    return {
      outbox: this.outbox && [...this.outbox].map(({ id }) => id),
      failed: (this.outbox?.failed ?? []).map((/** @type {any} */ { id }) => id),
      positions: this.positions && this.positions.cursor,
    };
  }
}

/** @param {any} via */
const rungsOf = (via) => (via === "auto" ? AUTO : [via]);

/** @param {any[]} sends */
function outboxOf(sends) {
  const outbox = new Outbox();
  for (const { conversation, id, text, failed } of sends) {
    outbox.add(conversation, id, { type: "send", text });
    if (failed) outbox.fail(conversation, id);
  }
  return outbox;
}

/**
 * Return a step as vectors write it; nothing for what only the core itself, or the app alone, needs to know.
 *
 * @param {Step} step
 * @returns {object[]}
 */
function shown(step) {
  switch (step.do) {
    case "up":
      return [{ do: "up", gateway: step.gateway, roles: step.roles }];
    case "away":
      return [{ do: "away" }];
    case "stop":
      return [{ do: "stop", code: step.code }];
    case "deliver":
      return [{ do: "deliver", events: step.events.map(({ conversation, seq }) => [conversation, seq]) }];
    case "acked":
      return [{ do: "acked", acks: step.acks.map(({ id, seq, duplicate, attempts }) => [id, seq, duplicate, attempts]) }];
    case "failed":
      return [{ do: "failed", id: step.id, code: step.code }];
    case "alive":
    case "moved":
    case "dismissed":
    case "notice":
      return [];
    default:
      return [step];
  }
}

/** @param {any} vector */
function playConnection(vector) {
  const player = new Player(vector);
  for (const [number, step] of vector.steps.entries()) {
    const where = `step ${number}: ${JSON.stringify(step.on)}`;
    assert.deepEqual(player.take(step.on, step.at).flatMap(shown), step.do, where);
    const wakesAt = step.wakes_at ?? Infinity;
    const isClose = player.connection.wakesAt === wakesAt || Math.abs(player.connection.wakesAt - wakesAt) < 1e-9;
    assert.ok(isClose, `${where}: wakes at ${player.connection.wakesAt}, not ${wakesAt}`);
  }
  assert.deepEqual(player.chances, []);
  assert.deepEqual(player.ends(), { failed: [], ...vector.ends });
}

/** @param {any} vector */
function playPolls(vector) {
  const polled = new Polled(vector.hello);
  assert.deepEqual(polled.ask(), vector.asks);
  for (const { on, frames, asks } of vector.steps) {
    const told = on.type === "answered" ? polled.take(on.answer) : polled.lose();
    assert.deepEqual(told ?? [], frames);
    assert.deepEqual(polled.ask(), asks);
  }
}

/** @param {any} vector */
function playPosts(vector) {
  const posted = new Posted();
  for (const { on, frames, body } of vector.steps) {
    if (on.type === "said") assert.deepEqual(posted.take(on.frame), frames);
    else if (on.type === "next") assert.deepEqual(posted.next(on.conversation), body);
    else if (on.type === "answered") assert.deepEqual(posted.answered(on.conversation, on.answers), frames);
    else assert.deepEqual(posted.refused(on.conversation, on.problem), frames);
  }
}

/** @type {Record<string, (vector: any) => void>} */
const PLAYS = { connection: playConnection, polls: playPolls, posts: playPosts };

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json"))) {
  const { plays = "connection", vectors } = JSON.parse(readFileSync(FOLDER + file, "utf8"));
  for (const vector of vectors) test(`${file}: ${vector.name}`, () => PLAYS[plays](vector));
}
