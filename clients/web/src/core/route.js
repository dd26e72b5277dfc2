const ROOM = /^#\/c\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\/([1-9]\d{0,15}))?$/;

/**
 * What an address names: the list, or a conversation, and perhaps a place in it.
 *
 * @param {string} hash
 * @returns {{room: string | null, seq: number | null}}
 */
export function routeOf(hash) {
  const [, room = null, seq = null] = ROOM.exec(hash) ?? [];
  return { room, seq: seq === null ? null : Number(seq) };
}

/**
 * @param {string} room
 * @param {number} [seq]
 */
export const addressOf = (room, seq) => `#/c/${room}${seq === undefined ? "" : `/${seq}`}`;

/**
 * The token that a host put behind the address, which is `#token=…`, with the address that it leads to behind `&to=`.
 *
 * @param {string} hash
 */
export function handedOver(hash) {
  if (!hash.startsWith("#token=")) return null;
  const fields = new URLSearchParams(hash.slice(1));
  const to = `#${fields.get("to") ?? "/"}`;
  return { token: fields.get("token") ?? "", address: routeOf(to).room === null ? "#/" : to };
}
