// The page: keeps the state that the server sends, and redraws at most once a frame what has changed.

import { fillAlert, fillBulletin, fillCommand, fillTool, shortage, standing } from "./answers.js";
import { Chart } from "./chart.js";
import { begin, mayDecide, operator, propose } from "./decide.js";
import { byId, el, keep, say, show } from "./dom.js";
import { fillIncident, fillPast, incidentCard } from "./incident.js";
import { Live } from "./live.js";
import { RowGrid, detail, inOrder } from "./rows.js";
import { GLYPH, countdown, many, number, place, setZone, span, time, when } from "./words.js";

const SECTIONS = ["rows", "incidents", "alerts", "commands", "bulletins", "tools"];
const SPANS = [[1, "1 h"], [3, "3 h"], [6, "6 h"]];
const POINTS_MAX = 720;
const MODES = {
  auto: "auto: load shifts are issued without asking",
  approve: "approve: a person approves each load shift",
  "dry-run": "dry run: load shifts are only shown",
  off: "off: no load shifts",
};
const SEVERITY = ["info", "warning", "error", "critical"];

const state = { tenant: null, head: null, tenants: [], blind: null, reading: false };
for (const section of SECTIONS) state[section] = new Map();
let hours = Number(stored("hours")) || 3;
let changedRows = new Set();
let wanted = new Set();
let heard = false;
let firstPoint = Infinity; // of all rows, seconds since 1970

const context = {
  /** The centre's time: the events' own where history is played, else the wall clock's. */
  played: () => state.head?.clock === "event",
  tenant: () => state.tenant,
  /** Whether somebody used the kill switch on it. */
  stopped: (target) => (state.head?.stops ?? []).some((one) => one.target === target),
  now: () => (state.head?.now ? Date.parse(state.head.now) : live.now()),
  /** A queue without a signal of its own shows its channel's. */
  marks: (row) => (row.marks.length || !row.at.queue ? row.marks : (state.rows.get(row.at.channel)?.marks ?? [])),
  /** The hours wished for; while the page knows fewer, those. */
  window: () => {
    const end = windowEnd();
    return { end, seconds: Math.min(hours * 3600, Math.max(1800, end - firstPoint)) };
  },
};

function windowEnd() {
  const counted = state.head?.complete_to ? Date.parse(state.head.complete_to) / 1000 : context.now() / 1000;
  return Math.ceil(counted / 60) * 60;
}

// ---- what comes in

const live = new Live({
  state(message, whole) {
    heard = true;
    if (message.tenants) state.tenants = message.tenants;
    state.blind = message.blind;
    state.reading = message.reading;
    if (message.view && (whole || message.view.tenant === state.tenant)) take(message.view, whole);
    want("top", ...(whole ? ["all"] : []));
    if (state.tenant === null && state.tenants.length) choose(state.tenants[0].tenant);
  },
  lost(since) {
    const node = byId("lost");
    show(node, since !== null);
    say(node, since === null ? "" : `No word from Breakwater since ${time(since)}. What you see was known then; the page keeps trying.`);
  },
});

function take(view, whole) {
  if (whole) {
    state.tenant = view.tenant;
    for (const section of SECTIONS) state[section].clear();
    changedRows = null;
  }
  if (view.head) takeHead(view.head);
  for (const section of SECTIONS) {
    const changes = Object.entries(view[section] ?? {});
    if (changes.length) want(section);
    for (const [key, value] of changes) {
      if (section === "incidents") announce(key, value, whole);
      if (value === null) state[section].delete(key);
      else state[section].set(key, section === "rows" ? joined(key, value) : value);
      if (section === "rows") changedRows?.add(key);
    }
  }
}

function takeHead(head) {
  if (head.time_zone !== state.head?.time_zone) want("all");
  if (JSON.stringify(head.stops) !== JSON.stringify(state.head?.stops)) want("incidents");
  state.head = head;
  setZone(head.time_zone);
}

/** A patch brings only a row's new minutes: they are joined to those that are here. */
function joined(key, row) {
  const known = state.rows.get(key)?.points ?? [];
  row.key = key;
  if (known.length) {
    const points = new Map(known.map((p) => [p[0], p]));
    for (const p of row.points) points.set(p[0], p);
    const last = known.at(-1)[0];
    row.points = [...points.values()];
    if (row.points.at(-1)[0] <= last) row.points.sort((a, b) => a[0] - b[0]);
    if (row.points.length > POINTS_MAX) row.points = row.points.slice(-POINTS_MAX);
  }
  return row;
}

const spoken = new Set();

/** New incidents and new phases are read out; what was there when the page opened is in the headline already. */
function announce(id, incident, whole) {
  if (!incident) return;
  const news = `${id} ${incident.phase}`;
  if (!whole && !spoken.has(news) && incident.phase !== "pending") {
    say(byId("news"), incident.phase === "open" ? `New incident: ${incident.sentence}` : `${incident.title}: ${incident.phase}`);
  }
  spoken.add(news);
}

// ---- what is drawn

const DRAW = {
  top: drawTop,
  incidents: drawIncidents,
  commands: drawCommands,
  alerts: drawAlerts,
  rows: drawRows,
  tools: drawTools,
  bulletins: drawBulletins,
};

function want(...parts) {
  if (!wanted.size) requestAnimationFrame(draw);
  parts.forEach((part) => wanted.add(part));
}

function draw() {
  performance.mark("draw-start");
  const parts = wanted;
  wanted = new Set();
  if (parts.has("all") || axisMoved()) {
    changedRows = null;
    parts.add("rows");
  }
  if (parts.has("incidents")) parts.add("alerts");
  for (const [part, paint] of Object.entries(DRAW)) if (parts.has("all") || parts.has(part) || part === "top") paint();
  drawJumps();
  tick();
  if (!followed && state.incidents.size) followed = follow() || !location.hash;
  performance.measure("draw", "draw-start");
}

/** A link to an incident (#incident-…) leads there, also when it is over and lies in the history. */
function follow() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return false;
  const past = target.querySelector("details.past");
  if (past) past.open = true;
  target.scrollIntoView({ block: "start" });
  return true;
}
let followed = false;
addEventListener("hashchange", follow);

/** Links to what there is: a view that has nothing to show has no link. */
function drawJumps() {
  const links = [...byId("jumps").children];
  for (const link of links) {
    const section = byId(link.hash.slice(1));
    show(link, !section.hidden && !section.closest("[hidden]"));
  }
  show(byId("jumps"), links.filter((link) => !link.hidden).length > 2);
}

let drawnTo = null;

/** Charts share one time axis: when it moves on, a minute at a time, all of them are drawn anew. */
function axisMoved() {
  const moved = drawnTo !== windowEnd();
  drawnTo = windowEnd();
  return moved;
}

function drawTop() {
  const head = state.head;
  const headline = head?.headline;
  const blind = state.blind ?? head?.blind;
  let level = headline?.level ?? (state.blind ? "blind" : "waiting");
  let text = headline?.text ?? "Waiting for the first minute of contacts.";
  let more = headline?.more ?? "";
  if (!head && state.blind) [text, more] = ["Breakwater does not see the bus yet.", `${state.blind.why}.`];
  if (state.reading && !blind) [level, text, more] = [level === "incident" ? level : "waiting", headline && level === "incident" ? text : "Reading the last hours …", more];
  byId("headline").dataset.level = level;
  say(byId("sentence"), text);
  say(byId("more"), more);
  document.title = `${level === "incident" ? "● " : ""}${text} Breakwater`;
  drawBar(head);
  show(byId("waiting"), !state.rows.size && heard && !state.reading);
}

function drawBar(head) {
  const select = byId("tenant");
  show(byId("tenant-label"), state.tenants.length > 1);
  const marks = { incident: "● ", blind: "? ", notice: "◆ " };
  keep(select, state.tenants.map((line) => line.tenant), (name) => el("option", { value: name }), (node, name) => {
    const line = state.tenants.find((one) => one.tenant === name);
    say(node, `${marks[line.level] ?? ""}${name}`);
  });
  if (select.value !== state.tenant && state.tenant !== null) select.value = state.tenant;
  const mode = byId("mode");
  show(mode, Boolean(head?.mode));
  if (head?.mode) {
    const own = Object.entries(head.modes ?? {}).map(([what, kept]) => `${what}: ${kept}`);
    mode.dataset.mode = head.killed_by ? "off" : head.mode;
    say(mode, head.killed_by ? `kill switch pulled by ${head.killed_by}` : [`Mode ${MODES[head.mode] ?? head.mode}`, ...own].join(", "));
  }
  drawStop(head);
  drawAccount(head?.account);
  const duty = (head?.on_duty ?? []).map((one) => `${one.rota}: ${one.who.join(", ") || "nobody"}${one.until ? ` until ${when(one.until, context.now())}` : ""}`);
  show(byId("duty"), duty.length > 0);
  say(byId("duty"), duty.length ? `On duty – ${duty.join("; ")}` : "");
  const hidden = Object.entries(head?.hidden ?? {}).filter(([, count]) => count > 0);
  const notes = [
    state.tenant && `Centre ${state.tenant}`,
    head?.complete_to && `contacts counted to ${when(head.complete_to, context.now())} (${head.time_zone})`,
    ...hidden.map(([what, count]) => `${many(count, what.slice(0, -1), what)} not shown: there are too many`),
    mayDecide() ? operator() && `${operator()} may decide` : "this page only reads",
  ];
  say(byId("foot"), notes.filter(Boolean).join(" · "));
}

/** The kill switch of the whole centre, for whoever may pull it. */
function drawStop(head) {
  const node = byId("stop");
  show(node, Boolean(operator() && head?.mode));
  const whole = context.stopped(state.tenant);
  say(node, whole ? "Let load shifts go on" : "Stop all load shifts");
  node.onclick = () => propose(whole
    ? { tenant: state.tenant, target: state.tenant, action: "unkill", yes: "Let them go on", title: "Let load shifts go on?", text: "They are planned and proposed again." }
    : { tenant: state.tenant, target: state.tenant, action: "kill", yes: "Stop them all", grave: true, title: "Stop all load shifts?", text: "Everything that was moved goes back, and nothing is moved until somebody undoes this." });
}

/** What false alarms cost so far, against what they may. */
function drawAccount(a) {
  show(byId("account"), Boolean(a));
  if (!a) return;
  const rate = a.projected === null ? "" : `, ${number(a.projected)} at this rate`;
  say(byId("account"), `In 30 days ${many(a.opened, "incident")} opened; ${number(a.spent)} of ${number(a.stated)} that may be false were${rate}.`);
}

const going = (incident) => incident.phase !== "resolved" && !incident.merged_into;

function drawIncidents() {
  const all = [...state.incidents.values()];
  const open = all.filter(going).sort((a, b) => (a.phase !== "open") - (b.phase !== "open") || SEVERITY.indexOf(b.severity) - SEVERITY.indexOf(a.severity) || Date.parse(a.onset) - Date.parse(b.onset));
  const past = all.filter((one) => !going(one)).sort((a, b) => Date.parse(b.onset) - Date.parse(a.onset));
  show(byId("incidents"), open.length > 0);
  say(byId("incidents-title"), open.length === 1 ? "Incident" : `${open.length} incidents`);
  keep(byId("incident-list"), open.map((one) => one.incident_id), incidentCard, (node, id) => fillIncident(node, state.incidents.get(id), context));
  show(byId("history"), state.rows.size > 0 || past.length > 0);
  show(byId("history-empty"), past.length === 0);
  keep(byId("history-list"), past.map((one) => one.incident_id), () => el("article", {}), (node, id) => fillPast(node, state.incidents.get(id), context));
}

function drawCommands() {
  const entries = [...state.commands.entries()].filter(([, card]) => !card.command.reverts);
  const state_of = (card) => standing(card, context.now());
  const order = (card) => ({ waiting: card.asks ? 0 : 2, running: 1, over: 3 })[state_of(card)]; // what asks for a yes stands first
  entries.sort(([, a], [, b]) => order(a) - order(b) || Date.parse(b.command.issued_at) - Date.parse(a.command.issued_at));
  const current = entries.filter(([, card]) => state_of(card) !== "over").map(([key]) => key);
  const over = entries.filter(([, card]) => state_of(card) === "over").map(([key]) => key).slice(0, 20);
  const make = () => el("article", { class: "card command" });
  const update = (node, key) => fillCommand(node, state.commands.get(key), context);
  keep(byId("command-list"), current, make, update);
  keep(byId("command-over-list"), over, make, update);
  say(byId("commands-over").firstElementChild, `${many(over.length, "load shift")} that ended`);
  show(byId("commands-over"), over.length > 0);
  show(byId("commands"), current.length + over.length > 0);
  showAnswers();
}

function drawAlerts() {
  const open = [...state.alerts.entries()].filter(([, alert]) => {
    const incident = state.incidents.get(alert.incident_id);
    return (alert.state ?? "open") === "open" && !(incident && !going(incident));
  });
  open.sort(([, a], [, b]) => shortage(b) - shortage(a) || place(a.queue).localeCompare(place(b.queue)));
  keep(byId("alert-list"), open.map(([key]) => key), () => el("article", { class: "card alert" }), (node, key) => fillAlert(node, state.alerts.get(key), key === open[0][0], context));
  show(byId("alerts"), open.length > 0);
  showAnswers();
}

function showAnswers() {
  show(byId("answers"), !byId("alerts").hidden || !byId("commands").hidden);
}

const openDetail = (row) => {
  byId("detail").dataset.row = row.key;
  say(byId("detail-title"), place(row.at));
  byId("detail-body").replaceChildren(...detail(row, context));
  if (!byId("detail").open) byId("detail").showModal();
};

const channelGrid = new RowGrid(byId("channel-grid"), { wide: true, open: openDetail });
const queueGrid = new RowGrid(byId("queue-grid"), { wide: false, open: openDetail });

const CHANNELS = ["voice", "chat", "email", "social", "sms", "app", "web", "internal"];
const rank = (channel) => (CHANNELS.includes(channel) ? CHANNELS.indexOf(channel) : CHANNELS.length);

function drawRows() {
  const rows = [...state.rows.values()];
  const channels = rows.filter((row) => !row.at.queue).sort((a, b) => rank(a.at.channel) - rank(b.at.channel) || a.at.channel.localeCompare(b.at.channel));
  const queues = rows.filter((row) => row.at.queue);
  const find = byId("find").value.trim().toLowerCase();
  const onlyUnusual = byId("only-unusual").checked;
  const shown = inOrder(queues.filter((row) => place(row.at).toLowerCase().includes(find) && (!onlyUnusual || row.status !== "usual")));
  const changed = changedRows;
  changedRows = new Set();
  firstPoint = rows.reduce((first, row) => Math.min(first, row.points[0]?.[0] ?? first), Infinity);
  show(byId("channels"), channels.length > 0);
  show(byId("queues"), queues.length > 0);
  drawStrip(channels);
  channelGrid.show(channels, changed, context);
  queueGrid.show(shown, changed, context);
  const unusual = queues.filter((row) => row.status !== "usual").length;
  say(byId("queue-count"), `${many(queues.length, "queue")}, ${unusual ? `${number(unusual)} not as usual` : "all as usual"}`);
  show(byId("queue-empty"), queues.length > 0 && shown.length === 0);
  say(byId("queue-empty"), onlyUnusual && !find ? "Every queue is as usual." : "No queue matches. Clear the search to see them all.");
  const open = byId("detail").open && state.rows.get(byId("detail").dataset.row);
  if (open && (changed === null || changed.has(open.key))) openDetail(open);
}

const thumbnails = new WeakMap();

function tile() {
  const chart = new Chart({ axes: false });
  chart.picture.setAttribute("aria-hidden", "true");
  const parts = [el("span", { class: "glyph", "aria-hidden": "true" }), el("strong"), el("span", { class: "status-text" }), chart.node];
  const node = el("li", {}, el("button", { type: "button" }, ...parts));
  thumbnails.set(node, chart);
  return node;
}

/** Every channel in one line: what it is, and that it is well. */
function drawStrip(channels) {
  show(byId("strip"), channels.length > 0);
  const byChannel = new Map(channels.map((row) => [row.key, row]));
  keep(byId("strip-list"), [...byChannel.keys()], tile, (node, key) => {
    const row = byChannel.get(key);
    const [glyph, name, status] = node.firstElementChild.children;
    thumbnails.get(node).draw({ points: row.points, marks: row.marks, step: row.seconds, ...context.window() });
    node.dataset.status = row.status;
    node.firstElementChild.onclick = () => openDetail(state.rows.get(key));
    say(glyph, GLYPH[row.status] ?? "◆");
    say(name, row.at.channel);
    say(status, row.because);
  });
}

function drawTools() {
  const tools = [...state.tools.values()].sort((a, b) => ["down", "degraded", "up"].indexOf(a.state) - ["down", "degraded", "up"].indexOf(b.state) || a.tool.localeCompare(b.tool));
  show(byId("tools"), state.rows.size > 0);
  show(byId("tool-empty"), tools.length === 0);
  keep(byId("tool-list"), tools.map((tool) => tool.tool), () => el("li", { class: "tool" }), (node, name) => fillTool(node, state.tools.get(name), context));
}

function drawBulletins() {
  const newest = new Map(); // a later message to the same people takes the place of the one before
  for (const one of [...state.bulletins.values()].sort((a, b) => Date.parse(a.at) - Date.parse(b.at))) newest.set(`${one.incident_id} ${one.audience} ${one.language}`, one);
  const all = [...newest.values()].reverse().slice(0, 20);
  show(byId("bulletins"), all.length > 0);
  keep(byId("bulletin-list"), all.map((one) => one.bulletin_id), () => el("article", {}), (node, key) => fillBulletin(node, state.bulletins.get(key), context));
}

/** What moves by itself: the clock, countdowns, "for 47 min". */
function tick() {
  const now = context.now();
  const head = state.head;
  say(byId("clock"), head ? `${time(now)} ${head.time_zone.replaceAll("_", " ")}${head.clock === "event" ? ", played history" : ""}` : "");
  for (const node of document.querySelectorAll("[data-until]")) {
    const left = (Date.parse(node.dataset.until) - now) / 1000;
    say(node, countdown(left));
    if (left <= 0) want("commands");
  }
  for (const node of document.querySelectorAll("[data-since]")) say(node, `for ${span((now - Date.parse(node.dataset.since)) / 1000)}`);
}
setInterval(tick, 1_000);

// ---- what the viewer chooses

function stored(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(name);
    localStorage.setItem(name, value);
  } catch { /* storage is switched off: the choice lasts as long as the page */ }
  return null;
}

const wish = () => new URLSearchParams(location.search).get("tenant");

function choose(tenant) {
  if (tenant === state.tenant) return;
  state.tenant = tenant;
  state.head = null;
  live.open(tenant);
}

byId("tenant").addEventListener("change", (event) => {
  const address = new URL(location.href);
  address.searchParams.set("tenant", event.target.value);
  history.replaceState(null, "", address);
  choose(event.target.value);
});

byId("span").append(...SPANS.map(([n, text]) => el("label", {},
  el("input", { type: "radio", name: "span", value: n, checked: n === hours, onchange: () => { hours = n; stored("hours", n); changedRows = null; want("rows"); } }), el("span", { text }))));
byId("find").addEventListener("input", () => want("rows"));
byId("only-unusual").addEventListener("change", () => want("rows"));
byId("detail-close").addEventListener("click", () => byId("detail").close());

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
const nameTheme = () => say(byId("theme"), theme() === "dark" ? "Light" : "Dark");
byId("theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
  stored("theme", theme());
  nameTheme();
});
dark.addEventListener("change", nameTheme);
nameTheme();

begin(() => want("all"));
live.open(wish());
