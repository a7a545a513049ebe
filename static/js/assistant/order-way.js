// <order-way>: the steps of an order, kept true while they are looked at: each event of the order's
// stream says that there is something to ask for.

const ENDED = new Set(["delivered", "cancelled", "failed", "refunded"]);

export class OrderWay extends HTMLElement {
  connectedCallback() {
    const ticket = this.getAttribute("ticket");
    const query = ticket ? `?ticket=${encodeURIComponent(ticket)}` : "";
    const order = `/api/v1/orders/${this.getAttribute("order")}`;
    this.address = `${order}/track${query}`;
    this.look();
    this.source = new EventSource(`${order}/events${query}`);
    this.source.onmessage = () => this.look();
  }

  disconnectedCallback() {
    this.source.close();
  }

  async look() {
    let order;
    try {
      const answer = await fetch(this.address);
      if (!answer.ok) return this.source?.close();
      order = await answer.json();
    } catch {
      return; // the next event asks again
    }
    this.show(order.steps);
    if (ENDED.has(order.status)) this.source.close();
  }

  show(steps) {
    const rows = steps.map(({ label, state }) => {
      const row = document.createElement("li");
      row.dataset.state = state;
      if (state === "current") row.setAttribute("aria-current", "step");
      row.textContent = label;
      return row;
    });
    this.querySelector("ol").replaceChildren(...rows);
  }
}

customElements.define("order-way", OrderWay);
