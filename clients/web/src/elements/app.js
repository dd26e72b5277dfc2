import { routeOf } from "../core/route.js";
import { Dates } from "../core/dates.js";
import { isolated, line } from "../core/text.js";
import { titleOf } from "../core/wording.js";
import { avatar, fill, h, iconButton, own } from "./dom.js";
import { ListElement } from "./list.js";
import { askForNew } from "./new.js";
import { RoomElement } from "./room.js";
import { StatusElement } from "./status.js";

const TROUBLE_MS = 8000;
const ROUND_MS = 50;

/** The page of one who is signed in: the list, and beside it (or, where it is narrow, in its place) a conversation. */
export class AppElement extends HTMLElement {
  #chat;
  #dates = new Dates(() => Date.now());
  #list;
  #status;
  #main;
  #live;
  #troubles;
  /** @type {RoomElement | null} */
  #room = null;
  /** @type {Map<string, string>} */
  #drafts = new Map();
  #isAsked = false;

  /**
   * @param {import("../chat.js").Chat} chat
   * @param {() => void} leave
   */
  constructor(chat, leave) {
    super();
    this.#chat = chat;
    this.#list = new ListElement(chat, this.#dates);
    this.#status = new StatusElement(chat);
    this.#main = h("main", { id: "main", tabindex: "-1" });
    this.#live = h("div", { class: "unseen", role: "log", "aria-live": "polite", "aria-label": "New messages" });
    this.#troubles = h("div", { class: "troubles", role: "alert" });
    this.append(
      h("a", { class: "skip", href: "#main", on: { click: (/** @type {Event} */ event) => this.#skip(event, () => this.#room?.enter()) } }, "Skip to the messages"),
      h("a", { class: "skip", href: "#main", on: { click: (/** @type {Event} */ event) => this.#skip(event, () => this.#room?.focus()) } }, "Skip to writing"),
      h(
        "aside",
        { class: "side", "aria-label": "Your conversations" },
        h("header", { class: "head" }, avatar(chat.people.name(chat.me)), h("p", { class: "me" }, own(chat.people.name(chat.me))), iconButton("new", "New conversation", () => askForNew(chat)), iconButton("out", "Sign out", leave)),
        this.#list,
        this.#status,
      ),
      this.#main,
      this.#live,
      this.#troubles,
    );
    this.#hear();
  }

  #hear() {
    const chat = this.#chat;
    chat.addEventListener("list", () => this.#listed());
    chat.addEventListener("room", (event) => this.#changed(/** @type {CustomEvent} */ (event).detail));
    chat.addEventListener("state", () => this.#ask());
    chat.addEventListener("said", (event) => this.#said(/** @type {CustomEvent} */ (event).detail));
    chat.addEventListener("trouble", (event) => this.#trouble(/** @type {CustomEvent} */ (event).detail));
    addEventListener("hashchange", () => this.#go());
    for (const type of ["online", "offline"]) addEventListener(type, () => this.#ask());
    this.#go();
  }

  /**
   * @param {Event} event
   * @param {() => void} go
   */
  #skip(event, go) {
    event.preventDefault();
    go();
  }

  /** Draw what stands beside the conversation, once in a while however much comes; a tab that is not looked at has no frames. */
  #ask() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    setTimeout(() => {
      this.#isAsked = false;
      this.#list.update();
      this.#status.update();
      this.#title();
    }, ROUND_MS);
  }

  #listed() {
    const { room } = routeOf(location.hash);
    if (room !== null && this.#room === null && this.#chat.rooms.has(room)) this.#go();
    else if (this.#room === null) this.#empty();
    this.#ask();
  }

  /** @param {string} id */
  #changed(id) {
    this.#ask();
    if (this.#room?.room.id !== id) return;
    if (this.#chat.rooms.has(id)) return this.#room.update();
    this.#trouble("You are no longer in that conversation.");
    location.hash = "#/";
  }

  /** Show what the address names. */
  #go() {
    const { room: id, seq } = routeOf(location.hash);
    const room = id === null ? undefined : this.#chat.rooms.get(id);
    this.classList.toggle("in-room", id !== null);
    this.#list.select(id);
    if (room === undefined) {
      this.#room = null;
      this.#chat.look(null);
      this.#empty();
    } else if (this.#room?.room === room) void this.#room.open(seq);
    else this.#enter(room, seq);
    this.#title();
  }

  /**
   * @param {import("../core/room.js").Room} room
   * @param {number | null} seq
   */
  #enter(room, seq) {
    this.#room = new RoomElement(this.#chat, this.#dates, room, this.#drafts);
    fill(this.#main, this.#room);
    this.#chat.look(room);
    void this.#room.open(seq);
    if (seq === null) this.#room.focus();
  }

  #empty() {
    const { state, rooms } = this.#chat;
    const isLost = routeOf(location.hash).room !== null && state.isLoaded;
    const start = h("button", { type: "button", class: "primary", on: { click: () => askForNew(this.#chat) } }, "Start a conversation");
    const [title, text] = isLost
      ? ["Not here", "There is no such conversation, or you are not in it."]
      : rooms.size > 0 || !state.isLoaded
        ? ["Pick a conversation", "What was said while you were away is already there."]
        : ["It is quiet in here", "Write to somebody, or gather a few people around a topic."];
    if (this.#main.firstElementChild?.dataset.says === title) return;
    fill(this.#main, h("div", { class: "empty", "data-says": title }, h("div", { class: "rings", "aria-hidden": "true" }), h("h1", {}, title), h("p", {}, text), start));
  }

  #title() {
    const unread = [...this.#chat.rooms.values()].reduce((sum, room) => sum + room.unread.count, 0);
    const where = this.#room === null ? "Ringpost" : `${isolated(titleOf(this.#room.room, this.#chat.people))} · Ringpost`;
    document.title = unread > 0 ? `(${unread}) ${where}` : where;
  }

  /**
   * Tell those who do not look at the screen.
   *
   * @param {{room: import("../core/room.js").Room, event: any}} said
   */
  #said({ room, event }) {
    const where = this.#room?.room === room ? "" : ` in ${isolated(titleOf(room, this.#chat.people))}`;
    const text = `${isolated(this.#chat.people.name(event.sender))}${where}: ${isolated(line(event.text ?? "", 200))}`;
    this.#live.append(h("p", {}, text));
    while (this.#live.children.length > 5) this.#live.firstElementChild.remove();
  }

  /** @param {string} text */
  #trouble(text) {
    const shown = h("p", {}, text, iconButton("close", "Dismiss", () => shown.remove()));
    this.#troubles.append(shown);
    setTimeout(() => shown.remove(), TROUBLE_MS);
  }
}

customElements.define("rp-app", AppElement);
