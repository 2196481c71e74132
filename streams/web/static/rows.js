// Channels and queues: each a card with its chart. Only cards near the screen are drawn; the others wait until they come.

import { Chart } from "./chart.js";
import { el, keep, say } from "./dom.js";
import { GLYPH, capital, many, number, place, span, time } from "./words.js";

const pictures = new WeakMap();
const waiting = new Set();

/** What is out of sight is drawn when there is time for it: soon enough for a print or a jump, late enough for the rest. */
function drawIdly(deadline) {
  for (const card of waiting) {
    if (deadline.timeRemaining() < 4) break;
    card.drawChart();
  }
  if (waiting.size) whenIdle(drawIdly);
}
const whenIdle = window.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 8 }), 200));

const near = new IntersectionObserver((seen) => {
  for (const entry of seen) {
    const card = pictures.get(entry.target);
    card.near = entry.isIntersecting;
    if (card.near && waiting.has(card)) card.drawChart();
  }
}, { rootMargin: "300px" });

export class RowCard {
  constructor({ wide, open }) {
    this.near = false;
    this.chart = new Chart({ axes: wide });
    this.title = el("button", { type: "button", class: "name", onclick: () => open(this.row) });
    this.glyph = el("span", { class: "glyph", "aria-hidden": "true" });
    this.status = el("span", { class: "status-text" });
    this.count = el("span", { class: "count-now" });
    this.usual = el("span", { class: "count-usual" });
    this.lines = el("p", { class: "lines" });
    this.node = el("article", { class: wide ? "row wide" : "row" },
      el("header", {}, el("h3", {}, this.title), el("p", { class: "status" }, this.glyph, this.status)),
      el("p", { class: "counts" }, this.count, this.usual),
      this.chart.node, this.lines);
    pictures.set(this.node, this);
    near.observe(this.node);
  }

  set(row, context) {
    this.row = row;
    this.context = context;
    this.write();
    if (this.near) return this.drawChart();
    if (!waiting.size) whenIdle(drawIdly);
    waiting.add(this);
  }

  write() {
    const { row } = this;
    this.node.dataset.status = row.status;
    const name = place(row.at);
    say(this.title, name);
    this.title.setAttribute("aria-label", `${name}: ${row.because}. Open its numbers`);
    say(this.glyph, GLYPH[row.status] ?? "◆");
    this.glyph.className = `glyph s-${row.status}`;
    say(this.status, row.since && row.status !== "usual" ? `${row.because} since ${time(row.since)}` : row.because);
    const last = row.points.at(-1);
    const each = row.seconds === 60 ? "/ min" : `/ ${span(row.seconds)}`;
    say(this.count, last ? (last[1] === null ? "–" : number(last[1])) : "–");
    say(this.usual, last ? ` ${each}, usual ${number(last[3])} to ${number(last[4])}` : " nothing counted yet");
    say(this.lines, facts(row).join(" · "));
    this.chart.name(label(row));
  }

  drawChart() {
    waiting.delete(this);
    const { row, context } = this;
    this.chart.draw({ points: row.points, marks: context.marks(row), step: row.seconds, ...context.window() });
  }
}

/** What a row says in numbers beside its chart. */
function facts(row) {
  const parts = [];
  if (row.backlog !== null) parts.push(`${number(row.backlog)} in the queue${row.backlog_since ? " (estimate)" : ""}`);
  if (row.wait_seconds_mean !== null) parts.push(`wait ${span(row.wait_seconds_mean)}`);
  if (row.agents) parts.push(`${number(row.agents.staffed)} agents, ${number(row.agents.idle)} idle`);
  if (row.abandoned) parts.push(`${number(row.abandoned)} gave up`);
  if (row.escalated) parts.push(`${number(row.escalated)} escalated`);
  return parts;
}

function label(row) {
  const last = row.points.at(-1);
  if (!last) return `${place(row.at)}: nothing counted yet`;
  const seen = last[1] === null ? "unknown" : number(last[1]);
  return `${place(row.at)}, ${row.because}. Last minute: ${seen}; usual ${number(last[3])} to ${number(last[4])}.`;
}

const WEIGHT = ["silence", "telemetry-lost", "surge", "drop", "backlog-growth", "escalation-wave", "abandonment-wave", "sentiment-wave", "mix-shift", "metric-shift", "above", "below", "unknown", "usual"];
const byName = (a, b) => place(a.at).localeCompare(place(b.at));

/** The unusual first; among themselves, and all the others, by name: an eye that knows the page finds its place. */
export function inOrder(rows) {
  const group = (row) => (row.status === "usual" || row.status === "unknown" ? 1 : 0);
  return rows.toSorted((a, b) => group(a) - group(b) || (group(a) ? 0 : WEIGHT.indexOf(a.status) - WEIGHT.indexOf(b.status)) || byName(a, b));
}

const MANY = 40; // from here on the browser leaves out what is off the screen

export class RowGrid {
  constructor(node, options) {
    this.node = node;
    this.options = options;
    this.cards = new Map();
  }

  /** Shows `rows` in their order; hands a row to its card only when `changed` holds it (or everything must be redrawn). */
  show(rows, changed, context) {
    const byKey = new Map(rows.map((row) => [row.key, row]));
    this.node.classList.toggle("many", rows.length > MANY);
    keep(this.node, [...byKey.keys()], (key) => {
      const card = new RowCard(this.options);
      this.cards.set(key, card);
      card.set(byKey.get(key), context);
      return card.node;
    });
    for (const [key, card] of this.cards) {
      const row = byKey.get(key);
      if (row === undefined) {
        near.unobserve(card.node);
        waiting.delete(card);
        this.cards.delete(key);
      } else if (changed === null || changed.has(key) || card.row !== row) card.set(row, context);
    }
  }
}

/** A row at full size with its last minutes as a table: for a close look, and for whoever cannot see the chart. */
export function detail(row, context) {
  const chart = new Chart({ axes: true });
  chart.draw({ points: row.points, marks: context.marks(row), step: row.seconds, ...context.window() });
  chart.name(label(row));
  const lines = row.points.slice(-30).reverse().map((p) => el("tr", { class: p[1] !== null && (p[1] > p[4] || p[1] < p[3]) ? "unusual" : null },
    el("th", { scope: "row", text: time(p[0] * 1000) }),
    el("td", { class: "num", text: p[1] === null ? "unknown" : number(p[1]) }),
    el("td", { class: "num", text: number(p[2]) }),
    el("td", { class: "num", text: `${number(p[3])} to ${number(p[4])}` })));
  return [
    el("p", { class: "lead", text: `${capital(row.because)}${row.since ? ` since ${time(row.since)}` : ""}. ${capital(facts(row).join(" · "))}` }),
    chart.node,
    row.marks.length > 0 && el("ul", { class: "list signals" }, ...row.marks.slice(-8).reverse().map((mark) =>
      el("li", {}, el("span", { class: "more", text: `${time(mark.start)} to ${mark.end ? time(mark.end) : "now"} ` }), mark.text))),
    el("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Last 30 minutes" },
      el("table", {}, el("caption", { text: `The last ${many(lines.length, "minute")}` }),
        el("thead", {}, el("tr", {}, ...["Time", "Came", "Expected", "Usual"].map((text) => el("th", { scope: "col", text })))),
        el("tbody", {}, ...lines))),
  ].filter(Boolean);
}
