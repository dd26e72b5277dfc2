import { isPassing } from "./core/closing.js";
import { ClientError, Refused, Unavailable } from "./errors.js";

/** @import {Tokens} from "./tokens.js" */

const TIMEOUT_MS = 20_000;
const READY_MS = 5_000;

/** The HTTP calls of docs/protocol.md. Each rejects with Refused (final) or Unavailable (may be made again). */
export class Api {
  #urls;
  #tokens;
  #fetch;

  /**
   * @param {{read: string, write: string}} urls
   * @param {Tokens} tokens
   * @param {typeof globalThis.fetch} fetch
   */
  constructor(urls, tokens, fetch) {
    this.#urls = urls;
    this.#tokens = tokens;
    this.#fetch = fetch;
  }

  /**
   * @param {"read" | "write"} service
   * @param {string} path
   * @param {Record<string, string | number | undefined>} query
   * @returns {Promise<any>}
   */
  get(service, path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const parameters = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
    return this.#call(service, given.length > 0 ? `${path}?${parameters}` : path, { method: "GET" });
  }

  /**
   * @param {"read" | "write"} service
   * @param {string} path
   * @param {object} body
   * @returns {Promise<any>}
   */
  post(service, path, body) {
    const headers = { "Content-Type": "application/json" };
    return this.#call(service, path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /**
   * Ask a service whether it can serve; no answer is no.
   *
   * @param {"read" | "write"} service
   */
  async isReady(service) {
    try {
      const answer = await this.#ask(`${this.#urls[service]}/ready`, { signal: AbortSignal.timeout(READY_MS) });
      return answer.ok && (await answer.json()).ready === true;
    } catch {
      return false;
    }
  }

  /**
   * Begin a request; what it answers is to be read until `signal`.
   *
   * @param {"read" | "write"} service
   * @param {string} path
   * @param {string} token
   * @param {object} body
   * @param {AbortSignal} signal
   */
  async open(service, path, token, body, signal) {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
    const answer = await this.#ask(this.#urls[service] + path, { method: "POST", headers, body: JSON.stringify(body), signal });
    if (answer.ok) return answer;
    throw refusal(answer, (await answer.json().catch(() => null)) ?? {});
  }

  /**
   * @param {"read" | "write"} service
   * @param {string} path
   * @param {RequestInit} request
   */
  async #call(service, path, request) {
    try {
      return await this.#try(service, path, request);
    } catch (error) {
      if (!(error instanceof Refused && error.code === "token_expired" && this.#tokens.isRenewable)) throw error;
      this.#tokens.forget();
      return this.#try(service, path, request);
    }
  }

  /**
   * @param {"read" | "write"} service
   * @param {string} path
   * @param {RequestInit} request
   */
  async #try(service, path, request) {
    const headers = { ...request.headers, Authorization: `Bearer ${await this.#token()}` };
    const answer = await this.#ask(this.#urls[service] + path, { ...request, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const fields = await answer.json().catch(() => null);
    if (answer.ok && fields !== null) return fields;
    throw refusal(answer, fields ?? {});
  }

  async #token() {
    try {
      return await this.#tokens.get();
    } catch (error) {
      throw error instanceof ClientError ? error : new Unavailable("no_token", String(error));
    }
  }

  /**
   * @param {string} url
   * @param {RequestInit} request
   */
  async #ask(url, request) {
    const fetch = this.#fetch; // called as a method it would be "an illegal invocation"
    try {
      return await fetch(url, request);
    } catch (error) {
      throw new Unavailable("unreachable", `${url}: ${error}`);
    }
  }
}

/**
 * Return the error that a problem document means; one of another server, such as a proxy, is judged by its status.
 *
 * @param {Response} answer
 * @param {any} fields
 */
function refusal({ ok, status, headers }, { code = `http_${status}`, detail = "", retryable, retry_after }) {
  // After a 5xx, or half an answer, the outcome is unknown, whatever the document says of it.
  if (ok || status >= 500 || (retryable ?? isPassing(status))) {
    return new Unavailable(code, detail, retry_after ?? (Number.parseInt(headers.get("Retry-After") ?? "", 10) || null));
  }
  return new Refused(code, detail, status);
}
