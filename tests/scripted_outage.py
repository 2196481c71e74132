"""A retailer's Tuesday with a 47-minute telephony outage, as values on the bus: what the page is shown in its tests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas import topics
from schemas.base import Message, Origin, QueueRef
from schemas.centre import Centre, CentreChannel
from schemas.command import (
    Bulletin,
    Guard,
    Interval,
    Inverse,
    Lever,
    LoadShiftCommand,
    Projection,
    StaffingAlert,
)
from schemas.decision import CommandResult
from schemas.desk import DeskBody, DeskEntry
from schemas.health import ToolHealth
from schemas.incident import Cause, Incident, Move, Phase, Reason, Scope, Symptom
from schemas.notice import Notification
from schemas.signal import Contribution, Evidence, Load, QueueLoad, Series, Signal, SignalKind
from schemas.tick import Tick
from schemas.workforce import Workforce

TENANT = "demo"
ZONE = "America/Chicago"
BROKE_AT = datetime(2026, 11, 24, 16, 12, tzinfo=UTC)  # 10:12 in Chicago
BACK_AT = BROKE_AT + timedelta(minutes=47)
INCIDENT = "demo-4f0c1d9a8b7e6f5a4b3c"
ORIGIN = Origin(topic="desk", partition=0, offset=0)

# what comes in a usual minute at this hour, and how many times that once telephony is out
CHANNELS = {"voice": (44.0, 0.0), "chat": (28.0, 3.8), "email": (56.0, 2.2), "social": (8.0, 6.0), "app": (20.0, 3.2)}
QUEUES = {
    "voice": ("orders", "billing", "returns"),
    "chat": ("orders", "billing"),
    "email": ("orders", "returns"),
    "social": ("care",),
    "app": ("refunds",),
}
DELAY_MINUTES = {"voice": 0, "chat": 1, "email": 3, "social": 2, "app": 4}
SEEN = {"voice": 1, "chat": 2, "email": 4, "social": 4, "app": 6}  # minutes from the break to the signal

On = tuple[str, Message]


def minutes(first: int, last: int, queues_more: int = 0) -> Iterator[On]:
    """Everything that the bus carries from `first` to `last`, in minutes since the break (negative: before it)."""
    noise = random.Random(7)
    for minute in range(-600, last + 1):
        load = _load(minute, noise, queues_more)
        if minute >= first:
            yield from _minute(minute, load)


def opening() -> Iterator[On]:
    """What stands on the bus before the day begins."""
    channels = {name: CentreChannel() for name in CHANNELS}
    centre = Centre(tenant=TENANT, version=1, time_zone=ZONE, mode="auto", channels=channels)
    yield topics.CENTRE.name, centre
    for tool in ("telephony", "chat-platform", "e-mail", "crm", "routing", "wfm"):
        yield _desk(ToolHealth(tenant=TENANT, tool=tool, at=BROKE_AT - timedelta(minutes=5), state="up"))


def _minute(minute: int, load: Load) -> Iterator[On]:
    at = BROKE_AT + timedelta(minutes=minute)
    yield _desk(load)
    yield _desk(Tick(tenant=TENANT, at=at, read_to=at, complete_to=at))
    out = 0 <= minute < 47
    for queue in QUEUES["voice"]:
        idle = 32 if out and minute > 2 else 4
        ref = QueueRef(channel="voice", queue=queue)
        yield _desk(Workforce(tenant=TENANT, at=at, queue=ref, staffed=36, available=idle, on_contact=36 - idle))
    for queue in QUEUES["chat"]:
        ref = QueueRef(channel="chat", queue=queue)
        yield _desk(Workforce(tenant=TENANT, at=at, queue=ref, staffed=14, available=0 if out else 3, on_contact=14))
    for channel, seen in SEEN.items():
        if minute == seen:
            yield _desk(signal(channel, at))
        elif out and minute > seen and minute % 5 == 0:
            yield _desk(signal(channel, at, state="revised", revision=minute))
        elif minute == 47 + 8 and channel == "voice":
            yield _desk(signal(channel, at, state="cleared", revision=minute))
    if minute == 1:
        text = "SIP OPTIONS time out: no trunk"
        yield _desk(ToolHealth(tenant=TENANT, tool="telephony", at=at, state="down", provider="northline", text=text))
    if minute == 48:
        yield _desk(ToolHealth(tenant=TENANT, tool="telephony", at=at, state="up", provider="northline"))
    yield from _answers(minute, at)


def _answers(minute: int, at: datetime) -> Iterator[On]:
    if 2 <= minute < 47:
        yield topics.INCIDENTS.name, incident(at, minute)
    if minute == 2:
        yield topics.NOTIFICATIONS.name, _notification("pagerduty", at)
        yield topics.NOTIFICATIONS.name, _notification("grafana", at, outcome="retry", text="503 Service Unavailable")
    if minute == 4:
        yield topics.NOTIFICATIONS.name, _notification("grafana", at, attempt=2)
        yield topics.STAFFING_ALERTS.name, staffing_alert("chat", "billing", at, 14)
        yield topics.STAFFING_ALERTS.name, staffing_alert("email", "orders", at, 6)
        yield topics.BULLETINS.name, bulletin("agents", at)
        yield topics.BULLETINS.name, bulletin("customers", at)
    if minute == 5:
        command = load_shift("c-chat", at, QueueRef(channel="chat", queue="billing"), voice("billing"))
        yield topics.LOAD_SHIFT_COMMANDS.name, command
        result = CommandResult(command_id="c-chat", tenant=TENANT, at=at, state="applied", text="flow 12 published")
        yield _desk(result)
    if minute == 8:
        ref = QueueRef(channel="email", queue="orders")
        yield topics.LOAD_SHIFT_COMMANDS.name, load_shift("c-email", at, ref, voice("orders"))
        reason = Reason(code="cap", text="voice/returns lends its people to two queues already")
        blocked = load_shift("c-social", at, QueueRef(channel="social", queue="care"), voice("returns"), blocked=reason)
        yield topics.LOAD_SHIFT_PROPOSALS.name, blocked
    if minute == 47 + 3:
        yield topics.INCIDENTS.name, incident(at, minute, phase="easing")
    if minute == 47 + 40:
        yield topics.INCIDENTS.name, incident(at, minute, phase="resolved", resolved_at=at)


def incident(at: datetime, revision: int, phase: Phase = "open", resolved_at: datetime | None = None) -> Incident:
    """The outage as the desk has it at that moment: symptoms join one after the other."""
    minute = int((at - BROKE_AT).total_seconds() // 60)
    there = [channel for channel in SEEN if SEEN[channel] <= minute]
    moves = [
        Move(
            at=BROKE_AT + timedelta(minutes=1), phase="pending", reason=Reason(code="first", text="voice fell silent")
        ),
        Move(
            at=BROKE_AT + timedelta(minutes=2),
            phase="open",
            reason=Reason(code="evidence", text="chat surges while voice is silent and its agents are idle"),
        ),
    ]
    if phase != "open":
        moves.append(Move(at=at, phase=phase, reason=Reason(code="recovered", text="voice is back in its usual range")))
    return Incident(
        incident_id=INCIDENT,
        tenant=TENANT,
        revision=revision,
        phase=phase,
        severity="critical",
        title="Telephony is out; customers turn to chat, e-mail and social",
        cause=Cause(
            kind="telephony",
            sureness=0.62 if minute < 4 else 0.94,
            because=[
                "voice is silent while its agents are idle",
                "chat, e-mail, social and app surged after it, one after the other",
                "the telephony probe says: SIP OPTIONS time out: no trunk",
            ],
        ),
        scope=Scope(level="tenant", channels=there),
        opened_at=BROKE_AT + timedelta(minutes=1),
        onset=BROKE_AT,
        at=at,
        resolved_at=resolved_at,
        symptoms=[symptom(channel, at) for channel in there],
        moves=moves,
        playbook="telephony-outage",
        contacts_unusual=1830.0,
        notes=[Reason(code="no-staffing", text="no queue of social is in the centre's model: no staffing is planned")],
        origin=ORIGIN,
    )


def symptom(channel: str, at: datetime) -> Symptom:
    said = signal(channel, at)
    return Symptom(
        signal_id=said.signal_id,
        series=said.series,
        signal_kind=said.signal_kind,
        state="opened",
        onset=said.onset,
        detected_at=BROKE_AT + timedelta(minutes=SEEN[channel]),
        observed=said.observed,
        expected=said.expected,
        ratio=said.ratio,
        text=said.text,
    )


def signal(channel: str, at: datetime, state: str = "opened", revision: int = 0) -> Signal:
    usual, factor = CHANNELS[channel]
    onset = BROKE_AT + timedelta(minutes=DELAY_MINUTES[channel])
    lasted = max(1.0, (at - onset).total_seconds() / 60)
    kind: SignalKind = "silence" if channel == "voice" else "surge"
    expected, observed = round(usual * lasted), round(usual * factor * lasted)
    word = "is silent" if kind == "silence" else f"is surging, +{round((factor - 1) * 100)} %"
    return Signal(
        signal_id=f"s-{channel}",
        tenant=TENANT,
        series=Series(at=QueueRef(channel=channel)),
        signal_kind=kind,
        state=state,  # type: ignore[arg-type]
        revision=revision,
        at=at,
        pane_start=onset,
        onset=onset,
        observed=observed,
        expected=expected,
        ratio=factor or None,
        usual_low=round(expected * 0.8),
        usual_high=round(expected * 1.2),
        rarity_days=400.0,
        evidence=Evidence(
            statistic=41.3,
            threshold=14.2,
            tolerance=0.2,
            level=1.04,
            learned_weeks=2,
            curve=[0.0, 0.2, 0.0, 1.1, 5.2, 13.0, 22.4, 41.3],
        ),
        contributors=[Contribution(name="billing", observed=observed / 2, expected=expected / 2, share=0.5)],
        text=f"{channel} {word} since {onset.astimezone(ZoneInfo(ZONE)).strftime('%H:%M')}",
        origin=ORIGIN,
    )


def staffing_alert(channel: str, queue: str, at: datetime, short: int, revision: int = 1) -> StaffingAlert:
    ref = QueueRef(channel=channel, queue=queue)
    start = at.replace(minute=15)
    return StaffingAlert(
        alert_id=f"a-{channel}-{queue}-{revision}",
        incident_id=INCIDENT,
        tenant=TENANT,
        revision=revision,
        at=at,
        queue=ref,
        time_zone=ZONE,
        interval_seconds=900,
        driver="volume",
        driver_text="volume +281 % against usual; handle time +4 % against plan; staffed as planned",
        contacts_waiting=64,
        oldest_wait_seconds=412.0,
        arrivals_variance=1.3,
        intervals=[
            Interval(
                start=start + timedelta(minutes=15 * n),
                forecast=210,
                expected=800 - 40 * n,
                agents_needed=14 + short - n,
                agents_staffed=14,
                agents_short=short - n,
                service_level_if_nothing=0.12,
                service_level_with_plan=0.71,
            )
            for n in range(8)
        ],
        service_level_now=0.31,
        occupancy_now=1.0,
        target="80 % within 45 s",
        levers=[
            Lever(
                name="lend-idle-agents",
                agents=min(short, 10),
                minutes=2,
                from_queue=voice("billing"),
                effect="idle voice agents answer chats",
                owner="routing",
            ),
            Lever(name="call-in-bench", agents=4, minutes=30, effect="four more on chat", owner="workforce desk"),
        ],
        latest_useful_at=at + timedelta(minutes=20),
        approver="operations lead on duty",
        acknowledge="acknowledge",
        rollback="agents return to voice when it is back for ten minutes",
        cause="telephony outage",
        text=f"{ref} is {short} agents short: volume +281 % against usual.",
        origin=ORIGIN,
    )


def voice(queue: str) -> QueueRef:
    return QueueRef(channel="voice", queue=queue)


def load_shift(
    name: str, at: datetime, origin: QueueRef, helper: QueueRef, blocked: Reason | None = None
) -> LoadShiftCommand:
    return LoadShiftCommand(
        command_id=name,
        dedup_key=name,
        incident_id=INCIDENT,
        tenant=TENANT,
        action="overflow",
        from_queue=origin,
        to_queue=helper,
        share=0.4,
        share_before=0.0,
        share_cap=0.5,
        step=1,
        issued_at=at,
        expires_at=at + timedelta(minutes=30),
        mode="auto",
        guard=Guard(donor=helper, stop_if_service_level_below=0.7, stop_if_agents_below=9, check_after_seconds=300),
        inverse=Inverse(command_id=f"{name}-back", from_queue=origin, to_queue=helper, share=0.0),
        evidence=["s-voice", f"s-{origin.channel}"],
        projections=[
            Projection(
                queue=origin,
                wait_seconds_before=None,
                wait_seconds_after=55.0,
                abandoned_share_before=0.46,
                abandoned_share_after=0.06,
            ),
            Projection(
                queue=helper,
                wait_seconds_before=4.0,
                wait_seconds_after=11.0,
                abandoned_share_before=0.01,
                abandoned_share_after=0.02,
            ),
        ],
        binding=["donor's service level"],
        blocked_by=blocked,
        text=f"Let idle {helper} agents take 40 % of {origin} for 30 minutes.",
        origin=ORIGIN,
    )


def _notification(
    sink: str, at: datetime, outcome: str = "delivered", attempt: int = 1, text: str = ""
) -> Notification:
    return Notification(
        notice_id=f"n-{sink}",
        tenant=TENANT,
        incident_id=INCIDENT,
        sink=sink,
        what="opened",
        outcome=outcome,  # type: ignore[arg-type]
        attempt=attempt,
        at=at,
        text=text,
    )


def bulletin(audience: str, at: datetime) -> Bulletin:
    return Bulletin(
        bulletin_id=f"b-{audience}",
        incident_id=INCIDENT,
        tenant=TENANT,
        audience=audience,  # type: ignore[arg-type]
        language="en",
        template="telephony-out",
        template_version=1,
        at=at,
        next_update_at=at + timedelta(minutes=20),
        expires_at=at + timedelta(hours=2),
        text="Our phone lines are down. Please use the chat or write to us; we answer every message today.",
        approved=audience == "agents",
        origin=ORIGIN,
    )


def _load(minute: int, noise: random.Random, queues_more: int) -> Load:
    at = BROKE_AT + timedelta(minutes=minute)
    loads = []
    for channel, (usual, factor) in CHANNELS.items():
        since = minute - DELAY_MINUTES[channel]
        rise = min(1.0, max(0.0, (since + 1) / 3)) if minute < 47 else max(0.0, 1 - (minute - 46) / 10)
        shift = 1 + (factor - 1) * (rise if channel != "voice" or minute >= 47 else float(since >= 0))
        share = 1 / len(QUEUES[channel])
        parts = [_queue_load(channel, queue, usual * share, shift, minute, noise) for queue in QUEUES[channel]]
        loads.append(_together(channel, parts))
        loads += parts
    for n in range(queues_more):
        loads.append(_queue_load("sms", f"team-{n:03d}", 6.0 + n % 9, 1.0, minute, noise))
    return Load(tenant=TENANT, at=at, seconds=60.0, loads=loads, origin=ORIGIN)


def _queue_load(channel: str, queue: str, usual: float, shift: float, minute: int, noise: random.Random) -> QueueLoad:
    """Rising to the late morning, falling after it; noise of about a Poisson count's."""
    expected = usual * (1 + 0.25 * (1 - abs(minute - 30) / 300))
    seen = max(0, round(noise.gauss(expected * shift, (expected * max(shift, 0.02)) ** 0.5)))
    spread = 2.6 * expected**0.5 + 0.1 * expected
    backlog = round(expected * (1 + max(0.0, shift - 1) * max(0, minute) * 0.3))
    return QueueLoad(
        at=QueueRef(channel=channel, queue=queue),
        known_seconds=60.0,
        arrivals=0 if shift == 0 else seen,
        expected=round(expected, 2),
        expected_low=round(max(0.0, expected - spread), 2),
        expected_high=round(expected + spread, 2),
        answered=min(seen, round(expected)),
        abandoned=max(0, round(seen - expected * 1.6)),
        escalated=round(seen * 0.02),
        wait_seconds_mean=None if shift == 0 else 12.0 * max(1.0, shift**2),
        handle_seconds_mean=300.0,
        backlog=backlog,
        backlog_since=BROKE_AT - timedelta(hours=4),
    )


def _together(channel: str, parts: list[QueueLoad]) -> QueueLoad:
    spread = 2.6 * sum(part.expected for part in parts) ** 0.5 + 0.08 * sum(part.expected for part in parts)
    expected = sum(part.expected for part in parts)
    return QueueLoad(
        at=QueueRef(channel=channel),
        known_seconds=60.0,
        arrivals=sum(part.arrivals for part in parts),
        expected=round(expected, 2),
        expected_low=round(max(0.0, expected - spread), 2),
        expected_high=round(expected + spread, 2),
        answered=sum(part.answered for part in parts),
        abandoned=sum(part.abandoned for part in parts),
        escalated=sum(part.escalated for part in parts),
        wait_seconds_mean=parts[0].wait_seconds_mean,
        backlog=sum(part.backlog or 0 for part in parts),
        backlog_since=parts[0].backlog_since,
    )


def _desk(body: DeskBody) -> On:
    return topics.DESK.name, DeskEntry(tenant=TENANT, origin=ORIGIN, body=body)
