// Counts of one row against the range in which they usually lie. Drawn in a fixed box that CSS stretches; all state of
// a chart is in its few paths, which are rewritten in place.

import { el, svg, say } from "./dom.js";
import { number, time } from "./words.js";

const W = 600;
const H = 100;

/** A number of one, two or five times ten to something that holds `top`, so that the scale rests. */
function ceiling(top) {
  const size = 10 ** Math.floor(Math.log10(Math.max(top, 1)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * size).find((step) => step >= top) ?? top;
}

export class Chart {
  /** `axes`: with times, a scale and a reading under the pointer; without, it is a thumbnail. */
  constructor({ axes }) {
    this.axes = axes;
    this.unknown = svg("g", { class: "unknown" });
    this.marks = svg("g", { class: "marks" });
    this.band = svg("path", { class: "band" });
    this.expected = svg("path", { class: "expected" });
    this.observed = svg("path", { class: "observed" });
    this.outside = svg("path", { class: "outside" });
    this.picture = svg(
      "svg",
      { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img", class: "plot" },
      this.marks, this.unknown, this.band, this.expected, this.observed, this.outside,
    );
    this.node = el("div", { class: axes ? "chart axes" : "chart" }, this.picture);
    if (axes) this.#addAxes();
  }

  #addAxes() {
    this.top = el("span", { class: "scale", "aria-hidden": "true" });
    this.times = ["", "", ""].map(() => el("span"));
    this.pointer = el("span", { class: "pointer", hidden: true });
    this.reading = el("span", { class: "reading", hidden: true });
    this.node.append(this.top, this.pointer, this.reading, el("div", { class: "times", "aria-hidden": "true" }, ...this.times));
    this.picture.addEventListener("pointermove", (event) => this.#read(event));
    this.picture.addEventListener("pointerleave", () => { this.pointer.hidden = this.reading.hidden = true; });
  }

  /** What it shows, for whoever cannot see it; also before it is drawn. */
  name(text) {
    if (this.picture.getAttribute("aria-label") !== text) this.picture.setAttribute("aria-label", text);
  }

  /** `points` as in the snapshot, sorted; `end` and `seconds` span the picture; `step` is a point's length. */
  draw({ points, marks, end, seconds, step }) {
    const from = end - seconds;
    const shown = points.filter((p) => p[0] > from && p[0] <= end + step);
    const top = ceiling(shown.reduce((most, p) => Math.max(most, p[1] ?? 0, p[4]), 1) * 1.04);
    const x = (at) => Math.round(((at - from) / seconds) * W * 10) / 10;
    const y = (value) => Math.round((H - (value / top) * H) * 10) / 10;
    this.last = { shown, from, seconds };
    const runs = split(shown, step, (p) => true);
    this.band.setAttribute("d", runs.map((run) => area(run, x, y)).join(""));
    this.expected.setAttribute("d", runs.map((run) => line(run, x, (p) => y(p[2]))).join(""));
    this.observed.setAttribute("d", split(shown, step, (p) => p[1] !== null).map((run) => line(run, x, (p) => y(p[1]))).join(""));
    this.outside.setAttribute("d", split(shown, step, out).map((run) => line(run, x, (p) => y(p[1]))).join(""));
    this.#regions(marks, shown, x, from, end, step);
    if (!this.axes) return;
    say(this.top, number(top));
    [from, from + seconds / 2, end].forEach((at, n) => say(this.times[n], time(at * 1000)));
  }

  #regions(marks, shown, x, from, end, step) {
    const stretches = marks
      .map((mark) => [Math.max(Date.parse(mark.start) / 1000, from), mark.end ? Date.parse(mark.end) / 1000 : end])
      .filter(([start, stop]) => stop > from && stop > start);
    put(this.marks, stretches.map(([start, stop]) => [x(start), x(stop)]));
    put(this.unknown, split(shown, step, (p) => p[1] === null).map((run) => [x(run[0][0] - step), x(run.at(-1)[0])]));
  }

  #read(event) {
    const box = this.picture.getBoundingClientRect();
    const { shown, from, seconds } = this.last ?? {};
    if (!shown?.length || !box.width) return;
    const at = from + ((event.clientX - box.left) / box.width) * seconds;
    const near = shown.reduce((best, p) => (Math.abs(p[0] - at) < Math.abs(best[0] - at) ? p : best));
    const seen = near[1] === null ? "unknown" : `${number(near[1])} came`;
    this.pointer.hidden = this.reading.hidden = false;
    this.pointer.style.left = `${((near[0] - from) / seconds) * 100}%`;
    say(this.reading, `${time(near[0] * 1000)}: ${seen}, ${number(near[2])} expected (${number(near[3])} to ${number(near[4])})`);
  }
}

const out = (p) => p[1] !== null && (p[1] > p[4] || p[1] < p[3]);

/** The runs of neighbouring points for which `keep` holds; a gap in time ends a run. */
function split(points, step, keep) {
  const runs = [];
  let run = [];
  for (const point of points) {
    if (run.length && (!keep(point) || point[0] - run.at(-1)[0] > step * 1.5)) {
      runs.push(run);
      run = [];
    }
    if (keep(point)) run.push(point);
  }
  if (run.length) runs.push(run);
  return runs;
}

function line(run, x, y) {
  if (run.length === 1) return `M${x(run[0][0])} ${y(run[0])}h.1`;
  return run.map((p, n) => `${n ? "L" : "M"}${x(p[0])} ${y(p)}`).join("");
}

function area(run, x, y) {
  const there = run.map((p, n) => `${n ? "L" : "M"}${x(p[0])} ${y(p[4])}`).join("");
  const back = run.toReversed().map((p) => `L${x(p[0])} ${y(p[3])}`).join("");
  return `${there}${back}Z`;
}

/** Makes the group's rectangles those of `stretches`, reusing what is there. */
function put(group, stretches) {
  while (group.childElementCount > stretches.length) group.lastElementChild.remove();
  stretches.forEach(([start, stop], n) => {
    const rect = group.children[n] ?? group.appendChild(svg("rect", { y: 0, height: H }));
    rect.setAttribute("x", start);
    rect.setAttribute("width", Math.max(1, Math.round((stop - start) * 10) / 10));
  });
}
