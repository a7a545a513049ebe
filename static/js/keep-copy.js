// Has the service worker keep this page, and all that it is made of, for times without a network.

const WORKER = "/service-worker.js";

async function keep() {
  await navigator.serviceWorker.register(WORKER);
  const { active } = await navigator.serviceWorker.ready;
  const parts = performance.getEntriesByType("resource").map(({ name }) => name);
  const ours = parts.filter((part) => /^\/(static|media)\//.test(new URL(part).pathname));
  active.postMessage({ keep: ours });
  // the first visit came before the worker: it opens the page once more, behind the scenes
  if (!navigator.serviceWorker.controller) {
    const copy = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    if (copy.ok && !copy.redirected) await (await caches.open("museo-orders")).put(location.pathname, copy);
  }
}

// without HTTPS, or in a private window, there is none
if ("serviceWorker" in navigator && navigator.onLine) addEventListener("load", () => keep().catch(() => {}));
