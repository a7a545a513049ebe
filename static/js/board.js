// The staff board, kept true while it is open. The page is complete without it.
//
// The topic `staff.orders` says which orders have changed; how they stand now is asked of the server,
// for many at once, as slips that it has written. So what is shown is never put together here.
//
// Nothing moves under the mouse: while it points at the board, a slip that has left its column stays
// in its place and can do nothing, and what arrives waits. Both are settled when the mouse leaves.

import { drawAll } from "./charts.js";
import { SharedStream } from "./live-tabs.js";

const GATHERING = 120;
const MOST_ASKED = 100;
const MOST_DONE = 12;
const POLLING = 5000;
const FIGURES_EVERY = 20_000;
const HOUR = 3_600_000;
const DONE = "done";
const CONTROLS = "a, button";

const find = (name, root = document) => root.querySelector(`[data-${name}]`);

const parse = (text) =>
  document.importNode(new DOMParser().parseFromString(text, "text/html").body, true);

const minutes = (milliseconds) => {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

// by the keyboard: a click leaves the focus where it was
const isVisiblyFocused = (slip) => slip.matches(":focus-visible") || slip.querySelector(":focus-visible");

class Board {
  constructor(root) {
    this.root = root;
    this.words = root.dataset;
    this.topic = root.dataset.topic;
    this.cursor = root.dataset.cursor;
    this.isTable = root.dataset.shape === "table";
    this.keepTime(root.dataset.now);
    this.heardAt = Date.now();
    // numbers of orders that something has happened to; slips that wait for the mouse to leave
    this.changed = new Set();
    this.waiting = new Map();
    // what was done here: it need not wait for the focus to leave
    this.mine = new Set();
    this.listen();
    this.stream = new SharedStream("/api/v1/events", this);
    this.stream.join();
    if (!this.isTable) for (const list of this.lists()) this.rove(list);
    setInterval(() => this.tick(), 1000);
    setInterval(() => this.askFigures(), FIGURES_EVERY);
    this.tick();
  }

  // what is heard

  hear({ state, now, message, cursor, isRefused }) {
    if (state) this.say(state);
    if (isRefused) this.sync();
    if (now ?? message?.now) this.keepTime(now ?? message.now);
    if (now || message || state === "live") this.heardAt = Date.now();
    if (!message) return;
    if (cursor) this.cursor = cursor;
    if (message.type === "connected" && message.epoch !== this.cursor.split("-")[0]) this.restart(message);
    else if (message.type === "reset") this.restart(message);
    else if (message.topic?.startsWith("order.")) this.note(message);
  }

  // the log was made anew, or has forgotten where this page was
  restart({ epoch, position }) {
    this.cursor = `${epoch}-${position}`;
    this.isStale = true;
    this.soon();
  }

  note({ topic, timestamp }) {
    this.behind = Date.now() + this.skew - Date.parse(timestamp);
    this.changed.add(topic.slice("order.".length));
    this.soon();
  }

  soon() {
    this.count();
    if (this.isPaused || this.asking) return;
    this.gathering ??= setTimeout(() => this.ask(), GATHERING);
  }

  // one question at a time: answers cannot overtake each other
  async ask() {
    this.gathering = null;
    if (this.isPaused || this.asking) return;
    this.asking = true;
    const numbers = [...this.changed].slice(0, MOST_ASKED);
    const isWhole = this.isTable || this.isStale || this.changed.size > MOST_ASKED;
    this.changed = new Set(isWhole ? [] : [...this.changed].slice(MOST_ASKED));
    const address = new URL(isWhole ? location.href : this.words.changes, location);
    if (!isWhole) address.searchParams.set("orders", numbers.join());
    const page = await this.get(address);
    if (!page) {
      numbers.forEach((number) => this.changed.add(number));
      this.isStale ||= isWhole;
      setTimeout(() => this.soon(), POLLING);
    } else if (isWhole) {
      this.isStale = false;
      this.takeWhole(page);
    } else {
      this.take(page);
    }
    this.asking = false;
    if (page && this.changed.size) this.soon();
  }

  // null while the server cannot be reached
  async get(address, options = {}) {
    try {
      const answer = await fetch(address, { ...options, headers: { "X-Part": "1" } });
      if (answer.redirected && new URL(answer.url).pathname.includes("/login")) return this.end();
      const page = parse(await answer.text());
      page.isRefused = !answer.ok;
      return answer.ok || options.method ? page : null;
    } catch {
      return null;
    }
  }

  end() {
    this.stream.end();
    this.say("gone");
    return null;
  }

  sync() {
    this.isStale = true;
    this.soon();
  }

  // what is shown

  take(page) {
    this.takeCounts(page);
    for (const slip of page.querySelectorAll("[data-slip]")) this.place(slip);
    this.count();
  }

  takeWhole(page) {
    if (this.isTable) return this.takeTable(page);
    const strip = find("strip", page);
    if (strip) find("strip").replaceChildren(...strip.childNodes);
    for (const column of page.querySelectorAll("[data-column]")) {
      const here = this.root.querySelector(`[data-column="${column.dataset.column}"]`);
      const count = find("count", column);
      if (count) find("count", here).textContent = count.textContent;
      find("more", here).replaceWith(find("more", column));
    }
    const fresh = [...page.querySelectorAll("[data-slip]")];
    const known = new Set(fresh.map((slip) => slip.id));
    for (const slip of this.root.querySelectorAll("[data-slip]"))
      if (!known.has(slip.id)) this.remove(slip);
    fresh.forEach((slip) => this.place(slip));
    this.count();
  }

  takeTable(page) {
    if (this.isStill()) {
      this.isStale = true;
      return this.count();
    }
    const focused = document.activeElement?.closest("tr")?.id;
    find("table").querySelector("tbody").replaceWith(page.querySelector("[data-table] tbody"));
    if (focused) document.getElementById(focused)?.querySelector(CONTROLS)?.focus();
    const strip = find("strip", page);
    if (strip) find("strip").replaceChildren(...strip.childNodes);
    this.count();
  }

  takeCounts(page) {
    let late = 0;
    for (const told of page.querySelectorAll("[data-counts] [data-of]")) {
      const { of: name, count, late: isLate } = told.dataset;
      late += Number(isLate);
      const column = this.root.querySelector(`[data-column="${name}"]`);
      if (!column || name === DONE) continue;
      find("count", column).textContent = count;
      const more = find("more", column);
      const hidden = Number(count) - find("slips", column).childElementCount;
      more.hidden = hidden <= 0 || find("slips", column).childElementCount < MOST_ASKED;
      find("more-count", more).textContent = Math.max(0, hidden);
    }
    if (late > (this.late ?? late)) this.announce(this.words.nowLate.replace("{n}", late));
    this.late = late;
  }

  place(slip) {
    const old = document.getElementById(slip.id);
    const isHere = old?.dataset.in === slip.dataset.in && old?.dataset.place === slip.dataset.place;
    const isPointed = this.isPointed && old?.matches(":hover");
    const isFocused = old && isVisiblyFocused(old) && !this.mine.has(slip.id);
    if (isHere && !isPointed && !isFocused && !this.isPressed) this.swap(old, slip);
    else if (this.isStill() || isFocused) this.wait(slip, old);
    else this.settle(slip);
  }

  swap(old, slip) {
    this.waiting.delete(slip.id);
    old.replaceWith(slip);
    this.rove(slip.parentNode);
  }

  wait(slip, old) {
    this.waiting.set(slip.id, slip);
    if (old && old.dataset.in !== slip.dataset.in) this.leave(old, slip);
  }

  // it stays where it is, and says where it has gone
  leave(old, slip) {
    old.classList.add("leaving");
    const column = this.root.querySelector(`[data-column="${slip.dataset.in}"] h2 span`);
    find("time", old).textContent = `→ ${column.textContent}`;
    for (const control of old.querySelectorAll("button")) control.setAttribute("aria-disabled", "true");
  }

  settle(slip) {
    this.waiting.delete(slip.id);
    this.mine.delete(slip.id);
    const old = document.getElementById(slip.id);
    const hadFocus = old?.contains(document.activeElement);
    const left = old?.parentNode;
    old?.remove();
    const list = this.list(slip.dataset.in);
    if (!list) return;
    const after = [...list.children].find((other) => other.dataset.place > slip.dataset.place);
    list.insertBefore(slip, after ?? null);
    slip.classList.add("arrived");
    if (slip.dataset.in === DONE) while (list.childElementCount > MOST_DONE) list.lastElementChild.remove();
    this.rove(list);
    if (left && left !== list) this.rove(left);
    // to the slip, not to its button, which now takes another step
    if (hadFocus) slip.focus({ preventScroll: true });
  }

  remove(slip) {
    const list = slip.parentNode;
    if (this.isStill()) return this.sync();
    slip.remove();
    this.rove(list);
  }

  settleAll() {
    if (this.isStill()) return;
    for (const [id, slip] of [...this.waiting]) {
      const old = document.getElementById(id);
      if (this.mine.has(id) || !old || !isVisiblyFocused(old)) this.settle(slip);
    }
    if (this.isStale) this.soon();
    this.count();
    this.tick();
  }

  isStill() {
    return this.isPressed || this.isPointed;
  }

  lists() {
    return this.root.querySelectorAll("[data-slips]");
  }

  list(name) {
    return find("slips", this.root.querySelector(`[data-column="${name}"]`) ?? document.createElement("i"));
  }

  // the line about the connection, and what waits

  say(state) {
    const before = this.state;
    this.state = state;
    const line = find("conn");
    line.hidden = false;
    line.dataset.s = state;
    line.querySelector(".dot").classList.toggle("on", state === "live");
    find("conn-text").textContent = this.words[state];
    find("conn-retry").hidden = state !== "retry" && state !== "poll";
    this.root.classList.toggle("away", state !== "live");
    clearInterval(this.polling);
    if (state === "poll") this.polling = setInterval(() => this.sync(), POLLING);
    if (before && before !== state) this.announce(state === "live" ? this.words.back : this.words[state]);
  }

  announce(text) {
    find("announce").textContent = text;
  }

  count() {
    const waits = this.waiting.size + this.changed.size + Number(Boolean(this.isStale && this.isStill()));
    const words = this.isPaused ? this.words.paused : this.isStill() && this.waiting.size + Number(Boolean(this.isStale)) ? this.words.waits : "";
    find("waiting").textContent = words.replace("{n}", waits);
  }

  keepTime(now) {
    this.skew = Date.parse(now) - Date.now();
  }

  tick() {
    if (this.state) this.showSince();
    if (this.isPaused) return;
    const now = Date.now() + this.skew;
    for (const slip of this.root.querySelectorAll("[data-slip]:not(.leaving)")) this.tickSlip(slip, now);
  }

  tickSlip(slip, now) {
    const { due, since, eta, promised } = slip.dataset;
    const late = promised && Math.max(Date.parse(eta), now) - Date.parse(promised);
    const left = Date.parse(due) - now;
    if (promised && late < HOUR) this.write(slip, this.words.late, late);
    else if (!promised && left < HOUR) this.write(slip, this.words.left, left);
    const begun = Date.parse(since);
    if (due) find("bar", slip).value = (100 * (now - begun)) / Math.max(1, Date.parse(due) - begun);
  }

  write(slip, words, span) {
    const text = words.replace("%(time)s", minutes(span));
    const place = find("time", slip);
    if (place.textContent !== text) place.textContent = text;
  }

  showSince() {
    const { behind, lastUpdate } = this.words;
    const clock = new Date(this.heardAt).toLocaleTimeString(document.documentElement.lang, {
      timeStyle: "medium",
      hourCycle: "h23",
      numberingSystem: "latn",
    });
    const lag = Math.max(0, (this.behind ?? 0) / 1000).toFixed(1);
    const isLagKnown = this.state === "live" && this.behind !== undefined;
    const words = isLagKnown ? behind.replace("{n}", lag) : lastUpdate.replace("{time}", clock);
    find("conn-since").textContent = this.state === "gone" || (this.state === "live" && !isLagKnown) ? "" : words;
  }

  async askFigures() {
    if (this.isPaused || document.hidden || this.state === "gone") return;
    const page = await this.get(this.words.figures);
    if (!page) return;
    find("strip").replaceChildren(...find("strip", page).childNodes);
    const charts = find("charts");
    // a table that is being read stays as it is
    if (charts.querySelector("details[open]")) return;
    charts.replaceChildren(...find("charts", page).childNodes);
    drawAll();
  }

  // what staff do

  listen() {
    const { root } = this;
    root.addEventListener("pointerenter", (event) => this.point(event.pointerType === "mouse"));
    root.addEventListener("pointerleave", () => this.point(false));
    this.isPointed = root.matches(":hover") && matchMedia("(hover: hover)").matches;
    root.addEventListener("pointerdown", () => {
      this.isPressed = true;
    });
    const release = () => setTimeout(() => this.releaseSoon());
    for (const name of ["pointerup", "pointercancel", "dragend"]) addEventListener(name, release);
    root.addEventListener("focusin", ({ target }) => this.rove(target.closest("[data-slips]")));
    root.addEventListener("focusout", () => setTimeout(() => this.settleAll()));
    root.addEventListener("keydown", (event) => this.walk(event));
    document.addEventListener("submit", (event) => this.submit(event));
    root.addEventListener("click", (event) => this.open(event));
    find("conn-retry").onclick = () => this.stream.again();
    this.desk = find("desk");
    this.desk.addEventListener("click", (event) => {
      if (event.target === this.desk || event.target.closest("[data-close]")) this.desk.close();
    });
    const pause = find("pause");
    pause.hidden = false;
    pause.addEventListener("click", () => this.pause(pause));
  }

  point(isPointed) {
    this.isPointed = isPointed;
    if (!isPointed) this.settleAll();
  }

  releaseSoon() {
    if (!this.isPressed) return;
    this.isPressed = false;
    this.settleAll();
  }

  pause(button) {
    this.isPaused = !this.isPaused;
    button.setAttribute("aria-pressed", this.isPaused);
    button.textContent = this.isPaused ? this.words.resume : this.words.pauseLabel;
    this.count();
    if (!this.isPaused) {
      this.settleAll();
      if (this.changed.size) this.soon();
    }
  }

  async submit(event) {
    const form = event.target;
    if (!form.matches("[data-act]")) return;
    event.preventDefault();
    const button = event.submitter;
    if (button?.getAttribute("aria-disabled") === "true") return;
    button?.setAttribute("aria-disabled", "true");
    const body = new FormData(form, button);
    const page = await this.get(form.getAttribute("action"), { method: "POST", body });
    button?.removeAttribute("aria-disabled");
    if (page && !page.isRefused) this.succeed(page, form);
    else this.refuse(page, form);
  }

  succeed(page, form) {
    for (const slip of page.querySelectorAll("[data-slip]")) this.mine.add(slip.id);
    if (this.desk.contains(form)) this.desk.close();
    this.announce(find("said", page)?.textContent ?? "");
    if (this.isTable) this.sync();
    else this.take(page);
  }

  refuse(page, form) {
    if (page && this.desk.contains(form)) return this.show(page);
    const text = find("refused", page ?? document.createElement("i"))?.textContent.trim() || this.words.failed;
    const place = find("told", form.closest("[data-slip]") ?? document.createElement("i"));
    if (place) {
      place.textContent = text;
      place.hidden = false;
    }
    this.announce(text);
    this.changed.add(form.closest("[id]").id);
    if (page) this.soon();
  }

  async open(event) {
    const link = event.target.closest("[data-open-desk]");
    if (!link || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    const page = await this.get(link.href);
    if (!page) return location.assign(link.href);
    this.show(page);
    if (!this.desk.open) this.desk.showModal();
  }

  show(page) {
    this.desk.replaceChildren(...page.childNodes);
    const wrong = this.desk.querySelector("[aria-invalid=true], [data-focus]");
    (wrong ?? this.desk.querySelector("h1")).focus();
  }

  // keys: one stop of Tab for each column, arrows from slip to slip

  rove(list) {
    const slips = [...(list?.children ?? [])];
    const current = slips.find((slip) => slip.contains(document.activeElement)) ?? slips.find((slip) => slip.tabIndex === 0) ?? slips[0];
    for (const slip of slips) this.stop(slip, slip === current);
  }

  stop(slip, isStop) {
    slip.tabIndex = isStop ? 0 : -1;
    for (const control of slip.querySelectorAll(CONTROLS)) control.tabIndex = isStop ? 0 : -1;
  }

  walk(event) {
    const slip = event.target.closest("[data-slip]");
    const next = slip && this.neighbour(slip, event.key);
    if (!next) return;
    event.preventDefault();
    for (const other of next.parentNode.children) this.stop(other, other === next);
    next.focus();
  }

  neighbour(slip, key) {
    const slips = [...slip.parentNode.children];
    const lists = [...this.lists()];
    const forward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
    const at = lists.indexOf(slip.parentNode);
    const beside = (others) => {
      const list = others.find((other) => other.childElementCount);
      return list?.children[Math.min(slips.indexOf(slip), list.childElementCount - 1)];
    };
    return {
      ArrowDown: () => slip.nextElementSibling,
      ArrowUp: () => slip.previousElementSibling,
      Home: () => slips[0],
      End: () => slips.at(-1),
      [forward]: () => beside(lists.slice(at + 1)),
      [back]: () => beside(lists.slice(0, at).reverse()),
    }[key]?.();
  }
}

new Board(find("board"));
