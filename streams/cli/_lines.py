"""Each message as a line or two for a person; pure. Times are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import singledispatch
from typing import Any

from rich.text import Text

from schemas.centre import Centre, OpenCase
from schemas.command import Bulletin, LoadShiftCommand, StaffingAlert
from schemas.contact import ContactEvent
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskEntry
from schemas.errors import BadMessage
from schemas.health import ToolHealth
from schemas.incident import Incident
from schemas.notice import Defect, LateContact, Notification
from schemas.pane import Progress, QueuePane, SetAside
from schemas.recovery import Recovery
from schemas.signal import Load, Signal
from schemas.status import DeskStatus
from schemas.tick import Tick
from schemas.workforce import Workforce
from streams.values import value_of

SEVERITY = {"info": "cyan", "warning": "yellow", "error": "red", "critical": "bold red"}
SIGNAL = {"opened": "red", "revised": "yellow", "cleared": "green"}
OUTCOME = {"trying": "cyan", "delivered": "green", "retry": "yellow", "refused": "red", "skipped": "dim"}
NAMES_MAX = 6


def lines(topic: str, key: bytes | None, raw: bytes | None) -> list[Text]:
    """What stands on the screen for a record; one that cannot be read says why."""
    name = (key or b"").decode(errors="replace")
    try:
        value = value_of(topic, raw)
    except BadMessage as error:
        return [Text.assemble(("cannot be read ", "red"), f"{name}: {error}")]
    return [Text.assemble(("removed ", "dim"), name)] if value is None else describe(value)


@singledispatch
def describe(value: Any) -> list[Text]:
    raise TypeError(f"{type(value).__name__} has no line yet")


@describe.register
def _(value: DeskEntry) -> list[Text]:
    return describe(value.body)


@describe.register
def _(value: Signal) -> list[Text]:
    ratio = "" if value.ratio is None else f"  {value.ratio:.2f} x"
    head = Text.assemble(
        (_moment(value.at), "dim"),
        " ",
        (f"signal {value.state}", SIGNAL[value.state]),
        (f" {value.tenant} ", "dim"),
        (f"{value.series} {value.signal_kind}", "bold"),
        ratio,
    )
    return [head, _second(value.text)]


@describe.register
def _(value: Load) -> list[Text]:
    unusual = [load for load in value.loads if not load.expected_low <= load.arrivals <= load.expected_high]
    names = [f"{load.at} {load.arrivals} of {load.expected:.0f}" for load in unusual]
    text = f"{len(value.loads)} queues, outside their usual range: {_some(names) or 'none'}"
    return [_line(value.at, "load", value.tenant, text)]


@describe.register
def _(value: Tick) -> list[Text]:
    text = f"read to {_clock(value.read_to)}, complete to {_clock(value.complete_to)}"
    return [_line(value.at, "tick", value.tenant, text, "dim")]


@describe.register
def _(value: Incident) -> list[Text]:
    style = "green" if value.phase == "resolved" else SEVERITY[value.severity]
    head = Text.assemble(
        (_moment(value.at), "dim"),
        " ",
        (f"incident {value.phase}", style),
        (f" {value.tenant} ", "dim"),
        (value.title, "bold"),
        (f"  {value.severity}, since {_clock(value.onset)}, revision {value.revision}", "dim"),
    )
    because = f" ({'; '.join(value.cause.because)})" if value.cause.because else ""
    cause = f"likely {value.cause.kind}, {value.cause.sureness:.0%} sure{because}; {value.scope.level}: "
    moves = f"; {value.moves[-1].reason.text}" if value.moves else ""
    return [head, _second(f"{cause}{', '.join(value.scope.channels)}{moves}  [{value.incident_id}]")]


@describe.register
def _(value: StaffingAlert) -> list[Text]:
    worst = max((interval.agents_short for interval in value.intervals), default=0)
    lever = f"; {value.levers[0].effect} ({value.levers[0].owner})" if value.levers else ""
    closed = value.state == "closed"
    text = "enough again" if closed else f"{worst} agents short at worst, useful until {_clock(value.latest_useful_at)}"
    head = _line(value.at, "staffing alert", value.tenant, f"{value.queue}: {text}", "green" if closed else "yellow")
    return [head, _second(value.text + lever)]


@describe.register
def _(value: LoadShiftCommand) -> list[Text]:
    may = value.blocked_by is None
    by = f", approved by {value.approved_by}" if value.approved_by else ""
    head = Text.assemble(
        (_moment(value.issued_at), "dim"),
        " ",
        ("proposal over" if value.closed else "command" if may else "proposal", "bold magenta" if may else "magenta"),
        (f" {value.tenant} ", "dim"),
        (f"{value.from_queue} -> {value.to_queue}", "bold"),
        f" {value.share_before:.0%} -> {value.share:.0%} by {value.action} until {_clock(value.expires_at)}",
        (f"  {value.mode}{by}" if value.blocked_by is None else f"  {value.blocked_by.text}", "dim"),
    )
    return [head, _second(f"{value.text}  [{value.command_id}]")]


@describe.register
def _(value: Bulletin) -> list[Text]:
    unapproved = "" if value.approved else ", not approved"
    text = f"to {value.audience} in {value.language} ({value.template}{unapproved})"
    return [_line(value.at, "bulletin", value.tenant, text, "blue"), *map(_second, value.text.splitlines())]


@describe.register
def _(value: Recovery) -> list[Text]:
    return [_line(value.at, "recovery", value.tenant, f"{value.incident_id}: {value.text}", "green")]


@describe.register
def _(value: DeskStatus) -> list[Text]:
    stops = "; ".join(f"stopped by {stop.by}: {stop.text}" for stop in value.stops) or "nothing is stopped"
    duty = ", ".join(f"{one.rota} {'/'.join(one.who) or 'nobody'}" for one in value.on_duty)
    text = f"mode {value.mode}, {stops}" + (f"; on call: {duty}" if duty else "")
    if value.slow:
        text += f"; slow: {', '.join(one.tool for one in value.slow)}"
    if value.budget is not None:
        text += f"; false alarms {value.budget.spent} of {value.budget.stated:g} in 30 days"
    return [_line(value.at, "desk", value.tenant, text, "red" if value.stops else "")]


@describe.register
def _(value: Notification) -> list[Text]:
    why = f": {value.text}" if value.text else ""
    subject = value.command_id or value.incident_id or "the centre's model"
    text = f"{value.sink} {value.what} of {subject}, attempt {value.attempt}{why}"
    return [_line(value.at, value.outcome, value.tenant, text, OUTCOME[value.outcome])]


@describe.register
def _(value: QueuePane) -> list[Text]:
    arrivals = {name: counts.offered for name, counts in value.queues.items()}
    top = sorted(arrivals, key=lambda name: (-arrivals[name], name))
    state = "closed" if value.final else f"to {_clock(value.complete_to)}"
    counts = _some([f"{name} {arrivals[name]}" for name in top]) or "nothing came"
    where = f"{value.channel}/{value.partition}" + (
        f" part {value.part + 1} of {value.parts}" if value.parts > 1 else ""
    )
    text = f"{where} {value.pane_seconds} s {state}: {sum(arrivals.values())} arrivals ({counts})"
    return [_line(value.pane_start, "pane", value.tenant, text, "" if value.final else "dim")]


@describe.register
def _(value: Progress) -> list[Text]:
    behind = max(((value.at - read).total_seconds() for read in value.read_to.values()), default=0.0)
    text = f"{len(value.read_to)} source partitions, at most {max(behind, 0.0):.1f} s behind"
    return [_line(value.at, "progress", "", text, "dim")]


@describe.register
def _(value: SetAside) -> list[Text]:
    return [_line(value.pane_start, "pane set aside", value.tenant, f"{value.channel}: {value.why}", "red")]


@describe.register
def _(value: Workforce) -> list[Text]:
    text = f"{value.queue}: {value.staffed} staffed, {value.available} free, {value.on_contact} on a contact"
    return [_line(value.at, "workforce", value.tenant, text + (f", {value.bench} on call" if value.bench else ""))]


@describe.register
def _(value: ToolHealth) -> list[Text]:
    style = {"up": "green", "degraded": "yellow", "down": "red"}[value.state]
    text = f"{value.tool} is {value.state}" + (f": {value.text}" if value.text else "")
    return [_line(value.at, "tool", value.tenant, text, style)]


@describe.register
def _(value: OperatorDecision) -> list[Text]:
    note = f": {value.note}" if value.note else ""
    return [_line(value.at, "decision", value.tenant, f"{value.by}: {value.action} {value.target}{note}", "cyan")]


@describe.register
def _(value: CommandResult) -> list[Text]:
    text = f"{value.command_id} {value.state}" + (f": {value.text}" if value.text else "")
    return [_line(value.at, "platform", value.tenant, text, "red" if value.state == "refused" else "green")]


@describe.register
def _(value: Centre) -> list[Text]:
    text = (
        f"version {value.version}, mode {value.mode}: {len(value.channels)} channels, {len(value.queues)} queues, "
        f"{len(value.routes)} routes, {value.budget_false_incidents_per_month:g} false incidents a month at most"
    )
    return [_line(None, "centre", value.tenant, text)]


@describe.register
def _(value: OpenCase) -> list[Text]:
    state = "closed" if value.closed_at else "open"
    extra = ", vip" if value.vip else ""
    text = f"{value.case_id} {state} in {value.queue}, priority {value.priority}{extra}"
    return [_line(value.closed_at or value.opened_at, "case", value.tenant, text)]


@describe.register
def _(value: LateContact) -> list[Text]:
    text = f"{value.channel}/{value.queue} {value.type} {value.event_id}, {value.late_seconds:.1f} s late"
    return [_line(value.occurred_at, "late", value.tenant, text, "yellow")]


@describe.register
def _(value: Defect) -> list[Text]:
    place = f"{value.topic}/{value.partition}/{value.offset}"
    return [
        _line(
            value.at, f"defect {value.attempt}", value.tenant or "", f"{value.group} at {place}: {value.error}", "red"
        )
    ]


@describe.register
def _(value: ContactEvent) -> list[Text]:
    if value.type == "heartbeat":
        return [_line(value.occurred_at, "heartbeat", value.tenant, f"{value.channel} of {value.source}", "dim")]
    return [_line(value.occurred_at, value.type, value.tenant, f"{value.channel}/{value.queue} {value.contact_id}")]


def _line(at: datetime | None, what: str, tenant: str, text: str, style: str = "") -> Text:
    moment = _moment(at) + " " if at else ""
    return Text.assemble((moment, "dim"), (what, style), (f" {tenant} " if tenant else " ", "dim"), text)


def _second(text: str) -> Text:
    return Text("    " + text)


def _moment(at: datetime) -> str:
    return f"{at:%m-%d %H:%M:%S}Z"


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S}"


def _some(names: Sequence[str]) -> str:
    left = len(names) - NAMES_MAX
    return ", ".join(names[:NAMES_MAX]) + (f" and {left} more" if left > 0 else "")
