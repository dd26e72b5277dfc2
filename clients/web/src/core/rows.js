/** @import {Item} from "./timeline.js" */

const GROUP_MS = 5 * 60_000;

/**
 * @typedef {object} Row an item, or a message of ours that is on its way, with what stands above it
 * @property {string} key the same before and after its message is acknowledged
 * @property {Item | null} item
 * @property {any} echo the client's message
 * @property {string} day a day's date where one begins, else ""
 * @property {boolean} isNew whether it is the first one that was not read
 * @property {boolean} opens whether it is the first of several by one sender
 * @property {boolean} closes
 */

/**
 * Return the rows of what is shown.
 *
 * @param {Item[]} items
 * @param {any[]} echoes
 * @param {number} unreadFrom the seq after which nothing was read when the conversation was opened
 * @param {string} me
 * @param {(at: string | number) => string} dayOf
 * @returns {Row[]}
 */
export function rowsOf(items, echoes, unreadFrom, me, dayOf) {
  /** @type {Row[]} */
  const rows = [];
  let day = "";
  let isUnread = false;
  /** @type {{sender: string, at: number} | null} */
  let group = null;
  const add = (/** @type {string} */ key, /** @type {Item | null} */ item, /** @type {any} */ echo) => {
    const at = echo?.shownAt ?? Date.parse(item?.at ?? "");
    const itsDay = dayOf(at);
    const isMessage = item === null || item.type === "message";
    const sender = isMessage ? (item?.sender ?? me) : "";
    const isNew = !isUnread && item !== null && item.seq > unreadFrom && item.sender !== me && isMessage;
    isUnread ||= isNew;
    const opens = !isMessage || group === null || group.sender !== sender || at - group.at > GROUP_MS || itsDay !== day || isNew;
    const last = rows.at(-1);
    if (last !== undefined) last.closes = opens;
    rows.push({ key, item, echo, day: itsDay === day ? "" : itsDay, isNew, opens, closes: true });
    group = isMessage ? { sender, at } : null;
    day = itsDay;
  };
  for (const item of items) add(item.id, item, null);
  for (const echo of echoes) add(echo.id, null, echo);
  return rows;
}

/**
 * Whether two rows are drawn alike.
 *
 * @param {Row | null} a
 * @param {Row} b
 */
export const isSame = (a, b) =>
  a !== null && a.item === b.item && a.echo === b.echo && a.day === b.day && a.isNew === b.isNew && a.opens === b.opens && a.closes === b.closes;
