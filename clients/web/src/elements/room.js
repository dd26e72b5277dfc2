import { titleOf, typingSentence } from "../core/wording.js";
import { ComposerElement } from "./composer.js";
import { DetailsElement } from "./details.js";
import { avatar, fill, h, iconButton, own } from "./dom.js";
import { MessagesElement } from "./messages.js";

/** A conversation: what it is called and who is in it, its messages, and where one writes. */
export class RoomElement extends HTMLElement {
  #chat;
  #messages;
  #composer;
  #head;
  #typing;
  /** @type {DetailsElement | null} */
  #details = null;
  #dates;

  /**
   * @param {import("../chat.js").Chat} chat
   * @param {import("../core/dates.js").Dates} dates
   * @param {import("../core/room.js").Room} room
   * @param {Map<string, string>} drafts
   */
  constructor(chat, dates, room, drafts) {
    super();
    this.#chat = chat;
    this.#dates = dates;
    this.room = room;
    const wishes = { reply: (/** @type {any} */ item) => this.#composer.reply(item), edit: (/** @type {any} */ item) => this.#composer.edit(item) };
    this.#messages = new MessagesElement(chat, dates, room, wishes);
    this.#composer = new ComposerElement(chat, room, { lastOfMine: () => this.#messages.lastOfMine, drafts });
    this.#composer.addEventListener("sent", () => void this.#messages.toEnd());
    this.#head = h("header", { class: "head" });
    this.#typing = h("p", { class: "typing-line", "aria-live": "polite" });
    const main = h("div", { class: "pane" }, this.#head, this.#messages, this.#typing, this.#composer);
    this.append(main);
    this.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {number | null} seq */
  open(seq) {
    this.update();
    return this.#messages.open(seq);
  }

  focus() {
    this.#composer.focus();
  }

  update() {
    const { room } = this;
    const { people } = this.#chat;
    const title = titleOf(room, people);
    const isOnline = room.about.with === null ? undefined : people.isOnline(room.about.with);
    const signature = JSON.stringify([title, isOnline, room.about.topic, room.members?.size, this.#details !== null]);
    if (signature !== this.#head.dataset.signature) this.#drawHead(title, isOnline);
    this.#head.dataset.signature = signature;
    const typing = typingSentence(room.typing(Date.now()).map((user) => people.name(user)));
    if (this.#typing.textContent !== typing) this.#typing.textContent = typing;
    this.#messages.update();
    this.#details?.update();
  }

  /**
   * @param {string} title
   * @param {boolean | undefined} isOnline
   */
  #drawHead(title, isOnline) {
    const { about, members, isDirect } = this.room;
    const many = members === null ? "" : `${members.size} ${members.size === 1 ? "member" : "members"}`;
    const below = isDirect ? (isOnline === undefined ? "" : isOnline ? "Online" : "Offline") : [many, about.topic].filter(Boolean).join(" · ");
    const had = this.#head.contains(document.activeElement) ? document.activeElement?.getAttribute("aria-label") : null;
    fill(
      this.#head,
      h("a", { class: "quiet back", href: "#/", "aria-label": "Back to the list" }, iconOf()),
      avatar(title, { isOnline, isGroup: !isDirect }),
      h("div", { class: "titles" }, h("h1", { id: "room-title", tabindex: "-1" }, own(title)), h("p", {}, own(below))),
      iconButton("people", "Members and settings", () => this.#toggle(), { "aria-expanded": String(this.#details !== null), "aria-controls": "details" }),
    );
    if (had) /** @type {any} */ (this.#head.querySelector(`[aria-label="${had}"]`))?.focus();
  }

  #toggle() {
    if (this.#details !== null) {
      this.#details.remove();
      this.#details = null;
    } else {
      this.#details = new DetailsElement(this.#chat, this.#dates, this.room, () => this.#toggle());
      this.append(this.#details);
      this.#details.focus();
    }
    this.classList.toggle("with-details", this.#details !== null);
    this.update();
    if (this.#details === null) /** @type {any} */ (this.#head.lastElementChild)?.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (this.#details?.contains(/** @type {Node} */ (event.target))) this.#toggle();
    else if (this.#messages.contains(/** @type {Node} */ (event.target))) this.#composer.focus();
  }

  /** Put the focus on the messages. */
  enter() {
    this.#messages.enter();
  }
}

function iconOf() {
  const button = iconButton("back", "", () => {});
  return /** @type {Node} */ (button.firstChild);
}

customElements.define("rp-room", RoomElement);
