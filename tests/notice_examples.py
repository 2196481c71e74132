"""Incidents, staffing alerts and notices for the tests of what is told: plain ones, and hypothesis' worst."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from schemas.base import Origin, QueueRef
from schemas.centre import Centre, Route
from schemas.command import Guard, Interval, Inverse, Lever, LoadShiftCommand, StaffingAlert
from schemas.incident import Cause, Escalation, Incident, Move, Reason, Scope, Symptom
from schemas.signal import Series
from streams.notify.sink import Notice
from streams.notify.subjects import Published, Subject

AT = datetime(2026, 11, 24, 14, 5, tzinfo=UTC)
ORIGIN = Origin(topic="desk", partition=0, offset=7)
VOICE = QueueRef(channel="voice", queue="billing")


def symptom(channel: str = "chat", **over: Any) -> Symptom:
    made = Symptom(
        signal_id=f"s-{channel}",
        series=Series(at=QueueRef(channel=channel)),
        signal_kind="surge",
        state="opened",
        onset=AT - timedelta(minutes=3),
        detected_at=AT,
        observed=381.0,
        expected=100.0,
        ratio=3.81,
        text=f"{channel} is surging, +281 % since 14:02",
    )
    return msgspec.structs.replace(made, **over)


def incident(revision: int = 1, **over: Any) -> Incident:
    made = Incident(
        incident_id="acme-0123456789abcdef0123",
        tenant="acme",
        revision=revision,
        phase="open",
        severity="critical",
        title="Telephony outage: voice is silent, chat +281 %",
        cause=Cause(kind="telephony", sureness=0.92, because=["voice went silent first"]),
        scope=Scope(level="channel", channels=["voice", "chat"], queues=[VOICE]),
        opened_at=AT,
        onset=AT - timedelta(minutes=3),
        at=AT,
        symptoms=[symptom()],
        moves=[Move(at=AT, phase="open", reason=Reason(code="evidence", text="two channels agree"))],
        origin=ORIGIN,
    )
    return msgspec.structs.replace(made, **over)


def resolved(revision: int = 9, **over: Any) -> Incident:
    return incident(revision, phase="resolved", resolved_at=AT + timedelta(minutes=50), **over)


def staffing_alert(revision: int = 1, **over: Any) -> StaffingAlert:
    made = StaffingAlert(
        alert_id=f"alert-{revision}",
        incident_id="acme-0123456789abcdef0123",
        tenant="acme",
        revision=revision,
        at=AT,
        queue=QueueRef(channel="chat", queue="billing"),
        time_zone="Europe/Berlin",
        interval_seconds=900,
        driver="volume",
        driver_text="three times the usual chats",
        contacts_waiting=41,
        arrivals_variance=1.4,
        intervals=[
            Interval(
                start=AT,
                forecast=100,
                expected=381,
                agents_needed=52,
                agents_staffed=20,
                agents_short=32,
                service_level_if_nothing=0.1,
                service_level_with_plan=0.7,
            )
        ],
        service_level_now=0.2,
        occupancy_now=0.99,
        target="80 % in 20 s",
        levers=[Lever(name="overtime", agents=5, minutes=30, effect="+10 %", owner="wfm")],
        latest_useful_at=AT,
        approver="duty manager",
        acknowledge="status page",
        rollback="end overtime",
        cause="telephony",
        text="chat/billing is 32 agents short",
        origin=ORIGIN,
    )
    return msgspec.structs.replace(made, **over)


def climbed(revision: int = 2, step: int = 1, **over: Any) -> Incident:
    """An incident that nobody acknowledged in time."""
    return incident(revision, escalation=Escalation(step=step + 1, rota="second line", who=["bob"], at=AT), **over)


def load_shift(**over: Any) -> LoadShiftCommand:
    made = LoadShiftCommand(
        command_id="shift-1",
        dedup_key="shift-1",
        incident_id="acme-0123456789abcdef0123",
        tenant="acme",
        action="overflow",
        from_queue=VOICE,
        to_queue=QueueRef(channel="chat", queue="billing"),
        share=0.3,
        share_before=0.1,
        share_cap=0.5,
        step=2,
        issued_at=AT,
        expires_at=AT + timedelta(minutes=30),
        mode="approve",
        guard=Guard(
            donor=QueueRef(channel="chat"),
            stop_if_service_level_below=0.6,
            stop_if_agents_below=4,
            check_after_seconds=120,
        ),
        inverse=Inverse(
            command_id="shift-1-back", from_queue=QueueRef(channel="chat", queue="billing"), to_queue=VOICE, share=0.1
        ),
        evidence=["s-voice"],
        approved_by="ada",
        text="overflow 30 % of voice/billing to chat/billing until 14:35",
        origin=ORIGIN,
    )
    return msgspec.structs.replace(made, **over)


def published(version: int = 3, **over: Any) -> Published:
    routes = [Route(from_queue=VOICE, to_queue=QueueRef(channel="chat", queue="billing"), action="overflow")]
    return Published(Centre(tenant="acme", version=version, routes=routes, **over), AT)


def notice(subject: Subject | None = None, what: str = "opened", **over: Any) -> Notice:
    return Notice(notice_id="n1", what=what, subject=subject or incident(), **over)  # type: ignore[arg-type]


_names = st.text(min_size=1, max_size=200)
_texts = st.text(max_size=60) | st.text(min_size=1, max_size=4).map(lambda text: text * 1_000)
_moments = st.datetimes(
    min_value=datetime(1999, 1, 1),
    max_value=datetime(2100, 1, 1),
    timezones=st.just(UTC),
)
_numbers = st.floats(min_value=0, max_value=1e9)
_queues = st.builds(QueueRef, channel=_names, queue=st.none() | _names)
_symptoms = st.builds(
    Symptom,
    signal_id=_names,
    series=st.builds(Series, at=_queues, measure=_names),
    signal_kind=st.sampled_from(["surge", "drop", "silence", "mix-shift"]),
    state=st.sampled_from(["opened", "revised", "cleared"]),
    onset=_moments,
    detected_at=_moments,
    observed=_numbers,
    expected=_numbers,
    ratio=st.none() | _numbers,
    text=_texts,
)
_many = st.integers(1, 40)
_escalations = st.builds(
    Escalation, step=st.integers(1, 9), rota=_names, who=st.lists(_names, max_size=30), at=_moments
)


@st.composite
def incidents(draw: st.DrawFn) -> Incident:
    """Any incident that the schema allows, some of them very large."""
    return Incident(
        incident_id=draw(_names),
        tenant=draw(_names),
        revision=draw(st.integers(0, 10_000)),
        phase=draw(st.sampled_from(["open", "easing", "watching", "resolved"])),
        severity=draw(st.sampled_from(["info", "warning", "error", "critical"])),
        title=draw(_texts),
        cause=Cause(
            kind=draw(st.sampled_from(["telephony", "unknown", "data-feed-lost"])),
            sureness=draw(st.floats(0, 1)),
            because=draw(st.lists(_texts, max_size=3)) * draw(_many),
        ),
        scope=Scope(
            level=draw(st.sampled_from(["queue", "channel", "site", "region", "tenant"])),
            channels=draw(st.lists(_names, max_size=3)) * draw(_many),
            queues=draw(st.lists(_queues, max_size=3)) * draw(_many),
            sites=draw(st.lists(_names, max_size=3)) * draw(_many),
        ),
        opened_at=draw(_moments),
        onset=draw(_moments),
        at=draw(_moments),
        resolved_at=draw(st.none() | _moments),
        symptoms=draw(st.lists(_symptoms, max_size=3)) * draw(_many),
        moves=draw(
            st.lists(
                st.builds(Move, at=_moments, phase=st.just("open"), reason=st.builds(Reason, code=_names, text=_texts)),
                max_size=3,
            )
        )
        * draw(_many),
        acknowledged_by=draw(st.none() | _names),
        merged_into=draw(st.none() | _names),
        playbook=draw(st.none() | _names),
        contacts_unusual=draw(_numbers),
        drill=draw(st.none() | _names),
        escalation=draw(st.none() | _escalations),
        notes=draw(st.lists(st.builds(Reason, code=_names, text=_texts), max_size=2)) * draw(_many),
        origin=ORIGIN,
    )


def subjects() -> st.SearchStrategy[Subject]:
    """Whatever a sink may hear of."""
    shifts = st.builds(
        lambda text, name, times: load_shift(text=text, approved_by=name, binding=[text] * times),
        _texts,
        _names,
        _many,
    )
    centres = st.builds(
        lambda name, zone, routes: Published(
            Centre(tenant=name, time_zone=zone, routes=published().centre.routes * routes), AT
        ),
        _names,
        _names,
        st.integers(0, 1_000),
    )
    return incidents() | shifts | centres | st.just(staffing_alert())


@st.composite
def notices(draw: st.DrawFn, subjects: st.SearchStrategy[Any] | None = None) -> Notice:
    """Any notice of them, first or later."""
    return Notice(
        notice_id=draw(st.text("0123456789abcdef", min_size=20, max_size=20)),
        what=draw(st.sampled_from(["opened", "changed", "escalated", "acknowledged", "resolved"])),
        subject=draw(subjects if subjects is not None else incidents()),
        step=draw(st.integers(0, 300)),
        step_before=draw(st.integers(0, 9)),
        reference=draw(st.none() | st.integers(1, 10_000).map(str)),
    )
