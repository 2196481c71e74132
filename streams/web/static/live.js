// The connection: a snapshot first, then server-sent events; says when it was last heard of.

const SILENT_AFTER = 25_000; // two of the server's pulses missed
const AGAIN_AFTER = 5_000;

export class Live {
  /** `on.state(state, whole)` for a snapshot or a patch; `on.lost(since)` with null once it is back. */
  constructor(on) {
    this.on = on;
    this.offset = 0;
    this.heardAt = Date.now();
    this.tenant = null;
    setInterval(() => this.#watch(), 1_000);
  }

  /** The server's wall clock, whatever this machine's says. */
  now() {
    return Date.now() + this.offset;
  }

  async open(tenant) {
    this.tenant = tenant;
    this.source?.close();
    const turn = (this.turn = Symbol());
    const query = tenant === null ? "" : `?tenant=${encodeURIComponent(tenant)}`;
    try {
      const reply = await fetch(`api/state${query}`, { cache: "no-cache" });
      if (!reply.ok) throw new Error(`HTTP ${reply.status}`);
      const state = await reply.json();
      if (turn !== this.turn) return;
      this.#hear(state.now);
      this.on.state(state, true);
      this.#listen(turn, query, state.seq);
    } catch {
      if (turn === this.turn) this.again = setTimeout(() => this.open(this.tenant), AGAIN_AFTER);
    }
  }

  #listen(turn, query, after) {
    const source = (this.source = new EventSource(`api/events${query}${query ? "&" : "?"}after=${after}`));
    const take = (whole) => (event) => {
      if (turn !== this.turn) return;
      const state = JSON.parse(event.data);
      this.#hear(state.now);
      this.on.state(state, whole);
    };
    source.addEventListener("snapshot", take(true));
    source.addEventListener("patch", take(false));
    source.addEventListener("pulse", (event) => this.#hear(JSON.parse(event.data).now));
    source.addEventListener("error", () => {
      // a browser tries again by itself unless the server answered with an error
      if (source.readyState === EventSource.CLOSED && turn === this.turn) {
        clearTimeout(this.again);
        this.again = setTimeout(() => this.open(this.tenant), AGAIN_AFTER);
      }
    });
  }

  #hear(now) {
    this.offset = Date.parse(now) - Date.now();
    this.heardAt = Date.now();
    if (this.silent) this.on.lost((this.silent = null));
  }

  #watch() {
    if (!this.silent && Date.now() - this.heardAt > SILENT_AFTER) this.on.lost((this.silent = this.heardAt + this.offset));
  }
}
