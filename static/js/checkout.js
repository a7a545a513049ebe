// Another way of delivery, tip or country has another sum: it is asked for and put in its place,
// before anything is paid. Without this script a button shows it.

const form = document.querySelector("[data-sums]");
const PARTS = "[data-sum], [data-pay], [data-told], [name=expected_total]";
const CHANGES = new Set(["delivery", "tip", "country", "postal_code"]);
let asking;

async function show(changed) {
  const body = new FormData(form);
  body.set("show", "1");
  asking?.abort();
  asking = new AbortController();
  try {
    const answer = await fetch(location.href, { method: "POST", body, signal: asking.signal });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    swap(page, PARTS);
    // the ways themselves, unless somebody is about to choose among them
    if (!changed.closest("[data-ways]")) swap(page, "[data-ways]");
  } catch {
    // paying says that the sum is another one
  }
}

function swap(page, parts) {
  const [old, fresh] = [document, page].map((each) => [...each.querySelectorAll(parts)]);
  if (old.length !== fresh.length) return;
  old.forEach((part, index) => renew(part, fresh[index]));
}

// The element stays: whoever has come to it meanwhile, or presses it just now, does so still.
function renew(part, fresh) {
  const here = part.contains(document.activeElement) ? document.activeElement : part;
  for (const { name, value } of fresh.attributes) part.setAttribute(name, value);
  part.hidden = fresh.hidden;
  part.replaceChildren(...document.importNode(fresh, true).childNodes);
  if (here !== part) {
    const { name, value } = here;
    [...part.querySelectorAll("input")].find((it) => it.name === name && it.value === value)?.focus();
  }
}

form?.addEventListener("change", ({ target }) => CHANGES.has(target.name) && show(target));
// what is on its way says nothing any more
form?.addEventListener("submit", () => asking?.abort());
