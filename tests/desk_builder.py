"""Plays messages to a response fold and keeps what it says: signals, loads, agents and time in a line each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from response.pipeline import RespondParams, ResponseFold
from schemas import codec
from schemas.base import Origin, QueueRef
from schemas.centre import Centre, CentreChannel, CentreQueue, Mode, Route
from schemas.command import Bulletin, LoadShiftCommand, StaffingAlert
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskBody, DeskEntry
from schemas.fold import Output, digest
from schemas.health import ToolHealth
from schemas.incident import Incident
from schemas.signal import Evidence, Load, QueueLoad, Series, Signal, SignalKind
from schemas.tick import Tick
from schemas.topics import LOAD_SHIFT_COMMANDS, LOAD_SHIFT_PROPOSALS
from schemas.workforce import Workforce

TENANT = "shop"
START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

T = TypeVar("T")


def ref(text: str) -> QueueRef:
    """`chat/orders`, or `chat` for the whole channel."""
    channel, _, queue = text.partition("/")
    return QueueRef(channel=channel, queue=queue or None)


def signal(
    at: str,
    kind: SignalKind,
    seconds: float,
    *,
    ratio: float | None = None,
    onset: float | None = None,
    state: str = "opened",
    revision: int = 1,
    measure: str = "offered",
    expected: float = 60.0,
    learning: bool = False,
    audience: str = "customer",
    opened: float | None = None,
) -> Signal:
    """A signal said `seconds` after START; `opened` (default: now) is when it first was, which names it."""
    series = Series(at=ref(at), measure=measure)
    began = START + timedelta(seconds=seconds - 20 if onset is None else onset)
    pane = START + timedelta(seconds=seconds if opened is None else opened)
    observed = expected * (ratio if ratio is not None else 0.0)
    return Signal(
        signal_id=digest(series, kind, pane),
        tenant=TENANT,
        series=series,
        signal_kind=kind,
        state=state,  # type: ignore[arg-type]
        revision=revision,
        at=START + timedelta(seconds=seconds),
        pane_start=pane,
        onset=began,
        observed=observed,
        expected=expected,
        ratio=ratio,
        usual_low=0.8 * expected,
        usual_high=1.2 * expected,
        rarity_days=1000.0,
        evidence=Evidence(
            statistic=20.0, threshold=15.0, tolerance=0.2, level=1.0, learned_weeks=2.0, still_learning=learning
        ),
        audience=audience,  # type: ignore[arg-type]
        text=f"{series}: {kind}",
        origin=Origin(topic="queue-panes", partition=0, offset=0),
    )


def load(seconds: float, queues: dict[str, tuple[float, float]], *, known: float = 60.0, **more: Any) -> Load:
    """A minute that ends `seconds` after START: by queue, what came and what usually comes."""
    return Load(
        tenant=TENANT,
        at=START + timedelta(seconds=seconds),
        seconds=60.0,
        loads=[
            QueueLoad(
                at=ref(name),
                known_seconds=known,
                arrivals=round(came),
                expected=usual,
                expected_low=0.8 * usual,
                expected_high=1.2 * usual,
                **more,
            )
            for name, (came, usual) in sorted(queues.items())
        ],
        origin=Origin(topic="queue-panes", partition=0, offset=0),
    )


def agents(at: str, seconds: float, staffed: int, available: int = 0, on_contact: int | None = None) -> Workforce:
    busy = max(0, staffed - available) if on_contact is None else on_contact
    return Workforce(
        tenant=TENANT,
        at=START + timedelta(seconds=seconds),
        queue=ref(at),
        staffed=staffed,
        available=available,
        on_contact=busy,
    )


def tool(name: str, seconds: float, state: str = "down") -> ToolHealth:
    return ToolHealth(tenant=TENANT, tool=name, at=START + timedelta(seconds=seconds), state=state)  # type: ignore[arg-type]


def tick(seconds: float, *, complete: float | None = None, at: float | None = None) -> Tick:
    now = START + timedelta(seconds=seconds)
    return Tick(
        tenant=TENANT,
        at=now if at is None else START + timedelta(seconds=at),
        read_to=now,
        complete_to=now if complete is None else START + timedelta(seconds=complete),
    )


_decisions = iter(range(10**9))


def decision(action: str, target: str, seconds: float, *, by: str = "ana", **more: Any) -> OperatorDecision:
    more.setdefault("decision_id", f"d{next(_decisions)}")
    at = START + timedelta(seconds=seconds)
    return OperatorDecision(tenant=TENANT, at=at, by=by, action=action, target=target, **more)  # type: ignore[arg-type]


def result(command_id: str, state: str, seconds: float) -> CommandResult:
    at = START + timedelta(seconds=seconds)
    return CommandResult(command_id=command_id, tenant=TENANT, at=at, state=state)  # type: ignore[arg-type]


def centre(mode: Mode = "auto", **more: Any) -> Centre:
    """Two voice and one queue of each other channel; voice agents may take chats and e-mails."""
    more.setdefault("routes", [
        Route(from_queue=ref("voice/orders"), to_queue=ref("chat/orders"), action="skill-flex", share_max=0.5),
        Route(from_queue=ref("voice/billing"), to_queue=ref("chat/orders"), action="skill-flex", share_max=0.5),
        Route(from_queue=ref("voice/billing"), to_queue=ref("email/orders"), action="skill-flex", share_max=0.4),
        Route(from_queue=ref("chat/orders"), to_queue=ref("email/orders"), action="deflect", share_max=0.3),
        Route(from_queue=ref("voice/orders"), to_queue=ref("chat/orders"), action="sms", share_max=0.3),
        Route(from_queue=ref("voice/billing"), to_queue=ref("voice/billing"), action="second-carrier", share_max=0.5),
    ])  # fmt: skip
    return Centre(
        tenant=TENANT,
        mode=mode,
        time_zone="Europe/Berlin",
        channels={
            "voice": CentreChannel(handle_seconds=300, patience_seconds=180),
            "chat": CentreChannel(handle_seconds=480, patience_seconds=240, concurrency=3, target_seconds=45),
            "email": CentreChannel(handle_seconds=240, target_share=0.9, target_seconds=4 * 3600),
            "social": CentreChannel(handle_seconds=240, target_share=0.9, target_seconds=1800),
            "internal": CentreChannel(audience="internal"),
        },
        queues=[
            CentreQueue(at=ref("voice/orders"), agents=160, floor_agents=30, share_max=0.5),
            CentreQueue(at=ref("voice/billing"), agents=120, floor_agents=20, share_max=0.5),
            CentreQueue(at=ref("chat/orders"), agents=70, floor_agents=20, share_max=0.5),
            CentreQueue(at=ref("email/orders"), agents=200, floor_agents=30, share_max=0.5),
        ],
        languages=("en", "de"),
        **more,
    )


# contacts a usual minute
USUAL = {
    "voice": 34.0, "voice/orders": 20.0, "voice/billing": 14.0, "chat": 20.0, "chat/orders": 20.0,
    "email": 36.0, "email/orders": 36.0, "social": 8.0,
}  # fmt: skip


def minute(seconds: float, factor: dict[str, float] | None = None, **more: Any) -> Load:
    """A minute of the usual, but for the channels named in `factor`."""
    by = factor or {}
    return load(
        seconds, {name: (usual * by.get(name.partition("/")[0], 1.0), usual) for name, usual in USUAL.items()}, **more
    )


def staffed(seconds: float, voice_idle: bool = False) -> list[Workforce]:
    """Agents as planned, in slots; on voice all of them idle, or nearly none."""
    return [
        agents("voice/orders", seconds, 120, 118 if voice_idle else 12),
        agents("voice/billing", seconds, 90, 90 if voice_idle else 9),
        agents("chat/orders", seconds, 189, 19),
        agents("email/orders", seconds, 150, 4),
    ]


def entries(bodies: Iterable[DeskBody], first: int = 0) -> list[tuple[DeskEntry, Origin]]:
    """Bodies as a desk log: each its own entry, in order."""
    said = []
    for n, body in enumerate(bodies, first):
        caused = Origin(
            topic="queue-panes" if isinstance(body, Signal | Load | Tick) else "inputs", partition=0, offset=n
        )
        entry = DeskEntry(tenant=TENANT, origin=caused, body=body)
        # as it comes from the bus: a whole number written for a float is a float again
        entry = codec.decode(DeskEntry, codec.encode(entry))
        said.append((entry, Origin(topic="desk", partition=0, offset=n)))
    return said


class Script:
    """A fold and everything it said."""

    def __init__(self, params: RespondParams | None = None, first: Centre | None = None) -> None:
        self.fold = ResponseFold(params or RespondParams())
        self.outputs: list[Output] = []
        self._next = 0
        if first is not None:
            self.hear(first)

    def hear(self, *bodies: DeskBody) -> list[Output]:
        """Say these to the fold; what it answers."""
        answers: list[Output] = []
        for entry, origin in entries(bodies, self._next):
            answers += self.fold.step(entry, origin)
            self._next += 1
        self.outputs += answers
        return answers

    def pass_time(self, first: float, last: float, every: float = 10.0) -> list[Output]:
        """Ticks from `first` to `last`, in seconds after START."""
        answers: list[Output] = []
        now = first
        while now <= last:
            answers += self.hear(tick(now))
            now += every
        return answers

    def said(self, kind: type[T]) -> list[T]:
        return [output.value for output in self.outputs if isinstance(output.value, kind)]

    @property
    def incidents(self) -> dict[str, Incident]:
        """The last word on every incident."""
        return {incident.incident_id: incident for incident in self.said(Incident)}

    @property
    def incident(self) -> Incident:
        """The only one there is."""
        (only,) = self.incidents.values()
        return only

    @property
    def commands(self) -> list[LoadShiftCommand]:
        return [
            o.value for o in self.outputs if o.topic is LOAD_SHIFT_COMMANDS and isinstance(o.value, LoadShiftCommand)
        ]

    @property
    def proposals(self) -> list[LoadShiftCommand]:
        """As they were made; their last words are in `closed`."""
        return [o for o in self._proposed if not o.closed]

    @property
    def closed(self) -> list[LoadShiftCommand]:
        return [o for o in self._proposed if o.closed]

    @property
    def _proposed(self) -> list[LoadShiftCommand]:
        return [
            o.value for o in self.outputs if o.topic is LOAD_SHIFT_PROPOSALS and isinstance(o.value, LoadShiftCommand)
        ]

    @property
    def alerts(self) -> list[StaffingAlert]:
        return self.said(StaffingAlert)

    @property
    def bulletins(self) -> list[Bulletin]:
        return self.said(Bulletin)


def telephony_outage(minutes: int = 47) -> list[DeskBody]:
    """A whole telephony outage on the desk, from five minutes before to two hours after: voice falls silent at START,
    the rest rises one after the other."""
    said: list[tuple[float, int, DeskBody]] = []
    end = minutes * 60.0

    def add(seconds: float, *bodies: DeskBody) -> None:
        said.extend((seconds, len(said), body) for body in bodies)

    def factor(now: float) -> dict[str, float]:
        out = 0 < now <= end
        rises = {"chat": 3.8, "email": 2.2, "social": 6.0} if 120 < now <= end + 300 else {}
        return {"voice": 0.0 if out else 1.0, **rises}

    for second in range(-300, int(end) + 7200, 60):
        add(second, minute(second, factor(second - 30)), *staffed(second, voice_idle=0 < second <= end))
    for second in range(-300, int(end) + 7200, 5):
        add(second, tick(second, complete=10 * ((second - 12) // 10)))
    add(21, signal("voice", "silence", 20, ratio=0.0, onset=1, expected=11, opened=10))
    add(23, signal("voice/orders", "silence", 22, ratio=0.0, onset=1, expected=7, opened=10))
    add(31, signal("voice/billing", "silence", 30, ratio=0.0, onset=1, expected=7, opened=20))
    add(40, tool("telephony", 40))
    add(100, signal("chat", "surge", 99, ratio=3.1, onset=65, expected=12, opened=90))
    add(103, signal("chat/orders", "surge", 102, ratio=3.3, onset=65, expected=13, opened=90))
    add(190, signal("social", "surge", 188, ratio=4.0, onset=130, expected=8, opened=180))
    add(210, signal("email", "surge", 208, ratio=2.0, onset=160, expected=30, opened=200))
    add(215, signal("email/orders", "surge", 214, ratio=2.0, onset=160, expected=30, opened=200))
    add(600, signal("chat", "surge", 599, ratio=3.8, onset=65, expected=178, opened=90, state="revised", revision=2))
    add(1300, signal("chat", "escalation-wave", 1299, ratio=3.0, onset=900, measure="escalated", opened=1290))
    for place, opened, back in (("voice", 10, 40), ("voice/orders", 10, 42), ("voice/billing", 20, 60)):
        add(
            end + back,
            signal(place, "silence", end + back, ratio=0.0, onset=1, opened=opened, state="cleared", revision=9),
        )
    for place, opened in (("chat", 90), ("chat/orders", 90), ("social", 180), ("email", 200), ("email/orders", 200)):
        cleared = end + 600
        add(cleared, signal(place, "surge", cleared, ratio=2.0, onset=65, opened=opened, state="cleared", revision=9))
    add(end + 1500, signal("chat", "escalation-wave", end + 1500, ratio=1.2, onset=900, measure="escalated",
                           opened=1290, state="cleared", revision=9))  # fmt: skip
    said.sort(key=lambda item: item[:2])
    return [body for _, _, body in said]
