"""Who is short by how many, for how long, and the cheapest lever: one alert a queue in gap."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from response import bench, floor, forecast
from response.capacity import Picture, picture
from response.incidents import TITLES, marked
from response.levers import Pool, levers
from response.params import RespondParams
from response.phases import roots
from response.state import AlertState, Desk, Flow, IncidentState
from response.workload import agents_for_slots, erlang_a
from schemas.base import Origin, QueueRef
from schemas.command import Interval, Lever, StaffingAlert
from schemas.fold import digest
from schemas.incident import Reason

APPROVER = "operations lead on duty"
QUIET_ROUNDS_TO_CLOSE = 3
QUEUE_FRESH_SECONDS = 300.0
BREAKS_LATER_MINUTES = 30
STRAIN_MIN = 1.1  # volume, handle time or missing people must be a tenth worse than usual
LEVEL_MARGIN = 0.05  # service level below target, from which intraday practice acts
DEFERRED_BEHIND = 1.1
GAP_CHANGE = 0.2  # an alert is said again when the gap moved by a fifth


class Strain(msgspec.Struct, frozen=True, kw_only=True):
    """How far the furthest of three is from usual or plan (1: not at all), which one, and a sentence with all that are
    known. A queue that is as busy and as staffed as ever is short by plan, not by an incident."""

    strain: float
    driver: Literal["volume", "handle-time", "staffed"]
    text: str


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One queue's eight intervals with what is there."""

    at: Picture
    rates: list[float]
    intervals: list[Interval]
    driver: Literal["volume", "handle-time", "staffed"]
    driver_text: str

    @property
    def short_until(self) -> datetime:
        """When the gap is over, as far as it can be seen."""
        first = self.intervals[0]
        length = self.intervals[1].start - first.start if len(self.intervals) > 1 else timedelta(minutes=15)
        short = [interval.start for interval in self.intervals if interval.agents_short > 0]
        return (max(short) if short else first.start) + length

    @property
    def agents_short(self) -> int:
        return max((interval.agents_short for interval in self.intervals), default=0)

    @property
    def is_news(self) -> bool:
        """Whether a person should act: service falls clearly below its target, or deferred work clearly behind."""
        first = self.intervals[0]
        if first.agents_short <= 0:
            return False
        if self.at.deferred:
            return first.agents_needed >= DEFERRED_BEHIND * first.agents_staffed
        return first.service_level_if_nothing < self.at.target.share - LEVEL_MARGIN


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
            if before is not None and not _moved(desk, before, gap, params):
                before.quiet_rounds = 0
                continue
            bench.release(desk, incident.incident_id, gap.at.at)
            found = levers(desk, incident, gap.at, gap.agents_short, gap.short_until, pool, params)
            alert = _alert(desk, incident, gap, found, relief.get(name, 0.0), before, origin, params)
            bench.reserve(desk, alert)
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
            strained = _driver(seen)
            if at.channel in touched and strained.strain >= STRAIN_MIN:
                gaps[str(at)] = gap_of(desk, incident, seen, strained, params)
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


def gap_of(desk: Desk, incident: IncidentState, at: Picture, strained: Strain, params: RespondParams) -> Gap:
    """What the next intervals need and have: the season ahead with what is left of today's distance from it; people as
    they are now, with those who were called in."""
    seconds, many = params.interval_seconds, params.intervals
    start = _floor_interval(desk.now, seconds)
    usual, rates = _rates(desk, incident, at, start, params)
    intervals, backlog, needed = [], float(at.backlog), None
    for i in range(many):
        begins = start + timedelta(seconds=i * seconds)
        needed = at.slots_needed(rates[i], backlog, near=needed)
        people = math.floor(at.slots / at.concurrency)
        people += bench.coming(desk, at.at, begins, begins + timedelta(seconds=seconds))
        served = _served(at, math.floor(people * at.concurrency), backlog, seconds, rates[i])
        backlog = served.backlog
        intervals.append(
            Interval(
                start=begins,
                forecast=_six(usual[i] * seconds),
                expected=_six(rates[i] * seconds),
                agents_needed=_agents(at, needed),
                agents_staffed=people,
                agents_short=_agents(at, needed) - people,
                service_level_if_nothing=round(served.level, 4),
                service_level_with_plan=round(served.level, 4),
                wait_seconds_if_nothing=_six(served.wait_seconds) if math.isfinite(served.wait_seconds) else None,
                occupancy_if_nothing=_six(served.occupancy),
            )
        )
    return Gap(at=at, rates=rates, intervals=intervals, driver=strained.driver, driver_text=strained.text)


def _rates(
    desk: Desk, incident: IncidentState, at: Picture, start: datetime, params: RespondParams
) -> tuple[list[float], list[float]]:
    """By interval, contacts a second that are usual, and that are expected."""
    seconds, many = params.interval_seconds, params.intervals
    usual = forecast.usual_rates(desk.flows[str(at.at)], start, seconds, many)
    over = not any(symptom.open for symptom in roots(incident))
    age = (desk.now - incident.onset).total_seconds()
    left = forecast.lasting(age, over, (desk.now - start).total_seconds(), seconds, many)
    return usual, forecast.rates(usual, at.rate, at.usual_rate, left)


def _agents(at: Picture, slots: int) -> int:
    return agents_for_slots(slots, at.concurrency)


def _floor_interval(moment: datetime, seconds: int) -> datetime:
    return moment - timedelta(seconds=moment.timestamp() % seconds)


class Served(NamedTuple):
    """How an interval goes: service level, mean wait, the share of slots that are busy, and what is left at its end."""

    level: float
    wait_seconds: float
    occupancy: float
    backlog: float


def _served(at: Picture, slots: int, backlog: float, seconds: float, arrivals: float) -> Served:
    if at.deferred:
        drained = at.drained(backlog, arrivals, slots, seconds)
        work = (backlog + arrivals * seconds) * at.handle_seconds
        busy = min(1.0, work / (slots * seconds)) if slots else 1.0 if work else 0.0
        return Served(drained.on_time_share, drained.wait_seconds, busy, drained.backlog_end)
    if arrivals <= 0.0:
        return Served(1.0, 0.0, 0.0, backlog)
    if slots == 0:
        return Served(0.0, math.inf, 1.0, backlog)
    queue = erlang_a(slots, arrivals, at.handle_seconds, at.patience_seconds)
    return Served(at.service_level(arrivals, slots), queue.wait_seconds, min(1.0, queue.occupancy), backlog)


def _driver(at: Picture) -> Strain:
    """Of volume, handle time and people, how far the furthest is from usual and plan."""
    volume = at.rate / at.usual_rate if at.usual_rate > 0 else None
    handle = at.handle_seconds / at.plan_handle_seconds
    staffed = at.slots / at.plan_slots if at.plan_slots else None
    strain: list[tuple[float, Literal["volume", "handle-time", "staffed"]]] = [
        (volume if volume is not None else math.inf, "volume"),
        (handle, "handle-time"),
        (0.0 if staffed is None else 1 / staffed if staffed else math.inf, "staffed"),
    ]
    parts = [f"volume {_percent(volume)} against usual" if volume is not None else "nothing usually comes"]
    parts.append(f"handle time {_percent(handle)} against plan")
    if staffed is not None and at.staffed_from == "workforce":
        parts.append(f"staffed {_percent(staffed)} against plan")
    else:
        parts.append("staffed as planned (no workforce feed)" if at.staffed_from == "plan" else "no plan to compare")
    worst, driver = max(strain)
    return Strain(strain=worst, driver=driver, text="; ".join(parts))


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.0f} %"


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
    waiting, oldest, counted = _queue(desk, at)
    lead = min((lever.minutes for lever in levers), default=0)
    short = [interval for interval in planned if interval.agents_short > 0]
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
        contacts_waiting=waiting,
        oldest_wait_seconds=oldest,
        queue_counted_by=counted,
        arrivals_variance=_six(at.rate / at.usual_rate - 1) if at.usual_rate > 0 else None,
        handle_seconds_variance=_six(at.handle_seconds / at.plan_handle_seconds - 1),
        staffed_variance=_six(at.slots / at.plan_slots - 1) if at.plan_slots else None,
        since=incident.onset,
        sureness=incident.cause.sureness,
        intervals=planned,
        service_level_now=planned[0].service_level_if_nothing,
        occupancy_now=_six(_occupancy(at)),
        wait_seconds_now=planned[0].wait_seconds_if_nothing,
        target=str(at.target),
        levers=levers,
        latest_useful_at=max(desk.now, gap.short_until - timedelta(minutes=lead)),
        approver=next((lever.approver for lever in levers if lever.approver), APPROVER),
        acknowledge=_acknowledge(incident, revision, at, levers),
        rollback="lent agents go back to their queues once this alert is closed; load shifts take themselves back",
        cause=f"{what} ({incident.cause.sureness:.0%} sure)",
        drill=incident.drill,
        text=f"{marked(incident.drill)}{at.at} is short of {now_short} agents ({gap.driver}): {_first(levers)}",
        origin=origin,
    )


def _acknowledge(incident: IncidentState, revision: int, at: Picture, levers: list[Lever]) -> str:
    calls = any(lever.people for lever in levers)
    alert = digest(incident.incident_id, at.at, revision)
    quiet = f"breakwater ack {incident.incident_id}, or breakwater mute {incident.incident_id}"
    return quiet + (f"; breakwater approve {alert} calls the bench in" if calls else "")


def _queue(desk: Desk, at: Picture) -> tuple[int | None, float | None, Literal["platform", "estimate"] | None]:
    """Contacts waiting and how long the oldest has: by the platform's own count where it is fresh, else by what came
    and went (in order of arrival, whoever is first has waited for as long as the queue took to come)."""
    line = floor.of(desk, at.at, QUEUE_FRESH_SECONDS)
    if line is not None and line.waiting is not None:
        oldest = line.oldest_wait_seconds
        if oldest is not None:
            oldest = _six(max(0.0, oldest + (desk.now - line.at).total_seconds()))
        return line.waiting, oldest if line.waiting else None, "platform"
    flow: Flow = desk.flows[str(at.at)]
    if flow.backlog is None:
        return None, None, None
    rate = max(flow.rate, flow.usual_rate)
    return flow.backlog, _six(flow.backlog / rate) if flow.backlog and rate > 0 else None, "estimate"


def _first(levers: list[Lever]) -> str:
    return max(levers, key=lambda lever: lever.agents).effect if levers else "no lever is known"


def _with_plan(desk: Desk, gap: Gap, levers: list[Lever], relief: float, params: RespondParams) -> list[Interval]:
    """The intervals again, with the levers from when they work and the load shifts that run."""
    at, backlog = gap.at, float(gap.at.backlog)
    planned: list[Interval] = []
    for interval, rate in zip(gap.intervals, gap.rates, strict=True):
        end = interval.start + timedelta(seconds=params.interval_seconds)
        helping = sum(lever.agents for lever in levers if _helps(desk.now, lever, interval.start, end))
        slots = math.floor((interval.agents_staffed + helping) * at.concurrency)
        served = _served(at, slots, backlog, params.interval_seconds, rate * (1 - relief))
        backlog = served.backlog
        planned.append(msgspec.structs.replace(interval, service_level_with_plan=round(served.level, 4)))
    return planned


def _helps(now: datetime, lever: Lever, start: datetime, end: datetime) -> bool:
    """Whether a lever that is pulled now works for at least half of an interval; breaks cannot wait for long."""
    ready = now + timedelta(minutes=lever.minutes)
    over = ready + timedelta(minutes=BREAKS_LATER_MINUTES) if lever.name == "breaks" else end
    return min(end, over) - max(start, ready) >= (end - max(start, now)) / 2


def _occupancy(at: Picture) -> float:
    return min(1.0, at.load / at.slots) if at.slots else 1.0


def _close(desk: Desk, incident: IncidentState, state: AlertState, origin: Origin) -> StaffingAlert:
    last = state.last
    revision = last.revision + 1
    bench.release(desk, incident.incident_id, last.queue)
    closed = msgspec.structs.replace(
        last,
        alert_id=digest(incident.incident_id, last.queue, revision),
        revision=revision,
        at=desk.now,
        state="closed",
        drill=incident.drill,
        text=f"{marked(incident.drill)}{last.queue} has enough agents again, or its incident is over: lent agents go "
        "back",
        origin=origin,
    )
    incident.alerts[str(last.queue)] = AlertState(last=closed)
    return closed


def _six(value: float) -> float:
    return float(f"{value:.6g}")
