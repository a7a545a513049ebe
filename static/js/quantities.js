// A quantity in the basket that was changed is sent as soon as it has settled; without this script
// there is a button. Whoever goes on before that takes it along.

const SETTLES = 400;
const HERE = "museo-here";
const settling = new Map();
let sending, next;

document.addEventListener("change", ({ target }) => {
  const { form } = target;
  if (!form?.matches("[data-at-once]") || target.type !== "number") return;
  clearTimeout(settling.get(form));
  const comeAgain = () => open(form.dataset.atOnce);
  settling.set(form, setTimeout(() => goOn(next ?? comeAgain), SETTLES));
});

// where whoever was the last to say so wants to, once all quantities are sent
function goOn(where) {
  next = where;
  sending ??= settle().then(() => {
    sending = null;
    next();
  });
}

// one after the other; what is said of them, the page that comes next says
async function settle() {
  for (const [form, timer] of settling) {
    clearTimeout(timer);
    settling.delete(form);
    const sent = { method: "POST", body: new FormData(form), redirect: "manual" };
    // without a network the page that comes next says so
    await fetch(form.action, sent).catch(() => {});
  }
}

const isSettled = () => !settling.size && !sending;

// whoever steps by keys stays on the step
function open(basket) {
  const { activeElement: here } = document;
  const form = here.closest("[data-at-once]");
  if (form) {
    const part = here.dataset.by ? `[data-by="${here.dataset.by}"]` : `[name="${here.name}"]`;
    sessionStorage.setItem(HERE, `form[action="${form.getAttribute("action")}"] ${part}`);
  }
  location.assign(basket);
}

const here = sessionStorage.getItem(HERE);
sessionStorage.removeItem(HERE);
// unless the page has something to say
if (here && !document.querySelector("[data-focus]"))
  document.querySelector(here)?.focus({ preventScroll: true });

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || isSettled() || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goOn(() => location.assign(link.href));
});

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  // it takes its own quantity along
  clearTimeout(settling.get(form));
  settling.delete(form);
  if (isSettled()) return;
  event.preventDefault();
  goOn(() => form.requestSubmit(submitter));
});
