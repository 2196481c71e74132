"""The sentences of the page: short, in plain words, with the tenant's own time of day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from response.latency import in_seconds
from schemas.base import QueueRef
from schemas.incident import Incident, Scope
from schemas.signal import Series, Signal, SignalKind
from schemas.status import SlowTool

SURE = 0.8  # below it the cause is said with "probably"

_SIGNALS: dict[SignalKind, str] = {
    "silence": "silent",
    "surge": "surging",
    "drop": "below usual",
    "backlog-growth": "backlog growing",
    "escalation-wave": "escalations rising",
    "abandonment-wave": "callers giving up",
    "sentiment-wave": "mood falling",
    "mix-shift": "reasons shifting",
    "metric-shift": "off its usual figure",
    "telemetry-lost": "no data",
}
# the weightier stands first: what a row shows when several are open
WEIGHT: dict[str, int] = {kind: len(_SIGNALS) - place for place, kind in enumerate(_SIGNALS)}

_OUTAGES = {
    "telephony": "Telephony",
    "chat-platform": "The chat platform",
    "crm": "The CRM",
    "e-mail": "E-mail",
    "wfm": "Workforce management",
    "routing": "Routing",
    "power-or-site": "A site",
}


def zone_of(name: str) -> tzinfo:
    """The zone of that name; UTC where this machine does not know it (the page then says UTC)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def time_of_day(at: datetime, zone: tzinfo, now: datetime | None = None) -> str:
    """ "10:12"; with the weekday when `now` is another day, with the date when it is another week."""
    local = at.astimezone(zone)
    if now is None or local.date() == now.astimezone(zone).date():
        return local.strftime("%H:%M")
    if abs(now - at) < timedelta(days=6):
        return local.strftime("%a %H:%M")
    return local.strftime("%-d %b %H:%M")


def slow_tool(slow: SlowTool, zone: tzinfo, now: datetime) -> str:
    """ "answers in 4.2 s, usually 0.6 s, since 10:12"."""
    found, usual = in_seconds(slow.latency_seconds), in_seconds(slow.usual_seconds)
    return f"answers in {found}, usually {usual}, since {time_of_day(slow.since, zone, now)}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 incident", "2 incidents"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}".replace(",", " ")


def listed(words: Iterable[str]) -> str:
    """ "voice", "voice and chat", "voice, chat and email"."""
    parts = list(words)
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""


def change(ratio: float | None, observed: float) -> str:
    """ "+281 %" or "−96 %" of what was expected; "none came" for silence."""
    if observed == 0:
        return "none came"
    if ratio is None:
        return "none expected"
    percent = round((ratio - 1) * 100)
    return f"{'+' if percent > 0 else '−' if percent < 0 else '±'}{abs(percent)} %"


def series_name(series: Series) -> str:
    """ "chat/billing", with the measure where it is not arrivals: "chat/billing: escalated"."""
    name = place(series.at)
    return name if series.measure == "offered" else f"{name}: {series.measure.replace('_', ' ')}"


def place(at: QueueRef) -> str:
    return at.channel if at.queue is None else f"{at.channel} / {at.queue}"


def state_of(signal: Signal) -> str:
    """What a row says of itself: "surging, +281 %"."""
    word = kind_word(signal.signal_kind)
    if signal.signal_kind in ("silence", "telemetry-lost") or (signal.signal_kind == "surge" and not signal.observed):
        return word
    return f"{word}, {change(signal.ratio, signal.observed)}"


def kind_word(kind: SignalKind) -> str:
    """ "surging", "silent"."""
    return _SIGNALS[kind]


def scope_text(scope: Scope) -> str:
    """How far it reaches: "site Berlin: voice and chat"."""
    channels = listed(scope.channels)
    if scope.level == "queue":
        return "queue " + listed(place(at) for at in scope.queues) if scope.queues else channels
    if scope.level == "channel":
        return f"all of {channels}"
    if scope.level in ("site", "region"):
        return f"{scope.level} {listed(scope.sites)}: {channels}" if scope.sites else f"one {scope.level}: {channels}"
    return f"the whole centre: {channels}"


def incident_sentence(incident: Incident, zone: tzinfo, now: datetime) -> str:
    """ "Telephony is out since 10:12." in the words of its cause and phase."""
    since = f"since {time_of_day(incident.onset, zone, now)}"
    if incident.phase == "resolved":
        start = time_of_day(incident.onset, zone, now)
        end = time_of_day(incident.resolved_at or incident.at, zone, now)
        return f"{_subject(incident)} {_was(incident)} from {start} to {end}"
    if incident.phase == "watching":
        return f"{_subject(incident)} {_was(incident)} and is being watched, {since}"
    if incident.phase == "easing":
        return f"{_subject(incident)} {_was(incident)} {since} and is easing"
    return f"{_subject(incident)} {_is(incident)} {since}"


def _subject(incident: Incident) -> str:
    kind, sites = incident.cause.kind, incident.scope.sites
    if kind == "power-or-site" and sites:
        return f"Site {listed(sites)}"
    if kind in _OUTAGES:
        return _OUTAGES[kind]
    return {
        "demand-surge": f"Demand on {listed(incident.scope.channels)}",
        "data-feed-lost": f"The feed of {listed(incident.scope.channels)} contacts",
    }.get(kind, f"Traffic on {listed(incident.scope.channels)}")


def _is(incident: Incident) -> str:
    perhaps = "" if incident.cause.sureness >= SURE or incident.cause.kind == "unknown" else "probably "
    return f"is {perhaps}{_state(incident)}"


def _was(incident: Incident) -> str:
    perhaps = "" if incident.cause.sureness >= SURE or incident.cause.kind == "unknown" else "probably "
    return f"was {perhaps}{_state(incident)}"


def _state(incident: Incident) -> str:
    return {
        "demand-surge": "surging",
        "data-feed-lost": "lost",
        "unknown": "unusual",
        "power-or-site": "cut off",
    }.get(incident.cause.kind, "out")
