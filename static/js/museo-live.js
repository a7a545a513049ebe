// <museo-live>: keeps the tracking page true while it is open. The page is complete without it.
//
// Events carry the gap-free version of their order. What is known already is dropped, a gap is
// filled from the log, and a stream that says nothing for too long is opened anew. All texts come
// from the page, in the reader's language.

const PATIENCE = 30_000;
const FIRST_ANSWER = 10_000;
const LONGEST_WAIT = 15_000;
const TRIES_BEFORE_POLLING = 3;
const LOG_ROWS = 6;
const ENDED = new Set(["delivered", "cancelled", "failed", "refunded"]);

// how far the dot may have walked while a step lasts, in parts of the whole way
const ROOMS = {
  placed: [0, 0.02],
  confirmed: [0.02, 0.14],
  preparing: [0.2, 0.4],
  out_for_delivery: [0.5, 0.86],
  delivered: [1, 1],
};

const clock = (moment) =>
  new Date(moment).toLocaleTimeString(document.documentElement.lang, {
    hour: "2-digit",
    minute: "2-digit",
  });

class MuseoLive extends HTMLElement {
  connectedCallback() {
    this.version = Number(this.getAttribute("version"));
    this.cursor = this.getAttribute("cursor");
    this.status = this.getAttribute("status");
    this.placed = Date.parse(this.getAttribute("placed"));
    this.eta = Date.parse(this.getAttribute("eta"));
    this.isLate = this.hasAttribute("late");
    this.tries = 0;
    this.heardAt = Date.now();
    this.keepTime(this.getAttribute("now"));
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    addEventListener("online", () => this.open(), { signal });
    addEventListener("offline", () => this.goOffline(), { signal });
    addEventListener("pagehide", () => this.close(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.open(), { signal });
    document.addEventListener("visibilitychange", () => this.look(), { signal });
    this.find("conn-retry").addEventListener("click", () => this.open(), { signal });
    for (const time of this.querySelectorAll("[data-clock]")) time.textContent = clock(time.dateTime);
    this.ticking = setInterval(() => this.tick(), 1000);
    this.hasAttribute("ended") ? this.finish() : this.open();
    this.tick();
  }

  disconnectedCallback() {
    this.leaving.abort();
    clearInterval(this.ticking);
    this.close();
  }

  find(name) {
    return this.querySelector(`[data-${name}]`);
  }

  // the connection

  open() {
    this.tries = 0;
    this.connect();
  }

  connect() {
    this.close();
    if (this.isFinished) return;
    const address = new URL(this.getAttribute("events"), location);
    address.searchParams.set("after", this.cursor);
    this.source = new EventSource(address);
    this.source.addEventListener("open", () => this.alive());
    this.source.addEventListener("message", (event) => {
      this.alive();
      this.hear(JSON.parse(event.data));
      if (event.lastEventId) this.cursor = event.lastEventId;
    });
    this.source.addEventListener("ping", (event) => {
      this.alive();
      this.keepTime(JSON.parse(event.data).now);
    });
    this.source.addEventListener("error", () => this.retry());
    this.watch(FIRST_ANSWER);
  }

  close() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.dog);
    clearTimeout(this.waiting);
  }

  alive() {
    this.tries = 0;
    this.heardAt = Date.now();
    this.watch(PATIENCE);
    this.say("live");
  }

  watch(patience) {
    clearTimeout(this.dog);
    this.dog = setTimeout(() => this.retry(), patience);
  }

  retry() {
    this.close();
    if (this.isFinished) return;
    if (!navigator.onLine) return this.goOffline();
    const wait = Math.min(LONGEST_WAIT, 500 * 2 ** this.tries) * (0.7 + Math.random() * 0.6);
    this.tries += 1;
    const isLong = this.tries > TRIES_BEFORE_POLLING;
    this.say(isLong ? "poll" : "retry");
    if (isLong) this.catchUp();
    this.waiting = setTimeout(() => this.connect(), wait);
  }

  goOffline() {
    this.close();
    this.say("offline");
  }

  look() {
    if (!document.hidden && Date.now() - this.heardAt > PATIENCE / 2) this.open();
  }

  // what is told

  hear(message) {
    if (message.now) this.keepTime(message.now);
    if (message.type === "reset") return this.start(message.snapshot);
    if (message.type === "skip") this.version = Math.max(this.version, message.version);
    if (!message.type.startsWith("order.") || message.version <= this.version) return;
    if (message.version > this.version + 1) return this.catchUp();
    this.take(message);
  }

  // the log's events as one answer: fills a gap, and stands in for a stream that stays away
  async catchUp() {
    const address = new URL(this.getAttribute("events"), location);
    address.searchParams.set("after", this.cursor);
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const page = await answer.json();
      for (const event of page.events) if (event.version === this.version + 1) this.take(event);
      this.cursor = page.next;
    } catch {
      // still away: the next try asks again
    }
  }

  // the log was made anew: what the server says now is all there is
  start(snapshot) {
    this.version = snapshot.version;
    this.move(snapshot);
    this.tick();
  }

  take(event) {
    this.version = event.version;
    this.setAttribute("version", event.version);
    this.log(event);
    this.move(event.data, event.timestamp);
    this.tick();
    const title = this.find("headline").textContent;
    this.announce(ENDED.has(this.status) ? title : `${title} ${this.dataset.atYourDoor} ${clock(this.eta)}`);
    if (ENDED.has(this.status)) this.finish(event.timestamp);
  }

  move(data, at) {
    this.status = data.status;
    this.eta = Date.parse(data.eta);
    this.isLate = data.late;
    this.setAttribute("status", data.status);
    const steps = [...this.querySelectorAll("[data-step]")];
    const here = steps.findIndex((step) => step.dataset.step === data.status);
    this.find("headline").textContent = steps[here]?.dataset.title ?? data.status_message;
    steps.forEach((step, index) => {
      const isDone = index < here || (index === here && ENDED.has(data.status));
      step.dataset.s = isDone ? "done" : index === here ? "current" : "upcoming";
      if (index === here && !isDone) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
    if (at && steps[here]) this.stamp(steps[here].querySelector("time"), at);
  }

  stamp(time, moment) {
    time.dateTime = moment;
    time.textContent = clock(moment);
  }

  log(event) {
    const row = document.createElement("li");
    row.dataset.version = event.version;
    row.className = "new";
    const time = document.createElement("time");
    this.stamp(time, event.timestamp);
    const text = document.createElement("span");
    text.textContent = event.data.status_message;
    row.append(time, text);
    const log = this.find("log");
    log.prepend(row);
    while (log.children.length > LOG_ROWS) log.lastElementChild.remove();
  }

  finish(at) {
    this.isFinished = true;
    this.close();
    this.say("finished");
    if (at && this.status === "delivered") this.stamp(this.find("eta-clock"), at);
  }

  // what is shown

  say(state) {
    const before = this.state;
    this.state = state;
    const line = this.find("conn");
    line.hidden = false;
    line.dataset.s = state;
    line.querySelector(".dot").classList.toggle("on", state === "live");
    this.find("conn-text").textContent = this.dataset[state];
    const button = this.find("conn-retry");
    button.hidden = state !== "retry" && state !== "poll";
    button.textContent = this.dataset.tryNow;
    if (before && before !== state && state === "live") this.announce(this.dataset.back);
    if (before !== state && state === "offline") this.announce(this.dataset.lost);
  }

  announce(text) {
    this.find("announce").textContent = text;
  }

  keepTime(now) {
    this.skew = Date.parse(now) - Date.now();
  }

  tick() {
    this.showSince();
    const label = this.querySelector("[aria-current=step], [data-s=done]:last-child")?.dataset.label;
    const left = this.eta - (Date.now() + this.skew);
    const minutes = Math.ceil(left / 60_000);
    if (ENDED.has(this.status)) {
      this.showEta(this.find("headline").textContent, "", this.dataset.handedOver, "");
    } else if (this.isLate) {
      const note = this.dataset.runningLate;
      this.showEta(Math.max(1, -minutes), this.dataset.minutesLate, this.dataset.weSaid, note);
    } else if (minutes < 2) {
      this.showEta(this.dataset.soon, "", this.dataset.atYourDoor, this.dataset.onTime);
    } else {
      const { minutes: unit, atYourDoor, onTime } = this.dataset;
      this.showEta(minutes, unit, atYourDoor, onTime);
    }
    if (label) document.title = `${label} · ${this.getAttribute("number")} · Museo`;
    this.walk();
  }

  showEta(number, unit, lead, note) {
    this.write("eta-number", String(number));
    this.write("eta-unit", unit);
    this.write("eta-lead", lead);
    this.write("eta-note", note);
    if (!ENDED.has(this.status)) this.write("eta-clock", clock(this.eta));
  }

  write(name, text) {
    const place = this.find(name);
    if (place.textContent !== text) place.textContent = text;
  }

  showSince() {
    const { justNow, secondsAgo, lastUpdate } = this.dataset;
    const seconds = Math.max(0, Math.round((Date.now() - this.heardAt) / 1000));
    const texts = {
      live: seconds < 3 ? justNow : secondsAgo.replace("{n}", seconds),
      finished: "",
    };
    this.write("conn-since", texts[this.state] ?? lastUpdate.replace("{time}", clock(this.heardAt)));
  }

  walk() {
    const [from, to] = ROOMS[this.status] ?? [0, 0];
    const part = (Date.now() + this.skew - this.placed) / (this.eta - this.placed);
    this.style.setProperty("--f", (100 * Math.max(from, Math.min(to, part))).toFixed(2));
  }
}

customElements.define("museo-live", MuseoLive);
