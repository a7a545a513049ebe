// A poll and a chat by broadcasts: each vote and message is one event that every page counts.
// Who comes later asks for what was said before: it is all in the log.

import { connect } from "./museo-events.js";

const POLL = "next-exhibition";
const CHOICES = ["Lamps", "Vases", "Prints"];
const votes = new Map(CHOICES.map((choice) => [choice, 0]));
const find = (id) => document.getElementById(id);

const send = (message, data) =>
  fetch("/mcp", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: crypto.randomUUID(),
      method: "tools/call",
      params: { name: "send_notification", arguments: { message, type: "info", data } },
    }),
  });

const hear = ({ data: { message, data } }) => {
  if (data?.poll === POLL && votes.has(data.choice)) {
    votes.set(data.choice, votes.get(data.choice) + 1);
    find(data.choice).textContent = `${data.choice}: ${votes.get(data.choice)}`;
  } else if (data?.poll === POLL) {
    const row = document.createElement("li");
    row.textContent = message;
    find("said").append(row);
  }
};

for (const choice of CHOICES) {
  const button = document.createElement("button");
  button.id = choice;
  button.textContent = `${choice}: 0`;
  button.onclick = () => send(`A vote for ${choice}`, { poll: POLL, choice });
  find("choices").append(button);
}

find("chat").onsubmit = (event) => {
  event.preventDefault();
  send(new FormData(event.target).get("words"), { poll: POLL });
  event.target.reset();
};

connect(
  { topics: ["broadcast.all"], after: "0" },
  { onEvent: hear, onState: (state) => (find("state").textContent = state) },
);
