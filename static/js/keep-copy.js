// Has the service worker keep this page, and all that it is made of, for times without a network.

const WORKER = "/service-worker.js";

async function keep() {
  await navigator.serviceWorker.register(WORKER);
  const { active } = await navigator.serviceWorker.ready;
  const parts = performance.getEntriesByType("resource").map(({ name }) => name);
  const ours = parts.filter((part) => /^\/(static|media)\//.test(new URL(part).pathname));
  // the first visit came before the worker: that asks for the page itself. A page that fetched it
  // could not be brought back by the browser as it was left
  const page = navigator.serviceWorker.controller ? null : location.pathname;
  active.postMessage({ keep: ours, page });
}

// without HTTPS, or in a private window, there is none
if ("serviceWorker" in navigator && navigator.onLine) addEventListener("load", () => keep().catch(() => {}));
