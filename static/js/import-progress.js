// The numbers of an import while a worker is busy with it. When it has ended, when nothing is heard
// of it, or when the stream stays away, the page is loaded anew: it shows all of it from the server.

import { Stream } from "./live-stream.js";

const AT_WORK = new Set(["checking", "running", "undoing"]);
const PAUSE = 2000;
// a batch takes a second or two: then somebody else should be told to look after it
const QUIET = 10_000;

const section = document.querySelector("[data-import]");
const topic = section.dataset.import;
const bar = section.querySelector("[data-progress]");
let version = 0;

function show(event) {
  if (event.topic !== topic || event.version <= version) return;
  version = event.version;
  bar.value = event.data.progress;
  for (const place of section.querySelectorAll("[data-count]")) {
    const count = String(event.data[place.dataset.count]);
    if (place.textContent === count) continue;
    place.textContent = count;
    section.querySelector("[data-left]")?.remove();
  }
}

function wait() {
  clearTimeout(wait.quiet);
  wait.quiet = setTimeout(() => location.reload(), QUIET);
}

// an import is checked, run and undone one after the other: only the newest event says how it is
function settle(event) {
  clearTimeout(settle.waiting);
  if (!AT_WORK.has(event.data.state)) settle.waiting = setTimeout(() => location.reload(), 300);
}

// how the import was when the stream opened: a short one may have ended before
function standing({ snapshot }) {
  const data = snapshot?.[topic];
  return data && { type: "import.progress", topic, version: data.version, data };
}

const stream = new Stream(
  () => `/api/v1/events?topics=${encodeURIComponent(topic)}`,
  ({ message, state }) => {
    if (state === "poll" || state === "offline") setTimeout(() => location.reload(), PAUSE);
    const event = message?.type === "connected" ? standing(message) : message;
    if (event?.type !== "import.progress") return;
    show(event);
    settle(event);
    wait();
  },
);
wait();
stream.open();
