import { line } from "../core/text.js";
import { fill, h, icon, iconButton, own } from "./dom.js";

/** Where messages are written: one that is sent, that answers another one, or that replaces one of mine. */
export class ComposerElement extends HTMLElement {
  #chat;
  #room;
  #text;
  #about;
  /** @type {{what: "reply" | "edit", item: any} | null} */
  #context = null;
  /** @type {() => any} */
  #lastOfMine;

  /**
   * @param {import("../chat.js").Chat} chat
   * @param {import("../core/room.js").Room} room
   * @param {{lastOfMine: () => any, drafts: Map<string, string>}} more
   */
  constructor(chat, room, { lastOfMine, drafts }) {
    super();
    this.#chat = chat;
    this.#room = room;
    this.#lastOfMine = lastOfMine;
    this.drafts = drafts;
    this.#text = h("textarea", {
      id: "write",
      rows: "1",
      maxlength: "8000",
      dir: "auto",
      enterkeyhint: "send",
      placeholder: "Write a message",
      "aria-label": "Message",
      on: { input: () => this.#typed(), keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event) },
    });
    this.#text.value = drafts.get(room.id) ?? "";
    this.#about = h("div", { class: "about", hidden: true });
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#send();
    };
    const button = h("button", { class: "primary round", "aria-label": "Send", title: "Send (Enter)" }, icon("send"));
    this.append(h("form", { on: { submit } }, this.#about, h("div", { class: "line" }, this.#text, button)));
  }

  focus() {
    this.#text.focus();
  }

  /** @param {any} item */
  reply(item) {
    this.#begin({ what: "reply", item });
  }

  /** @param {any} item */
  edit(item) {
    this.#begin({ what: "edit", item });
    this.#text.value = item.text ?? "";
    this.#grow();
  }

  /** @param {{what: "reply" | "edit", item: any}} context */
  #begin(context) {
    if (this.#context?.what === "edit") this.#text.value = "";
    this.#context = context;
    const { what, item } = context;
    const says = what === "edit" ? h("span", {}, "Editing") : h("span", {}, "Answering ", own(this.#chat.people.name(item.sender)));
    fill(this.#about, icon(what), h("div", {}, says, own(line(item.text ?? "", 100), "line")), iconButton("close", "Cancel (Escape)", () => this.#end()));
    this.#about.hidden = false;
    this.focus();
  }

  #end() {
    if (this.#context?.what === "edit") this.#text.value = "";
    this.#context = null;
    this.#about.hidden = true;
    this.#grow();
    this.focus();
  }

  #send() {
    const text = this.#text.value;
    if (text.trim() === "") return;
    const conversation = this.#chat.conversation(this.#room.id);
    const { what, item } = this.#context ?? {};
    if (what !== "edit") conversation.send(text, { replyTo: item?.seq });
    else if (text !== item.text) conversation.edit(item.seq, text);
    this.#text.value = "";
    this.drafts.delete(this.#room.id);
    this.#end();
    this.dispatchEvent(new Event("sent"));
  }

  #typed() {
    this.#grow();
    if (this.#context?.what !== "edit") this.drafts.set(this.#room.id, this.#text.value);
    if (this.#text.value !== "") this.#chat.conversation(this.#room.id).typing();
  }

  #grow() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(this.#text.scrollHeight, 180)}px`;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "Escape" && this.#context !== null) {
      this.#end();
    } else if (event.key === "ArrowUp" && this.#text.value === "") {
      const item = this.#lastOfMine();
      if (item !== null) {
        event.preventDefault();
        this.edit(item);
      }
    }
  }
}

customElements.define("rp-composer", ComposerElement);
