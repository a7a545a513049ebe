// Follows one message of the assistant until it is answered: its steps over SSE, from the first
// one on, each once, whatever becomes of the connection.
//
//   const manager = new ProcessManager(messageId);
//   manager.on("tool_execution", ({ data }) => …);
//   manager.on("end", ({ data }) => …data.response…);
//   manager.connect();

export const TYPES = [
  "process_start",
  "thinking",
  "tool_selection",
  "tool_execution",
  "artifact_creation",
  "process_complete",
  "error",
];
// how the answer begins, all of it so far; whatever comes next takes its place
export const isDraft = ({ type, data }) => type === "thinking" && data.metadata.state === "writing";
const LAST = new Set(["process_complete", "error"]);
const SHORTEST_MS = 500;
const LONGEST_MS = 10000;

export class ProcessManager {
  constructor(messageId, { url = "/api/chat/sse" } = {}) {
    this.messageId = messageId;
    this.url = url;
    this.listeners = new Map();
    this.position = 0;
    this.failures = 0;
    this.source = null;
  }

  // a type of event, "step" for each of them, "end" for the last, "connection" for true and false
  on(type, listener) {
    if (!this.listeners.has(type)) this.listeners.set(type, []);
    this.listeners.get(type).push(listener);
    return this;
  }

  connect() {
    this.isWanted = true;
    const after = this.position ? `&after=${this.position}` : "";
    this.source = new EventSource(`${this.url}?messageId=${this.messageId}${after}`);
    this.source.onopen = () => {
      this.failures = 0;
      this.emit("connection", true);
    };
    this.source.onmessage = ({ data }) => this.hear(data);
    this.source.onerror = () => this.retry();
  }

  disconnect() {
    this.isWanted = false;
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  // by ourselves: a browser gives up after an answer that is no stream
  retry() {
    if (!this.isWanted) return;
    this.source?.close();
    this.emit("connection", false);
    const pause = Math.min(SHORTEST_MS * 2 ** this.failures++, LONGEST_MS);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.isWanted && this.connect(), pause * (0.7 + Math.random() * 0.6));
  }

  hear(text) {
    let event;
    try {
      event = JSON.parse(text);
    } catch {
      return; // not ours; the next one is
    }
    if (!TYPES.includes(event.type) || event.position <= this.position) return;
    this.position = event.position;
    this.emit(event.type, event);
    this.emit("step", event);
    if (!LAST.has(event.type)) return;
    this.disconnect();
    this.emit("end", event);
  }

  emit(type, event) {
    for (const listener of this.listeners.get(type) ?? []) listener(event);
  }
}
