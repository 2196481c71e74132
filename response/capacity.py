"""What one queue has to do and who is there to do it: loads, the workforce feed and the centre's model as one picture.

Agents are people; slots are contacts that can be handled at once (agents x concurrency; the workforce feed counts
slots). Where the feed is silent, the plan stands in: agents planned less shrinkage. Where neither says anything there
is no picture, and the reason is given instead of a number.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from response import floor
from response.params import RespondParams
from response.state import Desk, Flow
from response.workload import Drain, Target, drain, drain_slots, erlang_a, slots_needed
from schemas.base import QueueRef
from schemas.centre import Centre, CentreChannel, CentreQueue
from schemas.incident import Reason

# while a channel is silent its customers turn to the others: who helps must stand twice his own arrivals
SPILL = 2.0


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """One queue (or a whole channel). Rates are contacts a second. `deferred` work waits in a backlog, nobody gives up.

    `usual_rate` is what ordinarily comes; `rate` what comes now; plans look `horizon_seconds` ahead.
    """

    at: QueueRef
    rate: float
    usual_rate: float
    handle_seconds: float
    plan_handle_seconds: float
    patience_seconds: float
    concurrency: float
    slots: int
    free_slots: int | None
    bench_slots: int
    plan_slots: int | None
    floor_slots: int
    share_max: float
    target: Target
    deferred: bool
    backlog: int
    staffed_from: Literal["workforce", "plan"]
    horizon_seconds: float

    @property
    def load(self) -> float:
        """Erlangs."""
        return self.rate * self.handle_seconds

    def slots_needed(self, rate: float, backlog: float = 0.0, near: int | None = None) -> int:
        """Slots that hold the target at this rate; `near` is a guess."""
        if self.deferred:
            lasts = self.horizon_seconds
            return drain_slots(backlog, rate, self.usual_rate, self.handle_seconds, self.target.seconds, lasts)
        return slots_needed(rate, self.handle_seconds, self.patience_seconds, self.target, near)

    def service_level(self, rate: float, slots: int, handle_seconds: float | None = None) -> float:
        """Of a queue where people wait; for deferred work see `drained`."""
        if rate <= 0.0:
            return 1.0
        handle = handle_seconds or self.handle_seconds
        return erlang_a(slots, rate, handle, self.patience_seconds).service_level(self.target.seconds)

    def drained(self, backlog: float, rate: float, slots: int, seconds: float) -> Drain:
        finished = slots / self.handle_seconds
        return drain(backlog, rate, finished, seconds, self.target.seconds)


def picture(desk: Desk, at: QueueRef, params: RespondParams) -> Picture | Reason:
    """The picture of one queue, or why there is none."""
    centre, flow = desk.centre, desk.flows.get(str(at))
    if centre is None:
        return Reason(code="no-centre-model", text=f"{at}: the centre's model was never published, nothing is planned")
    if flow is None or flow.seconds <= 0:
        return Reason(code="no-load", text=f"{at}: no load is known yet")
    queues = within(centre, at)
    said = _said(desk, at, [queue.at for queue in queues], params)
    channel = centre.channels.get(at.channel) or CentreChannel()
    plan_slots = _planned(queues, channel, centre) if queues else None
    if said is None and not plan_slots:
        text = f"{at}: neither the workforce feed nor the centre's plan says who is there"
        return Reason(code="no-staffing", text=text)
    plan_handle = _handle(queues, channel)
    staffed, free, bench = said or (plan_slots or 0, None, 0)
    return Picture(
        at=at,
        rate=flow.rate,
        usual_rate=flow.usual_rate,
        handle_seconds=flow.handle_seconds(plan_handle, params.handle_plan_counts),
        plan_handle_seconds=plan_handle,
        patience_seconds=channel.patience_seconds,
        concurrency=channel.concurrency,
        slots=staffed,
        free_slots=free,
        bench_slots=bench,
        plan_slots=plan_slots,
        floor_slots=math.ceil(sum(queue.floor_agents for queue in queues) * channel.concurrency),
        share_max=min((queue.share_max for queue in queues), default=0.5),
        target=Target(
            share=channel.target_share, seconds=channel.target_seconds, occupancy_max=max(channel.occupancy_max, 0.01)
        ),
        deferred=channel.target_seconds >= params.deferred_from_seconds,
        backlog=_backlog(flow),
        staffed_from="workforce" if said else "plan",
        horizon_seconds=params.interval_seconds * params.intervals,
    )


def overlaps(one: QueueRef, other: QueueRef) -> bool:
    """Whether the same people work for both: equal, or one is the other's channel."""
    return one.channel == other.channel and (one.queue is None or other.queue is None or one.queue == other.queue)


def within(centre: Centre, at: QueueRef) -> list[CentreQueue]:
    """The queues of the model that `at` stands for: itself, or all of the channel's (not the channel's own entry
    beside them, which would count people twice)."""
    exact = [queue for queue in centre.queues if queue.at == at]
    if exact or at.queue is not None:
        return exact
    return [queue for queue in centre.queues if queue.at.channel == at.channel]


def _planned(queues: list[CentreQueue], channel: CentreChannel, centre: Centre) -> int:
    return math.floor(sum(queue.agents for queue in queues) * (1 - centre.shrinkage) * channel.concurrency)


def _handle(queues: list[CentreQueue], channel: CentreChannel) -> float:
    own = [(queue.handle_seconds, max(1, queue.agents)) for queue in queues if queue.handle_seconds]
    if not own:
        return channel.handle_seconds
    return math.fsum(seconds * agents for seconds, agents in own) / sum(agents for _, agents in own)


def _said(desk: Desk, at: QueueRef, leaves: list[QueueRef], params: RespondParams) -> tuple[int, int, int] | None:
    """Slots staffed, free and on the bench by the feed, if it is fresh; impossible reports are not believed."""
    lately = params.workforce_fresh_seconds
    exact = floor.of(desk, at, lately)
    lines = [exact] if exact else [line for leaf in leaves if (line := floor.of(desk, leaf, lately))]
    if not lines or (not exact and len(lines) < len(leaves)):
        return None
    return sum(line.staffed for line in lines), sum(line.available for line in lines), sum(line.bench for line in lines)


def _backlog(flow: Flow) -> int:
    return flow.backlog or 0


def is_gone(desk: Desk, at: QueueRef) -> bool:
    """Whether nothing arrives here by an open signal on it or on its channel."""
    for incident in desk.incidents.values():
        for symptom in incident.open_symptoms():
            place = symptom.series.at
            if symptom.series.measure != "offered" or place not in (at, QueueRef(channel=at.channel)):
                continue
            if symptom.kind == "silence" or (symptom.kind == "drop" and (symptom.ratio or 0) <= 1 / 3):
                return True
    return False
