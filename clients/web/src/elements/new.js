import { addressOf } from "../core/route.js";
import { h } from "./dom.js";

/**
 * Ask with whom, and about what, a conversation is to be; open it.
 *
 * @param {import("../chat.js").Chat} chat
 */
export function askForNew(chat) {
  const people = h("input", { class: "field", required: true, dir: "auto", autocomplete: "off", autocapitalize: "none", "aria-describedby": "new-help" });
  const title = h("input", { class: "field", maxlength: "200", dir: "auto", autocomplete: "off" });
  const make = async () => {
    const names = /** @type {string[]} */ (people.value.split(","));
    const members = names.map((name) => name.trim()).filter((name) => name !== "" && name !== chat.me);
    if (members.length === 0) return;
    const isDirect = members.length === 1 && title.value.trim() === "";
    const about = { members, ...(title.value.trim() === "" ? {} : { title: title.value.trim() }) };
    const id = await chat.attempt(() => (isDirect ? chat.direct(members[0]) : chat.create(about)));
    if (id === null) return;
    dialog.close();
    location.hash = addressOf(id);
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    void make();
  };
  const dialog = h(
    "dialog",
    { class: "sheet", "aria-labelledby": "new-title", on: { close: () => dialog.remove() } },
    h("h2", { id: "new-title" }, "New conversation"),
    h(
      "form",
      { on: { submit } },
      h("label", {}, h("span", {}, "With"), people),
      h("p", { class: "help", id: "new-help" }, "A user's name, or several with commas between them. With one and no title it is a direct conversation."),
      h("label", {}, h("span", {}, "Title (optional)"), title),
      h("div", { class: "choices" }, h("button", { type: "button", on: { click: () => dialog.close() } }, "Cancel"), h("button", { class: "primary" }, "Start")),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  people.focus();
}
