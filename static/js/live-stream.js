// One EventSource that is known to be alive. A connection that was cut without a word looks open
// for ever, so one that says nothing for too long is opened anew; one that fails is tried again,
// with growing and uneven pauses.
//
// `address()` is asked at every try. `tell` hears {message, cursor}, {now}, {isRefused} (there was
// an answer, and it was no stream) and {state}: "live", "retry", "poll" (it stays away for longer)
// or "offline".

// the server says something every 15 s
const PATIENCE = 30_000;
const FIRST_ANSWER = 10_000;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
const TRIES_BEFORE_POLLING = 3;
// what ends sooner has not worked
const SETTLED = 5_000;
// a server that was started again is not asked by everybody at once
const SPREAD = 3_000;

export class Stream {
  constructor(address, tell) {
    this.address = address;
    this.tell = tell;
    this.tries = 0;
  }

  open() {
    this.tries = 0;
    this.connect();
  }

  connect() {
    this.close();
    if (!navigator.onLine) return this.tell({ state: "offline" });
    this.source = new EventSource(this.address());
    this.source.onmessage = ({ data, lastEventId }) => {
      this.alive();
      this.tell({ message: JSON.parse(data), cursor: lastEventId });
    };
    this.source.addEventListener("ping", ({ data }) => {
      this.alive();
      this.tell({ now: JSON.parse(data).now });
    });
    this.source.onerror = () => {
      if (this.source.readyState === EventSource.CLOSED) this.tell({ isRefused: true });
      this.retry();
    };
    this.watch(FIRST_ANSWER);
  }

  close() {
    this.source?.close();
    this.source = null;
    this.openedAt = null;
    clearTimeout(this.dog);
    clearTimeout(this.waiting);
  }

  alive() {
    this.watch(PATIENCE);
    if (this.openedAt) return;
    this.openedAt = Date.now();
    this.tell({ state: "live" });
  }

  watch(patience) {
    clearTimeout(this.dog);
    this.dog = setTimeout(() => this.retry(), patience);
  }

  retry() {
    const wasSettled = this.openedAt && Date.now() - this.openedAt > SETTLED;
    this.close();
    if (!navigator.onLine) return this.tell({ state: "offline" });
    this.tries = wasSettled ? 0 : this.tries + 1;
    this.tell({ state: this.tries < TRIES_BEFORE_POLLING ? "retry" : "poll" });
    this.waiting = setTimeout(() => this.connect(), wasSettled ? Math.random() * SPREAD : this.pause());
  }

  pause() {
    const even = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (this.tries - 1));
    return even * (0.7 + Math.random() * 0.6);
  }
}
