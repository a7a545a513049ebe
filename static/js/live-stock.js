// What is left of a work, and what it costs, while its page is open: asked for every few seconds,
// which costs nothing while nothing has changed (the browser keeps the ETag).

const EVERY = 15_000;

class Stock {
  constructor(form) {
    this.form = form;
    this.said = form.querySelector("[data-stock-said]");
    this.wasInStock = form.dataset.inStock === "1";
    document.addEventListener("visibilitychange", () => this.look());
    addEventListener("pageshow", () => this.look());
    setInterval(() => this.look(), EVERY);
  }

  async look() {
    if (document.hidden || !navigator.onLine) return;
    try {
      const answer = await fetch(this.form.dataset.stock, { headers: { Accept: "application/json" } });
      if (answer.ok) this.show(await answer.json());
    } catch {
      // the shop says it when it is put into the basket
    }
  }

  show(product) {
    // another form is due: all of it is on the page anew
    if (product.in_stock !== this.wasInStock) return location.reload();
    for (const variant of product.variants) this.showOne(variant);
    if (product.variants.length === 1) this.say(product.available);
  }

  showOne({ sku, available, in_stock: isThere }) {
    const input = this.form.querySelector(`[type=radio][value="${CSS.escape(sku)}"]`);
    if (!input) return;
    const left = input.closest("label").querySelector("[data-left]");
    const text = isThere ? this.left(available) : this.form.dataset.out;
    if (left.textContent !== text) left.textContent = text;
    left.hidden = !text;
    left.classList.toggle("low", isThere);
    if (input.checked && !isThere) this.said.textContent = this.form.dataset.gone;
    input.disabled = !isThere && !input.checked;
  }

  // in the words that the page had for it; of many, or of what is not counted, nothing is said
  left(available) {
    return this.form.dataset.few.split("|")[available - 1] ?? "";
  }

  say(available) {
    const text = this.left(available);
    if (this.said.textContent !== text) this.said.textContent = text;
  }
}

const form = document.querySelector("[data-stock]");
if (form) new Stock(form);
