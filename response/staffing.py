"""Who is short by how many, for how long, and the cheapest lever: one alert a queue in gap."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from response.capacity import SPILL, Picture, is_gone, overlaps, picture
from response.incidents import TITLES
from response.params import RespondParams
from response.state import AlertState, Desk, IncidentState
from response.workload import agents_for_slots, heads
from schemas.base import Origin, QueueRef
from schemas.command import Interval, Lever, StaffingAlert
from schemas.fold import digest
from schemas.incident import Reason

APPROVER = "operations lead on duty"
QUIET_ROUNDS_TO_CLOSE = 3
STRAIN_MIN = 1.1  # volume, handle time or missing people must be a tenth worse than usual
LEVEL_MARGIN = 0.05  # service level below target, from which intraday practice acts
DEFERRED_BEHIND = 1.1
GAP_CHANGE = 0.2  # an alert is said again when the gap moved by a fifth


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One queue's eight intervals with what is there."""

    at: Picture
    intervals: list[Interval]
    driver: Literal["volume", "handle-time", "staffed"]
    driver_text: str

    strain: float

    @property
    def agents_short(self) -> int:
        return max((interval.agents_short for interval in self.intervals), default=0)

    @property
    def is_news(self) -> bool:
        """Whether a person should act: service falls clearly below its target, or deferred work clearly behind; a queue
        that is as busy and as staffed as ever is short by plan, not by this incident."""
        first = self.intervals[0]
        if self.strain < STRAIN_MIN or first.agents_short <= 0:
            return False
        if self.at.deferred:
            return first.agents_needed >= DEFERRED_BEHIND * first.agents_staffed
        return first.service_level_if_nothing < self.at.target.share - LEVEL_MARGIN


class Pool:
    """Free people of other queues and the bench, each lent once."""

    def __init__(self, desk: Desk, pictures: dict[str, Picture], lent_slots: dict[str, float]) -> None:
        gone = {name: is_gone(desk, at.at) for name, at in pictures.items()}
        # whoever is not silent himself will be called by those who cannot reach the silent ones
        spill = SPILL if any(gone.values()) else 1.0
        self._idle = {
            name: _spare(at, lent_slots.get(name, 0.0), 1.0 if gone[name] else spill)
            for name, at in sorted(pictures.items())
        }
        self._refs = {name: at.at for name, at in pictures.items()}

    def lend(self, to: QueueRef, agents: int) -> list[tuple[QueueRef, int]]:
        """Up to so many people, from the queue with most of them free first."""
        lent: list[tuple[QueueRef, int]] = []
        for name in sorted(self._idle, key=lambda name: (-self._idle[name], name)):
            take = min(agents, self._idle[name])
            if take <= 0 or overlaps(self._refs[name], to):
                continue
            self._idle[name] -= take
            agents -= take
            lent.append((self._refs[name], take))
        return lent


def _spare(at: Picture, lent_slots: float, spill: float) -> int:
    """People free now beyond the floor, beyond what the queue's own arrivals need and beyond what it was lent for."""
    if at.free_slots is None:
        return 0
    own = at.slots_needed(spill * at.rate, at.backlog)
    beyond = at.slots - max(at.floor_slots, own) - lent_slots
    return max(0, math.floor(min(float(at.free_slots), beyond) / at.concurrency))


def alerts(
    desk: Desk,
    incident: IncidentState,
    lent_slots: dict[str, float],
    relief: dict[str, float],
    origin: Origin,
    params: RespondParams,
) -> list[StaffingAlert]:
    """Alerts to send now for an incident: new gaps, gaps that moved, gaps that closed.

    `lent_slots` by queue: slots that running load shifts take; `relief` by queue: the share of its arrivals that they
    take away.
    """
    gaps, pictures = _gaps(desk, incident, params)
    pool = Pool(desk, pictures, lent_slots)
    said: list[StaffingAlert] = []
    for name in sorted(set(gaps) | set(incident.alerts)):
        gap, before = gaps.get(name), incident.alerts.get(name)
        if gap is not None and gap.is_news:
            levers = _levers(desk, gap, pool)
            if before is not None and not _moved(desk, before, gap, params):
                before.quiet_rounds = 0
                continue
            alert = _alert(desk, incident, gap, levers, relief.get(name, 0.0), before, origin, params)
            incident.alerts[name] = AlertState(last=alert)
            said.append(alert)
        elif before is not None and before.last.state == "open":
            before.quiet_rounds += 1
            if before.quiet_rounds >= QUIET_ROUNDS_TO_CLOSE:
                said.append(_close(desk, incident, before, origin))
    return said


def close_all(desk: Desk, incident: IncidentState, origin: Origin) -> list[StaffingAlert]:
    """The incident is over: no alert of it stays open."""
    return [
        _close(desk, incident, state, origin)
        for _, state in sorted(incident.alerts.items())
        if state.last.state == "open"
    ]


def _gaps(desk: Desk, incident: IncidentState, params: RespondParams) -> tuple[dict[str, Gap], dict[str, Picture]]:
    gaps: dict[str, Gap] = {}
    pictures: dict[str, Picture] = {}
    touched = set(incident.scope.channels)
    for at in planning_units(desk):
        seen = picture(desk, at, params)
        if isinstance(seen, Picture):
            pictures[str(at)] = seen
            if at.channel in touched:
                gaps[str(at)] = gap_of(desk, seen, params)
        elif at.channel in touched and seen.code != "no-load":
            incident.note(seen.code, seen.text, params.notes_max)
    missing = touched - {at.channel for at in planning_units(desk)}
    if desk.centre is None:
        reason = Reason(code="no-centre-model", text="the centre's model was never published: no staffing is planned")
        incident.note(reason.code, reason.text, params.notes_max)
    elif missing:
        text = f"no queue of {', '.join(sorted(missing))} is in the centre's model: no staffing is planned there"
        incident.note("no-staffing", text, params.notes_max)
    return gaps, pictures


def planning_units(desk: Desk) -> list[QueueRef]:
    """The queues people are planned for, as the model lists them."""
    return sorted({queue.at for queue in desk.centre.queues}, key=str) if desk.centre else []


def gap_of(desk: Desk, at: Picture, params: RespondParams) -> Gap:
    """What the next intervals need and have. The rate heard lately and what is usual at this hour are both held: the
    desk knows the minute, not the afternoon."""
    start = _floor_interval(desk.now, params.interval_seconds)
    needed = _agents(at, at.slots_needed(at.rate, at.backlog))
    staffed = math.floor(at.slots / at.concurrency)
    intervals, backlog = [], float(at.backlog)
    for i in range(params.intervals):
        level, backlog = _level(at, at.slots, backlog, params.interval_seconds)
        intervals.append(
            Interval(
                start=start + timedelta(seconds=i * params.interval_seconds),
                forecast=_six(at.usual_rate * params.interval_seconds),
                expected=_six(at.rate * params.interval_seconds),
                agents_needed=needed,
                agents_staffed=staffed,
                agents_short=needed - staffed,
                service_level_if_nothing=round(level, 4),
                service_level_with_plan=round(level, 4),
            )
        )
    strain, driver, text = _driver(at)
    return Gap(at=at, intervals=intervals, driver=driver, driver_text=text, strain=strain)


def _agents(at: Picture, slots: int) -> int:
    return agents_for_slots(slots, at.concurrency)


def _floor_interval(moment: datetime, seconds: int) -> datetime:
    return moment - timedelta(seconds=moment.timestamp() % seconds)


def _level(at: Picture, slots: int, backlog: float, seconds: float, rate: float | None = None) -> tuple[float, float]:
    """Service level of an interval, and the backlog at its end."""
    arrivals = at.rate if rate is None else rate
    if at.deferred:
        result = at.drained(backlog, arrivals, slots, seconds)
        return result.on_time_share, result.backlog_end
    return at.service_level(arrivals, slots), backlog


def _driver(at: Picture) -> tuple[float, Literal["volume", "handle-time", "staffed"], str]:
    """How far the furthest of the three is from plan (1 is as planned), which, and a sentence with all that are
    known."""
    volume = at.rate / at.usual_rate if at.usual_rate > 0 else None
    handle = at.handle_seconds / at.plan_handle_seconds
    staffed = at.slots / at.plan_slots if at.plan_slots else None
    strain: list[tuple[float, Literal["volume", "handle-time", "staffed"]]] = [
        (volume if volume is not None else math.inf, "volume"),
        (handle, "handle-time"),
        (1 / staffed if staffed else 0.0, "staffed"),
    ]
    parts = [f"volume {_percent(volume)} against usual" if volume is not None else "nothing usually comes"]
    parts.append(f"handle time {_percent(handle)} against plan")
    if staffed is not None and at.staffed_from == "workforce":
        parts.append(f"staffed {_percent(staffed)} against plan")
    else:
        parts.append("staffed as planned (no workforce feed)" if at.staffed_from == "plan" else "no plan to compare")
    worst, driver = max(strain)
    return worst, driver, "; ".join(parts)


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.0f} %"


def _levers(desk: Desk, gap: Gap, pool: Pool) -> list[Lever]:
    """What can be done, quickest first, each with people that are really there, until the gap is closed."""
    at, missing = gap.at, gap.agents_short
    levers: list[Lever] = []
    for source, agents in pool.lend(at.at, missing):
        text = (
            f"{agents} idle agents of {source} work for {at.at}; {source} keeps its floor and what its own work needs"
        )
        levers.append(
            Lever(name="skill-flex", agents=agents, minutes=5, from_queue=source, effect=text, owner="team leads")
        )
        missing -= agents
    away = _away(desk, at)
    if missing > 0 and away > 0:
        agents = min(missing, away)
        text = f"breaks and off-phone work of {agents} agents move to later"
        levers.append(Lever(name="breaks", agents=agents, minutes=10, effect=text, owner="real-time analyst"))
        missing -= agents
    bench = math.floor(at.bench_slots / at.concurrency)
    if missing > 0 and bench > 0:
        agents = min(missing, bench)
        text = f"{agents} agents of the on-call bench are called in"
        levers.append(Lever(name="on-call-bench", agents=agents, minutes=30, effect=text, owner="workforce planner"))
        missing -= agents
    if missing > 0 and desk.centre:
        ask = heads(missing, desk.centre.shrinkage)
        text = f"ask {ask} people for overtime, so that {missing} are there; who will come is not known"
        levers.append(Lever(name="overtime", agents=missing, minutes=60, effect=text, owner="workforce planner"))
    return levers


def _away(desk: Desk, at: Picture) -> int:
    """Agents who are logged in on the queue but neither free nor on a contact."""
    line = desk.floor.get(str(at.at))
    if line is None or at.staffed_from == "plan":
        return 0
    return max(0, math.floor((line.staffed - line.available - line.on_contact) / at.concurrency))


def _moved(desk: Desk, before: AlertState, gap: Gap, params: RespondParams) -> bool:
    if before.last.state == "closed":
        return True
    if (desk.now - before.last.at).total_seconds() < params.alert_every_seconds:
        return False
    short = max(interval.agents_short for interval in before.last.intervals)
    return abs(gap.agents_short - short) > GAP_CHANGE * short or gap.driver != before.last.driver


def _alert(
    desk: Desk,
    incident: IncidentState,
    gap: Gap,
    levers: list[Lever],
    relief: float,
    before: AlertState | None,
    origin: Origin,
    params: RespondParams,
) -> StaffingAlert:
    at, centre = gap.at, desk.centre
    assert centre is not None, "a gap is measured against the centre's model"
    revision = before.last.revision + 1 if before else 1
    planned = _with_plan(desk, gap, levers, relief, params)
    flow = desk.flows[str(at.at)]
    lead = min((lever.minutes for lever in levers), default=0)
    short = [interval for interval in planned if interval.agents_short > 0]
    last_end = short[-1].start + timedelta(seconds=params.interval_seconds)
    what = TITLES[incident.cause.kind].lower()
    now_short = max(interval.agents_short for interval in short)
    return StaffingAlert(
        alert_id=digest(incident.incident_id, at.at, revision),
        incident_id=incident.incident_id,
        tenant=desk.tenant,
        revision=revision,
        at=desk.now,
        queue=at.at,
        time_zone=centre.time_zone,
        interval_seconds=params.interval_seconds,
        driver=gap.driver,
        driver_text=gap.driver_text,
        contacts_waiting=flow.backlog,
        oldest_wait_seconds=None,
        arrivals_variance=_six(at.rate / at.usual_rate - 1) if at.usual_rate > 0 else None,
        intervals=planned,
        service_level_now=planned[0].service_level_if_nothing,
        occupancy_now=_six(_occupancy(at)),
        target=str(at.target),
        levers=levers,
        latest_useful_at=max(desk.now, last_end - timedelta(minutes=lead)),
        approver=APPROVER,
        acknowledge=f"breakwater ack {incident.incident_id}",
        rollback="lent agents go back to their queues once this alert is closed; load shifts take themselves back",
        cause=f"{what} ({incident.cause.sureness:.0%} sure)",
        text=f"{at.at} is short of {now_short} agents ({gap.driver}): {_first(levers)}",
        origin=origin,
    )


def _first(levers: list[Lever]) -> str:
    return levers[0].effect if levers else "no lever is known"


def _with_plan(desk: Desk, gap: Gap, levers: list[Lever], relief: float, params: RespondParams) -> list[Interval]:
    """The intervals again, with the levers from when they work and the load shifts that run."""
    at, backlog = gap.at, float(gap.at.backlog)
    planned: list[Interval] = []
    for interval in gap.intervals:
        end = interval.start + timedelta(seconds=params.interval_seconds)
        helping = sum(lever.agents for lever in levers if desk.now + timedelta(minutes=lever.minutes) < end)
        slots = at.slots + math.floor(helping * at.concurrency)
        level, backlog = _level(at, slots, backlog, params.interval_seconds, at.rate * (1 - relief))
        planned.append(msgspec.structs.replace(interval, service_level_with_plan=round(level, 4)))
    return planned


def _occupancy(at: Picture) -> float:
    return min(1.0, at.load / at.slots) if at.slots else 1.0


def _close(desk: Desk, incident: IncidentState, state: AlertState, origin: Origin) -> StaffingAlert:
    last = state.last
    revision = last.revision + 1
    closed = msgspec.structs.replace(
        last,
        alert_id=digest(incident.incident_id, last.queue, revision),
        revision=revision,
        at=desk.now,
        state="closed",
        text=f"{last.queue} has enough agents again, or its incident is over: lent agents go back",
        origin=origin,
    )
    incident.alerts[str(last.queue)] = AlertState(last=closed)
    return closed


def _six(value: float) -> float:
    return float(f"{value:.6g}")
