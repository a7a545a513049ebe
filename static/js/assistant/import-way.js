// <import-way>: how far an import of products is, kept true while it is looked at: each event of it
// says that there is something to ask for.

export const AT_WORK = new Set(["checking", "running", "undoing"]);

export class ImportWay extends HTMLElement {
  connectedCallback() {
    this.address = `/api/v1/admin/imports/${this.getAttribute("import")}`;
    this.look();
    const topic = encodeURIComponent(this.getAttribute("topic"));
    this.source = new EventSource(`/api/v1/events?topics=${topic}`);
    this.source.onmessage = () => this.look();
  }

  disconnectedCallback() {
    this.source.close();
  }

  async look() {
    let found;
    try {
      const answer = await fetch(this.address);
      if (!answer.ok) return this.source?.close();
      found = await answer.json();
    } catch {
      return; // the next event asks again
    }
    this.show(found);
    if (!AT_WORK.has(found.state)) this.source?.close();
  }

  show(found) {
    this.dataset.state = found.state;
    this.querySelector("progress").value = found.progress;
    this.querySelector("[role=progressbar]").setAttribute("aria-valuenow", found.progress);
    for (const place of this.querySelectorAll("[data-count]"))
      place.textContent = found[place.dataset.count];
  }
}

customElements.define("import-way", ImportWay);
