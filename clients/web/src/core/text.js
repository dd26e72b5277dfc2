const ISOLATE = "\u2068";
const END = "\u2069";

/**
 * Shut a text of somebody's in, so that its direction does not reach what stands around it where no element can (a title, a label).
 *
 * @param {string} text
 */
export const isolated = (text) => `${ISOLATE}${text.replaceAll(END, "")}${END}`;

/**
 * One line of a text, for a list.
 *
 * @param {string} text
 * @param {number} most
 */
export function line(text, most = 140) {
  const one = text.slice(0, most * 2).replace(/\s+/gu, " ").trim();
  return one.length > most ? `${one.slice(0, most)}…` : one;
}

/**
 * The letters that stand for a name.
 *
 * @param {string} name
 */
export function initials(name) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word = "#") => [...word][0].toUpperCase()).join("") || "#";
}

/**
 * A hue of a name, the same everywhere.
 *
 * @param {string} name
 */
export function hue(name) {
  let hash = 2_166_136_261; // FNV-1a
  for (const sign of name) hash = Math.imul(hash ^ /** @type {number} */ (sign.codePointAt(0)), 16_777_619) >>> 0;
  return (hash >>> 8) % 12;
}
