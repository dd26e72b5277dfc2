import { handedOver } from "./core/route.js";
import { forget, remember, remembered } from "./signed.js";

const HANDED = "ringpost.token";
const HOST_WAIT_MS = 10_000;

/**
 * @typedef {{user: string, name: string | null, token: string | (() => Promise<string>)}} Session
 * @typedef {{write: string, hosts: string[], hasDevTokens: boolean}} Told what the gateway wrote into the page
 */

/** @returns {Told} */
export function told() {
  const { write = "", hosts = "", dev = "off" } = document.documentElement.dataset;
  return { write, hosts: hosts.split(" ").filter(Boolean), hasDevTokens: dev === "on" };
}

/**
 * Return who is signed in: by a token behind the address (erased at once), by the page that opened or embeds this one, or as before.
 *
 * @param {Told} page
 * @returns {Promise<Session | null>}
 */
export async function restore(page) {
  const handed = handedOver(location.hash);
  if (handed !== null) {
    history.replaceState(null, "", handed.address);
    sessionStorage.setItem(HANDED, handed.token);
  }
  const token = sessionStorage.getItem(HANDED);
  if (token !== null) return { ...holderOf(token), token };
  return (await hosted(page)) ?? before(page);
}

/**
 * Sign in with a development token.
 *
 * @param {string} user
 * @returns {Promise<Session>}
 */
export async function signIn(user) {
  const session = development(user);
  await session.token();
  await remember(user);
  return session;
}

export async function signOut() {
  sessionStorage.removeItem(HANDED);
  await forget();
}

/** @param {Told} page */
async function before(page) {
  const user = page.hasDevTokens ? await remembered() : null;
  return user === null ? null : development(user);
}

/** @param {string} user */
function development(user) {
  return { user, name: null, token: () => developmentToken(user) };
}

/** @param {string} user */
async function developmentToken(user) {
  const body = JSON.stringify({ user });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch("/v1/dev/token", { method: "POST", headers, body, signal: AbortSignal.timeout(10_000) });
  const fields = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(answer.status === 422 ? "That can't be a user's name." : (fields.detail ?? `The service answered ${answer.status}.`));
  return fields.token;
}

/**
 * Ask the page that opened or embeds this one, if it may be asked.
 *
 * @param {Told} page
 * @returns {Promise<Session | null>}
 */
async function hosted({ hosts }) {
  const host = window.opener ?? (window.parent !== window ? window.parent : null);
  if (host === null || hosts.length === 0) return null;
  const ask = () => asked(host, hosts);
  const first = await ask().catch(() => null);
  if (first === null) return null;
  let isFirst = true;
  const token = async () => {
    if (!isFirst) return ask();
    isFirst = false;
    return first;
  };
  return { ...holderOf(first), token };
}

/**
 * @param {Window} host
 * @param {string[]} hosts
 * @returns {Promise<string>}
 */
function asked(host, hosts) {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    setTimeout(() => over.abort(), HOST_WAIT_MS);
    over.signal.addEventListener("abort", () => reject(new Error("The page that opened this one gave no token.")));
    const take = (/** @type {MessageEvent} */ { origin, source, data }) => {
      if (source !== host || !hosts.includes(origin) || data?.type !== "ringpost:token" || typeof data.token !== "string") return;
      resolve(data.token);
      over.abort();
    };
    window.addEventListener("message", take, { signal: over.signal });
    // Heard by a page of that origin alone.
    for (const origin of hosts) host.postMessage({ type: "ringpost:ready" }, origin);
  });
}

/**
 * Return whose token it is. The service checks it; here it only names what is kept on this device.
 *
 * @param {string} token
 * @returns {{user: string, name: string | null}}
 */
function holderOf(token) {
  try {
    const [, claims] = token.split(".");
    const bytes = Uint8Array.from(atob(claims.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));
    const { sub, name } = JSON.parse(new TextDecoder().decode(bytes));
    return { user: String(sub), name: typeof name === "string" ? name : null };
  } catch {
    return { user: "", name: null };
  }
}
