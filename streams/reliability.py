"""The ledger of what failed: tools and providers, incidents by cause, the budget of false alarms, what customers felt.

Read once from a source, a stretch of time as the records have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from response.impact import Row, Span, union, within
from response.on_call import zone_of
from response.params import RespondParams
from response.reliability import Failures, Felt, Probes, Service, clipped, failures
from response.slowness import slowness
from response.spending import DAYS, FALSE
from schemas import topics
from schemas.centre import Centre, Provider
from schemas.errors import BadConfig
from schemas.health import ToolHealth
from schemas.incident import Incident
from schemas.signal import Load
from schemas.status import DeskStatus
from streams.config import Settings
from streams.feed import Window
from streams.report import source as sources
from streams.report.case import ARRIVES_WITHIN, over_at, symptom_spans, whole
from streams.report.source import Said, Source, Tell

WANTED = (topics.INCIDENTS, topics.DESK_STATUS, topics.CENTRE)
GONE = ("silence", "drop")
UNSEEN = "data-feed-lost"


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool, or a provider of it, by the words of its probes; `failures` None: no probe ever spoke of it. `slow`: when
    the desk found that it answered later than usual, whatever it said of itself; None: never."""

    tool: str
    provider: str | None
    promised: float | None
    failures: Failures | None
    slow: Failures | None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents of one likely cause: from the onset until what failed worked again, and each relapse."""

    cause: str
    failures: Failures


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One channel as customers felt it, beside what those who carry it promise, by provider."""

    name: str
    customer: bool
    felt: Felt
    promised: dict[str, float]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The budget: how many incidents may be false in so many days, and how many people said were. `as_told`: what the
    desk's own account of thirty days says."""

    allowed_a_month: float
    allowed: float
    false: list[str]
    opened: int
    paged: int
    as_told: DeskStatus | None


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """All of one tenant. `seen`: from its desk's first to its last minute in the stretch."""

    tenant: str
    time_zone: str
    seen: Span
    tools: list[Tool]
    causes: list[Cause]
    account: Account
    channels: list[Channel]


class _Trouble(NamedTuple):
    """When a channel was out of its range by an incident that counts, and when nothing (or little) came."""

    spans: list[Span]
    gone: list[Span]


class _Tenant:
    """What one tenant's desk heard, as it is heard."""

    def __init__(self, centre: Centre | None, trouble: dict[str, _Trouble], params: RespondParams) -> None:
        self._centre, self._trouble, self._params = centre, trouble, params
        self._zone = zone_of(centre.time_zone if centre else "UTC")
        self.probes: dict[tuple[str, str], Probes] = {}
        self.felt: dict[str, Felt] = {}
        self._service: dict[str, Service] = {}
        self.first: datetime | None = None
        self.last: datetime | None = None

    def hear_tool(self, health: ToolHealth) -> None:
        name = (health.tool, health.provider or "")
        self.probes.setdefault(name, Probes(self._params.provider_up_seconds)).hear(health)

    def hear_load(self, load: Load) -> None:
        begins = load.at - timedelta(seconds=load.seconds)
        self.first = begins if self.first is None else min(self.first, begins)
        self.last = load.at if self.last is None else max(self.last, load.at)
        wall = load.at.astimezone(self._zone).replace(tzinfo=UTC).timestamp()
        for one in load.loads:
            if one.at.queue is None:
                name, row = one.at.channel, Row(load.at, load.seconds, one)
                service = self._service.setdefault(name, Service(self._centre, name))
                trouble = self._trouble.get(name, _Trouble([], []))
                self.felt.setdefault(name, Felt()).hear(
                    row,
                    service.share(wall - load.seconds, wall),
                    within(row.middle, trouble.spans),
                    within(row.middle, trouble.gone),
                )


def read(
    settings: Settings, source: Source, tenant: str | None, window: Window, params: RespondParams, tell: Tell
) -> list[Ledger]:
    """A ledger a tenant, by name. Raises BadConfig where nothing lies in that stretch, Unavailable."""
    said = sources.said(source, WANTED, tell)
    incidents = _incidents(said, tenant)
    models = _models(said)
    found: dict[str, _Tenant] = {}
    since, before = window
    # where history is played a record's own time says nothing of the event's
    played = any(one.clock == "event" for one in settings.tenants.values())
    hint = None if since is None or played else since - ARRIVES_WITHIN
    for name, body in sources.desk(source, tenant, hint, tell):
        if not isinstance(body, Load | ToolHealth):
            continue
        if (since is not None and body.at <= since) or (before is not None and body.at > before):
            continue
        if name not in found:
            found[name] = _Tenant(models.get(name), _troubles(incidents.get(name, [])), params)
        if isinstance(body, Load):
            found[name].hear_load(body)
        else:
            found[name].hear_tool(body)
    ledgers = [
        _ledger(name, one, incidents.get(name, []), models.get(name), said)
        for name, one in sorted(found.items())
        if one.first is not None
    ]
    if not ledgers:
        of = f" of {tenant}" if tenant else ""
        raise BadConfig([("--from", f"no minute{of} is recorded in that stretch: see --source, --from and --to")])
    return ledgers


def _incidents(said: Iterable[Said], tenant: str | None) -> dict[str, list[Incident]]:
    """Whole incidents by tenant, in the order of their onset; what was merged is told by what it was merged into."""
    revisions: dict[str, list[Incident]] = {}
    for one in sources.of(said, Incident):
        if tenant in (None, one.tenant):
            revisions.setdefault(one.incident_id, []).append(one)
    found: dict[str, list[Incident]] = {}
    for own in revisions.values():
        incident = whole(own)
        if incident.merged_into is None and not incident.drill:
            found.setdefault(incident.tenant, []).append(incident)
    return {name: sorted(own, key=lambda one: (one.onset, one.incident_id)) for name, own in sorted(found.items())}


def _models(said: Iterable[Said]) -> dict[str, Centre]:
    found: dict[str, Centre] = {}
    for one in sources.of(said, Centre):
        if one.tenant not in found or one.version >= found[one.tenant].version:
            found[one.tenant] = one
    return found


def _troubles(incidents: Iterable[Incident]) -> dict[str, _Trouble]:
    """Of incidents that were open and that people did not take for false: what customers felt of them, by channel."""
    spans: dict[str, list[Span]] = {}
    gone: dict[str, list[Span]] = {}
    for one in incidents:
        if is_false(one) or not was_open(one) or one.cause.kind == UNSEEN:
            continue
        ends = over_at(one) or FAR
        for symptom in one.symptoms:
            name, own = symptom.series.at.channel, symptom_spans([symptom], ends)
            spans.setdefault(name, []).extend(own)
            if symptom.signal_kind in GONE:
                gone.setdefault(name, []).extend(own)
    return {name: _Trouble(union(own), union(gone.get(name, []))) for name, own in spans.items()}


FAR = datetime.max.replace(tzinfo=UTC)


def is_false(incident: Incident) -> bool:
    """Whether people said that it was none."""
    return any(move.reason.code == FALSE for move in incident.moves)


def was_open(incident: Incident) -> bool:
    """Whether it was ever sure enough to be told."""
    return any(move.phase == "open" for move in incident.moves)


def _ledger(name: str, one: _Tenant, incidents: list[Incident], centre: Centre | None, said: list[Said]) -> Ledger:
    assert one.first is not None and one.last is not None
    seen = Span(one.first, one.last)
    return Ledger(
        tenant=name,
        time_zone=centre.time_zone if centre else "UTC",
        seen=seen,
        tools=_tools(one, centre, _slow(name, said, seen)),
        causes=_causes(incidents, seen),
        account=_account(name, incidents, centre, seen, said),
        channels=[_channel(channel, felt, centre) for channel, felt in sorted(one.felt.items())],
    )


def _slow(name: str, said: Iterable[Said], seen: Span) -> dict[tuple[str, str], Failures]:
    """By tool and provider, sites as one."""
    spans: dict[tuple[str, str], list[tuple[datetime, datetime | None]]] = {}
    for one in slowness(one for one in sources.of(said, DeskStatus) if one.tenant == name):
        spans.setdefault((one.tool.tool, one.tool.provider or ""), []).append((one.tool.since, one.until))
    inside = {key: clipped(own, seen) for key, own in spans.items()}
    return {key: failures(own.spans, own.still_open, seen) for key, own in inside.items() if own.spans}


def _tools(one: _Tenant, centre: Centre | None, slow: dict[tuple[str, str], Failures]) -> list[Tool]:
    """All that probes spoke of, what was slow, and the providers of the model of which no probe spoke."""
    known = {(provider.tool, provider.name): provider.promised_availability for provider in _providers(centre)}
    return [
        Tool(
            tool=tool,
            provider=provider or None,
            promised=known.get((tool, provider)),
            failures=one.probes[tool, provider].account() if (tool, provider) in one.probes else None,
            slow=slow.get((tool, provider)),
        )
        for tool, provider in sorted({*one.probes, *known, *slow})
    ]


def _providers(centre: Centre | None) -> list[Provider]:
    return centre.providers if centre else []


def _causes(incidents: list[Incident], seen: Span) -> list[Cause]:
    """False alarms are no failures; what eased and came back failed again."""
    by_cause: dict[str, list[tuple[datetime, datetime | None]]] = {}
    for one in incidents:
        if was_open(one) and not is_false(one):
            by_cause.setdefault(one.cause.kind, []).extend(outages(one))
    found = []
    for cause, spans in sorted(by_cause.items()):
        inside = clipped(spans, seen)
        if inside.spans:
            found.append(Cause(cause=cause, failures=failures(inside.spans, inside.still_open, seen)))
    return found


def outages(incident: Incident) -> list[tuple[datetime, datetime | None]]:
    """From its onset until what failed works again, and each relapse until it eased; the last may go on (None)."""
    found: list[tuple[datetime, datetime | None]] = []
    for move in incident.moves:
        out, is_open = move.phase in ("pending", "open"), bool(found) and found[-1][1] is None
        if out and not is_open:
            found.append((move.at if found else incident.onset, None))
        elif is_open and not out:
            found[-1] = (found[-1][0], move.at)
    return found


def _account(name: str, incidents: list[Incident], centre: Centre | None, seen: Span, said: Iterable[Said]) -> Account:
    told = [one for one in sources.of(said, DeskStatus) if one.tenant == name]
    allowed = (centre or Centre(tenant=name)).budget_false_incidents_per_month
    inside = [one for one in incidents if seen.begins <= one.opened_at <= seen.ends]
    return Account(
        allowed_a_month=allowed,
        allowed=allowed * seen.seconds / timedelta(days=DAYS).total_seconds(),
        false=[one.incident_id for one in inside if is_false(one)],
        opened=sum(was_open(one) for one in inside),
        paged=sum(was_open(one) and one.pages for one in inside),
        as_told=max(told, key=lambda one: one.revision, default=None),
    )


def _channel(name: str, felt: Felt, centre: Centre | None) -> Channel:
    known = centre.channels.get(name) if centre else None
    promised = {
        provider.name: provider.promised_availability
        for provider in _providers(centre)
        if name in provider.channels and provider.promised_availability is not None
    }
    customer = known is None or known.audience == "customer"
    return Channel(name=name, customer=customer, felt=felt, promised=dict(sorted(promised.items())))
