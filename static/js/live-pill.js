// The pill in the header: how far the order is that is under way. It hears of it by the one stream
// that all tabs share (live-tabs.js), and counts down what is left.

import { SharedStream } from "./live-tabs.js";
import { left } from "./left.js";

const ENDED = new Set(["delivered", "cancelled", "failed", "refunded"]);
const EVERY = 10_000;

class Pill {
  constructor(link) {
    this.link = link;
    ({ topic: this.topic, cursor: this.cursor } = link.dataset);
    this.eta = Date.parse(link.dataset.eta);
    this.skew = Date.parse(link.dataset.now) - Date.now();
    this.ticking = setInterval(() => this.tick(), EVERY);
    this.stream = new SharedStream("/api/v1/events", this);
    this.stream.join();
  }

  hear({ message, cursor }) {
    if (cursor) this.cursor = cursor;
    if (message?.topic !== this.topic || !message.data) return;
    const { status, eta } = message.data;
    this.eta = Date.parse(eta);
    this.link.querySelector("[data-label]").textContent = this.link.dataset[status];
    ENDED.has(status) ? this.end(status) : this.tick();
  }

  tick() {
    const { min, h, d, soon } = this.link.dataset;
    const [count, unit] = left(this.eta - Date.now() - this.skew);
    const text = count < 2 && unit === "min" ? soon : `${count} ${{ min, h, d }[unit]}`;
    this.link.querySelector("[data-left]").textContent = text;
  }

  end(status) {
    clearInterval(this.ticking);
    this.stream.end();
    this.link.dataset.status = status;
    for (const part of this.link.querySelectorAll(".sep, [data-left]")) part.remove();
    this.link.querySelector(".dot").classList.remove("on");
  }
}

const link = document.querySelector("[data-pill]");
if (link) new Pill(link);
