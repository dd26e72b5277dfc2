const ADDRESS = /https?:\/\/[^\s\p{C}\p{Z}<>"'`\\^{|}]+/giu;
const TRAILING = /[.,;:!?*_~]+$/;

/**
 * Split a text into what is text and what is a link: http and https alone, and what is shown is where it leads.
 *
 * An address with a name and password in it stays text (`https://bank.example@elsewhere.example`), and one whose host is
 * written in other letters is shown in the letters that the network uses.
 *
 * @param {string} text
 * @returns {{text: string, href?: string}[]}
 */
export function partsOf(text) {
  /** @type {{text: string, href?: string}[]} */
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const address = ended(found[0]);
    const link = linked(address);
    if (link === null) continue;
    if (found.index > end) parts.push({ text: text.slice(end, found.index) });
    parts.push(link);
    end = found.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}

/**
 * Leave out what ends a sentence, or a bracket around it.
 *
 * @param {string} address
 */
function ended(address) {
  let now = address.replace(TRAILING, "");
  for (const [open, close] of ["()", "[]"]) {
    while (now.endsWith(close) && count(now, close) > count(now, open)) now = now.slice(0, -1).replace(TRAILING, "");
  }
  return now;
}

/** @param {string} address */
function linked(address) {
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (url.username !== "" || url.password !== "") return null;
  const isAsWritten = address.toLowerCase().startsWith(`${url.protocol}//${url.host}`);
  return { text: isAsWritten ? address : url.href, href: isAsWritten ? address : url.href };
}

/**
 * @param {string} text
 * @param {string} sign
 */
const count = (text, sign) => text.split(sign).length - 1;
