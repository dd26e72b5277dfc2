/** @import {Sheet} from "./sheet.js" */

const AT_END_PX = 4;

/**
 * Where a window stands over a sheet.
 *
 * What it looks at stays where it is, whatever comes before or after it or turns out higher than thought; at the end it stays at
 * the end.
 */
export class Pane {
  #sheet;
  /** Where it is: that row's top, so far below its own. @type {{key: string, offset: number} | null} */
  #anchor = null;
  isAtEnd = true;
  /** Where it was when it was last looked at, or put: to ask the browser costs a layout once something has changed. */
  top = 0;
  height = 0;

  /** @param {Sheet} sheet */
  constructor(sheet) {
    this.#sheet = sheet;
  }

  get bottom() {
    return this.top + this.height;
  }

  /** @param {number} top */
  isAt(top) {
    return Math.abs(top - this.top) <= 1;
  }

  /** Where its top has to be for it to stay over what it shows. */
  get held() {
    const end = Math.max(0, this.#sheet.layout.total - this.height);
    const wanted = this.isAtEnd ? end : (this.#anchored ?? this.top);
    return Math.max(0, Math.min(wanted, end));
  }

  /**
   * Hold it to a row.
   *
   * @param {string} key
   * @param {number} offset where the row's top is to be, below its own
   */
  hang(key, offset) {
    this.#anchor = { key, offset };
  }

  /**
   * Take it for being there now.
   *
   * @param {number} top
   */
  look(top) {
    const { layout, rows, hasEnd, start, end } = this.#sheet;
    const bottom = top + this.height;
    this.isAtEnd = hasEnd && bottom >= layout.total - AT_END_PX;
    const isOver = bottom >= start && top <= end;
    if (isOver && rows.length > 0) {
      const index = layout.indexAt(top);
      this.hang(rows[index].key, layout.top(index) - top);
    } else this.#anchor = null;
    this.top = top;
  }

  /**
   * Move it as far as it takes to show a row.
   *
   * @param {number} index
   */
  show(index) {
    const { layout, rows, hasEnd } = this.#sheet;
    const { key } = rows[index];
    const top = layout.top(index);
    const height = layout.top(index + 1) - top;
    this.isAtEnd = index === rows.length - 1 && hasEnd;
    if (top < this.top) this.hang(key, 8);
    else if (top + height > this.bottom) this.hang(key, Math.max(8, this.height - height - 8));
  }

  get #anchored() {
    if (this.#anchor === null) return null;
    const { key, offset } = this.#anchor;
    const index = this.#sheet.indexOf(key);
    return index === undefined ? null : this.#sheet.layout.top(index) - offset;
  }
}
