/** The service worker: serves the page without a network. The network is asked first, so that it is never old. */

const CACHE = "chatd";

/** Milliseconds that the network has for a file of the page that is kept here. */
const PATIENCE = 3000;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(keepAll());
});
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const asks = request.cache === "no-store"; // whether the network answers
  if (request.method === "GET" && !asks && new URL(request.url).origin === location.origin) event.respondWith(serve(request));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data.room));
});

/**
 * Shows a room, in a window that is there or in a new one.
 * @param {string} room
 */
async function open(room) {
  const [one] = await self.clients.matchAll({ type: "window" });
  if (!one) return self.clients.openWindow(`./#${encodeURIComponent(room)}`);
  one.postMessage({ open: room });
  return one.focus();
}

/** Keeps the page and every file that it names. */
async function keepAll() {
  const cache = await caches.open(CACHE), page = await fetch("./", { cache: "no-cache" });
  const names = [...(await page.clone().text()).matchAll(/(?:href|src)="([^":]+)"/g)].map(([, name]) => name);
  await cache.put("./", page);
  await cache.addAll(names);
}

/** @param {Request} request */
async function serve(request) {
  const cache = await caches.open(CACHE), kept = await cache.match(request, { ignoreSearch: true });
  const late = new Promise((_, reject) => setTimeout(reject, PATIENCE, new Error("The network does not answer.")));
  try {
    const answer = await (kept ? Promise.race([fetch(request), late]) : fetch(request));
    if (answer.ok && kept) await cache.put(request, answer.clone());
    return answer;
  } catch (error) {
    if (kept) return kept;
    throw error;
  }
}
