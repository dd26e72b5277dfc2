import { avatar, fill, h, iconButton, own } from "./dom.js";

const ROLES = ["member", "moderator", "owner"];
const CALLED = { member: "Member", moderator: "Moderator", owner: "Owner" };

/** Who is in a conversation, and what can be changed about it. */
export class DetailsElement extends HTMLElement {
  #chat;
  #room;
  #members;
  #title;

  /**
   * @param {import("../chat.js").Chat} chat
   * @param {import("../core/dates.js").Dates} _
   * @param {import("../core/room.js").Room} room
   * @param {() => void} close
   */
  constructor(chat, _, room, close) {
    super();
    this.#chat = chat;
    this.#room = room;
    this.id = "details";
    this.role = "complementary";
    this.setAttribute("aria-label", "Members and settings");
    this.#title = h("h2", { tabindex: "-1" }, room.isDirect ? "About" : "Members and settings");
    this.#members = h("ul", { class: "members" });
    this.append(h("header", { class: "head" }, this.#title, iconButton("close", "Close", close)), h("div", { class: "inside" }, ...this.#forms(), this.#members, ...this.#ends()));
    this.update();
  }

  focus() {
    this.#title.focus();
  }

  update() {
    const members = [...(this.#room.members?.values() ?? [])];
    const order = (/** @type {any} */ one) => `${ROLES.length - ROLES.indexOf(one.role)} ${this.#chat.people.name(one.user).toLocaleLowerCase()}`;
    members.sort((a, b) => (order(a) < order(b) ? -1 : 1));
    const signature = JSON.stringify([this.#room.about, members.map((one) => [one, this.#chat.people.isOnline(one.user)])]);
    if (signature === this.#members.dataset.signature) return;
    this.#members.dataset.signature = signature;
    fill(this.#members, ...members.map((one) => this.#member(one)));
  }

  #forms() {
    const { about, isLed, isDirect } = this.#room;
    if (isDirect || !isLed) return [];
    const conversation = this.#chat.conversation(this.#room.id);
    return [
      this.#form("Name", about.title ?? "", 200, (value) => conversation.setTitle(value || null)),
      this.#form("Topic", about.topic ?? "", 1000, (value) => conversation.setTopic(value || null)),
      this.#adding(conversation),
    ];
  }

  /**
   * @param {string} label
   * @param {string} value
   * @param {number} most
   * @param {(value: string) => Promise<unknown>} save
   */
  #form(label, value, most, save) {
    const input = h("input", { class: "field", maxlength: String(most), dir: "auto", autocomplete: "off" });
    input.value = value;
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.#chat.attempt(() => save(input.value.trim()));
    };
    return h("form", { class: "setting", on: { submit } }, h("label", {}, h("span", {}, label), input), h("button", {}, "Save"));
  }

  /** @param {any} conversation */
  #adding(conversation) {
    const input = h("input", { class: "field", dir: "auto", autocomplete: "off", autocapitalize: "none" });
    const change = async (/** @type {"add" | "invite"} */ what) => {
      const user = input.value.trim();
      if (user !== "" && (await this.#chat.attempt(() => conversation[what](user))) !== null) input.value = "";
    };
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      void change("add");
    };
    return h(
      "form",
      { class: "setting", on: { submit } },
      h("label", {}, h("span", {}, "Somebody's user name"), input),
      h("button", {}, "Add"),
      h("button", { type: "button", on: { click: () => void change("invite") } }, "Invite"),
    );
  }

  /** @param {any} one */
  #member(one) {
    const { people, me } = this.#chat;
    const name = people.name(one.user);
    return h(
      "li",
      {},
      avatar(name, { isOnline: one.user === me ? undefined : people.isOnline(one.user) }),
      h("span", { class: "name" }, own(name), one.user === me && " (you)"),
      this.#role(one, name),
      this.#mayRemove(one) && iconButton("close", `Remove ${name}`, () => this.#remove(one)),
    );
  }

  /**
   * @param {any} one
   * @param {string} name
   */
  #role(one, name) {
    const called = CALLED[/** @type {keyof typeof CALLED} */ (one.role)];
    if (this.#room.isDirect) return null;
    if (this.#room.about.role !== "owner") return h("span", { class: "role" }, called);
    const options = ROLES.map((role) => h("option", { value: role, selected: role === one.role }, CALLED[/** @type {keyof typeof CALLED} */ (role)]));
    const change = async () => {
      const done = await this.#chat.attempt(() => this.#chat.conversation(this.#room.id).setRole(one.user, select.value));
      if (done === null) select.value = one.role;
    };
    const select = h("select", { class: "role", "aria-label": `Role of ${name}`, on: { change } }, ...options);
    return select;
  }

  /** @param {any} one */
  #mayRemove({ user, role }) {
    return this.#room.isLed && user !== this.#chat.me && (this.#room.about.role === "owner" || role === "member");
  }

  /** @param {any} one */
  #remove({ user }) {
    void this.#chat.attempt(() => this.#chat.conversation(this.#room.id).remove(user));
  }

  #ends() {
    if (this.#room.isDirect) return [];
    const leave = async () => {
      if ((await this.#chat.attempt(() => this.#chat.conversation(this.#room.id).leave())) !== null) location.hash = "#/";
    };
    return [h("button", { type: "button", class: "danger", on: { click: leave } }, "Leave this conversation")];
  }
}

customElements.define("rp-details", DetailsElement);
