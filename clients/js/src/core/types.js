/**
 * The types of the core. This file holds no code.
 *
 * @typedef {import("./transport.js").Transport} Transport
 *
 * @typedef {{type: string, [field: string]: any}} Frame what goes over a socket (docs/protocol.md)
 *
 * @typedef {{type: string, text?: string, seq?: number, emoji?: string, reply_to?: number}} Change
 *   what a send says: a message (`send`), or something about one (`edit`, `delete`, `react`, `unreact`)
 *
 * @typedef {object} Pending a change on its way
 * @property {string} conversation
 * @property {string} id
 * @property {Change} change
 * @property {number} number gives the order
 * @property {number} attempts how often it went out
 *
 * @typedef {object} Entry an event of a log; `conversation` is null for the user's own inbox
 * @property {string | null} conversation
 * @property {number} seq
 * @property {string} type
 * @property {string} sender
 * @property {string} id
 * @property {string} at RFC 3339, for people: order is by seq alone
 * @property {number} messages
 * @property {Frame} fields the event as it came
 *
 * @typedef {{conversation: string, id: string, seq: number, at: string, duplicate: boolean, attempts: number}} Ack
 * @typedef {{epoch: string | null, inbox: number, of: Record<string, number>}} Cursor
 *
 * @typedef {{do: "up", gateway: string, roles: string[], heartbeatS: number, spreadS: number, frame: Frame}} Up
 * @typedef {{do: "pause", conversation: string, retryAfterS: number}} Pause
 * @typedef {{do: "moved", retryAfterS: number, withinS: number, spreadS: number}} Moved
 * @typedef {{do: "dismissed", retryAfterS: number, spreadS: number | null}} Dismissed
 * @typedef {{do: "deliver", events: Entry[]}} Deliver
 * @typedef {{do: "seat", positions: Cursor}} Seat
 * @typedef {{do: "acked", acks: Ack[]}} Acked
 * @typedef {{do: "failed", conversation: string, id: string, code: string, detail: string}} Failed
 * @typedef {{do: "notice", frame: Frame}} Notice a frame that concerns the app alone
 * @typedef {{do: "away", reason: string}} Away
 * @typedef {Up | Deliver | Seat | Acked | Failed | Notice | Away | {do: "caught_up"} | {do: "alive"} | Moved | Dismissed} Told
 *   what the app may hear
 *
 * @typedef {Told | Pause | {do: "transmit", frame: Frame} | {do: "renew"} | {do: "reconnect"}} Action what a session wants
 *
 * @typedef {Told | {do: "send", line: number, frame: Frame} | {do: "cut", line: number} | {do: "renew", line: number}} Output
 *   what a line wants
 *
 * @typedef {Output | {do: "connect", line: number, via?: Transport} | {do: "probe"} | {do: "close", line: number} | {do: "forget_token"}
 *   | {do: "stop", code: number, reason: string}} Step what a connection wants: the words of clients/vectors
 */

export {};
