// A quantity in the basket that was changed is sent as soon as it has settled; without this script
// there is a button. Whoever goes on before that takes it along.

const SETTLES = 400;
const HERE = "museo-here";
const settling = new Map();

document.addEventListener("change", ({ target }) => {
  const { form } = target;
  if (!form?.matches("[data-at-once]") || target.type !== "number") return;
  clearTimeout(settling.get(form));
  const comeAgain = () => open(form.dataset.atOnce);
  settling.set(form, setTimeout(() => settle().then(comeAgain), SETTLES));
});

// one after the other; what is said of them, the page that comes next says
async function settle() {
  const forms = [...settling.keys()];
  settling.forEach(clearTimeout);
  for (const form of forms) {
    const sent = { method: "POST", body: new FormData(form), redirect: "manual" };
    // without a network the page that comes next says so
    await fetch(form.action, sent).catch(() => {});
  }
  settling.clear();
}

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
  if (!link || !settling.size || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  settle().then(() => location.assign(link.href));
});

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  // it takes its own quantity along
  clearTimeout(settling.get(form));
  settling.delete(form);
  if (!settling.size) return;
  event.preventDefault();
  settle().then(() => form.requestSubmit(submitter));
});
