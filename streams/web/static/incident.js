// An incident as a card: what, since when, how sure, how far, with which symptoms, and its story so far.

import { button, operator, propose } from "./decide.js";
import { el, fill, svg } from "./dom.js";
import { GLYPH, capital, many, number, percent, sinkName, span, time, when } from "./words.js";

const PHASE = { pending: "forming", open: "open", easing: "easing", watching: "being watched", resolved: "resolved" };
const CAUSE = {
  telephony: "Telephony", "chat-platform": "Chat platform", crm: "CRM", "e-mail": "E-mail", wfm: "Workforce management",
  routing: "Routing", "power-or-site": "Power or site", "demand-surge": "Demand surge", "data-feed-lost": "Data feed lost",
  unknown: "Not known yet",
};
const STEP = {
  onset: "Began", signal: "Seen", phase: "Phase", alert: "Staffing", command: "Load shift", proposal: "Proposed", result: "Platform",
  decision: "Decision", told: "Told", bulletin: "Message",
};

export const causeName = (kind) => CAUSE[kind] ?? kind;

export function incidentCard() {
  return el("article", { class: "card incident" });
}

export function fillIncident(node, incident, context) {
  node.id = `incident-${incident.incident_id}`;
  node.dataset.phase = incident.phase;
  fill(node, [incident, operator(), context.stopped(incident.incident_id)], () => body(incident, context));
}

function body(incident, context) {
  const title = `${node_id(incident)}-title`;
  return [
    el("header", {},
      el("p", { class: "tags" },
        el("span", { class: `tag phase-${incident.phase}`, text: PHASE[incident.phase] ?? incident.phase }),
        el("span", { class: "tag", text: incident.severity }),
        incident.drill && el("span", { class: "tag drill", text: `drill: ${incident.drill}` }),
        context.stopped(incident.incident_id) && el("span", { class: "tag", text: "load shifts stopped" }),
        !incident.pages && el("span", { class: "tag", text: "wakes nobody" }),
        incident.acknowledged_by && el("span", { class: "tag", text: `acknowledged by ${incident.acknowledged_by}` }),
        incident.muted_until && Date.parse(incident.muted_until) > context.now() && el("span", { class: "tag", text: `muted until ${when(incident.muted_until, context.now())}` })),
      el("h3", { id: title }, el("a", { class: "anchor", href: `#incident-${incident.incident_id}`, text: incident.title }))),
    deciding(incident, context),
    el("dl", { class: "facts" },
      fact("Since", `${when(incident.onset, context.now())}`, sinceText(incident)),
      fact("Cause", causeName(incident.cause.kind), sureness(incident.cause)),
      fact("Reaches", capital(incident.scope_text)),
      incident.playbook && fact("Playbook", incident.playbook.replace(/[-_]/g, " "))),
    incident.cause.because?.length > 0 && el("ul", { class: "because", "aria-label": "What speaks for this cause" },
      ...incident.cause.because.map((text) => el("li", { text }))),
    ...[symptoms(incident, context)].flat(),
    told(incident, context),
    recovery(incident.recovery, context),
    incident.notes.length > 0 && el("div", { class: "undone" }, el("h4", { text: "What could not be done" }),
      el("ul", { class: "because" }, ...incident.notes.map((note) => el("li", { text: note.text })))),
    el("details", { "data-part": "story", class: "story", open: incident.phase !== "resolved" },
      el("summary", { "data-part": "story-summary", text: `What happened (${many(incident.story.length, "step")})` }),
      story(incident)),
    evidence(incident),
    el("p", { class: "fine" }, `Incident ${incident.incident_id}, revision ${incident.revision}`),
  ];
}

/** What is left to do after the outage, and by when it is done. */
function recovery(r, context) {
  if (!r) return null;
  const line = (b) => el("tr", {},
    el("th", { scope: "row", text: b.queue.queue ? `${b.queue.channel} / ${b.queue.queue}` : b.queue.channel }),
    el("td", { class: "num", text: `${number(b.backlog)} (usual ${number(b.usual)})` }),
    el("td", { class: "num", text: b.eta ? when(b.eta, context.now()) : "it does not fall" }),
    el("td", { class: "num came", text: b.eta_early && b.eta_late ? `${time(b.eta_early)} to ${time(b.eta_late)}` : "" }));
  return el("details", { "data-part": "recovery", open: incident_is_over(r) },
    el("summary", { "data-part": "recovery-summary", text: "Recovery" }),
    el("p", { text: r.text }),
    r.burn_down?.length > 0 && el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Backlogs" }, el("table", {},
      el("thead", {}, el("tr", {}, ...[["Queue"], ["Backlog"], ["Usual again"], ["Between", "came"]].map(([text, kind]) => el("th", { scope: "col", text, class: kind })))),
      el("tbody", {}, ...r.burn_down.map(line)))),
    r.wave_total && el("p", { class: "fine", text: `Escalations still expected: ${number(r.wave_total.expected)} (${number(r.wave_total.low)} to ${number(r.wave_total.high)}).` }),
    r.stand_down.missing?.length > 0 && el("p", { class: "fine", text: `Before the watch may end: ${r.stand_down.missing.map((reason) => reason.text).join("; ")}.` }));
}

const incident_is_over = (r) => ["easing", "watching"].includes(r.phase);

/** What somebody who is signed in may do about it. */
function deciding(incident, context) {
  if (!operator() || incident.phase === "resolved" || incident.merged_into) return null;
  const target = { tenant: context.tenant(), target: incident.incident_id };
  const muted = incident.muted_until && Date.parse(incident.muted_until) > context.now();
  return el("p", { class: "buttons" },
    !incident.acknowledged_by && button("Acknowledge", () => propose({
      ...target, action: "acknowledge", yes: "I have it", title: "Take this incident on?", text: "The pager is told that you have it; nobody is woken for it again.",
    }), { part: "acknowledge" }),
    muted
      ? button("Unmute", () => propose({ ...target, action: "unmute", yes: "Unmute", title: "Let it wake people again?", text: "It may page again from now on." }), { part: "mute", kind: "second" })
      : button("Mute 1 h", () => propose({ ...target, action: "mute", minutes: 60, yes: "Mute", title: "Mute it for an hour?", text: "It goes on, and wakes nobody for an hour." }), { part: "mute", kind: "second" }),
    context.stopped(incident.incident_id)
      ? button("Let its load shifts go on", () => propose({
        ...target, action: "unkill", yes: "Let them go on", title: "Let its load shifts go on?", text: "They are planned and proposed again.",
      }), { part: "kill", kind: "second" })
      : button("Stop its load shifts", () => propose({
        ...target, action: "kill", yes: "Stop them", grave: true, title: "Stop its load shifts?", text: "What it moved goes back, and nothing more is moved for it.",
      }), { part: "kill", kind: "grave" }),
    button("Not an incident", () => propose({
      ...target, action: "not-an-incident", yes: "It was none", grave: true, title: "Was this no incident?", text: "It ends, what was moved goes back, and it counts as a false alarm.",
    }), { part: "none", kind: "grave" }),
    button("Resolve", () => propose({
      ...target, action: "resolve", yes: "It is over", grave: true, title: "Is it over?", text: "It ends now, and what was moved goes back.",
    }), { part: "resolve", kind: "grave" }));
}

const node_id = (incident) => `incident-${incident.incident_id}`;

function fact(name, value, more) {
  return el("div", {}, el("dt", { text: name }), el("dd", {}, el("span", { class: "value", text: value }), more ? [" ", more] : []));
}

function sinceText(incident) {
  if (incident.resolved_at) {
    return el("span", { class: "more", text: `for ${span((Date.parse(incident.resolved_at) - Date.parse(incident.onset)) / 1000)}` });
  }
  return el("span", { class: "more", "data-since": incident.onset });
}

function sureness(cause) {
  if (cause.kind === "unknown") return null;
  const meter = el("meter", { min: 0, max: 1, value: cause.sureness, "aria-label": `${percent(cause.sureness)} sure` });
  return el("span", { class: "more" }, `${percent(cause.sureness)} sure `, meter);
}

/** One line a series: a channel speaks for its queues, which follow for whoever asks. */
function symptoms(incident, context) {
  if (!incident.symptoms.length) return null;
  const lines = bySeries(incident.symptoms);
  const spoken = new Set(lines.filter((s) => !s.name.includes(" / ")).map((s) => s.name));
  const queues = lines.filter((s) => s.name.includes(" / ") && spoken.has(s.name.split(" / ")[0]));
  const main = lines.filter((s) => !queues.includes(s));
  return [
    symptomTable(main, "Symptoms", context),
    queues.length > 0 && el("details", { "data-part": "queues" },
      el("summary", { "data-part": "queues-summary", text: `By queue (${queues.length})` }), symptomTable(queues, "Symptoms by queue", context)),
  ];
}

/** Several signals may speak of one series: the one that goes on, or the first. Open ones stand before those cleared. */
function bySeries(symptoms) {
  const best = new Map();
  const open = (s) => s.state !== "cleared";
  for (const s of symptoms) {
    const known = best.get(s.name);
    if (!known || (open(s) && !open(known))) best.set(s.name, s);
  }
  return [...best.values()].sort((a, b) => open(b) - open(a) || Date.parse(a.onset) - Date.parse(b.onset));
}

function symptomTable(lines, name, context) {
  const most = Math.max(...lines.map((s) => Math.max(s.observed, s.expected)), 1);
  const rows = lines.map((s) => el("tr", { class: s.state === "cleared" ? "cleared" : null },
    el("th", { scope: "row" }, el("span", { class: `glyph s-${s.kind}`, "aria-hidden": "true", text: GLYPH[s.kind] }), ` ${s.name}`),
    el("td", { class: "num strong", text: s.change }),
    el("td", { class: "num came", text: `${number(s.observed)} of ${number(s.expected)}` }),
    el("td", { class: "bars" }, bars(s, most)),
    el("td", { class: "num", text: when(s.onset, context.now()) }),
    el("td", { class: "kind", text: s.cleared_at ? `usual again ${time(s.cleared_at)}` : s.kind.replaceAll("-", " ") })));
  const heads = [["Symptom"], ["Change"], ["Came of expected", "came"], ["", "bars"], ["Since"], ["State", "kind"]];
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name },
    el("table", { class: "symptoms" },
      el("thead", {}, el("tr", {}, ...heads.map(([text, kind]) => el(text ? "th" : "td", { ...(text && { scope: "col", text }), class: kind })))),
      el("tbody", {}, ...rows)));
}

/** Observed above expected, to one scale within the incident. */
function bars(symptom, most) {
  const width = (value) => Math.max(0.6, (value / most) * 100);
  return svg("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none", class: "pairbar", "aria-hidden": "true" },
    svg("rect", { class: "seen", x: 0, y: 0, height: 6, width: width(symptom.observed) }),
    svg("rect", { class: "usual", x: 0, y: 8, height: 4, width: width(symptom.expected) }));
}

function told(incident, context) {
  if (!incident.told.length) {
    return el("p", { class: "told" }, el("strong", { text: "Told: " }), "nobody yet");
  }
  const last = new Map();
  for (const one of incident.told) last.set(one.sink, one);
  const words = { delivered: "", trying: "being told", retry: "being tried again", refused: "refused", skipped: "not sent" };
  return el("p", { class: "told" }, el("strong", { text: "Told: " }),
    ...[...last.values()].flatMap((one, n) => [n ? "; " : "",
      el("span", { class: `outcome-${one.outcome}`, text: [sinkName(one.sink), words[one.outcome], context.played() ? "" : when(one.at, context.now()), one.attempt > 1 ? `(attempt ${one.attempt})` : "", one.outcome === "delivered" || !one.text ? "" : `– ${one.text}`].filter(Boolean).join(" ") })]));
}

function story(incident) {
  return el("ol", { class: "steps", tabindex: "0", "aria-label": "Story" }, ...incident.story.map((step) => el("li", { class: `step-${step.kind}` },
    el("time", { datetime: step.at, text: time(step.at) }), " ",
    el("span", { class: "kind", text: STEP[step.kind] }), " ", el("span", { class: "what", text: step.text }))));
}

function evidence(incident) {
  const proven = incident.symptoms.filter((s) => s.evidence);
  if (!proven.length) return null;
  return el("details", { "data-part": "evidence" },
    el("summary", { "data-part": "evidence-summary", text: "Evidence, for whoever doubts it" }),
    ...proven.map((s) => el("div", { class: "proof" },
      el("h4", { text: s.name }),
      el("p", { text: s.text }),
      el("p", { class: "fine", text: proof(s) }),
      s.contributors.length > 0 && carriers(s.contributors),
      s.evidence.curve?.length > 1 && curve(s.evidence))));
}

function proof(s) {
  const e = s.evidence;
  const parts = [`${number(s.observed)} came since ${time(s.onset)}, ${number(s.expected)} were expected`];
  if (s.usual_low !== null) parts.push(`99 % of such sums lie between ${number(s.usual_low)} and ${number(s.usual_high)}`);
  if (s.rarity_days) parts.push(`by chance less often than once in ${many(Math.round(s.rarity_days), "day")}`);
  parts.push(`evidence ${number(e.statistic)} against the alarm line ${number(e.threshold)}`);
  parts.push(e.still_learning ? "still learning what is usual" : `learned from ${many(Math.round(e.learned_weeks), "week")}`);
  return `${parts.join("; ")}.`;
}

const carriers = (all) => el("p", { class: "fine", text: `Carried by ${all.slice(0, 5).map((c) => `${c.dimension ?? "queue"} ${c.name} (${number(c.observed)} of ${number(c.expected)}${c.share ? `, ${percent(c.share)} of it` : ""})`).join("; ")}.` });

/** The statistic pane by pane against the line where it alarms, with its times where they are known. */
function curve(e) {
  const top = Math.max(...e.curve, e.threshold) * 1.05 || 1;
  const y = (value) => 40 - (Math.max(0, value) / top) * 40;
  const path = e.curve.map((value, n) => `${n ? "L" : "M"}${((n / (e.curve.length - 1)) * 300).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const at = e.curve_at?.length ? `${time(e.curve_at[0])} to ${time(e.curve_at.at(-1))}` : `the last ${many(e.curve.length, "pane")}`;
  const crossed = e.curve.findIndex((value) => value >= e.threshold);
  const alarm = crossed >= 0 && e.curve_at?.[crossed] ? `, crossed at ${time(e.curve_at[crossed])}` : "";
  return el("figure", { class: "evidence" },
    svg("svg", { viewBox: "0 0 300 40", preserveAspectRatio: "none", class: "curve", role: "img", "aria-label": `Evidence, ${at}: ${number(e.curve[0])} to ${number(e.curve.at(-1))}; it alarms at ${number(e.threshold)}${alarm}` },
      svg("path", { class: "alarm-line", d: `M0 ${y(e.threshold).toFixed(1)}H300` }), svg("path", { class: "observed", d: path })),
    el("figcaption", {}, `Evidence, ${at}; dashed: where it alarms (${number(e.threshold)})${alarm}`));
}

export function fillPast(node, incident, context) {
  node.id = `incident-${incident.incident_id}`;
  fill(node, [incident, operator()], () => [
    el("details", { "data-part": "past", class: "past" },
      el("summary", { "data-part": "past-summary" },
        el("span", { class: "date", text: `${when(incident.onset, context.now())} ` }),
        el("strong", { text: incident.title }),
        el("span", { class: "more", text: ` ${pastText(incident)}` })),
      ...body(incident, context)),
  ]);
}

function pastText(incident) {
  if (incident.merged_into) return `joined with ${incident.merged_into}`;
  const length = span((Date.parse(incident.resolved_at ?? incident.onset) - Date.parse(incident.onset)) / 1000);
  return `${length}, ${causeName(incident.cause.kind).toLowerCase()}`;
}
