// Follows a Museo shop's events in a browser. One file to copy; no build step is needed.
//
//   const stop = connect({ topics: ["order.ORD-7K4Q2M9X"] }, { onEvent: console.log });
//
// It comes back by itself after a cut, a restart or a silence, goes on after the last event, and
// gives each event once and in order. It proves it: events carry the gap-free version of their
// topic. A gap is asked for again; what the server does not have either is told by `onGap`.

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;
// the server says something every 15 s; a connection that is silent for longer was cut
const PATIENCE = 30_000;
// a stream that ends sooner has not worked
const SETTLED = 5_000;
// a server that was started again is not asked by everybody at once
const SPREAD = 3_000;

const positionOf = (cursor) => Number(cursor.split("-").at(-1));

// `address` is the shop's, empty for the page's own. `ticket` opens an order or, made anew for
// every try by an async function, a stream. `after` is the cursor of the last event you have.
// `heard` may have onEvent(event), onSnapshots(snapshots, isReset), onState(state), onGap(gap).
// Returns a function that ends it.
export function connect({ address = "", topics, types = [], ticket, after, patience = PATIENCE }, heard) {
  // by topic: the last version and the cursor after it; and the version after which was asked again
  const known = new Map();
  const askedAgain = new Map();
  let cursor = after;
  let epoch, source, openedAt, dog, waiting;
  let tries = 0;
  let isOver = false;

  const close = () => {
    source?.close();
    clearTimeout(dog);
    clearTimeout(waiting);
  };

  const watch = () => {
    clearTimeout(dog);
    dog = setTimeout(retry, patience);
  };

  const retry = () => {
    close();
    if (isOver) return;
    const wasSettled = openedAt && Date.now() - openedAt > SETTLED;
    openedAt = null;
    tries = wasSettled ? 0 : tries + 1;
    heard.onState?.("retry");
    const grown = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tries - 1)) * (0.7 + Math.random() * 0.6);
    waiting = setTimeout(open, wasSettled ? Math.random() * SPREAD : grown);
  };

  const open = async () => {
    close();
    const url = new URL(`${address}/api/v1/events`, globalThis.location?.href);
    const gaps = [...askedAgain.keys()].map((topic) => known.get(topic).cursor);
    const from = gaps.sort((a, b) => positionOf(a) - positionOf(b))[0] ?? cursor;
    const opener = typeof ticket === "function" ? await ticket() : ticket;
    if (isOver) return;
    const asked = { topics: topics.join(), types: types.join(), ticket: opener, after: from };
    for (const [name, value] of Object.entries(asked)) if (value) url.searchParams.set(name, value);
    source = new EventSource(url);
    source.onmessage = ({ data }) => hear(JSON.parse(data));
    source.addEventListener("ping", watch);
    source.onerror = retry;
    watch();
  };

  const hear = (message) => {
    watch();
    if (message.type === "connected" || message.type === "reset") return start(message);
    if (message.version === undefined) return;
    const { topic, version } = message;
    const { version: last } = known.get(topic) ?? { version: version - 1 };
    if (version <= last) return;
    if (version > last + 1) {
      if (askedAgain.get(topic) !== last) {
        askedAgain.set(topic, last);
        return open();
      }
      heard.onGap?.({ topic, expected: last + 1, version });
    }
    askedAgain.delete(topic);
    cursor = `${epoch}-${message.position}`;
    known.set(topic, { version, cursor });
    if (message.type !== "skip") heard.onEvent?.({ ...message, cursor });
  };

  const start = (message) => {
    const isReset = message.type === "reset";
    const isFirst = cursor === undefined;
    openedAt ??= Date.now();
    epoch = message.epoch;
    if (isReset) {
      known.clear();
      askedAgain.clear();
    }
    if (isReset || isFirst) {
      cursor = `${epoch}-${message.position}`;
      for (const [topic, { version }] of Object.entries(message.snapshot))
        if (version !== undefined) known.set(topic, { version, cursor });
      heard.onSnapshots?.(message.snapshot, isReset);
    }
    heard.onState?.("live");
  };

  open();
  return () => {
    isOver = true;
    close();
  };
}
