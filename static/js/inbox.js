// The badge of the inbox: how many messages are new. It hears of more by the one stream that all
// tabs share (live-tabs.js) and asks the server, which counts. A page of the inbox that somebody
// looks at says that it was read; without this script a button does.

import { SharedStream } from "./live-tabs.js";

const NEWS = "/api/v1/notifications?limit=1";
const ACK = "/api/v1/notifications/ack";
const MOST = 100;
// what comes together is asked for once
const GATHERING = 400;

class Badge {
  constructor(link) {
    this.link = link;
    this.topic = link.dataset.inbox;
    this.cursor = link.dataset.cursor;
    new SharedStream("/api/v1/events", this).join();
  }

  hear({ message, cursor }) {
    if (cursor) this.cursor = cursor;
    if (!message?.position || !message.topic) return;
    clearTimeout(this.asking);
    this.asking = setTimeout(() => this.ask(), GATHERING);
  }

  async ask() {
    try {
      const answer = await fetch(NEWS, { headers: { Accept: "application/json" } });
      if (answer.ok) this.show((await answer.json()).unread);
    } catch {
      // the next event asks again
    }
  }

  show(unread) {
    const { label, new: word } = this.link.dataset;
    const shown = unread < MOST ? String(unread) : `${MOST - 1}+`;
    const count = this.link.querySelector(".count");
    count.hidden = !unread;
    count.textContent = shown;
    this.link.setAttribute("aria-label", unread ? `${label}, ${shown} ${word}` : label);
  }
}

async function acknowledge(form, badge) {
  const { csrfmiddlewaretoken: token, position } = form.elements;
  try {
    await fetch(ACK, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token.value },
      body: JSON.stringify({ position: Number(position.value) }),
    });
  } catch {
    // it stays new; the button is there
  }
  // what was new is still marked on the page, until that is opened again
  badge.ask();
}

const link = document.querySelector("[data-inbox]");
const badge = link && new Badge(link);
const form = document.querySelector("[data-inbox-read]");
if (badge && form) {
  const read = () => document.hidden || (acknowledge(form, badge), stop());
  const stop = () => document.removeEventListener("visibilitychange", read);
  document.addEventListener("visibilitychange", read);
  read();
}
