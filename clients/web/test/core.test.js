import assert from "node:assert/strict";
import { test } from "node:test";

import { Dates } from "../src/core/dates.js";
import { Layout } from "../src/core/layout.js";
import { partsOf } from "../src/core/links.js";
import { Receipts } from "../src/core/receipts.js";
import { addressOf, handedOver, routeOf } from "../src/core/route.js";
import { rowsOf } from "../src/core/rows.js";
import { initials, isolated, line } from "../src/core/text.js";
import { Unread } from "../src/core/unread.js";

const ROOM = "a0000000-0000-4000-8000-000000000001";

/** @param {string} text */
const links = (text) => partsOf(text).filter(({ href }) => href !== undefined).map(({ href }) => href);

test("what is shown of a text is the text, whatever is a link in it", () => {
  for (const text of ["", "plain", "see https://example.org/a?b=c#d.", "(http://a.example/x_(y))", "<b>https://a.example</b>", "https://", "http://?"]) {
    assert.equal(partsOf(text).map((part) => part.text).join(""), text);
  }
});

test("http and https are links, without the sign that ends a sentence or the bracket around them", () => {
  assert.deepEqual(links("see https://example.org/a?b=c#d. And (http://a.example/x_(y)), [https://b.example]!"), [
    "https://example.org/a?b=c#d",
    "http://a.example/x_(y)",
    "https://b.example",
  ]);
});

test("nothing else is a link, nor what shows another place than the one it leads to", () => {
  const harmless = ["javascript:alert(1)", "data:text/html,x", "ftp://a.example", "//a.example", "https://bank.example@evil.example", "https://u:p@evil.example"];
  for (const text of harmless) assert.deepEqual(links(text), [], text);
  assert.deepEqual(links("https://a.example/\u202egnp.exe"), ["https://a.example/"]);
  assert.deepEqual(partsOf("https://ex\u0430mple.org/x"), [{ text: "https://xn--exmple-4nf.org/x", href: "https://xn--exmple-4nf.org/x" }]);
});

test("rows stand one below the other, and those that nobody measured are as high as others", () => {
  const layout = new Layout(10);
  layout.measure("b", 30);
  layout.place(["a", "b", "c"], 5, 2);

  assert.deepEqual([0, 1, 2, 3].map((index) => layout.top(index)), [50, 60, 90, 100]);
  assert.equal(layout.total, 120);
  assert.deepEqual([0, 55, 60, 89, 95, 1000].map((y) => layout.indexAt(y)), [0, 0, 1, 1, 2, 2]);
  assert.deepEqual(layout.window(60, 20, 0), { first: 1, end: 2 });
  assert.deepEqual(layout.window(60, 20, 15), { first: 0, end: 3 });
});

test("a window of an empty layout shows nothing", () => {
  const layout = new Layout(10);
  layout.place([], 0, 0);

  assert.deepEqual(layout.window(0, 100, 50), { first: 0, end: 0 });
});

test("a height that is measured again is told only where it is another one", () => {
  const layout = new Layout(10);

  assert.deepEqual([layout.measure("a", 20), layout.measure("a", 20.2), layout.measure("a", 21)], [true, false, true]);
});

/** @param {Partial<import("../src/core/timeline.js").Item>} fields */
const item = (fields) => /** @type {any} */ ({ type: "message", sender: "bob", id: `id ${fields.seq}`, at: "2026-11-25T08:00:00Z", ...fields });

/** @param {any[]} items @param {any[]} echoes @param {number} unreadFrom */
const rows = (items, echoes = [], unreadFrom = Infinity) => rowsOf(items, echoes, unreadFrom, "alice", (at) => new Date(at).toISOString().slice(0, 10));

test("a day stands above its first message, and what one says in a row is one group", () => {
  const shown = rows([
    item({ seq: 1 }),
    item({ seq: 2, at: "2026-11-25T08:04:00Z" }),
    item({ seq: 3, at: "2026-11-25T08:20:00Z" }),
    item({ seq: 4, at: "2026-11-25T08:21:00Z", sender: "carol" }),
    item({ seq: 5, at: "2026-11-25T08:22:00Z", type: "joined", user: "dave" }),
    item({ seq: 6, at: "2026-11-26T08:00:00Z", sender: "carol" }),
  ]);

  assert.deepEqual(shown.map(({ day }) => day), ["2026-11-25", "", "", "", "", "2026-11-26"]);
  assert.deepEqual(shown.map(({ opens }) => opens), [true, false, true, true, true, true]);
  assert.deepEqual(shown.map(({ closes }) => closes), [false, true, true, true, true, true]);
});

test("the first message of another that was not read is marked, once", () => {
  const shown = rows([item({ seq: 1 }), item({ seq: 2, sender: "alice" }), item({ seq: 3, type: "renamed" }), item({ seq: 4 }), item({ seq: 5 })], [], 1);

  assert.deepEqual(shown.map(({ isNew }) => isNew), [false, false, false, true, false]);
});

test("what is on its way stands at the end under the key that it keeps", () => {
  const [, before] = rows([item({ seq: 1 })], [{ id: "mine", shownAt: Date.parse("2026-11-25T08:00:30Z") }]);
  const [, after] = rows([item({ seq: 1 }), item({ seq: 2, id: "mine", sender: "alice" })]);

  assert.equal(before.key, after.key);
});

test("a message is read once all others have read it", () => {
  const receipts = new Receipts();
  receipts.take({ alice: { read: 9, delivered: 9 }, bob: { read: 3, delivered: 5 }, carol: { read: 5, delivered: 5 } });

  assert.deepEqual([3, 4, 6].map((seq) => receipts.of(seq, "alice").state), ["read", "delivered", "sent"]);
  assert.deepEqual(receipts.of(4, "alice").read, ["carol"]);
  receipts.take({ bob: { read: 2, delivered: 2 } });
  assert.equal(receipts.of(3, "alice").state, "read", "a mark never goes back");
  receipts.forget("bob");
  assert.equal(receipts.of(5, "alice").state, "read");
});

test("nobody has read what is said to nobody", () => {
  assert.equal(new Receipts().of(1, "alice").state, "sent");
});

test("unread is what the service counts, and what came after its head", () => {
  const unread = new Unread();
  unread.take({ seq: 3, unread: 2, head: 6 });
  for (const seq of [7, 8]) unread.hear(seq);
  assert.equal(unread.count, 4);

  unread.take({ seq: 4, unread: 1, head: 7 });
  assert.equal(unread.count, 2);
  unread.take({ seq: 2, unread: 9, head: 8 });
  assert.equal(unread.count, 2, "an older marker says nothing");
  unread.read(8, 8);
  assert.equal(unread.count, 0);
});

test("more unread messages than are remembered are still counted", () => {
  const unread = new Unread();
  for (let seq = 1; seq <= 1234; seq += 1) unread.hear(seq);

  assert.equal(unread.count, 1234);
});

test("an address names a conversation and perhaps a seq; anything else names the list", () => {
  assert.deepEqual(routeOf(addressOf(ROOM, 12)), { room: ROOM, seq: 12 });
  assert.deepEqual(routeOf(addressOf(ROOM)), { room: ROOM, seq: null });
  for (const hash of ["", "#/", "#/c/x", `#/c/${ROOM}/0`, `#/c/${ROOM}/-1`, `#/c/${ROOM}/1/2`, `#/c/${ROOM}<script>`]) {
    assert.deepEqual(routeOf(hash), { room: null, seq: null }, hash);
  }
});

test("a token behind the address is taken, and leads to a conversation or to the list alone", () => {
  assert.deepEqual(handedOver(`#token=a.b.c&to=/c/${ROOM}/7`), { token: "a.b.c", address: addressOf(ROOM, 7) });
  assert.deepEqual(handedOver("#token=a.b.c&to=//evil.example"), { token: "a.b.c", address: "#/" });
  assert.equal(handedOver("#/"), null);
});

test("a text of somebody's can't leave its isolation", () => {
  assert.equal(isolated("a\u2069b"), "\u2068ab\u2069");
});

test("a line has no ends of lines, and an end", () => {
  assert.equal(line(" a\n\nb\u2028c  "), "a b c");
  assert.equal(line("x".repeat(500), 10), `${"x".repeat(10)}…`);
});

test("a name has initials in any script, and something where it has no letters", () => {
  assert.deepEqual(["alice", "Ada Lovelace", "王小明", "😀", "[bot]_x"].map(initials), ["A", "AL", "王", "#", "BX"]);
});

test("dates are those of the reader's time zone", () => {
  const now = Date.parse("2026-11-25T08:00:00Z");
  const [here, there] = ["UTC", "Pacific/Auckland"].map((zone) => new Dates(() => now, "en", zone));
  const at = "2026-11-24T12:30:00Z";

  assert.equal(here.dayName(at), "Yesterday");
  assert.equal(there.dayName(at), "Today");
  assert.equal(here.brief("2026-11-25T07:05:00Z"), "7:05 AM");
  assert.notEqual(here.time(at), there.time(at));
});
