import { fill, h } from "./dom.js";

/** Whether the service is there, by which gateway, and how long it took to acknowledge what was said last. */
export class StatusElement extends HTMLElement {
  #chat;
  #summary;
  #more;
  #drawn = "";

  /** @param {import("../chat.js").Chat} chat */
  constructor(chat) {
    super();
    this.#chat = chat;
    this.#summary = h("summary", {});
    this.#more = h("dl", {});
    this.append(h("details", {}, this.#summary, this.#more));
    this.update();
  }

  update() {
    const { read, write, ackMs, storage } = this.#chat.state;
    const waiting = this.#chat.pending;
    const drawn = JSON.stringify([read, write, ackMs, storage, waiting, navigator.onLine]);
    if (drawn === this.#drawn) return; // what is drawn anew is told anew to those who do not look
    this.#drawn = drawn;
    this.classList.toggle("up", read.isUp);
    const delay = ackMs === null ? "" : ` · ${shown(ackMs)}`;
    const says = read.isUp ? `${read.gateway}${delay}` : navigator.onLine === false ? "Offline" : "Connecting…";
    fill(this.#summary, h("span", { class: "dot", "aria-hidden": "true" }), h("span", { class: "says", role: "status" }, waiting > 0 && !read.isUp ? `${says} · ${waiting} to send` : says));
    const rows = [
      ["Reads from", read.isUp ? read.gateway : `nobody (${read.reason || "not connected yet"})`],
      ["Writes to", write.isUp ? write.gateway : write.reason === "" ? "nobody yet: opened with the first message" : `nobody (${write.reason})`],
      ["Last acknowledged", ackMs === null ? "nothing yet" : `after ${shown(ackMs)}`],
      ["On its way", waiting === 0 ? "nothing" : String(waiting)],
      ["Kept here", storage.kind === "disk" ? (storage.isPersistent ? "on this device" : "on this device, until space gets short") : "only while this page is open"],
    ];
    fill(this.#more, ...rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }
}

/** @param {number} ms */
const shown = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

customElements.define("rp-status", StatusElement);
