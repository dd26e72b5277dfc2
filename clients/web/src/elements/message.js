import { partsOf } from "../core/links.js";
import { addressOf } from "../core/route.js";
import { isolated, line } from "../core/text.js";
import { sentenceOf } from "../core/wording.js";
import { avatar, fill, h, own } from "./dom.js";

/** @import {Row} from "../core/rows.js" */
/** @import {Item} from "../core/timeline.js" */

const STATES = { pending: "Sending", sent: "Sent", delivered: "Delivered", read: "Read", failed: "Not sent" };

/**
 * @typedef {object} Around what a message is drawn with
 * @property {import("../chat.js").Chat} chat
 * @property {import("../core/room.js").Room} room
 * @property {import("../core/dates.js").Dates} dates
 * @property {(seq: number) => Item | null | undefined} answered the item that a reply answers; undefined: not known yet
 */

/** One row of a conversation: a message, or something that happened; above it perhaps a day, or where the unread begin. */
export class MessageElement extends HTMLElement {
  /** @type {Row | null} */
  row = null;
  #drawn = "";
  #top = NaN;

  /**
   * Stand so far down.
   *
   * @param {number} top
   */
  stand(top) {
    if (top === this.#top) return;
    this.#top = top;
    this.style.transform = `translateY(${top}px)`;
  }

  /**
   * Show a row; return whether it looks another way now.
   *
   * @param {Row} row
   * @param {Around} around
   * @param {boolean} isActive whether Tab leads to it
   */
  show(row, around, isActive) {
    const more = moreOf(row, around);
    const signature = JSON.stringify(more);
    const isSame = this.row === row && this.#drawn === signature;
    this.row = row;
    this.#drawn = signature;
    if (!isSame) this.#draw(row, around, more);
    this.tabIndex = isActive ? 0 : -1;
    return !isSame;
  }

  /**
   * @param {Row} row
   * @param {Around} around
   * @param {any} more
   */
  #draw(row, around, more) {
    const isMessage = row.item === null || row.item.type === "message";
    this.role = "article";
    this.className = ["row", more.isMine && isMessage ? "mine" : "", row.opens ? "opens" : "", row.closes ? "closes" : "", `is-${more.state}`].join(" ");
    if (row.item !== null) this.dataset.seq = String(row.item.seq);
    this.setAttribute("aria-posinset", String(row.item?.seq ?? around.room.head + 1));
    this.setAttribute("aria-setsize", "-1");
    this.dataset.id = row.key;
    this.setAttribute("aria-label", labelOf(row, around, more));
    fill(
      this,
      row.day !== "" && h("div", { class: "day" }, h("span", {}, around.dates.dayName(more.at))),
      row.isNew && h("div", { class: "new-line" }, h("span", {}, "New")),
      isMessage ? message(row, around, more) : h("p", { class: "happening", dir: "auto" }, sentenceOf(/** @type {Item} */ (row.item), around.chat.people, around.chat.me)),
    );
  }
}

/**
 * What a row's look depends on, beside the row itself.
 *
 * @param {Row} row
 * @param {Around} around
 */
function moreOf({ item, echo }, { chat, room, answered }) {
  const isMine = echo !== null || item?.sender === chat.me;
  const replyTo = echo?.kept.change.reply_to ?? item?.reply_to;
  const receipt = isMine && item !== null ? room.receipts.of(item.seq, chat.me) : null;
  const changes = [...room.changes.values()].filter((change) => change.kept.change.seq === item?.seq).map(({ kept }) => kept.change);
  return {
    isMine,
    at: echo?.shownAt ?? item?.at,
    state: echo?.state ?? receipt?.state ?? "",
    error: echo?.error?.detail ?? "",
    read: receipt?.read.length ?? 0,
    of: receipt?.of ?? 0,
    name: chat.people.name(item?.sender ?? chat.me),
    replyTo,
    answers: replyTo === undefined ? null : quoted(answered(replyTo), chat),
    changes,
  };
}

/**
 * @param {Item | null | undefined} item
 * @param {import("../chat.js").Chat} chat
 */
function quoted(item, chat) {
  if (!item) return { name: "", text: item === null ? "A message that is not there" : "…" };
  return { name: chat.people.name(item.sender), text: item.erased ? "Deleted message" : line(item.text ?? "", 90) };
}

/**
 * @param {Row} row
 * @param {Around} around
 * @param {any} more
 */
function message(row, around, more) {
  const { item } = row;
  const isErased = item?.erased === true;
  const edit = more.changes.findLast((/** @type {any} */ { type }) => type === "edit");
  const isLeaving = more.changes.some((/** @type {any} */ { type }) => type === "delete");
  const text = edit?.text ?? row.echo?.text ?? item?.text ?? "";
  const body = h(
    "div",
    { class: `bubble${isErased ? " erased" : ""}${isLeaving ? " leaving" : ""}` },
    more.answers && quote(around.room.id, more),
    isErased ? h("p", { class: "text" }, "This message was deleted.") : h("p", { class: "text", dir: "auto" }, ...linked(text)),
    meta(row, around, more, edit !== undefined),
  );
  return h(
    "div",
    { class: "message" },
    !more.isMine && (row.opens ? avatar(more.name) : h("span", { class: "avatar none" })),
    h(
      "div",
      { class: "body" },
      row.opens && !more.isMine && h("div", { class: "who" }, own(more.name)),
      body,
      reactions(item, more, around),
      more.state === "failed" && failure(row, more),
    ),
  );
}

/** @param {string} text */
function linked(text) {
  return partsOf(text).map(({ text: shown, href }) =>
    href === undefined ? shown : h("a", { href, rel: "noopener noreferrer nofollow", target: "_blank" }, shown),
  );
}

/**
 * @param {string} room
 * @param {any} more
 */
function quote(room, { replyTo, answers }) {
  return h("a", { class: "quote", href: addressOf(room, replyTo) }, own(answers.name, "name"), h("span", { dir: "auto" }, answers.text));
}

/**
 * @param {Row} row
 * @param {Around} around
 * @param {any} more
 * @param {boolean} isSaving
 */
function meta({ item }, { dates }, more, isSaving) {
  const state = /** @type {keyof typeof STATES} */ (more.state);
  const isEdited = item?.edited !== undefined && !item.erased;
  const read = more.of > 1 && more.read > 0 ? `Read by ${more.read} of ${more.of}` : STATES[state];
  return h(
    "span",
    { class: "meta" },
    isSaving ? h("span", {}, "Saving…") : isEdited && h("span", { title: dates.whole(/** @type {any} */ (item).edited.at) }, "edited"),
    h("time", { datetime: new Date(more.at).toISOString(), title: dates.whole(more.at) }, dates.time(more.at)),
    more.isMine && state in STATES && h("span", { class: `mark ${state}`, role: "img", "aria-label": read, title: read }),
  );
}

/**
 * @param {Item | null} item
 * @param {any} more
 * @param {Around} around
 */
function reactions(item, { changes }, { chat, room }) {
  const now = new Map((item?.reactions ?? []).map((one) => [one.emoji, { ...one }]));
  for (const { type, emoji } of changes) {
    const one = now.get(emoji) ?? { emoji, count: 0, mine: false };
    if (type === "react" && !one.mine) now.set(emoji, { emoji, count: one.count + 1, mine: true });
    if (type === "unreact" && one.mine) now.set(emoji, { emoji, count: one.count - 1, mine: false });
  }
  const shown = [...now.values()].filter(({ count }) => count > 0);
  if (item === null || shown.length === 0) return null;
  const toggle = (/** @type {any} */ { emoji, mine }) => {
    const conversation = chat.conversation(room.id);
    return mine ? conversation.unreact(item.seq, emoji) : conversation.react(item.seq, emoji);
  };
  const pill = (/** @type {any} */ one) =>
    h(
      "button",
      { type: "button", class: "reaction", "aria-pressed": String(one.mine), "aria-label": `${one.emoji} ${one.count}${one.mine ? ", yours" : ""}`, on: { click: () => toggle(one) } },
      own(one.emoji),
      h("span", {}, String(one.count)),
    );
  return h("div", { class: "reactions" }, ...shown.map(pill));
}

/**
 * @param {Row} row
 * @param {any} more
 */
function failure({ echo }, { error }) {
  return h(
    "div",
    { class: "failure" },
    h("span", {}, `Not sent. ${error}`),
    h("button", { type: "button", on: { click: () => echo.retry() } }, "Try again"),
    h("button", { type: "button", on: { click: () => echo.discard() } }, "Discard"),
  );
}

/**
 * @param {Row} row
 * @param {Around} around
 * @param {any} more
 */
function labelOf({ item, echo }, { chat, dates }, more) {
  if (item !== null && item.type !== "message") return sentenceOf(item, chat.people, chat.me);
  const who = more.isMine ? "You" : isolated(more.name);
  const text = item?.erased ? "deleted message" : line(echo?.text ?? item?.text ?? "", 500);
  const state = more.isMine ? `, ${STATES[/** @type {keyof typeof STATES} */ (more.state)] ?? ""}` : "";
  return `${who}, ${dates.brief(more.at)}${state}: ${isolated(text)}`;
}

customElements.define("rp-message", MessageElement);
