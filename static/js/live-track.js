// Stands in for a stream that stays away: asks how the order stands, as often as the answer says.

const PAUSE = 2000;
// the page was opened by somebody who may no longer see it
const REFUSED = new Set([401, 403, 404, 410]);

export class Track {
  // `tell(snapshot)` hears every answer, `refused()` that there will be none
  constructor(address, tell, refused) {
    this.address = address;
    this.tell = tell;
    this.refused = refused;
  }

  start() {
    if (this.isPolling) return;
    this.isPolling = true;
    this.poll();
  }

  stop() {
    this.isPolling = false;
    clearTimeout(this.waiting);
  }

  async poll() {
    const snapshot = document.hidden ? null : await this.ask();
    if (!this.isPolling) return;
    if (snapshot) this.tell(snapshot);
    const pause = snapshot?.next_poll_ms ?? PAUSE;
    if (this.isPolling) this.waiting = setTimeout(() => this.poll(), pause);
  }

  // null while the server cannot be reached; the browser keeps the ETag
  async ask() {
    try {
      const answer = await fetch(this.address, { headers: { Accept: "application/json" } });
      if (REFUSED.has(answer.status)) this.refused();
      return answer.ok ? await answer.json() : null;
    } catch {
      return null;
    }
  }
}
