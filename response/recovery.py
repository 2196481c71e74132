"""After what failed works again: what is left to do and by when, who was affected, what may still come, and when the
watch may end. Said while an incident is easing or watched, every quarter of an hour and when its phase moves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

from response import burn_down, cases, pace, wave
from response.burn_down import BAND, Course
from response.capacity import Picture, picture
from response.pace import Pace
from response.params import HOUR, RespondParams
from response.state import Aftermath, Desk, IncidentState
from response.triage import triage
from response.workload import agents_for_slots, heads
from schemas.base import Origin, QueueRef
from schemas.incident import Reason
from schemas.recovery import Between, BurnDown, Recovery, StandDown, WaveHours
from schemas.signal import Load

WAVE_HOURS = 4
AFTER = ("easing", "watching")
QUEUES_MAX, CASES_MAX, CUSTOMERS_MAX = 20, 20, 200


def begin(desk: Desk, incident: IncidentState) -> None:
    """Remember what waits usually: the backlogs as they were when the incident opened."""
    if incident.aftermath is None:
        incident.aftermath = Aftermath(usual_backlog=_backlogs(desk))


def hear(desk: Desk, load: Load) -> None:
    """The pace of every queue; and escalations beyond the usual ones, in the stretch of hours they fall in."""
    troubled = any(one.phase in ("open", *AFTER) and one.audience != "internal" for one in desk.incidents.values())
    pace.hear(desk.paces, load, calm=not troubled)
    for incident in desk.incidents.values():
        after = incident.aftermath
        if after is None or after.began_at is None or incident.phase not in AFTER or load.at <= after.began_at:
            continue
        place = int((load.at - after.began_at).total_seconds() // (WAVE_HOURS * HOUR))
        after.extra += [0.0] * (place + 1 - len(after.extra))
        for one in load.loads:
            if one.at.queue is None:
                usual = desk.paces[str(one.at)].usually_escalated(one.arrivals)
                after.extra[place] += one.escalated - usual


def advance(desk: Desk, incident: IncidentState) -> None:
    """The after-wave's clock runs from the first recovery on; a relapse stops it, the next recovery starts it anew."""
    after = incident.aftermath
    if after is None:
        return
    if incident.phase in ("pending", "open"):
        after.began_at, after.extra = None, []
    elif after.began_at is None:
        after.began_at = desk.now


def missing(desk: Desk, incident: IncidentState) -> list[Reason]:
    """What is not back in its band, so that nobody may stand down. What nothing is known of holds nobody back: an
    unseen channel stops the watch's clock instead."""
    found = [
        Reason(code="out-of-range", text=f"{symptom.series} is out of its usual range")
        for symptom in incident.open_symptoms()[:3]
    ]
    if incident.feed:
        return found
    for at, backlog, usual in _grown(desk, incident):
        found.append(Reason(code="backlog", text=f"{at}: {backlog} wait, usual are {usual}"))
    for name in incident.scope.channels:
        lately = desk.paces.get(name)
        if lately is None or lately.usual_escalated <= 0:
            continue
        normal = lately.usually_escalated(lately.arrivals)
        if lately.escalated > normal + BAND * math.sqrt(max(normal, 1.0)):
            text = f"{name}: {lately.escalated:.0f} escalations lately, usual are {normal:.0f}"
            found.append(Reason(code="escalations", text=text))
    return found


def say(desk: Desk, incident: IncidentState, origin: Origin, params: RespondParams) -> Recovery | None:
    """The state of the recovery, if it is time to say it (again)."""
    after = incident.aftermath
    if after is None or incident.feed or incident.audience == "internal":
        return None
    over = incident.phase == "resolved" and after.said_phase in AFTER
    if incident.phase not in AFTER and not over:
        return None
    due = after.said_at is None or desk.now >= after.said_at + timedelta(seconds=params.recovery_every_seconds)
    if incident.phase == after.said_phase and not due:
        return None
    after.said_at, after.said_phase = desk.now, incident.phase
    after.revision += 1
    return _recovery(desk, incident, after, origin, params)


def _recovery(desk: Desk, incident: IncidentState, after: Aftermath, origin: Origin, params: RespondParams) -> Recovery:
    burning = [_burn(desk, *one, params) for one in _grown(desk, incident)]
    ended_at = incident.roots_calm_since
    open_cases = list(cases.touched_by(incident.scope, ended_at, desk.cases.by_id.values()))
    rates = {str(case.queue): 0.0 for case in open_cases}
    rates |= {name: desk.paces[name].finished_per_second for name in rates if name in desk.paces}
    customers = cases.customers(open_cases)
    law = _law(desk, incident, after, params)
    stand_down = _stand_down(desk, incident, params)
    return Recovery(
        incident_id=incident.incident_id,
        tenant=desk.tenant,
        revision=after.revision,
        at=desk.now,
        phase=incident.phase,
        burn_down=burning[:QUEUES_MAX],
        wave=_hours(after, law, desk.now, params),
        wave_total=law.total,
        cases=triage(open_cases, desk.now, rates)[:CASES_MAX],
        cases_open=len(open_cases),
        customers=customers[:CUSTOMERS_MAX],
        customers_affected=len(customers),
        stand_down=stand_down,
        text="; ".join(_parts(burning, _coming(after, law, desk.now, params), stand_down)),
        origin=origin,
    )


def _backlogs(desk: Desk) -> dict[str, int]:
    """What waits by queue: cases where the platform reports them, the estimate of the contact events otherwise."""
    found = {name: flow.backlog for name, flow in desk.flows.items() if flow.backlog is not None and "/" in name}
    counted: dict[str, int] = {}
    for case in desk.cases.by_id.values():
        counted[str(case.queue)] = counted.get(str(case.queue), 0) + 1
    return dict(sorted((found | counted).items()))


def _grown(desk: Desk, incident: IncidentState) -> list[tuple[QueueRef, int, int]]:
    """Queues in reach of the incident that have more to do than when it opened, by more than chance; largest first."""
    after = incident.aftermath
    reach = set(incident.scope.channels)
    found = []
    for name, backlog in _backlogs(desk).items():
        channel, _, queue = name.partition("/")
        usual = after.usual_backlog.get(name, 0) if after else 0
        if channel in reach and backlog > usual + BAND * math.sqrt(max(usual, 1)):
            found.append((QueueRef(channel=channel, queue=queue), backlog, usual))
    return sorted(found, key=lambda one: (one[2] - one[1], one[0]))


def _burn(desk: Desk, at: QueueRef, backlog: int, usual: int, params: RespondParams) -> BurnDown:
    lately = desk.paces.get(str(at)) or Pace(at=desk.now)
    seen = picture(desk, at, params)
    known = seen if isinstance(seen, Picture) else None
    capacity = known.slots * known.target.occupancy_max / known.handle_seconds if known else None
    finished = lately.finished_per_second
    if lately.seconds < burn_down.STEP_SECONDS / 2 and capacity is not None:
        finished = capacity  # nobody has counted long enough: what the people there can do
    course = Course(
        backlog=backlog,
        usual=usual,
        arrivals=lately.arrivals_per_second,
        finished=finished,
        seen_seconds=lately.seconds,
    )
    shrinkage = desk.centre.shrinkage if desk.centre else 0.0
    return BurnDown(
        queue=at,
        backlog=backlog,
        usual=usual,
        arrivals_per_hour=round(lately.arrivals_per_second * HOUR, 1),
        finished_per_hour=round(finished * HOUR, 1),
        capacity_per_hour=round(capacity * HOUR, 1) if capacity is not None else None,
        staffed=known.slots if known else None,
        shrinkage=shrinkage,
        heads_rostered=heads(agents_for_slots(known.slots, known.concurrency), shrinkage) if known else None,
        eta=course.eta(desk.now),
        eta_early=course.eta(desk.now, -BAND),
        eta_late=course.eta(desk.now, BAND),
        curve=list(course.curve()),
    )


def _law(desk: Desk, incident: IncidentState, after: Aftermath, params: RespondParams) -> wave.Wave:
    began = after.began_at or desk.now
    hours = (desk.now - began).total_seconds() / HOUR
    return wave.learn(incident.contacts_unusual, math.fsum(after.extra), hours, params.watch_seconds / HOUR)


def _hours(after: Aftermath, law: wave.Wave, now: datetime, params: RespondParams) -> list[WaveHours]:
    """Stretches of the watch: what came in those that are over or run, what is forecast for the rest of it."""
    began, watch = after.began_at or now, params.watch_seconds / HOUR
    found = []
    for place in range(math.ceil(watch / WAVE_HOURS)):
        start = place * WAVE_HOURS
        here = wave.arrived(start + WAVE_HOURS, watch) - wave.arrived(start, watch)
        observed = round(after.extra[place], 1) if place < len(after.extra) else None
        begins = began + timedelta(hours=start)
        found.append(WaveHours(start=begins, hours=WAVE_HOURS, forecast=law.between(here), observed=observed))
    return found


def _stand_down(desk: Desk, incident: IncidentState, params: RespondParams) -> StandDown:
    found = missing(desk, incident)
    earliest = None
    if incident.watched_since is not None:
        earliest = incident.watched_since + timedelta(seconds=params.watch_seconds)
        if incident.phase == "watching" and desk.now < earliest:
            text = f"{params.watch_seconds / HOUR:g} hours without a relapse end at {earliest:%Y-%m-%d %H:%M} UTC"
            found = [Reason(code="watch-not-over", text=text), *found]
    elif incident.phase != "resolved":
        found = [Reason(code="not-watched-yet", text=f"the incident is {incident.phase}"), *found]
    return StandDown(ready=not found, earliest_at=earliest, missing=found)


def _coming(after: Aftermath, law: wave.Wave, now: datetime, params: RespondParams) -> Between:
    """Escalations beyond the usual ones within the next hours."""
    watch, hours = params.watch_seconds / HOUR, (now - (after.began_at or now)).total_seconds() / HOUR
    return law.between(wave.arrived(hours + WAVE_HOURS, watch) - wave.arrived(hours, watch))


def _parts(burning: list[BurnDown], coming: Between, stand_down: StandDown) -> Iterator[str]:
    for one in burning[:3]:
        by = f"usual by {one.eta:%H:%M} UTC" if one.eta else "not falling at this rate"
        yield f"{one.queue}: {one.backlog} wait, {by}"
    if coming.high >= 1:
        yield f"{coming.low:.0f} to {coming.high:.0f} more escalations than usual within {WAVE_HOURS} h"
    yield "may be stood down" if stand_down.ready else f"not yet: {stand_down.missing[0].text}"
