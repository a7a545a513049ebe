// The part of the shop that a browser keeps while no page is open: it shows what is pushed, leads
// to the order, and tells the shop when the push service has given the browser another address.

const KEPT = "museo-push";
const MOVED = "/api/v1/subscriptions/moved";

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
