import { isolated } from "./text.js";

/** @import {Item} from "./timeline.js" */
/** @import {Room} from "./room.js" */
/** @import {People} from "./people.js" */

const ROLES = { member: "a member", moderator: "a moderator", owner: "an owner" };

/**
 * What a conversation is called.
 *
 * @param {Room} room
 * @param {People} people
 */
export function titleOf(room, people) {
  if (room.about.with !== null) return people.name(room.about.with);
  if (room.about.title !== null) return room.about.title;
  const others = [...(room.members?.keys() ?? [])].filter((user) => user !== room.me).map((user) => people.name(user));
  if (others.length === 0) return "Untitled";
  return others.length > 3 ? `${others.slice(0, 3).join(", ")} and ${others.length - 3} more` : others.join(", ");
}

/**
 * What an event that is no message says, in one sentence.
 *
 * @param {Item} item
 * @param {People} people
 * @param {string} me
 */
export function sentenceOf(item, people, me) {
  const call = (/** @type {string} */ user) => (user === me ? "you" : isolated(people.name(user)));
  const who = item.sender === me ? "You" : isolated(people.name(item.sender));
  const user = item.user ?? "";
  const role = ROLES[/** @type {keyof typeof ROLES} */ (item.role)] ?? "a member";
  switch (item.type) {
    case "created":
      return `${who} started this conversation${withOthers(item, call)}.`;
    case "joined":
      return user === item.sender ? `${who} joined.` : `${who} added ${call(user)}.`;
    case "invited":
      return `${who} invited ${call(user)}.`;
    case "left":
      return `${who} left.`;
    case "removed":
      return `${who} removed ${call(user)}.`;
    case "role_changed":
      return `${who} made ${user === item.sender ? "themselves" : call(user)} ${role}.`;
    case "renamed":
      return item.title ? `${who} named it ${isolated(item.title)}.` : `${who} took the name away.`;
    case "topic_changed":
      return item.topic ? `${who} set the topic: ${isolated(item.topic)}` : `${who} took the topic away.`;
    default:
      return "";
  }
}

/**
 * @param {Item} item
 * @param {(user: string) => string} call
 */
function withOthers({ members = [], sender }, call) {
  const others = members.map(({ user }) => user).filter((user) => user !== sender);
  if (others.length === 0) return "";
  const named = others.slice(0, 3).map(call);
  return ` with ${others.length > 3 ? `${named.join(", ")} and ${others.length - 3} more` : listed(named)}`;
}

/** @param {string[]} names */
export const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

/**
 * @param {string[]} names
 */
export function typingSentence(names) {
  if (names.length === 0) return "";
  if (names.length > 3) return "Several people are typing…";
  return `${listed(names.map(isolated))} ${names.length === 1 ? "is" : "are"} typing…`;
}
