// The part of the shop that a browser keeps while no page is open: it shows what is pushed, leads
// to the order, and tells the shop when the push service has given the browser another address. Of
// the pages of orders it keeps the newest copies, to be read without a network: such a page asks
// for that, with all that it is made of. Streams, and whatever can be fetched, it leaves alone.

const KEPT = "museo-push";
const MOVED = "/api/v1/subscriptions/moved";

const COPIES = "museo-orders";
const MOST_COPIES = 10;
const PARTS = "museo-parts";
const ORDER = /^\/orders\/ORD-[0-9A-Z]+$/;

self.addEventListener("message", (event) => {
  const { keep: parts, page } = event.data ?? {};
  if (parts) event.waitUntil(keepAll(parts, page));
});

async function keepAll(parts, page) {
  try {
    await (await caches.open(PARTS)).addAll(parts);
    if (page && ORDER.test(page)) await keep(page, await fetch(page, { headers: { Accept: "text/html" } }));
  } catch {
    // there is no copy of this one, or of a part of it
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) return;
  if (request.mode === "navigate" && ORDER.test(pathname)) event.respondWith(order(event, pathname));
  else if (!navigator.onLine && /^\/(static|media)\//.test(pathname))
    event.respondWith(kept(PARTS, request.url).then((part) => part ?? fetch(request)));
});

async function kept(name, key) {
  return (await caches.open(name)).match(key, { ignoreVary: true });
}

async function order(event, key) {
  try {
    const answer = await fetch(event.request);
    if (new URL(answer.url || event.request.url).pathname === key)
      event.waitUntil(keep(key, answer.clone()));
    return answer;
  } catch (problem) {
    const copy = await kept(COPIES, key);
    if (!copy) throw problem;
    // the page says of itself how old it is
    const text = (await copy.text()).replace("<museo-live", "<museo-live kept");
    return new Response(text, { headers: copy.headers });
  }
}

// the one that was opened last is the last to go; what may no longer be seen goes at once
async function keep(key, answer) {
  const copies = await caches.open(COPIES);
  await copies.delete(key);
  if (!answer.ok || answer.redirected) return;
  await copies.put(key, answer);
  const keys = await copies.keys();
  for (const old of keys.slice(0, -MOST_COPIES)) await copies.delete(old);
}

const read = (event) => {
  try {
    return event.data.json();
  } catch {
    // what is pushed must be shown, whatever it is
    return { title: self.location.host };
  }
};

self.addEventListener("push", (event) => {
  const { title, body = "", tag = "", lang = "", dir = "auto", url = "" } = read(event);
  // a newer one of an order stands in the place of an older, and is heard all the same
  const how = { body, tag, lang, dir, renotify: Boolean(tag), data: { url } };
  event.waitUntil(self.registration.showNotification(title, how));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(new URL(event.notification.data?.url || "/notifications", self.location)));
});

async function show(address) {
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const open = pages.find((page) => new URL(page.url).pathname === address.pathname);
  return open ? open.focus() : self.clients.openWindow(address.href);
}

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

async function renew({ newSubscription }) {
  const kept = await caches.open(KEPT);
  const known = await (await kept.match("/"))?.json();
  if (!known) return;
  const { key, address: before } = known;
  const found =
    newSubscription ??
    (await self.registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: key,
    }));
  const after = JSON.stringify(found);
  // by its address a browser is known: no session goes along
  const { ok } = await fetch(MOVED, {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ before, after }),
  });
  if (ok) await kept.put("/", new Response(JSON.stringify({ key, address: after })));
}
