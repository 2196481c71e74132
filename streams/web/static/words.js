// Numbers, moments and durations as people read them, in the centre's own time zone.

let zone = "UTC";
let clockFormat, dayFormat;

export function setZone(name) {
  if (name === zone && clockFormat) return;
  zone = name;
  clockFormat = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  dayFormat = new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", day: "numeric", month: "short" });
}
setZone("UTC");

const moment = (value) => (typeof value === "number" ? value : Date.parse(value));

/** "10:12" */
export const time = (value) => clockFormat.format(moment(value));
/** "Tue, 24 Nov" */
export const day = (value) => dayFormat.format(moment(value));
/** "10:12", with the day when it is another one than `now`'s. */
export const when = (value, now) => (day(value) === day(now) ? time(value) : `${day(value)} ${time(value)}`);

/** "47 min", "2 h 5 min", "3 d" */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.round(hours / 24)} days`;
}

/** "24:10", "1:02:10" */
export function countdown(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return hours ? `${hours}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });

/** "1,204", "2.4" */
export const number = (value) => (Math.abs(value) < 10 && !Number.isInteger(value) ? tenth : whole).format(value);
export const percent = (share) => `${Math.round(share * 100)} %`;
export const many = (count, one, more = `${one}s`) => `${number(count)} ${count === 1 ? one : more}`;
const SINKS = { pagerduty: "PagerDuty", grafana: "Grafana", webhook: "Webhook", file: "File", slack: "Slack", teams: "Teams", smtp: "E-mail" };
export const sinkName = (sink) => SINKS[sink] ?? sink;
export const place = (at) => (at.queue ? `${at.channel} / ${at.queue}` : at.channel);
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What a row's status looks like beside its words: a shape of its own for each, as colour alone says nothing. */
export const GLYPH = {
  usual: "✓",
  unknown: "?",
  silence: "■",
  "telemetry-lost": "?",
  surge: "▲",
  above: "▲",
  below: "▼",
  drop: "▼",
  "backlog-growth": "◆",
  "escalation-wave": "◆",
  "abandonment-wave": "◆",
  "sentiment-wave": "◆",
  "mix-shift": "◆",
  "metric-shift": "◆",
};
