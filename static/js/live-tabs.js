// One stream for all tabs of a browser: over HTTP/1.1 it has only six connections to a host.
//
// The tab that holds a Web Lock has the stream and repeats what it hears over a BroadcastChannel.
// The browser hands the lock on when that tab is closed or crashes. A SharedWorker would do the
// same, but Chrome on Android has none, so there would have to be a second way beside it. Without
// locks (they need HTTPS or localhost) every tab has a stream of its own.
//
// A tab says {want: topic, cursor}, the leading one asks for that by {who: true}. A wish that the
// stream does not cover opens it anew: with all topics, from the oldest cursor. What tabs then
// hear twice they drop (live-topic.js).

import { Stream } from "./live-stream.js";

const COLLECTING = 30;
// longer than a stream's own, and uneven: it is for a leading tab that went silent
const PATIENCE = 40_000;
const LONGEST_HIDDEN = 300_000;
const NAME = `museo-live-${document.documentElement.lang}`;

export const epochOf = (cursor) => cursor.split("-")[0];
const positionOf = (cursor) => Number(cursor.split("-").at(-1));

export class SharedStream {
  // `follower` has a `topic`, a `cursor` and `hear(told)`, see live-stream.js
  constructor(address, follower) {
    this.address = address;
    this.follower = follower;
    this.stream = new Stream(
      () => this.whole(),
      (told) => this.repeat(told),
    );
    this.cursors = new Map();
    this.streamed = new Set();
    this.ending = new AbortController();
    const { signal } = this.ending;
    addEventListener("online", () => this.isLeading && this.stream.open(), { signal });
    addEventListener("offline", () => this.isLeading && this.stream.connect(), { signal });
    addEventListener("pagehide", () => this.leave(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.join(), { signal });
    document.addEventListener("visibilitychange", () => this.look(), { signal });
  }

  join() {
    this.leave();
    this.isJoined = true;
    this.heardAt = Date.now();
    if (document.hidden) this.look();
    if (!navigator.locks) return this.lead();
    this.channel = new BroadcastChannel(NAME);
    this.channel.onmessage = ({ data }) => this.hear(data);
    this.want();
    this.stand();
    this.watch();
  }

  leave() {
    this.isJoined = false;
    this.standing?.abort();
    this.standing = null;
    this.resign();
    this.channel?.close();
    this.channel = null;
    clearTimeout(this.dog);
    clearTimeout(this.hidden);
  }

  end() {
    this.ending.abort();
    this.leave();
  }

  // now, whoever leads
  again() {
    if (!this.isJoined) this.join();
    else if (this.isLeading) this.open();
    else this.stand({ steal: true });
  }

  look() {
    clearTimeout(this.hidden);
    if (document.hidden) this.hidden = setTimeout(() => this.leave(), LONGEST_HIDDEN);
    else if (!this.isJoined || Date.now() - this.heardAt > PATIENCE / 2) this.again();
  }

  // who leads

  stand({ steal = false } = {}) {
    this.standing?.abort();
    const standing = new AbortController();
    this.standing = standing;
    const how = steal ? { steal } : { signal: standing.signal };
    const lead = () => standing === this.standing && this.lead();
    navigator.locks.request(NAME, how, lead).catch(({ name }) => {
      if (standing !== this.standing) return;
      this.resign();
      // another tab took it over; any other error means that there are no locks to be had
      name === "AbortError" ? this.stand() : this.lead();
    });
  }

  // the lock is held until the promise is kept
  lead() {
    this.isLeading = true;
    this.open();
    return new Promise((resolve) => {
      this.release = resolve;
    });
  }

  resign() {
    this.isLeading = false;
    this.stream.close();
    clearTimeout(this.collecting);
    this.release?.();
  }

  // what the leading tab does

  open() {
    this.cursors.clear();
    this.cover(this.follower);
    this.channel?.postMessage({ who: true });
    this.stream.tries = 0;
    this.connectSoon();
  }

  connectSoon() {
    clearTimeout(this.collecting);
    this.collecting = setTimeout(() => this.stream.connect(), COLLECTING);
  }

  cover({ topic, cursor }) {
    const known = this.cursors.get(topic);
    const isCovered = known && positionOf(known) <= positionOf(cursor);
    if (isCovered) return true;
    this.cursors.set(topic, cursor);
    // not by the stream that is open now
    this.streamed.delete(topic);
    return false;
  }

  whole() {
    const { cursor } = this.follower;
    this.streamed = new Set(this.cursors.keys());
    const ours = [...this.cursors.values()].filter((other) => epochOf(other) === epochOf(cursor));
    const oldest = ours.reduce((a, b) => (positionOf(b) < positionOf(a) ? b : a), cursor);
    const address = new URL(this.address, location);
    address.searchParams.set("topics", [...this.cursors.keys()].join());
    address.searchParams.set("after", oldest);
    address.searchParams.set("locale", document.documentElement.lang);
    return address;
  }

  repeat(told) {
    const { message, cursor } = told;
    // the stream has come so far with all that it brings, whatever the event is about
    if (message?.topic && cursor) for (const topic of this.streamed) this.cursors.set(topic, cursor);
    if (told.state) this.state = told.state;
    this.heardAt = Date.now();
    this.channel?.postMessage(told);
    this.follower.hear(told);
  }

  // what the others do

  want() {
    const { topic, cursor } = this.follower;
    this.channel.postMessage({ want: topic, cursor });
  }

  hear(told) {
    if (told.who) return this.want();
    if (told.want) return this.isLeading && this.consider(told);
    if (this.isLeading) return;
    this.heardAt = Date.now();
    this.watch();
    this.follower.hear(told);
  }

  consider({ want: topic, cursor }) {
    if (!this.cover({ topic, cursor })) this.stream.source && this.connectSoon();
    else if (this.state) this.channel.postMessage({ state: this.state });
  }

  watch() {
    clearTimeout(this.dog);
    this.dog = setTimeout(() => this.suspect(), PATIENCE * (1 + Math.random() / 4));
  }

  suspect() {
    if (!this.isLeading && !document.hidden && navigator.onLine) this.stand({ steal: true });
    this.watch();
  }
}
