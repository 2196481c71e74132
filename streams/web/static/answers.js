// What is done about it: load shifts, staffing alerts, messages; and how the tools say they are.

import { button, mayDecide, operator, propose } from "./decide.js";
import { el, fill, svg } from "./dom.js";
import { capital, many, number, percent, place, span, time, when } from "./words.js";

/** running, waiting, over: as of the centre's own time. */
export function standing(card, now) {
  if (card.ended) return "over";
  if (Date.parse(card.command.expires_at) <= now) return "over";
  return card.kind === "running" ? "running" : "waiting";
}

export function fillCommand(node, card, context) {
  const state = standing(card, context.now());
  node.dataset.state = state;
  fill(node, [card, state, operator(), mayDecide()], () => commandBody(card, state, context));
}

function commandBody(card, state, context) {
  const c = card.command;
  const words = { running: card.result === "applied" ? "running" : "issued", waiting: "waiting for approval", over: card.ended ?? "expired" };
  const label = state === "waiting" && !card.asks ? "not executed" : words[state];
  return [
    el("header", {},
      el("p", { class: "tags" },
        el("span", { class: `tag state-${state}`, text: label }),
        el("span", { class: "tag", text: c.approved_by ? `approved by ${c.approved_by}` : `mode ${c.mode}` })),
      el("h3", {}, el("span", { text: place(c.from_queue) }), el("span", { class: "arrow", "aria-label": " to " , text: " → " }), el("span", { text: place(c.to_queue) }))),
    el("p", {}, el("strong", { text: share(c.share) }), ` of arrivals, by ${c.action.replaceAll("-", " ")}${c.step > 1 ? `, step ${c.step}` : ""}${c.share_before > 0 ? ` (before: ${share(c.share_before)})` : ""}`,
      state !== "over" && [", ends in ", el("strong", { class: "digits", "data-until": c.expires_at }), ` at ${when(c.expires_at, context.now())}`]),
    state === "waiting" && el("p", { class: "note", text: c.blocked_by ? `${capital(c.blocked_by.text)}.` : "A person must approve it." }),
    state === "waiting" && card.asks && deciding(c),
    state === "running" && operator() && el("p", { class: "buttons" }, stopButton(c)),
    el("dl", { class: "terms" },
      term("Guard", `stops below ${percent(c.guard.stop_if_service_level_below)} service level or ${many(c.guard.stop_if_agents_below, "agent")} at ${place(c.guard.donor)}, from ${span(c.guard.check_after_seconds)} on`),
      term("Undo", `back to ${share(c.inverse.share)} by command ${c.inverse.command_id}`),
      card.result_text && term("Platform", card.result_text)),
    el("details", { "data-part": "more" },
      el("summary", { "data-part": "more-summary", text: "Why, and what it is expected to do" }),
      el("p", { text: c.text }),
      c.binding?.length > 0 && el("p", { text: `Limited by ${c.binding.join("; ")}.` }),
      c.projections?.length > 0 && projections(c.projections),
      el("p", { class: "fine", text: `Command ${c.command_id}` })),
  ];
}

function deciding(c) {
  if (!operator()) return el("p", { class: "fine", text: mayDecide() ? "Sign in to approve or reject it." : `\`breakwater approve ${c.command_id}\` lets it go out.` });
  const way = `${share(c.share)} of ${place(c.from_queue)} to ${place(c.to_queue)}`;
  const target = { tenant: c.tenant, target: c.command_id };
  return el("p", { class: "buttons" },
    button("Approve", () => propose({
      ...target, action: "approve", yes: "Approve", title: `Move ${way}?`,
      text: [c.text, `It goes to the routing platform at once, and goes back by itself in ${span((Date.parse(c.expires_at) - Date.parse(c.issued_at)) / 1000)} or when ${place(c.guard.donor)} suffers.`],
    }), { part: "approve" }),
    button("Reject", () => propose({ ...target, action: "reject", yes: "Reject", grave: true, title: `Not move ${way}?`, text: "This step is not carried out." }), { part: "reject", kind: "grave" }));
}

const stopButton = (c) => button("Stop", () => propose({
  tenant: c.tenant, target: c.command_id, action: "kill", yes: "Stop it", grave: true,
  title: `Take back ${share(c.share)} of ${place(c.from_queue)}?`, text: "What it moves goes back, and this incident uses this way no more.",
}), { part: "stop", kind: "grave" });

/** "7.5 %": a share of arrivals may be small. */
const share = (part) => `${number(part * 100)} %`;
const term = (name, text) => el("div", {}, el("dt", { text: name }), el("dd", { text }));

function projections(all) {
  const wait = (seconds) => (seconds === null || seconds === undefined ? "no end" : span(seconds));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Expected effect" }, el("table", {},
    el("thead", {}, el("tr", {}, ...["Queue", "Wait", "Give up"].map((text) => el("th", { scope: "col", text })))),
    el("tbody", {}, ...all.map((p) => el("tr", {},
      el("th", { scope: "row", text: place(p.queue) }),
      el("td", { text: `${wait(p.wait_seconds_before)} → ${wait(p.wait_seconds_after)}` }),
      el("td", { text: `${percent(p.abandoned_share_before)} → ${percent(p.abandoned_share_after)}` }))))));
}

export const shortage = (alert) => Math.max(0, ...alert.intervals.map((interval) => interval.agents_short));

/** `whole` for the one that is shortest of people: the others keep to what must be known at a glance. */
export function fillAlert(node, alert, whole, context) {
  fill(node, [alert, whole], () => {
    const short = shortage(alert);
    const plan = [
      el("p", { class: "fine", text: `Target: ${alert.target}` }),
      alert.intervals.length > 0 && intervals(alert),
      alert.levers.length > 0 && el("ol", { class: "levers" }, ...alert.levers.map((lever) => el("li", {}, ...leverText(lever)))),
    ].filter(Boolean);
    return [
      el("header", {},
        el("p", { class: "tags" }, el("span", { class: "tag state-running", text: short ? `${many(short, "agent")} short` : "enough agents" })),
        el("h3", { text: place(alert.queue) })),
      el("p", { class: "lead", text: alert.driver_text }),
      el("dl", { class: "facts" },
        pair("Waiting", alert.contacts_waiting === null ? "not known" : number(alert.contacts_waiting), alert.oldest_wait_seconds ? `oldest ${span(alert.oldest_wait_seconds)}` : ""),
        pair("Service level", alert.service_level_now === null ? "not known" : percent(alert.service_level_now)),
        pair("Act by", when(alert.latest_useful_at, context.now()), `${alert.approver} decides`)),
      ...(whole ? plan : [alert.levers.length > 0 && el("p", {}, ...leverText(alert.levers[0]))]),
      el("details", { "data-part": "alert" }, el("summary", { "data-part": "alert-summary", text: whole ? "Cause, undoing, whole text" : "All levers, the next hours, cause, undoing" }),
        ...(whole ? [] : plan),
        el("p", { text: `Cause: ${alert.cause}` }), el("p", { text: `To undo: ${alert.rollback}` }), el("p", { class: "whole", text: alert.text })),
    ];
  });
}

const leverText = (lever) => [
  el("strong", { text: capital(lever.name.replace(/[-_]/g, " ")) }), ` ${many(lever.agents, "agent")} in ${lever.minutes} min: ${lever.effect} `,
  el("span", { class: "fine", text: `(${lever.owner})` }),
];

const pair = (name, value, more) => el("div", {}, el("dt", { text: name }), el("dd", {}, el("span", { class: "value", text: value }), more && el("span", { class: "more", text: ` ${more}` })));

/** Needed against there, interval by interval. */
function intervals(alert) {
  const most = Math.max(1, ...alert.intervals.map((i) => Math.max(i.agents_needed, i.agents_staffed)));
  const bar = (n, of, name, shift) => svg("rect", { class: name, x: n * 20 + shift, width: 7, y: 40 - (of / most) * 40, height: (of / most) * 40 });
  const said = alert.intervals.map((i) => `${time(i.start)}: ${i.agents_needed} needed, ${i.agents_staffed} there`).join("; ");
  return el("figure", { class: "intervals" },
    svg("svg", { viewBox: `0 0 ${alert.intervals.length * 20} 40`, preserveAspectRatio: "none", role: "img", "aria-label": said },
      ...alert.intervals.flatMap((i, n) => [bar(n, i.agents_needed, "needed", 2), bar(n, i.agents_staffed, "there", 10)])),
    el("figcaption", {}, el("span", { class: "key-needed" }), "needed ", el("span", { class: "key-there" }), "there, from ",
      `${time(alert.intervals[0].start)} in steps of ${span(alert.interval_seconds)}`));
}

export function fillBulletin(node, bulletin, context) {
  fill(node, bulletin, () => [
    el("details", { "data-part": "text" },
      el("summary", { "data-part": "text-summary" }, el("strong", { text: capital(bulletin.audience) }),
        el("span", { class: "more", text: ` ${bulletin.language}, ${when(bulletin.at, context.now())}${bulletin.approved ? "" : ", a draft: not approved"}` })),
      el("p", { class: "whole", lang: bulletin.language, text: bulletin.text }),
      bulletin.next_update_at && el("p", { class: "fine", text: `Next update by ${when(bulletin.next_update_at, context.now())}` })),
  ]);
}

const TOOL = { up: ["✓", "up"], degraded: ["◆", "degraded"], down: ["■", "down"] };

export function fillTool(node, tool, context) {
  node.dataset.state = tool.state;
  fill(node, tool, () => [
    el("span", { class: "glyph", "aria-hidden": "true", text: TOOL[tool.state][0] }),
    el("strong", { text: tool.tool }),
    el("span", { class: "state", text: TOOL[tool.state][1] }),
    el("span", { class: "more", text: [tool.provider, tool.site, tool.text, tool.latency_seconds > 0 && `${number(tool.latency_seconds * 1000)} ms`, `at ${when(tool.at, context.now())}`].filter(Boolean).join(", ") }),
  ]);
}
