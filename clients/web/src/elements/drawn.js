import { MessageElement } from "./message.js";

/** @import {Sheet} from "../core/sheet.js" */
/** @import {Around} from "./message.js" */
/** @import {Tools} from "./tools.js" */

/** The elements of those rows that a window shows, by key, in a canvas. */
export class Drawn {
  #canvas;
  #sheet;
  #tools;
  #around;
  /** @type {Map<string, MessageElement>} */
  #elements = new Map();

  /**
   * @param {Element} canvas
   * @param {Sheet} sheet
   * @param {Tools} tools go when the element that they serve goes
   * @param {Around} around
   */
  constructor(canvas, sheet, tools, around) {
    this.#canvas = canvas;
    this.#sheet = sheet;
    this.#tools = tools;
    this.#around = around;
  }

  /** @param {string} key */
  get(key) {
    return this.#elements.get(key);
  }

  /**
   * Have elements for these rows and no others; return whether one is not as high as was thought.
   *
   * @param {{first: number, end: number}} range
   * @param {boolean} isStale whether those that are drawn may have changed
   * @param {string | undefined} active the key of the one that takes the focus
   */
  render({ first, end }, isStale, active) {
    const { layout } = this.#sheet;
    const rows = this.#sheet.rows.slice(first, end);
    const wanted = new Set(rows.map(({ key }) => key));
    for (const [key, element] of this.#elements) if (!wanted.has(key)) this.#drop(key, element);
    /** @type {Element | null} */
    let place = this.#canvas.firstElementChild;
    const changed = [];
    for (const row of rows) {
      let element = this.#elements.get(row.key);
      const isNew = element === undefined;
      if (element === undefined) this.#elements.set(row.key, (element = new MessageElement()));
      const isOther = (isNew || isStale) && element.show(row, this.#around, row.key === active);
      if (isOther || !layout.knows(row.key)) changed.push(element);
      if (element !== place) this.#canvas.insertBefore(element, place);
      else place = place?.nextElementSibling ?? null;
    }
    let isMoved = false;
    for (const element of changed) isMoved = layout.measure(/** @type {string} */ (element.dataset.id), element.offsetHeight) || isMoved;
    return isMoved;
  }

  /**
   * Put them where their rows stand.
   *
   * @param {{first: number, end: number}} range
   * @param {number} lift so much lower
   */
  stand({ first, end }, lift) {
    const { layout, rows } = this.#sheet;
    for (let index = first; index < end; index += 1) this.#elements.get(rows[index].key)?.stand(lift + layout.top(index));
  }

  /**
   * Have one of them take the focus.
   *
   * @param {string} active its key
   */
  activate(active) {
    for (const [key, element] of this.#elements) element.tabIndex = key === active ? 0 : -1;
  }

  /**
   * @param {string} key
   * @param {MessageElement} element
   */
  #drop(key, element) {
    if (element.contains(this.#tools)) this.#tools.remove();
    element.remove();
    this.#elements.delete(key);
  }
}
