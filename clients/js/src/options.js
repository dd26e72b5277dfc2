import { Clock } from "./clock.js";

/** @import {Transport} from "./core/types.js" */

/**
 * @typedef {object} Given what an app may choose
 * @property {typeof WebSocket} [webSocket] where there is no global one (Node 20), or it should be another
 * @property {typeof globalThis.fetch} [fetch]
 * @property {() => number} [chance] draws from 0 to 1
 * @property {{backoffBaseS: number, backoffCapS: number, ackTimeoutS: number, climbBaseS?: number, climbCapS?: number}} [waits]
 *   climb: what reads by less than a WebSocket tries for more after a pause that grows from base (30) to cap (600)
 * @property {"auto" | Transport} [via] by what to read; auto: by server-sent events or long polls where no WebSocket passes
 * @property {number} [connectTimeoutS]
 *
 * @typedef {Required<Given> & {clock: Clock}} Options
 */

const WAITS = { backoffBaseS: 0.5, backoffCapS: 30, ackTimeoutS: 20 };

/**
 * @param {Given} given
 * @returns {Options}
 */
export function optionsOf({ webSocket = globalThis.WebSocket, fetch = globalThis.fetch.bind(globalThis), ...given }) {
  if (webSocket === undefined) throw new TypeError("there is no WebSocket here: pass one as `webSocket` (Node has one from 22 on)");
  const { chance = Math.random, waits = WAITS, connectTimeoutS = 10, via = "auto" } = given;
  return { webSocket, fetch, chance, waits, connectTimeoutS, via, clock: new Clock() };
}
