// The search box says what the words so far may become: a combobox with a list, after the ARIA
// Authoring Practices. Without this script it is the plain form that it stays.

const PAUSE = 150;
const SHORTEST = 2;

class Suggest {
  constructor(input) {
    this.input = input;
    this.list = document.getElementById(input.getAttribute("aria-controls"));
    this.said = document.getElementById(input.dataset.said);
    this.at = -1;
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      autocomplete: "off",
    }))
      input.setAttribute(name, value);
    input.addEventListener("input", () => this.soon());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => this.close());
    // the box keeps the focus: a press on an option is no blur
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", ({ target }) => {
      const option = target.closest("[role=option]");
      if (option) location.assign(option.dataset.href);
    });
  }

  get options() {
    return [...this.list.children];
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.ask(), PAUSE);
  }

  async ask() {
    const words = this.input.value.trim();
    this.asking?.abort();
    if (words.length < SHORTEST) return this.close();
    this.asking = new AbortController();
    try {
      const address = `${this.input.dataset.suggest}?${new URLSearchParams({ q: words })}`;
      const answer = await fetch(address, { signal: this.asking.signal });
      if (answer.ok) this.show((await answer.json()).suggestions);
    } catch {
      // the words as they stand can be searched for all the same
    }
  }

  show(found) {
    if (document.activeElement !== this.input) return;
    this.at = -1;
    this.list.replaceChildren(...found.map((each, index) => this.option(each, index)));
    this.list.hidden = !found.length;
    this.input.setAttribute("aria-expanded", String(found.length > 0));
    this.input.removeAttribute("aria-activedescendant");
    this.said.textContent = this.input.dataset.found.replace("{n}", found.length);
  }

  option({ kind, text, slug }, index) {
    const option = document.createElement("li");
    const { product, category, words } = this.input.dataset;
    const name = document.createElement("span");
    const what = document.createElement("small");
    name.textContent = text;
    name.dir = "auto";
    what.textContent = { product, category, words }[kind];
    Object.assign(option, { id: `suggestion-${index}`, role: "option" });
    option.setAttribute("aria-selected", "false");
    option.dataset.href = {
      product: `/p/${encodeURIComponent(slug)}`,
      category: `/?${new URLSearchParams({ category: slug })}`,
      words: `/?${new URLSearchParams({ q: text })}`,
    }[kind];
    option.append(name, what);
    return option;
  }

  key(event) {
    const { options } = this;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.close();
    } else if (event.key === "Enter" && this.at >= 0) {
      event.preventDefault();
      location.assign(options[this.at].dataset.href);
    } else if (steps[event.key] && !this.list.hidden) {
      event.preventDefault();
      // beyond either end is the box itself
      const places = options.length + 1;
      this.mark(((this.at + 1 + steps[event.key] + places) % places) - 1);
    }
  }

  mark(at) {
    this.at = at;
    this.options.forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    if (at < 0) return this.input.removeAttribute("aria-activedescendant");
    this.input.setAttribute("aria-activedescendant", `suggestion-${at}`);
    this.options[at].scrollIntoView({ block: "nearest" });
  }

  close() {
    clearTimeout(this.waiting);
    this.asking?.abort();
    this.at = -1;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.said.textContent = "";
  }
}

for (const input of document.querySelectorAll("[data-suggest]")) new Suggest(input);

// sorted anew as it is chosen
for (const select of document.querySelectorAll("[data-sort]"))
  select.addEventListener("change", () => select.form.requestSubmit());
