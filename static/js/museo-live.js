// <museo-live>: keeps the tracking page true while it is open. The page is complete without it.
//
// It hears of the order by one stream for all tabs (live-tabs.js), without a hole (live-topic.js),
// and asks for itself while the stream stays away (live-track.js). All texts come from the page,
// in the reader's language.

import { left } from "./left.js";
import { SharedStream, epochOf } from "./live-tabs.js";
import { Topic } from "./live-topic.js";
import { Track } from "./live-track.js";

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

// as the server writes them, in Arabic and far from the shop, too
const ZONE = { timeZone: document.documentElement.dataset.zone };
const HOUR = { ...ZONE, hour: "2-digit", minute: "2-digit", hourCycle: "h23", numberingSystem: "latn" };
const DAY = { weekday: "short", day: "numeric", month: "short" };

const clock = (moment) => new Date(moment).toLocaleTimeString(document.documentElement.lang, HOUR);

const dayOf = (moment) => new Date(moment).toLocaleDateString("en", ZONE);

// with its day, if that is another one
const dayClock = (moment) =>
  dayOf(moment) === dayOf(Date.now())
    ? clock(moment)
    : new Date(moment).toLocaleString(document.documentElement.lang, { ...DAY, ...HOUR });

class MuseoLive extends HTMLElement {
  connectedCallback() {
    this.status = this.getAttribute("status");
    this.placed = Date.parse(this.getAttribute("placed"));
    this.eta = Date.parse(this.getAttribute("eta"));
    this.isLate = this.hasAttribute("late");
    this.isHeld = this.hasAttribute("held");
    this.heardAt = Date.now();
    this.keepTime(this.getAttribute("now"));
    if (this.hasAttribute("kept")) this.asKept();
    for (const time of this.querySelectorAll("[data-clock]")) time.textContent = clock(time.dateTime);
    this.ticking = setInterval(() => this.tick(), 1000);
    this.write("late-eta", dayClock(this.eta));
    this.hasAttribute("ended") ? this.say("finished") : this.follow();
    this.tick();
  }

  // a copy from an earlier visit (service-worker.js): it says how old it is
  asKept() {
    this.heardAt = Date.parse(this.getAttribute("now"));
    this.skew = 0;
  }

  disconnectedCallback() {
    clearInterval(this.ticking);
    this.stop();
  }

  find(name) {
    return this.querySelector(`[data-${name}]`);
  }

  // where it is heard of

  follow() {
    this.known = new Topic(
      {
        name: this.getAttribute("topic"),
        version: Number(this.getAttribute("version")),
        cursor: this.getAttribute("cursor"),
        page: this.getAttribute("events"),
      },
      this,
    );
    this.track = new Track(
      this.getAttribute("track"),
      (snapshot) => this.compare(snapshot),
      () => this.gone(),
    );
    this.stream = new SharedStream(this.getAttribute("stream"), this);
    this.find("conn-retry").onclick = () => this.stream.again();
    this.stream.join();
  }

  stop() {
    this.stream?.end();
    this.track?.stop();
  }

  get topic() {
    return this.known.name;
  }

  get cursor() {
    return this.known.cursor;
  }

  hear({ state, now, message, cursor, isRefused }) {
    if (state) this.say(state);
    if (isRefused) this.lookElsewhere();
    if (state === "poll") this.track.start();
    if (now || message || state === "live") this.heardAt = Date.now();
    if (now ?? message?.now) this.keepTime(now ?? message.now);
    if (message?.type === "connected") this.track.stop();
    if (message) this.known.hear(message, cursor);
    if (now && !this.known.isWhole) this.known.fill();
  }

  // the stream does not have this order: another way may
  lookElsewhere() {
    this.track.start();
  }

  // what was asked for, not told: its events come from the log, if that can be asked too
  async compare(snapshot) {
    this.heardAt = Date.now();
    this.keepTime(snapshot.now);
    if (snapshot.version === this.known.version) return;
    await this.known.fill();
    if (snapshot.version > this.known.version)
      this.known.restart(snapshot, `${epochOf(this.cursor)}-${snapshot.position}`);
  }

  // what is told

  take(event) {
    this.setAttribute("version", event.version);
    this.log(event);
    if (event.type === "order.eta_changed") this.tellWhy(event.data);
    const isStep = event.type === `order.${event.data.status}`;
    this.move(event.data, isStep ? event.timestamp : null);
    if (!isStep) this.stampSteps();
    this.tick();
    const title = this.find("headline").textContent;
    const isOver = ENDED.has(this.status);
    this.announce(isOver ? title : `${title} ${this.dataset.atYourDoor} ${clock(this.eta)}`);
    if (isOver) this.finish(event.timestamp);
  }

  // what the server says now is all there is
  start(snapshot) {
    this.setAttribute("version", snapshot.version);
    this.stampSteps(snapshot);
    this.move(snapshot);
    this.tick();
    this.writeLog(snapshot);
    if (ENDED.has(this.status)) this.finish(snapshot.steps.find((step) => step.code === "delivered")?.at);
  }

  // when each step was or will be: told by a snapshot alone
  async stampSteps(snapshot) {
    const { steps = [] } = snapshot ?? (await this.track.ask()) ?? {};
    for (const { code, at, due_at: dueAt } of steps) {
      const step = this.querySelector(`[data-step="${code}"]`);
      if (step) this.stamp(step.querySelector("time"), at ?? dueAt);
    }
  }

  gap(expected, version) {
    const detail = { topic: this.topic, expected, version };
    this.dispatchEvent(new CustomEvent("museo:gap", { bubbles: true, detail }));
  }

  finish(at) {
    this.stop();
    this.say("finished");
    if (at) this.stamp(this.find("eta-clock"), at);
  }

  // the order may no longer be seen here: the link was revoked or has run out
  gone() {
    this.stop();
    this.say("gone");
    this.announce(this.dataset.gone);
  }

  // what is shown

  move(data, at) {
    this.status = data.status;
    this.eta = Date.parse(data.eta);
    this.isLate = data.late;
    this.isHeld = data.held ?? false;
    this.setAttribute("status", data.status);
    const steps = [...this.querySelectorAll("[data-step]")];
    const later = ENDED.has(data.status) ? "skipped" : "upcoming";
    const here = steps.find((step) => step.dataset.step === data.status);
    this.find("headline").textContent = here?.dataset.title ?? data.status_message;
    steps.forEach((step, index) => {
      const isCurrent = index === data.step && !ENDED.has(data.status);
      step.dataset.s = isCurrent ? "current" : index <= data.step ? "done" : later;
      step.querySelector("[data-said]").textContent = `, ${this.dataset[step.dataset.s]}`;
      if (isCurrent) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
    });
    if (at && here) this.stamp(here.querySelector("time"), at);
    const isUsual = ENDED.has(this.status) || !(this.isLate || this.isHeld);
    this.find("late").hidden = isUsual || !this.find("late-why").textContent;
    this.stamp(this.find("late-eta"), data.eta);
    this.write("late-eta", dayClock(data.eta));
  }

  // why it comes at another time, and at which
  tellWhy({ status_message: why, promised_at: promised, held }) {
    this.write("late-why", why);
    if (promised) this.stamp(this.find("promised"), promised);
    this.find("late-times").hidden = held;
  }

  stamp(time, moment) {
    time.dateTime = moment;
    time.textContent = clock(moment);
  }

  log(event) {
    const row = this.row(event);
    row.className = "new";
    this.find("log").prepend(row);
    this.cutLog();
  }

  // up to the snapshot; what is told while it is asked for stays above
  async writeLog(snapshot) {
    const log = this.find("log");
    const earlier = [...log.children];
    this.snapshot = snapshot;
    const page = await this.known.ask();
    if (!page || this.snapshot !== snapshot) return;
    earlier.forEach((row) => row.remove());
    const events = page.events.filter((event) => event.version <= snapshot.version);
    log.append(...events.slice(-LOG_ROWS).reverse().map(this.row, this));
    this.cutLog();
  }

  cutLog() {
    const log = this.find("log");
    while (log.children.length > LOG_ROWS) log.lastElementChild.remove();
  }

  row(event) {
    const row = document.createElement("li");
    row.dataset.version = event.version;
    const time = document.createElement("time");
    this.stamp(time, event.timestamp);
    const text = document.createElement("span");
    text.textContent = event.data.status_message;
    row.append(time, text);
    return row;
  }

  say(state) {
    const before = this.state;
    this.state = state;
    const line = this.find("conn");
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
    let label = this.querySelector("[aria-current=step], [data-s=done]:last-child")?.dataset.label;
    const remains = this.eta - (Date.now() + this.skew);
    const minutes = Math.ceil(remains / 60_000);
    const [count, unit] = left(remains);
    if (ENDED.has(this.status)) {
      const lead = this.status === "delivered" ? this.dataset.handedOver : this.dataset.endedAt;
      this.showEta(this.find("headline").textContent, "", lead, "");
    } else if (this.isLate && minutes < 0) {
      const note = this.dataset.runningLate;
      this.showEta(-minutes, this.dataset.minutesLate, this.dataset.weSaid, note);
    } else {
      const { soon, atYourDoor, onHold, runningLate, onTime } = this.dataset;
      const note = this.isHeld ? onHold : this.isLate ? runningLate : onTime;
      if (minutes < 2) this.showEta(soon, "", atYourDoor, note);
      else this.showEta(count, this.dataset[unit], atYourDoor, note);
      if (minutes > 1) label += `, ${count} ${this.dataset[unit]}`;
    }
    const [number, shop] = ["number", "shop"].map((name) => this.getAttribute(name));
    if (label) document.title = `${label} · ${number} · ${shop}`;
    this.walk();
  }

  showEta(number, unit, lead, note) {
    this.write("eta-number", String(number));
    this.write("eta-unit", unit);
    this.write("eta-lead", lead);
    this.write("eta-note", note);
    if (!ENDED.has(this.status)) this.write("eta-clock", dayClock(this.eta));
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
      gone: "",
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
