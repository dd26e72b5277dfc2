/** The JavaScript client of Ringpost: never loses a send, and shows nothing twice. */

export { Client } from "./client.js";
export { Conversation } from "./conversation.js";
export { DatabaseStore } from "./database.js";
export { ClientError, Closed, Refused, Stopped, Unavailable } from "./errors.js";
export { PositionLost } from "./feed.js";
export { Message } from "./message.js";
export { MemoryStore } from "./store.js";
