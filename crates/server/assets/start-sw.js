// Keeps the start page for when there is no network. Knows nothing else.
"use strict";
const CACHE = "blindspot-start-1";
const FILES = ["/start", "/start/start.js", "/start/start.css"];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((c) => c.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => names.filter((n) => n.startsWith("blindspot-start-") && n !== CACHE);
  event.waitUntil(
    caches.keys().then((names) => Promise.all(old(names).map((n) => caches.delete(n)))).then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const path = new URL(event.request.url).pathname;
  if (event.request.method !== "GET" || !FILES.includes(path)) return;
  // The network first, so that a new version shows; the kept copy when there is none.
  event.respondWith(
    fetch(event.request)
      .then((answer) => {
        if (answer.ok) {
          const copy = answer.clone();
          event.waitUntil(caches.open(CACHE).then((c) => c.put(path, copy)));
        }
        return answer;
      })
      .catch(() => caches.match(path)),
  );
});
