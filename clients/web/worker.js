// Keeps one version of the page whole, for when there is no network. The service's own routes never go through here.
const NAME = "ringpost-{{version}}";
const PATHS = {{paths}};

addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(PATHS)).then(() => skipWaiting()));
});

// A page that is open has all its modules; the next one that opens comes from the network, or from this version.
addEventListener("activate", (event) => {
  const others = (names) => names.filter((name) => name.startsWith("ringpost-") && name !== NAME);
  event.waitUntil(caches.keys().then((names) => Promise.all(others(names).map((name) => caches.delete(name)))).then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin) return;
  if (pathname === "/") event.respondWith(fetch(event.request).catch(() => kept("/")));
  else if (pathname.startsWith("/page/")) event.respondWith(kept(pathname).then((answer) => answer ?? fetch(event.request)));
});

async function kept(path) {
  return (await caches.open(NAME)).match(path);
}
