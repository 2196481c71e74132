"""What the desk heard around one incident, kept as far as a look back needs it.

Messages are heard one by one, so that a long log takes no more memory than the stretch of time that is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from response.impact import Row, Span, Usual, within
from response.params import RespondParams
from response.whatif import QUARTER_SECONDS, Quarter
from response.workload import Target
from schemas.base import QueueRef
from schemas.centre import Centre, CentreChannel, CentreQueue
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskBody
from schemas.health import ToolHealth
from schemas.signal import Load, Signal
from schemas.tick import Tick
from schemas.workforce import Workforce

USUAL = timedelta(hours=24)  # before the onset: from it comes how it usually was
TOOL_CHANGES_MAX = 1_000


class _Sums(msgspec.Struct):
    """One queue in one quarter of an hour."""

    seconds: float = 0.0
    arrivals: int = 0
    expected: float = 0.0
    abandoned: int = 0
    handled: int = 0
    handle_seconds: float = 0.0
    backlog: int | None = None
    # by site: slots reported, added up, and how many reports
    staffed: dict[str, tuple[int, int]] = {}

    @property
    def slots(self) -> float:
        """The mean of the reports; sites of one queue add up, unless there are reports of all of it."""
        told = {"": self.staffed[""]} if "" in self.staffed else self.staffed
        return math.fsum(slots / reports for _, (slots, reports) in sorted(told.items()))


class Hindsight:
    """`shown`: the stretch that is looked at, from a while before the onset on; `troubled`: when each channel was out
    of its usual range by any incident; `queues`: those whose every minute is kept."""

    def __init__(
        self, onset: datetime, shown: Span, troubled: Mapping[str, Sequence[Span]], queues: frozenset[QueueRef]
    ) -> None:
        self._onset, self._shown, self._troubled, self._queues = onset, shown, troubled, queues
        self.first: datetime | None = None
        self.now: datetime | None = None
        self.centre: Centre | None = None
        self.rows: dict[QueueRef, list[Row]] = {}
        self.usual: dict[QueueRef, Usual] = {}
        # what people and the platform said, and when by the desk's time people did
        self.decisions: list[OperatorDecision] = []
        self.results: list[CommandResult] = []
        self.heard: dict[str, datetime] = {}
        self.tools: list[ToolHealth] = []
        # what each signal said when it was first heard
        self.first_words: dict[str, str] = {}
        self._tool_states: dict[tuple[str, str, str], str] = {}
        self._sums: dict[tuple[QueueRef, int], _Sums] = {}

    def hear(self, body: DeskBody) -> None:
        """One message of the tenant's desk, in the desk's order."""
        match body:
            case Load():
                self._reach(body.at)
                self._load(body)
            case Signal():
                self._reach(body.at)
                self.first_words.setdefault(body.signal_id, body.text)
            case Tick():
                self._reach(body.complete_to)
            case Workforce():
                self._workforce(body)
            case ToolHealth():
                self._tool(body)
            case OperatorDecision():
                self.decisions.append(body)
                if self.now is not None:
                    self.heard.setdefault(body.decision_id, self.now)
            case CommandResult():
                self.results.append(body)
            case Centre() if self.centre is None or self.now is None or self.now < self._shown.ends:
                self.centre = body

    @property
    def knows_staff(self) -> bool:
        """Whether the workforce feed said anything in the stretch that is looked at."""
        return any(sums.staffed for sums in self._sums.values())

    def quarters(self, span: Span, params: RespondParams) -> list[Quarter]:
        """The queues whose people are known, by quarters of an hour that touch `span`; nothing lent or moved yet."""
        centre = self.centre or Centre(tenant="unknown")
        channels = centre.channels
        own = {queue.at: queue for queue in centre.queues}
        found = []
        for (at, number), sums in sorted(self._sums.items()):
            start = datetime.fromtimestamp(number * QUARTER_SECONDS, UTC)
            if sums.staffed and sums.seconds > 0 and _overlaps(span, start):
                channel = channels.get(at.channel) or CentreChannel()
                found.append(self._quarter(at, start, sums, channel, own.get(at), params))
        return found

    def _quarter(
        self,
        at: QueueRef,
        start: datetime,
        sums: _Sums,
        channel: CentreChannel,
        queue: CentreQueue | None,
        params: RespondParams,
    ) -> Quarter:
        usual = self.usual.get(at)
        planned = (queue.handle_seconds if queue else None) or channel.handle_seconds
        usual_handle = (usual.handle_seconds if usual else None) or planned
        # few contacts say little about a mean: it is held near the usual, as the desk holds it near the plan
        weight = params.handle_plan_counts
        handle = (usual_handle * weight + sums.handle_seconds) / (weight + sums.handled)
        return Quarter(
            queue=at,
            start=start,
            seconds=sums.seconds,
            rate=sums.arrivals / sums.seconds,
            usual_rate=sums.expected / sums.seconds,
            handle_seconds=handle,
            usual_handle_seconds=usual_handle,
            slots=sums.slots,
            patience_seconds=channel.patience_seconds,
            target=Target(
                share=channel.target_share, seconds=channel.target_seconds, occupancy_max=channel.occupancy_max
            ),
            deferred=channel.target_seconds >= params.deferred_from_seconds,
            backlog=float(sums.backlog or 0),
            abandoned=sums.abandoned,
        )

    def _reach(self, moment: datetime) -> None:
        self.first = self.first or moment
        self.now = moment if self.now is None else max(self.now, moment)

    def _load(self, load: Load) -> None:
        before = self._onset - USUAL <= load.at <= self._onset
        shown = self._shown.begins < load.at <= self._shown.ends
        if not (before or shown):
            return
        for one in load.loads:
            row = Row(load.at, load.seconds, one)
            if before and not within(row.middle, self._troubled.get(one.at.channel, ())):
                self.usual.setdefault(one.at, Usual()).hear(row)
            if not shown:
                continue
            if one.at.queue is None or one.at in self._queues:
                self.rows.setdefault(one.at, []).append(row)
            if one.at.queue is not None:
                self._add(row)

    def _add(self, row: Row) -> None:
        sums, load = self._of(row.load.at, row.middle), row.load
        sums.seconds += row.known * row.seconds
        sums.arrivals += load.arrivals
        sums.expected += load.expected * row.known
        sums.abandoned += load.abandoned
        if load.handle_seconds_mean is not None:
            sums.handled += load.finished
            sums.handle_seconds += load.finished * load.handle_seconds_mean
        if sums.backlog is None:
            sums.backlog = load.backlog

    def _workforce(self, report: Workforce) -> None:
        if self._shown.begins <= report.at <= self._shown.ends and report.available <= report.staffed:
            sums = self._of(report.queue, report.at)
            slots, reports = sums.staffed.get(report.site or "", (0, 0))
            sums.staffed = sums.staffed | {report.site or "": (slots + report.staffed, reports + 1)}

    def _tool(self, health: ToolHealth) -> None:
        """Turns only: what a probe repeats is no news."""
        name = (health.tool, health.provider or "", health.site or "")
        turned = self._tool_states.get(name, "up") != health.state
        self._tool_states[name] = health.state
        if turned and self._shown.begins <= health.at <= self._shown.ends and len(self.tools) < TOOL_CHANGES_MAX:
            self.tools.append(health)

    def _of(self, at: QueueRef, moment: datetime) -> _Sums:
        return self._sums.setdefault((at, math.floor(moment.timestamp() / QUARTER_SECONDS)), _Sums())


def _overlaps(span: Span, start: datetime) -> bool:
    return start < span.ends and start + timedelta(seconds=QUARTER_SECONDS) > span.begins
