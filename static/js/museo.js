// What every page has: the switch of colours, and the stepper of quantities.
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

// what was marked for it gets the focus when the page opens: a summary of errors
document.querySelector("[data-focus]")?.focus();
