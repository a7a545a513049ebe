// <ai-chat-panel>: a conversation with the assistant. The page has written every turn; this says
// what is typed or pressed without leaving the page, follows runs while they go on, and asks the
// page for a turn again when its run has ended. Without it the same forms work by themselves.

import { ProcessManager, isDraft } from "./process-manager.js";
import "./process-steps.js";
import "./natural-language-input.js";
import "./order-way.js";
import { AT_WORK } from "./import-way.js";

const RETRY_MS = 2000;
const LOOK_MS = 500;

export class AIChatPanel extends HTMLElement {
  connectedCallback() {
    this.turns = this.querySelector("[data-turns]");
    this.input = this.querySelector("natural-language-input");
    this.following = new Map();
    this.addEventListener("submit", (event) => this.submitted(event));
    this.addEventListener("dragover", (event) => this.takes(event) && event.preventDefault());
    this.addEventListener("drop", (event) => this.dropped(event));
    for (const turn of this.querySelectorAll("[data-open]")) this.follow(turn);
    addEventListener("online", (this.online = () => this.trouble("")));
  }

  disconnectedCallback() {
    removeEventListener("online", this.online);
    for (const manager of this.following.values()) manager.disconnect();
  }

  async submitted(event) {
    const form = event.target;
    if (form.matches("[data-stop]")) {
      event.preventDefault();
      return this.halt(form);
    }
    if (!form.matches("[data-say]")) return;
    event.preventDefault();
    const file = form.querySelector("[type=file]")?.files[0];
    if (file) return (await this.bring(file)) && form.remove();
    const isComposer = form.matches("[data-composer]");
    const said = read(form, event.submitter);
    if (isComposer && !said.message.trim()) return this.input.focus();
    if (form.dataset.sending) return;
    // the same name when it is sent again, so that it is said once
    form.dataset.key ||= crypto.randomUUID();
    form.dataset.sending = "1";
    const isSaid = await this.say(said, form.dataset.key);
    delete form.dataset.sending;
    if (!isSaid) return;
    delete form.dataset.key;
    if (isComposer) this.input.clear();
    else form.remove();
    this.querySelector("[data-examples]")?.remove();
    this.input.focus();
  }

  takes(event) {
    return this.hasAttribute("imports") && event.dataTransfer.types.includes("Files");
  }

  dropped(event) {
    if (!this.takes(event)) return;
    event.preventDefault();
    this.bring(event.dataTransfer.files[0]);
  }

  // a file of products: it is uploaded and checked, and then there is something to say yes to
  async bring(file) {
    const form = new FormData();
    form.append("file", file);
    form.append("dry_run", "true");
    const { "X-CSRFToken": token } = this.headers();
    const imports = this.getAttribute("imports");
    let found;
    try {
      found = await told(fetch(imports, { method: "POST", headers: { "X-CSRFToken": token }, body: form }));
      while (AT_WORK.has(found.state)) {
        this.trouble(this.dataset.checking.replace("{percent}", found.progress));
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        found = await told(fetch(`${imports}/${found.id}`));
      }
    } catch (problem) {
      return this.trouble(problem.detail ?? this.dataset.failed);
    }
    if (found.failure) return this.trouble(found.failure);
    return this.say({ message: file.name, details: { import_id: found.id } }, crypto.randomUUID());
  }

  // whether it has arrived
  async say(said, key) {
    if (!navigator.onLine) return this.trouble(this.dataset.offline);
    let answer;
    try {
      answer = await fetch(this.getAttribute("messages"), {
        method: "POST",
        headers: { ...this.headers(), "Idempotency-Key": key },
        body: JSON.stringify({
          ...said,
          conversation_id: this.getAttribute("conversation"),
          client_type: this.getAttribute("client-type"),
          locale: document.documentElement.lang,
        }),
      });
    } catch {
      return this.trouble(navigator.onLine ? this.dataset.failed : this.dataset.offline);
    }
    const accepted = await answer.json().catch(() => ({}));
    if (!answer.ok) return this.trouble(accepted.detail ?? this.dataset.failed);
    this.trouble(accepted.notes.map((note) => note.detail).join(" "));
    this.goOn(accepted.conversation_id);
    await this.show(accepted.message_id);
    return true;
  }

  // a reload comes back to this conversation
  goOn(conversation) {
    this.setAttribute("conversation", conversation);
    const here = new URL(location.href);
    here.searchParams.delete("q");
    here.searchParams.set("c", conversation);
    history.replaceState(null, "", here);
    for (const field of this.querySelectorAll("[name=conversation_id]")) field.value = conversation;
  }

  // the turn as the page writes it now
  async show(messageId) {
    const address = this.getAttribute("turns").replace("MESSAGE", messageId);
    let text;
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(answer.status);
      text = await answer.text();
    } catch {
      setTimeout(() => this.isConnected && this.show(messageId), RETRY_MS);
      return;
    }
    const made = new DOMParser().parseFromString(text, "text/html").querySelector("[data-turn]");
    const old = document.getElementById(messageId);
    old ? old.replaceWith(made) : this.turns.append(made);
    // of what is higher than the window, its beginning
    const block = made.offsetHeight > innerHeight / 2 ? "start" : "end";
    made.scrollIntoView({ block, behavior: "instant" });
    if (made.hasAttribute("data-open")) this.follow(made);
  }

  follow(turn) {
    const id = turn.dataset.turn;
    if (this.following.has(id)) return;
    const steps = turn.querySelector("process-steps");
    const manager = new ProcessManager(id);
    this.following.set(id, manager);
    const draft = turn.querySelector("[data-draft]");
    manager.on("step", (event) => {
      const words = isDraft(event) ? event.data.description : "";
      if (!words) steps.take(event);
      draft.textContent = words;
      draft.hidden = !words;
    });
    manager.on("end", () => {
      this.following.delete(id);
      this.show(id);
    });
    manager.connect();
  }

  async halt(form) {
    const id = form.closest("[data-turn]").dataset.turn;
    form.querySelector("button").disabled = true;
    try {
      await fetch(`${this.getAttribute("messages")}/${id}/stop`, { method: "POST", headers: this.headers() });
    } catch {
      form.querySelector("button").disabled = false;
      this.trouble(this.dataset.failed);
    }
  }

  headers() {
    return {
      "Content-Type": "application/json",
      "X-CSRFToken": this.querySelector("[name=csrfmiddlewaretoken]").value,
    };
  }

  // says it, or nothing; always false
  trouble(text) {
    const note = this.querySelector("[data-trouble]");
    note.textContent = text;
    note.hidden = !text;
    return false;
  }
}

// what the API answers; its problem is thrown
const told = async (asked) => {
  const answer = await asked;
  const found = await answer.json();
  if (!answer.ok) throw found;
  return found;
};

// a form's fields as the API takes them: `details.address.line1` lies within `address`
const read = (form, button) => {
  const said = { message: "" };
  const given = new FormData(form, button?.form === form ? button : undefined);
  for (const [name, value] of given) {
    if (name === "message" || name === "confirm") said[name] = value;
    else if (name === "agree") said.agree = value === "yes";
    else if (name.startsWith("details.") && value) put((said.details ??= {}), name.split(".").slice(1), value);
  }
  return said;
};

const put = (place, [first, ...rest], value) => {
  if (rest.length) put((place[first] ??= {}), rest, value);
  else place[first] = value;
};

customElements.define("ai-chat-panel", AIChatPanel);
