// "Tell me in this browser": subscribes this browser, and nothing is asked before somebody wants it.
//
// Whether it is on says the server, which knows a browser by the digest of its endpoint. What the
// service worker needs to renew it is kept in a cache: it has no other memory.

const WORKER = "/service-worker.js";
const WISHES = "/api/v1/subscriptions";
const KEPT = "museo-push";

const isAble = () =>
  ["serviceWorker" in navigator, "PushManager" in window, "Notification" in window].every(Boolean);

async function nameOf(subscription) {
  const written = new TextEncoder().encode(subscription.endpoint);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", written));
  return `sha256:${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

class Switch {
  constructor(box) {
    this.box = box;
    this.input = box.querySelector("input");
    this.said = box.querySelector("[role=status]");
    this.input.addEventListener("change", () => this.turn());
  }

  async start() {
    if (!isAble()) return this.say("unsupported");
    const asked = await navigator.permissions?.query({ name: "notifications" }).catch(() => null);
    if (asked) asked.onchange = () => this.look();
    await this.look();
  }

  async look() {
    if (Notification.permission === "denied") return this.say("blocked");
    try {
      this.say((await this.wish()) ? "on" : "off");
    } catch {
      this.say("failed");
    }
  }

  say(state) {
    this.box.dataset.state = state;
    this.input.checked = state === "on";
    this.input.disabled = state === "blocked" || state === "unsupported";
    this.said.textContent = this.box.dataset[state];
  }

  async turn() {
    const isWanted = this.input.checked;
    try {
      await (isWanted ? this.subscribe() : this.end());
      await this.look();
    } catch ({ message, isTold }) {
      if (Notification.permission === "denied") return this.say("blocked");
      this.say("failed");
      this.input.checked = !isWanted;
      if (isTold) this.said.textContent = message;
    }
  }

  // the browser asks for permission here, and only here
  async subscribe() {
    if ((await Notification.requestPermission()) !== "granted") return;
    await navigator.serviceWorker.register(WORKER);
    const { pushManager } = await navigator.serviceWorker.ready;
    const key = this.box.dataset.key;
    const how = { userVisibleOnly: true, applicationServerKey: key };
    const subscription = await pushManager.subscribe(how).catch(async () => {
      // of another key, which the shop had before
      await (await pushManager.getSubscription())?.unsubscribe();
      return pushManager.subscribe(how);
    });
    const address = JSON.stringify(subscription);
    await this.call("POST", WISHES, {
      topic: this.box.dataset.push,
      channel: "webpush",
      address,
      locale: document.documentElement.lang,
    });
    const kept = await caches.open(KEPT);
    await kept.put("/", new Response(JSON.stringify({ key, address })));
  }

  async end() {
    const wish = await this.wish();
    if (wish) await this.call("DELETE", `${WISHES}/${wish.id}`);
  }

  // that of this browser, if it runs
  async wish() {
    const registration = await navigator.serviceWorker.getRegistration("/");
    const subscription = await registration?.pushManager.getSubscription();
    if (!subscription) return null;
    const name = await nameOf(subscription);
    const query = new URLSearchParams({ topic: this.box.dataset.push, channel: "webpush", limit: 100 });
    const { results } = await this.call("GET", `${WISHES}?${query}`);
    return results.find(({ address, state }) => address === name && state === "active");
  }

  async call(method, address, body) {
    const answer = await fetch(address, {
      method,
      headers: {
        Accept: "application/json",
        "Content-Type": "application/json",
        "X-CSRFToken": this.box.dataset.token,
      },
      body: body && JSON.stringify(body),
    });
    const told = await answer.json();
    if (!answer.ok) throw Object.assign(new Error(told.detail), { isTold: true });
    return told;
  }
}

const box = document.querySelector("[data-push]");
if (box) new Switch(box).start();
