import assert from "node:assert/strict";
import { test } from "node:test";

import { Dates } from "../src/core/dates.js";
import { Pane } from "../src/core/pane.js";
import { Room } from "../src/core/room.js";
import { Sheet } from "../src/core/sheet.js";

const HEIGHT = 50;
const ABOUT = { conversation: "c", kind: "group", title: null, topic: null, with: null, role: "member", joined: 0, read: 20, unread: 0 };

/** @param {number} seq */
const message = (seq) => ({ type: "message", seq, id: `id ${seq}`, sender: "bob", at: "2026-11-25T08:00:00Z", text: "x" });

/** @param {number} from @param {number} to */
const messages = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => message(from + index));

/** A window of 200 over the messages 11 to 20 of 20, each of them 50 high. */
function opened() {
  const room = new Room(/** @type {any} */ ({ ...ABOUT, head: 20 }), "alice");
  room.open(/** @type {any} */ ({ items: messages(11, 20), head: 20, complete: false }));
  const sheet = new Sheet(room, new Dates(() => Date.parse("2026-11-25T09:00:00Z"), "en", "UTC"));
  const pane = new Pane(sheet);
  pane.height = 200;
  measured(sheet);
  return { room, sheet, pane };
}

/** @param {Sheet} sheet */
function measured(sheet) {
  sheet.collect();
  for (const { key } of sheet.rows) sheet.layout.measure(key, HEIGHT);
  sheet.place();
}

/** @param {Sheet} sheet @param {Pane} pane @param {number} seq how far below the window's top that message stands */
const below = (sheet, pane, seq) => sheet.layout.top(/** @type {number} */ (sheet.indexOf(`id ${seq}`))) - pane.held;

test("a window at the end stays at the end when something is said", () => {
  const { room, sheet, pane } = opened();
  const before = pane.held;

  room.apply(/** @type {any} */ (message(21)));
  measured(sheet);

  assert.equal(pane.held, before + HEIGHT);
});

test("a window that is not at the end stays over what it shows, whatever is said and whatever comes before it", () => {
  const { room, sheet, pane } = opened();
  pane.look(sheet.start + 2 * HEIGHT + 10);
  assert.equal(below(sheet, pane, 13), -10);

  room.apply(/** @type {any} */ (message(21)));
  room.timeline.prepend(/** @type {any} */ ({ items: messages(1, 10), head: 21, complete: true }));
  measured(sheet);

  assert.equal(below(sheet, pane, 13), -10);
});

test("a row that turns out higher above a window does not move what it shows", () => {
  const { sheet, pane } = opened();
  pane.look(sheet.start + 2 * HEIGHT);

  sheet.layout.measure("id 11", 3 * HEIGHT);
  sheet.place();

  assert.equal(below(sheet, pane, 13), 0);
});

test("a window moves as far as it takes to show a row", () => {
  const { sheet, pane } = opened();
  pane.look(sheet.start + 3 * HEIGHT);

  const moved = [14, 12, 18].map((seq) => (pane.show(/** @type {number} */ (sheet.indexOf(`id ${seq}`))), below(sheet, pane, seq)));

  assert.deepEqual(moved, [0, 8, 200 - HEIGHT - 8]);
});

test("a window is at the end once its bottom is", () => {
  const { sheet, pane } = opened();

  const isAtEnd = [0, 5, 100].map((above) => (pane.look(sheet.end - 200 - above), pane.isAtEnd));

  assert.deepEqual(isAtEnd, [true, false, false]);
});

test("rows that are drawn alike stay the same when they are taken anew", () => {
  const { room, sheet } = opened();
  const [first] = sheet.rows;
  const last = sheet.rows.at(-1);

  room.apply(/** @type {any} */ (message(21)));
  sheet.collect();

  assert.equal(sheet.rows[0], first);
  assert.notEqual(sheet.rows.at(-2), last); // another one closes its group
});
