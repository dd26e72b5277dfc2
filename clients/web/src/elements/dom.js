import { hue, initials } from "../core/text.js";

const SVG = "http://www.w3.org/2000/svg";

/** Drawn for this page, on a field of 20 by 20. */
const ICONS = {
  back: "M12 4 6 10l6 6",
  close: "M5 5l10 10M15 5 5 15",
  down: "M10 4v12M5 11l5 5 5-5",
  up: "M10 16V4M5 9l5-5 5 5",
  edit: "M4 16h3l9-9-3-3-9 9zM11 6l3 3",
  erase: "M4 6h12M8 6V4h4v2M6 6l1 11h6l1-11",
  link: "M8 12l4-4M9 6l2-2a3.5 3.5 0 0 1 5 5l-2 2M11 14l-2 2a3.5 3.5 0 0 1-5-5l2-2",
  more: "M4 10h.01M10 10h.01M16 10h.01",
  new: "M10 4v12M4 10h12",
  people: "M7 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM1.500 17c0-3.500 2.500-5.500 5.500-5.500s5.500 2 5.500 5.500M13 9a2.500 2.500 0 1 0 0-5M14.500 12c2.500.5 4 2.500 4 5",
  react: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM7.500 8.500h.01M12.500 8.500h.01M7 12c1.500 2 4.500 2 6 0",
  reply: "M8 5 3 10l5 5M3 10h8c4 0 6 2 6 6",
  send: "M3 10 17 3l-5 14-3-6z",
  out: "M8 4H4v12h4M8 10h9M13 6l4 4-4 4",
};

/**
 * Make an element: `on` holds listeners, other fields are attributes (true: there, false or null: not); texts go in as text.
 *
 * @param {string} tag
 * @param {Record<string, any>} [fields]
 * @param {...(Node | string | null | false)} children
 * @returns {any}
 */
export function h(tag, { on = {}, ...fields } = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  for (const [type, hear] of Object.entries(on)) made.addEventListener(type, hear);
  for (const child of children) if (child !== null && child !== false) made.append(child);
  return made;
}

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button that shows an icon and says what it does.
 *
 * @param {keyof typeof ICONS} name
 * @param {string} label
 * @param {(event: any) => void} click
 * @param {Record<string, any>} [fields]
 */
export function iconButton(name, label, click, fields = {}) {
  return h("button", { type: "button", class: "quiet", "aria-label": label, title: label, on: { click }, ...fields }, icon(name));
}

/**
 * @param {string} name
 * @param {{isOnline?: boolean, isGroup?: boolean}} [more]
 */
export function avatar(name, { isOnline, isGroup = false } = {}) {
  const there = isOnline === undefined ? "" : isOnline ? " online" : " offline";
  return h("span", { class: `avatar hue-${hue(name)}${isGroup ? " group" : ""}${there}`, "aria-hidden": "true" }, initials(name));
}

/**
 * A name or another text of somebody's, whose direction stays its own.
 *
 * @param {string} text
 * @param {string} [kind] a class
 */
export const own = (text, kind) => h("bdi", { class: kind }, text);

/**
 * Replace what is in an element.
 *
 * @param {Element} element
 * @param {...(Node | string | null | false)} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== false));
}
