import { Refused } from "../errors.js";

/** @import {Change} from "./types.js" */

export const FRAME_BYTES = 128 * 1024;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const utf8 = new TextEncoder();

/**
 * Throw Refused if no frame can carry a change. The service refuses such a frame without naming the send in it, which would be sent
 * for ever. Whether it may be said is the service's to judge.
 *
 * @param {string} conversation
 * @param {string} id
 * @param {Change} change
 */
export function check(conversation, id, change) {
  if (!UUID.test(conversation) || !UUID.test(id)) throw new Refused("invalid", "An id is a UUID in lower case.");
  for (const seq of [change.seq, change.reply_to]) {
    if (seq !== undefined && !(Number.isSafeInteger(seq) && seq > 0)) throw new Refused("invalid", "A seq is that of a message.");
  }
  const frame = JSON.stringify({ conversation, id, again: true, ...change });
  if (utf8.encode(frame).length > FRAME_BYTES) throw new Refused("too_large", `A frame has at most ${FRAME_BYTES} bytes.`);
}
