// Keeps one version of the page whole, for when there is no network. The service's own routes never go through here.
// What is kept is a convenience: where it is slow, damaged or gone, the network answers, and it is kept anew.
const NAME = "ringpost-{{version}}";
const PATHS = {{paths}};
const KEPT_MS = 1000;
const NETWORK_MS = 4000;

let isSlow = false;
/** @type {Promise<void> | null} */
let mending = null;

addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => skipWaiting()));
});

// A page that is open has all its modules; the next one that opens comes from the network, or from this version.
addEventListener("activate", (event) => {
  const others = (names) => names.filter((name) => name.startsWith("ringpost-") && name !== NAME);
  event.waitUntil(caches.keys().then((names) => Promise.all(others(names).map((name) => caches.delete(name)))).then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  if (pathname.endsWith("/boot.js") || !PATHS.includes(pathname)) return; // boot.js frees the page from a worker that hangs
  const found = kept(pathname).catch(() => null);
  event.waitUntil(found.then((answer) => answer ?? mend()).catch(() => {}));
  event.respondWith(pathname === "/" ? shell(event.request, found) : part(event.request, found));
});

/** From the network, as it is now; what is kept where that fails, or says nothing. */
async function shell(request, found) {
  const network = fetch(request);
  const answer = await within(NETWORK_MS, network).catch(() => null);
  return answer ?? (await found) ?? network;
}

/** From what is kept; from the network where that fails, or takes long. Without a network it is waited for. */
async function part(request, found) {
  const answer = isSlow ? null : await within(KEPT_MS, found);
  if (answer !== null) return answer;
  return fetch(request).catch(async (error) => (await found) ?? Promise.reject(error));
}

/** Return what is kept of that path, read to its end; null if nothing is. Rejects where it is damaged. */
async function kept(path) {
  const timer = setTimeout(() => (isSlow = true), KEPT_MS);
  const answer = await (await caches.open(NAME)).match(path);
  const body = await answer?.arrayBuffer();
  clearTimeout(timer);
  isSlow = false;
  return answer === undefined ? null : new Response(body, { status: answer.status, headers: answer.headers });
}

async function keep() {
  const cache = await caches.open(NAME);
  await cache.addAll(PATHS);
}

/** Keep all of it anew; once in this worker's life, since what fails again would fail for ever. */
function mend() {
  mending ??= caches.delete(NAME).then(keep);
  return mending;
}

function within(ms, promise) {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, ms, null))]);
}
