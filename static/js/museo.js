// What every page has: the switch of colours, the stepper of quantities, the price of choices.
const root = document.documentElement;

const isDark = () =>
  root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  const label = () =>
    button.setAttribute("aria-label", isDark() ? button.dataset.toLight : button.dataset.toDark);
  button.hidden = false;
  label();
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("museo-theme", root.dataset.theme);
    } catch {
      // chosen for this page only
    }
    label();
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest(".qty [data-by]");
  if (!button) return;
  const input = button.parentNode.querySelector("input");
  const wanted = Number(input.value) + Number(button.dataset.by);
  input.value = Math.max(Number(input.min), Math.min(Number(input.max), wanted));
  input.dispatchEvent(new Event("change", { bubbles: true }));
});

const written = (amount, currency) => {
  const format = new Intl.NumberFormat(root.lang, {
    style: "currency",
    currency,
    numberingSystem: "latn",
  });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
};

// of the chosen variant, or the only one, with all that is chosen on top
const showPrice = (form) => {
  const [shown, before] = form.querySelectorAll("[data-price-shown], [data-before-shown]");
  const variant = form.querySelector("[data-price]:checked") ?? shown;
  const more = [...form.querySelectorAll("[data-more]:checked")]
    .map((choice) => Number(choice.dataset.more))
    .reduce((sum, amount) => sum + amount, 0);
  const say = (amount) => written(Number(amount) + more, shown.dataset.currency);
  shown.textContent = say(variant.dataset.price);
  before.hidden = !variant.dataset.before;
  before.textContent = before.hidden ? "" : say(variant.dataset.before);
};

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-price], [data-more]")) showPrice(event.target.form);
});

// a browser that comes back to the page keeps the choices, not the price
addEventListener("pageshow", () => {
  const choices = document.querySelectorAll("[data-price]:checked, [data-more]:checked");
  for (const form of new Set([...choices].map((choice) => choice.form))) showPrice(form);
});

// what was marked for it gets the focus when the page opens: what was done, or a summary of errors
document.querySelector("[data-focus]")?.focus();

// a link to pass on: by what the device shares with, else by copying it
for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (navigator.share && matchMedia("(pointer: coarse)").matches) {
      // whoever closes the list has changed their mind
      return navigator.share({ url: field.value }).catch(() => {});
    }
    field.select();
    await navigator.clipboard?.writeText(field.value);
    button.textContent = button.dataset.done;
  });
}

// where one is, in a line of tabs that is too long for a phone
const tab = document.querySelector(".nav [aria-current]");
if (tab && tab.parentNode.scrollWidth > tab.parentNode.clientWidth) {
  tab.scrollIntoView({ block: "nearest", inline: "center", behavior: "instant" });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// a form that buys is sent once, and says that it is on its way
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-forget]")) globalThis.caches?.delete("museo-orders");
  if (!form.matches("[data-once]")) return;
  const button = event.submitter;
  if (form.dataset.sent) return event.preventDefault();
  if (!button?.dataset.busy) return;
  form.dataset.sent = "1";
  // who comes back to a form that was refused before opens the page, and sends nothing again
  history.replaceState(history.state, "", location.href);
  button.setAttribute("aria-disabled", "true");
  button.textContent = button.dataset.busy;
});
addEventListener("pageshow", ({ persisted }) => {
  // somebody came back to a form that was sent: the shop knows how it stands
  if (persisted && document.querySelector("[data-sent]")) location.replace(location.href);
});
