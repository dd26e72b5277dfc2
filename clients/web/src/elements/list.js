import { addressOf } from "../core/route.js";
import { line } from "../core/text.js";
import { titleOf, typingSentence } from "../core/wording.js";
import { avatar, fill, h, own } from "./dom.js";

/** The conversations, the one in which something was said last on top, and what one is invited to. */
export class ListElement extends HTMLElement {
  #chat;
  #dates;
  #list;
  #search;
  /** @type {string | null} */
  #current = null;
  /** @type {Map<string, {element: any, signature: string}>} */
  #drawn = new Map();

  /**
   * @param {import("../chat.js").Chat} chat
   * @param {import("../core/dates.js").Dates} dates
   */
  constructor(chat, dates) {
    super();
    this.#chat = chat;
    this.#dates = dates;
    this.#list = h("ul", { class: "rooms", on: { keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) } });
    this.#search = h("input", {
      type: "search",
      class: "field",
      placeholder: "Find a conversation",
      "aria-label": "Find a conversation",
      on: { input: () => this.update() },
    });
    this.append(h("div", { class: "search" }, this.#search), h("nav", { "aria-label": "Conversations" }, this.#list));
  }

  /** @param {string | null} id */
  select(id) {
    this.#current = id;
    this.update();
  }

  update() {
    const wanted = this.#search.value.trim().toLocaleLowerCase();
    const rooms = this.#chat.ordered.filter((room) => wanted === "" || titleOf(room, this.#chat.people).toLocaleLowerCase().includes(wanted));
    const invitations = [...this.#chat.invitations.values()].map((invitation) => this.#invited(invitation));
    const rows = rooms.map((room) => this.#row(room));
    const shown = [...invitations, ...rows];
    const isSame = shown.length === this.#list.children.length && shown.every((row, index) => this.#list.children[index] === row);
    if (!isSame) this.#arrange(shown);
    if (shown.length === 0) fill(this.#list, this.#nothing(wanted));
  }

  /**
   * Replace the rows, with the focus where it was.
   *
   * @param {Element[]} rows
   */
  #arrange(rows) {
    const focused = this.#list.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
    fill(this.#list, ...rows);
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  }

  /** @param {string} wanted */
  #nothing(wanted) {
    if (wanted !== "") return h("li", { class: "nothing" }, "No conversation has that in its name.");
    if (!this.#chat.state.isLoaded) return h("li", { class: "nothing" }, "Looking for your conversations…");
    return h("li", { class: "nothing" }, "No conversations yet. Start one, and it shows up here.");
  }

  /** @param {import("../core/room.js").Room} room */
  #row(room) {
    const about = this.#about(room);
    const signature = JSON.stringify(about);
    const drawn = this.#drawn.get(room.id);
    if (drawn?.signature === signature) return drawn.element;
    const element = drawn?.element ?? h("li", {});
    this.#drawn.set(room.id, { element, signature });
    const had = element.contains(document.activeElement);
    fill(element, this.#link(room, about));
    if (had) element.firstElementChild.focus({ preventScroll: true });
    return element;
  }

  /** @param {import("../core/room.js").Room} room */
  #about(room) {
    const { people, me } = this.#chat;
    const typing = room.typing(Date.now()).map((user) => people.name(user));
    const { last } = room;
    return {
      title: titleOf(room, people),
      unread: room.unread.count,
      at: last === null ? "" : this.#dates.brief(last.at),
      sender: last === null || room.isDirect ? "" : last.sender === me ? "You" : people.name(last.sender),
      text: typingSentence(typing) || (last === null ? "" : last.erased ? "Deleted message" : line(last.text ?? "")),
      isTyping: typing.length > 0,
      isOnline: room.about.with === null ? undefined : people.isOnline(room.about.with),
      isCurrent: room.id === this.#current,
    };
  }

  /**
   * @param {import("../core/room.js").Room} room
   * @param {any} about
   */
  #link(room, { title, unread, at, sender, text, isTyping, isOnline, isCurrent }) {
    return h(
      "a",
      { href: addressOf(room.id), class: `room${unread > 0 ? " unread" : ""}`, "aria-current": isCurrent && "page" },
      avatar(title, { isOnline, isGroup: !room.isDirect }),
      h("span", { class: "name" }, own(title)),
      h("span", { class: "at" }, at),
      h("span", { class: `last${isTyping ? " typing" : ""}` }, sender !== "" && !isTyping && own(`${sender}: `), own(text || "No messages yet")),
      unread > 0 && h("span", { class: "count", "aria-label": `${unread} unread` }, unread > 999 ? "999+" : String(unread)),
    );
  }

  /** @param {{room: string, title: string | null, by: string}} invitation */
  #invited(invitation) {
    const signature = JSON.stringify(invitation);
    const drawn = this.#drawn.get(signature);
    if (drawn === undefined) this.#drawn.set(signature, { element: this.#invitation(invitation), signature });
    return this.#drawn.get(signature)?.element;
  }

  /** @param {{room: string, title: string | null, by: string}} invitation */
  #invitation({ room, title, by }) {
    const join = async () => {
      await this.#chat.attempt(() => this.#chat.accept(room));
      if (this.#chat.rooms.has(room)) location.hash = addressOf(room);
    };
    return h(
      "li",
      { class: "invitation" },
      h("p", {}, own(this.#chat.people.name(by)), " invites you", title !== null && " to ", title !== null && h("strong", {}, own(title))),
      h("button", { type: "button", class: "primary", on: { click: join } }, "Join"),
    );
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const links = [...this.#list.querySelectorAll("a.room")];
    const index = links.indexOf(/** @type {any} */ (document.activeElement));
    /** @type {Record<string, number>} */
    const steps = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: links.length - 1 };
    if (index < 0 || !(event.key in steps)) return;
    event.preventDefault();
    /** @type {any} */ (links[Math.max(0, Math.min(steps[event.key], links.length - 1))]).focus();
  }
}

customElements.define("rp-list", ListElement);
