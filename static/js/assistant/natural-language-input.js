// <natural-language-input>: a field for a sentence. What stands in it outlives a reload and a
// connection that is away, until it has arrived.

const KEPT = "museo-draft";

export class NaturalLanguageInput extends HTMLElement {
  connectedCallback() {
    this.field = this.querySelector("input, textarea");
    if (!this.field.value) this.field.value = read();
    this.field.addEventListener("input", () => this.keep());
  }

  get value() {
    return this.field.value;
  }

  set value(text) {
    this.field.value = text;
    this.keep();
  }

  clear() {
    this.value = "";
  }

  focus() {
    this.field.focus();
  }

  keep() {
    try {
      sessionStorage.setItem(KEPT, this.field.value);
    } catch {
      // it stays in the field only
    }
  }
}

const read = () => {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
};

customElements.define("natural-language-input", NaturalLanguageInput);
