import { restore, signIn, signOut, told } from "./session.js";

/** @import {Chat} from "./chat.js" */
/** @import {Session} from "./session.js" */

const SAYS = "ringpost.says";
const page = told();
const gate = /** @type {HTMLElement} */ (document.getElementById("gate"));
const form = /** @type {HTMLFormElement} */ (document.getElementById("sign-in"));
const field = /** @type {HTMLInputElement} */ (document.getElementById("user"));
const button = /** @type {HTMLButtonElement} */ (document.getElementById("enter"));
const problem = /** @type {HTMLElement} */ (document.getElementById("sign-in-problem"));

/**
 * Show the chat. Its modules are asked for here, so that who signs in does not wait for them.
 *
 * @param {Session} session
 */
async function enter(session) {
  fetchModules();
  const [{ Chat }, { AppElement }] = await Promise.all([import("./chat.js"), import("./elements/app.js")]);
  const chat = new Chat(session, page);
  const app = new AppElement(chat, () => void leave(chat));
  chat.addEventListener("ended", (event) => void end(/** @type {CustomEvent} */ (event).detail));
  gate.hidden = true;
  sessionStorage.removeItem(SAYS);
  document.body.append(app);
  shown();
  void chat.start();
}

/** @param {Chat} chat */
async function leave(chat) {
  if (chat.pending > 0 && !confirm("Some messages are not sent yet. They stay on this device until you sign in again. Sign out?")) return;
  await signOut();
  await chat.leave();
  location.replace("/");
}

/**
 * Begin anew, with nobody signed in.
 *
 * @param {string} why
 */
async function end(why) {
  await signOut();
  sessionStorage.setItem(SAYS, `You were signed out: ${why}`);
  location.replace("/");
}

/** @param {string} says */
function ask(says) {
  gate.hidden = false;
  gate.classList.add("asks");
  form.hidden = !page.hasDevTokens;
  button.disabled = false; // before this module was here, nobody could have answered it
  problem.textContent = says || (page.hasDevTokens ? "" : "Open this page from the product that it belongs to: it signs you in.");
  if (page.hasDevTokens) field.focus();
  shown();
}

/** Ask for all modules of the chat at once, not for one after the other as they name each other. */
function fetchModules() {
  document.head.append(/** @type {HTMLTemplateElement} */ (document.getElementById("chat-modules")).content);
}

/** Tell boot.js, which loads the page again when this does not come. */
function shown() {
  document.documentElement.dataset.page = "shown";
  dispatchEvent(new Event("ringpost:shown"));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.textContent = "";
  try {
    const session = await signIn(field.value.trim());
    void enter(session).catch(lost);
  } catch (error) {
    problem.textContent = error instanceof TypeError ? "The service can't be reached just now." : /** @type {Error} */ (error).message;
  }
});

/** Keep the page itself for when there is no network; where that is not to be had, it is done without. */
function keepShell() {
  if (!("serviceWorker" in navigator)) return;
  const { trustedTypes } = /** @type {any} */ (globalThis);
  const policy = trustedTypes?.createPolicy("ringpost-worker", { createScriptURL: () => "/worker.js" });
  addEventListener("load", () => navigator.serviceWorker.register(policy?.createScriptURL("") ?? "/worker.js").catch(() => {}));
}

/** @param {unknown} error */
function lost(error) {
  console.error(error);
  dispatchEvent(new Event("ringpost:lost"));
}

document.documentElement.dataset.page = "here";
keepShell();
const session = await restore(page);
if (session === null) ask(sessionStorage.getItem(SAYS) ?? "");
else await enter(session).catch(lost);
