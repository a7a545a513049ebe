// What every page has: the switch of colours, the stepper of quantities, the price of a choice.
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

const showPrice = (choice) => {
  choice.form.querySelector("[data-price-shown]").textContent = choice.dataset.price;
  const before = choice.form.querySelector("[data-before-shown]");
  before.textContent = choice.dataset.before;
  before.hidden = !choice.dataset.before;
};

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-price]")) showPrice(event.target);
});

// a browser that comes back to the page keeps the choice, not the price
addEventListener("pageshow", () => {
  for (const choice of document.querySelectorAll("[data-price]:checked")) showPrice(choice);
});

// what was marked for it gets the focus when the page opens: a summary of errors
document.querySelector("[data-focus]")?.focus();
