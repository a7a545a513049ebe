// <process-steps>: "Step 2 of 4", what is being done, how far it is, and the steps so far. The page
// has written it whole; this keeps it true while a run goes on. Texts come from the page.

import { ProcessStore } from "./process-store.js";

const ICONS = { begun: "i-spin", refused: "i-alert" };

export class ProcessSteps extends HTMLElement {
  connectedCallback() {
    this.store ??= new ProcessStore();
    this.steps = new Map();
    this.stop = this.store.subscribe((process) => this.show(process));
  }

  disconnectedCallback() {
    this.stop?.();
  }

  // an event of ProcessManager
  take(event) {
    this.store.updateProcessStatus(event);
    if (event.type === "process_start" || event.type === "thinking" || event.type === "tool_execution")
      this.list(event.data);
  }

  show({ step, totalSteps, description, progress, status }) {
    const text = this.dataset.of.replace("{step}", step).replace("{total}", totalSteps);
    this.setAttribute("status", status);
    this.setText("[data-of]:not(process-steps)", text);
    this.setText("[data-description]", description);
    this.querySelector("progress")?.setAttribute("value", progress);
    this.querySelector("[role=progressbar]")?.setAttribute("aria-valuenow", progress);
  }

  setText(selector, text) {
    const found = this.querySelector(selector);
    if (found && found.textContent !== text) found.textContent = text;
  }

  list({ step, description, metadata }) {
    const list = this.querySelector("[data-steps]");
    if (!list) return;
    const key = `${step} ${metadata.tool ?? description}`;
    const row = this.steps.get(key) ?? this.known(list, description) ?? list.appendChild(document.createElement("li"));
    this.steps.set(key, row);
    const state = metadata.state ?? "done";
    row.replaceChildren(icon(ICONS[state] ?? "i-check"), part("span", "", description));
    if (metadata.seconds !== undefined)
      row.append(part("span", "num muted", this.dataset.seconds.replace("{seconds}", metadata.seconds.toFixed(1))));
    if (metadata.tool) row.append(part("code", "tool", metadata.tool));
  }

  // a row that the page had already
  known(list, description) {
    return [...list.children].find((row) => row.children[1]?.textContent === description);
  }
}

const part = (name, className, text) => {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
};

const icon = (name) => {
  const SVG = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", "ico");
  made.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${name}`);
  made.append(use);
  return made;
};

customElements.define("process-steps", ProcessSteps);
