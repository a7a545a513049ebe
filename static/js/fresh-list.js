// A page of the admin that stays fresh: it is fetched anew, and what has changed is put in its
// place. On each event of the topic that the script's `data-follows` names; without one, every
// `data-every` seconds. It leaves alone what somebody is busy with.

import { Stream } from "./live-stream.js";

const { follows, every } = document.querySelector("script[data-fresh]").dataset;
const PARTS = "#result_list, [data-fresh-part]";
// what comes together is fetched once
const GATHERING = 300;
const WHILE_AWAY = 10_000;

function isBusy() {
  const list = document.querySelector("#result_list");
  return document.hidden || list?.querySelector(":checked") || list?.contains(document.activeElement);
}

async function refresh() {
  if (isBusy()) return soon(GATHERING * 10);
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok && !answer.redirected) show(await answer.text());
  } catch {
    // the next one asks again
  }
  if (every) soon(every * 1000);
}

// a list that was empty has other parts than one that is not
function show(text) {
  // meanwhile somebody may have come to it
  if (isBusy()) return soon(GATHERING * 10);
  const page = new DOMParser().parseFromString(text, "text/html");
  const [old, fresh] = [document, page].map((each) => [...each.querySelectorAll(PARTS)]);
  if (old.length !== fresh.length) return location.reload();
  old.forEach((part, index) => part.replaceWith(document.importNode(fresh[index], true)));
}

function soon(pause) {
  clearTimeout(soon.waiting);
  soon.waiting = setTimeout(refresh, pause);
}

if (document.querySelector("#changelist, [data-fresh-part]")) {
  if (follows) {
    const address = `/api/v1/events?topics=${encodeURIComponent(follows)}`;
    const stream = new Stream(
      () => address,
      ({ message, state }) => {
        if (message?.topic === follows) soon(GATHERING);
        if (state === "poll") soon(WHILE_AWAY);
      },
    );
    stream.open();
  } else {
    soon(every * 1000);
  }
}
