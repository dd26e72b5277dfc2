import { addressOf } from "../core/route.js";
import { h, iconButton } from "./dom.js";

const EMOJI = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "✅"];

/** What can be done with a message: one row of buttons, which goes to the message that is pointed at or has the focus. */
export class Tools extends HTMLElement {
  #chat;
  #room;
  #wishes;
  /** @type {any} */
  #item = null;

  /**
   * @param {import("../chat.js").Chat} chat
   * @param {import("../core/room.js").Room} room
   * @param {{reply: (item: any) => void, edit: (item: any) => void}} wishes
   */
  constructor(chat, room, wishes) {
    super();
    this.#chat = chat;
    this.#room = room;
    this.#wishes = wishes;
  }

  /** @param {import("./message.js").MessageElement} element */
  serve(element) {
    const item = element.row?.item ?? null;
    const isServed = item !== null && item.type === "message" && !item.erased;
    if (!isServed) return this.remove();
    const body = element.querySelector(".body");
    if (this.parentElement === body && this.#item === item) return;
    this.#item = item;
    this.role = "toolbar";
    this.setAttribute("aria-label", "About this message");
    this.replaceChildren(...this.#buttons(item));
    body?.append(this);
  }

  /**
   * A key was pressed on a message; return whether it meant something.
   *
   * @param {string} key
   * @param {import("./message.js").MessageElement} element
   */
  key(key, element) {
    this.serve(element);
    if (!this.isConnected) return false;
    const item = this.#item;
    const isMine = item.sender === this.#chat.me;
    if (key === "r" || key === "R") this.#wishes.reply(item);
    else if ((key === "e" || key === "E") && isMine) this.#wishes.edit(item);
    else if (key === "Delete" && this.#mayErase(item)) this.#erase(item);
    else if (key === "+") this.#pick(item);
    else if (key === "Enter") /** @type {HTMLElement} */ (this.firstElementChild)?.focus();
    else return false;
    return true;
  }

  /** @param {any} item */
  #buttons(item) {
    const buttons = [iconButton("react", "React (+)", () => this.#pick(item)), iconButton("reply", "Reply (R)", () => this.#wishes.reply(item))];
    if (item.sender === this.#chat.me) buttons.push(iconButton("edit", "Edit (E)", () => this.#wishes.edit(item)));
    buttons.push(iconButton("link", "Copy a link to it", () => void this.#copy(item)));
    if (this.#mayErase(item)) buttons.push(iconButton("erase", "Delete (Delete)", () => this.#erase(item)));
    return buttons;
  }

  /** @param {any} item */
  #mayErase(item) {
    return item.sender === this.#chat.me || this.#room.isLed;
  }

  /** @param {any} item */
  #pick(item) {
    const conversation = this.#chat.conversation(this.#room.id);
    const choose = (/** @type {string} */ emoji) => {
      conversation.react(item.seq, emoji);
      dialog.close();
    };
    const other = h("input", { class: "field", "aria-label": "Another emoji", placeholder: "another", maxlength: "16", autocomplete: "off" });
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      if (other.value.trim() !== "") choose(other.value.trim());
    };
    const dialog = h(
      "dialog",
      { class: "picker", "aria-label": "React", on: { close: () => dialog.remove(), click: (/** @type {Event} */ event) => event.target === dialog && dialog.close() } },
      h("div", { class: "emoji" }, ...EMOJI.map((emoji) => h("button", { type: "button", "aria-label": emoji, on: { click: () => choose(emoji) } }, emoji))),
      h("form", { on: { submit } }, other, h("button", { class: "primary" }, "React")),
    );
    document.body.append(dialog);
    dialog.showModal();
  }

  /** @param {any} item */
  async #copy(item) {
    const address = new URL(addressOf(this.#room.id, item.seq), location.href).href;
    await this.#chat.attempt(() => navigator.clipboard.writeText(address));
  }

  /** @param {any} item */
  #erase(item) {
    const erase = () => {
      this.#chat.conversation(this.#room.id).delete(item.seq);
      dialog.close();
    };
    const dialog = h(
      "dialog",
      { class: "sheet", "aria-labelledby": "erase-title", on: { close: () => dialog.remove() } },
      h("h2", { id: "erase-title" }, "Delete this message?"),
      h("p", {}, "Its text is erased for everybody, and can't be brought back."),
      h(
        "div",
        { class: "choices" },
        h("button", { type: "button", on: { click: () => dialog.close() } }, "Keep it"),
        h("button", { type: "button", class: "danger", on: { click: erase } }, "Delete"),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  }
}

customElements.define("rp-tools", Tools);
