// What a page knows of one topic, without a hole: events carry the gap-free version of their
// topic. What is known already is dropped, a gap is filled from the log's JSON page, and a log
// that was made anew starts from its snapshot.

import { epochOf } from "./live-tabs.js";

export class Topic {
  // `page` is the address of the topic's events as JSON; `follower` has `take(event)`,
  // `start(snapshot)`, `gap(expected, version)` and `lookElsewhere()`: this stream has it not
  constructor({ name, version, cursor, page }, follower) {
    this.name = name;
    this.version = version;
    this.cursor = cursor;
    this.page = page;
    this.follower = follower;
    this.newest = version;
  }

  hear(message, cursor) {
    const { type, topic, version } = message;
    if (type === "connected" || type === "reset") this.compare(message);
    if (topic !== this.name || version <= this.version) return;
    if (version > this.version + 1) {
      if (version > this.newest) this.follower.gap(this.version + 1, version);
      this.newest = Math.max(this.newest, version);
      this.fill();
    } else {
      this.accept(message, cursor);
    }
  }

  compare({ type, epoch, position, topics, snapshot }) {
    if (!topics.includes(this.name)) this.follower.lookElsewhere();
    else if (type === "reset" || epoch !== epochOf(this.cursor))
      this.restart(snapshot[this.name], `${epoch}-${position}`);
  }

  accept(event, cursor) {
    this.version = event.version;
    this.cursor = cursor;
    if (event.type !== "skip") this.follower.take(event);
  }

  restart(snapshot, cursor) {
    this.version = this.newest = snapshot.version;
    this.cursor = cursor;
    this.follower.start(snapshot);
  }

  get isWhole() {
    return this.version >= this.newest;
  }

  // all at once for those who ask meanwhile; what cannot be asked now is asked at the next chance
  fill() {
    this.filling ??= this.read().finally(() => {
      this.filling = null;
    });
    return this.filling;
  }

  async read() {
    let before;
    do {
      before = this.version;
      const page = await this.ask(this.cursor);
      if (!page) return;
      if (page.type === "reset") return this.restart(page.snapshot[this.name], page.next);
      for (const event of page.events)
        if (event.version === this.version + 1)
          this.accept(event, `${page.epoch}-${event.position}`);
    } while (!this.isWhole && this.version > before);
  }

  // null while the server cannot be reached
  async ask(after) {
    const address = new URL(this.page, location);
    if (after) address.searchParams.set("after", after);
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      return answer.ok ? await answer.json() : null;
    } catch {
      return null;
    }
  }
}
