"""What the desk remembers of one tenant between two messages. Private to the fold; written and read by `memory`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from response.latency import Latencies
from response.pace import Pace
from schemas.base import Origin, QueueRef
from schemas.centre import Centre, OpenCase
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.health import ToolHealth
from schemas.incident import Cause, Escalation, Incident, Move, Phase, Reason, Scope
from schemas.signal import QueueLoad, Series, Signal, SignalKind
from schemas.status import DeskStatus, Stop
from schemas.workforce import Workforce

HALF_LIFE_SECONDS = 180.0
# one contact's handle time says little (its spread is as wide as its mean): it takes many to move a plan
HANDLE_HALF_LIFE_SECONDS = 600.0
SEEN_SECONDS_MAX = 180.0


class Flow(msgspec.Struct, kw_only=True):
    """What one queue (or channel) gets, lately: sums that fade with a half-life of three minutes, so that one quiet
    minute neither makes nor ends a gap. `at` makes hearing the same minute twice harmless."""

    at: datetime
    seconds: float = 0.0
    arrivals: float = 0.0
    expected: float = 0.0
    handled: float = 0.0
    handle_seconds_sum: float = 0.0
    backlog: int | None = None
    known: bool = True
    # how the queue serves: over minutes, and what became of contacts over tens of minutes
    answered: float = 0.0
    abandoned: float = 0.0
    finished: float = 0.0
    escalated: float = 0.0
    # contacts that the season expects in each of the quarters after `ahead_at`
    ahead: list[float] = []
    ahead_at: datetime | None = None

    def hear(self, at: datetime, seconds: float, load: QueueLoad) -> None:
        if self.seconds > 0 and at <= self.at:
            return
        passed = max(0.0, (at - self.at).total_seconds())
        fade = 0.5 ** (passed / HALF_LIFE_SECONDS)
        self.at, self.known = at, load.known_seconds > 0
        if not self.known or seconds <= 0:
            return
        seen = min(1.0, load.known_seconds / seconds)
        self.seconds = self.seconds * fade + load.known_seconds
        self.arrivals = self.arrivals * fade + load.arrivals
        # `expected` is the whole minute's; what was not delivered is not held against the queue
        self.expected = self.expected * fade + load.expected * seen
        self.backlog = load.backlog
        self.answered = self.answered * fade + load.answered
        self.abandoned = self.abandoned * fade + load.abandoned
        if load.ahead:
            self.ahead, self.ahead_at = load.ahead, at
        fade = 0.5 ** (passed / HANDLE_HALF_LIFE_SECONDS)
        self.finished = self.finished * fade + load.finished
        self.escalated = self.escalated * fade + load.escalated
        self.handled, self.handle_seconds_sum = self.handled * fade, self.handle_seconds_sum * fade
        if load.handle_seconds_mean is not None:
            count = max(1, load.finished)
            self.handled += count
            self.handle_seconds_sum += count * load.handle_seconds_mean

    def hear_signal(self, signal: Signal) -> None:
        """A signal speaks seconds after the break, a minute's load later: until then its numbers stand."""
        seconds = (signal.at - signal.onset).total_seconds()
        if seconds <= 0 or signal.expected <= 0 or signal.at <= self.at:
            return
        share = min(1.0, SEEN_SECONDS_MAX / seconds)
        self.at, self.known = signal.at, True
        self.seconds, self.arrivals, self.expected = (
            seconds * share,
            signal.observed * share,
            signal.expected * share,
        )

    def handle_seconds(self, planned: float, planned_counts: float) -> float:
        """Handle time lately, held near the plan until so many contacts speak against it."""
        return (planned * planned_counts + self.handle_seconds_sum) / (planned_counts + self.handled)

    @property
    def rate(self) -> float:
        """Arrivals a second, now."""
        return self.arrivals / self.seconds if self.seconds > 0 else 0.0

    @property
    def usual_rate(self) -> float:
        return self.expected / self.seconds if self.seconds > 0 else 0.0


class SymptomState(msgspec.Struct, kw_only=True):
    """One signal of an incident, as last heard."""

    signal_id: str
    series: Series
    kind: SignalKind
    state: Literal["opened", "revised", "cleared"]
    onset: datetime
    detected_at: datetime
    said_at: datetime
    cleared_at: datetime | None = None
    revision: int
    observed: float
    expected: float
    ratio: float | None
    learning: bool
    site: str | None = None
    region: str | None = None
    drill: str | None = None
    # the exercise that its own contacts are of, as last told
    contacts_of: str | None = None
    # the calendar entry that accounts for it
    explained: str | None = None
    text: str

    @property
    def open(self) -> bool:
        return self.state != "cleared"


class ShiftState(msgspec.Struct, kw_only=True):
    """One route's part in an incident: the command that runs, the proposal that is out, the step reached, and what
    became of the ids that are over (for whoever answers late)."""

    action: str
    from_queue: QueueRef
    to_queue: QueueRef
    step: int = 0
    running: LoadShiftCommand | None = None
    waiting: LoadShiftCommand | None = None
    changed_at: datetime | None = None
    rests_until: datetime | None = None
    killed: Stop | None = None
    closed: dict[str, str] = {}
    # its effect: whether the platform confirmed it, whether it was judged, and what was lost when it began, by queue
    confirmed: bool = False
    judged: bool = False
    lost_before: dict[str, float] = {}
    # slots of both queues without any lending, when it began
    slots_before: dict[str, int] = {}

    @property
    def share(self) -> float:
        return self.running.share if self.running else 0.0

    @property
    def agents(self) -> int:
        """People lent by the command that runs."""
        return self.running.agents if self.running else 0


class ProviderState(msgspec.Struct, kw_only=True):
    """What its probes said of one provider, and what we take it for; changed by its turns alone, not by each word."""

    down_since: datetime | None = None
    up_since: datetime | None = None
    failed: bool = False
    failed_at: datetime | None = None
    failures: int = 0


class Booking(msgspec.Struct, kw_only=True):
    """A person of the bench who was asked (until `asked_until`) or called in (`called_by`) for a queue."""

    person: str
    queue: QueueRef
    incident_id: str
    alert_id: str
    begins: datetime
    ends: datetime
    asked_until: datetime | None = None
    called_by: str | None = None
    called_at: datetime | None = None
    told: bool = False


class Unread(msgspec.Struct, kw_only=True):
    """A bulletin whose readers are known: who has not confirmed yet that he read it, by team."""

    bulletin_ids: list[str]
    incident_id: str
    template: str
    read_by: datetime
    unread: dict[str, list[str]]
    named: bool = False


class Texted(msgspec.Struct, kw_only=True):
    """What a customer was texted: of which incidents and states, and when lately."""

    said: dict[str, str] = {}
    at: list[datetime] = []


class Told(msgspec.Struct, kw_only=True):
    """What was announced from one playbook's messages, and when the next word is due. `about` is the cause it named."""

    stage: Literal["open", "over"] | None = None
    about: str | None = None
    round: int = 0
    due: datetime | None = None
    # what customers who asked for it are still to be texted: it waits for the end of the quiet hours
    texts: str | None = None


class AlertState(msgspec.Struct, kw_only=True):
    """The last word said about one queue's staffing."""

    last: StaffingAlert
    quiet_rounds: int = 0


class Aftermath(msgspec.Struct, kw_only=True):
    """What the recovery of one incident is measured by: backlogs as they were when it opened, and since `began_at` the
    escalations beyond the usual ones, by stretches of the watch."""

    usual_backlog: dict[str, int] = {}
    began_at: datetime | None = None
    extra: list[float] = []
    said_at: datetime | None = None
    said_phase: Phase | None = None
    revision: int = 0


class Cases(msgspec.Struct, kw_only=True):
    """Open cases by id; `changed` since the state was last written (None: closed)."""

    by_id: dict[str, OpenCase] = {}
    not_followed: int = 0
    changed: dict[str, OpenCase | None] = {}

    def keep(self, case: OpenCase) -> None:
        self.by_id[case.case_id] = self.changed[case.case_id] = case

    def forget(self, case_id: str) -> None:
        if self.by_id.pop(case_id, None) is not None:
            self.changed[case_id] = None


class IncidentState(msgspec.Struct, kw_only=True):
    """One incident. `fronts` are the onsets near which another signal belongs to it: its own, and each return's."""

    incident_id: str
    audience: str
    feed: bool
    opened_at: datetime
    onset: datetime
    fronts: list[datetime]
    phase: Phase = "pending"
    severity: int = 0
    # agents and tools as they were once seen since it broke: they are back before the signals are cleared
    witnessed: dict[str, bool] = {}
    # of the tools among them those that were up but slow: in words
    slow: dict[str, str] = {}
    cause: Cause = msgspec.field(default_factory=lambda: Cause(kind="unknown", sureness=0.0))
    scope: Scope = msgspec.field(default_factory=lambda: Scope(level="queue", channels=[]))
    symptoms: dict[str, SymptomState] = {}
    moves: list[Move] = []
    notes: list[Reason] = []
    apart: dict[str, bool] = {}
    # since when nothing of the outage itself (roots), nothing at all, is heard; and since when it is watched
    roots_calm_since: datetime | None = None
    calm_since: datetime | None = None
    watched_since: datetime | None = None
    returns: int = 0
    resolved_at: datetime | None = None
    aftermath: Aftermath | None = None
    acknowledged_by: str | None = None
    # since when (log's clock) it waits for somebody to take it on, the rotas that were asked since, and who was last
    unanswered_since: datetime | None = None
    asked: list[str] = []
    escalation: Escalation | None = None
    muted_until: datetime | None = None
    merged_into: str | None = None
    playbook: str | None = None
    drill: str | None = None
    contacts_unusual: float = 0.0
    revision: int = 0
    said: Incident | None = None
    killed: Stop | None = None
    replan: bool = True
    planned_at: datetime | None = None
    shifts: dict[str, ShiftState] = {}
    alerts: dict[str, AlertState] = {}
    # bulletins said so far; and how far people were told of the outage, and of the wave after it
    bulletin_step: int = 0
    told: Told = msgspec.field(default_factory=Told)
    told_of_wave: Told = msgspec.field(default_factory=Told)
    commands_at: list[datetime] = []

    def open_symptoms(self) -> list[SymptomState]:
        return [symptom for symptom in self.symptoms.values() if symptom.open]

    def note(self, code: str, text: str, notes_max: int) -> None:
        """Say something once; the newest are kept."""
        said = Reason(code=code, text=text)
        if said not in self.notes:
            self.notes = [*self.notes, said][-notes_max:]


class Clock(msgspec.Struct, kw_only=True):
    """How far the desk's time has come, and which entries it has heard: the small part that changes every second."""

    tenant: str
    heard: dict[str, tuple[int, int]] = {}
    applied: int = -1
    now: datetime | None = None
    at: datetime | None = None
    complete_to: datetime | None = None
    still_since: datetime | None = None

    @property
    def wall(self) -> datetime:
        """The log's own clock; where no tick came yet, event time."""
        wall = self.at or self.now
        assert wall is not None, "asked only once a message had a time"
        return wall

    def is_new(self, origin: Origin) -> bool:
        """Whether this desk entry was not heard before; it is from now on."""
        place, mark = f"{origin.topic}/{origin.partition}", (origin.offset, origin.n)
        if place in self.heard and mark <= self.heard[place]:
            return False
        self.heard[place] = mark
        return True

    def reach(self, moment: datetime) -> None:
        """Event time never runs back."""
        self.now = moment if self.now is None else max(self.now, moment)


class Desk(msgspec.Struct, kw_only=True):
    """All that one tenant's desk knows."""

    clock: Clock
    centre: Centre | None = None
    flows: dict[str, Flow] = {}
    # by queue and site (`floor`)
    floor: dict[str, dict[str, Workforce]] = {}
    tools: dict[str, ToolHealth] = {}
    # since when agents are idle or missing and tools not up or slow, by what `witnesses` calls it
    since: dict[str, datetime] = {}
    latencies: Latencies = msgspec.field(default_factory=Latencies)
    paces: dict[str, Pace] = {}
    cases: Cases = msgspec.field(default_factory=Cases)
    incidents: dict[str, IncidentState] = {}
    killed: dict[str, Stop] = {}
    providers: dict[str, ProviderState] = {}
    bookings: list[Booking] = []
    unread: dict[str, Unread] = {}
    texted: dict[str, Texted] = {}
    # whether the routing platform ever answered a command: from then on silence means something
    platform_answers: bool = False
    dismissed: dict[str, bool] = {}
    gone: list[str] = []
    decisions: list[str] = []
    # what was said of the desk as a whole
    status: DeskStatus | None = None
    # the time of a message that came before any time did; never kept
    borrowed: datetime | None = None
    # until when nobody else is on call; None: to be looked up. Never kept
    duty_until: datetime | None = None

    @property
    def tenant(self) -> str:
        return self.clock.tenant

    @property
    def now(self) -> datetime:
        now = self.clock.now or self.borrowed
        assert now is not None, "every message on the desk but the centre's model has a time"
        return now

    def fresh(self, at: datetime, seconds: float) -> bool:
        """Whether something said at `at` still counts."""
        return abs(self.now - at) <= timedelta(seconds=seconds)

    def behind_seconds(self, evidence_at: datetime) -> float:
        """How old the evidence is against the log's wall clock."""
        at = self.clock.at
        return max(0.0, (at - evidence_at).total_seconds()) if at else 0.0
