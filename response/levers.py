"""What can be done about missing people, by lead time, each with people who are really there, who must approve it, and
until when it is of use."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import cached_property

from response import bench, floor
from response.actions import LENDS_PEOPLE
from response.capacity import SPILL, Picture, is_gone, overlaps
from response.ledger import own_slots
from response.params import RespondParams
from response.state import Desk, IncidentState, ShiftState
from response.workload import heads
from schemas.base import QueueRef
from schemas.command import Lever

BREAKS_MINUTES, OFF_PHONE_MINUTES, FLEX_MINUTES, BENCH_MINUTES, OVERTIME_MINUTES = 5, 10, 5, 30, 60
# name: who does it, who usually has to approve it
ROLES = {
    "breaks": ("real-time analyst", "team lead"),
    "off-phone": ("real-time analyst", "operations lead on duty"),
    "skill-flex": ("team leads", "operations lead on duty"),
    "on-call-bench": ("workforce planner", "operations lead on duty"),
    "partner": ("workforce planner", "head of operations"),
    "overtime": ("workforce planner", "head of operations"),
}


class Pool:
    """Free people of other queues who can do the work, each lent once."""

    def __init__(self, desk: Desk, pictures: dict[str, Picture], lent_slots: dict[str, float]) -> None:
        self._desk, self._pictures, self._lent_slots = desk, pictures, lent_slots
        self._skills = _skills(desk)

    @cached_property
    def _idle(self) -> dict[str, int]:
        """By queue; looked up once somebody asks, for it takes its time."""
        gone = {name: is_gone(self._desk, at.at) for name, at in self._pictures.items()}
        # whoever is not silent himself will be called by those who cannot reach the silent ones
        spill = SPILL if any(gone.values()) else 1.0
        return {
            name: _spare(
                at,
                self._lent_slots.get(name, 0.0) + _promised(self._desk, at),
                1.0 if gone[name] else spill,
            )
            for name, at in sorted(self._pictures.items())
        }

    def lend(self, to: QueueRef, agents: int) -> list[tuple[QueueRef, int]]:
        """Up to so many people with the skill, from the queue with most of them free first."""
        lent: list[tuple[QueueRef, int]] = []
        for name in sorted(self._idle, key=lambda name: (-self._idle[name], name)):
            take = min(agents, self._idle[name])
            if take <= 0 or overlaps(self._pictures[name].at, to) or not self._can(name, to):
                continue
            self._idle[name] -= take
            agents -= take
            lent.append((self._pictures[name].at, take))
        return lent

    def _can(self, name: str, to: QueueRef) -> bool:
        return any(overlaps(giver, self._pictures[name].at) and overlaps(helped, to) for giver, helped in self._skills)


def _skills(desk: Desk) -> list[tuple[QueueRef, QueueRef]]:
    """Whose people can work for whom, as the model's routes say."""
    routes = desk.centre.routes if desk.centre else []
    flex = [(route.from_queue, route.to_queue) for route in routes if route.action in LENDS_PEOPLE]
    return flex + [(route.to_queue, route.from_queue) for route in routes if route.action == "overflow"]


def _spare(at: Picture, lent_slots: float, spill: float) -> int:
    """People free now beyond the floor, beyond what the queue's own arrivals need and beyond what it was lent for."""
    if at.free_slots is None:
        return 0
    own = at.slots_needed(spill * at.rate, at.backlog)
    beyond = at.slots - max(at.floor_slots, own) - lent_slots
    return max(0, math.floor(min(float(at.free_slots) - lent_slots, beyond) / at.concurrency))


def _promised(desk: Desk, at: Picture) -> float:
    """Slots of people whom a command or proposal lends away and who have not gone yet."""
    shifts = [shift for incident in desk.incidents.values() for shift in incident.shifts.values()]
    away = sum(_lends(shift) for shift in shifts if overlaps(shift.from_queue, at.at)) * at.concurrency
    return max(0.0, away - max(0, own_slots(desk, at) - at.slots))


def _lends(shift: ShiftState) -> int:
    """People whom a shift lends, by what runs or waits."""
    if shift.action not in LENDS_PEOPLE:
        return 0
    return max(shift.agents, shift.waiting.agents if shift.waiting else 0)


def levers(
    desk: Desk,
    incident: IncidentState,
    at: Picture,
    missing: int,
    until: datetime,
    pool: Pool,
    params: RespondParams,
) -> list[Lever]:
    """Quickest first, until nobody is missing or nothing is left."""
    found: list[Lever] = []

    def add(
        name: str,
        agents: int,
        minutes: int,
        effect: str,
        *,
        giver: QueueRef | None = None,
        people: list[str] | None = None,
    ) -> None:
        nonlocal missing
        if agents <= 0:
            return
        owner, usual = ROLES[name]
        approver = desk.centre.approvers.get(name, usual) if desk.centre else usual
        latest = max(desk.now, until - timedelta(minutes=minutes))
        found.append(
            Lever(
                name=name, agents=agents, minutes=minutes, from_queue=giver, effect=effect, owner=owner,
                approver=approver, latest_useful_at=latest, people=people or [],
            )
        )  # fmt: skip
        missing -= agents

    on_break, off_phone = _away(desk, at, params)
    take = min(missing, on_break)
    add("breaks", take, BREAKS_MINUTES, f"{take} agents take their breaks half an hour later")
    for giver, agents, text in _flex(desk, incident, at, missing, pool):
        add("skill-flex", agents, FLEX_MINUTES, text, giver=giver)
    take = min(missing, off_phone)
    add("off-phone", take, OFF_PHONE_MINUTES, f"training and meetings of {take} agents move to another day")
    chosen = bench.choose(desk, at.at, missing, until, _lost_sites(desk))
    if chosen:
        names = [person.person for person, _ in chosen]
        lead = max(person.lead_minutes for person, _ in chosen)
        text = f"{_agents(len(names))} of the on-call bench come in: {', '.join(names)}"
        add("on-call-bench", len(names), lead, text, people=names)
    elif desk.centre is not None and not desk.centre.bench:
        take = min(missing, math.floor(at.bench_slots / at.concurrency))
        add("on-call-bench", take, BENCH_MINUTES, f"{_agents(take)} of the on-call bench come in")
    for partner in desk.centre.partners if desk.centre else ():
        if any(overlaps(queue, at.at) for queue in partner.queues):
            take = min(missing, partner.agents)
            text = f"{partner.name} takes contacts of {at.at} with {_agents(take)}"
            add("partner", take, partner.lead_minutes, text)
    if missing > 0 and desk.centre:
        ask = heads(missing, desk.centre.shrinkage)
        text = f"ask {ask} people for overtime, so that {missing} are there; who will come is not known"
        add("overtime", missing, OVERTIME_MINUTES, text)
    return sorted(found, key=lambda lever: lever.minutes)


def _agents(many: int) -> str:
    return "one agent" if many == 1 else f"{many} agents"


def _flex(
    desk: Desk, incident: IncidentState, at: Picture, missing: int, pool: Pool
) -> list[tuple[QueueRef, int, str]]:
    """People of other queues: first those whom a command or a proposal lends here and who have not come yet."""
    arrived = max(0, math.floor((at.slots - own_slots(desk, at)) / at.concurrency))
    found = []
    for _, shift in sorted(incident.shifts.items()):
        if shift.to_queue != at.at or missing <= 0:
            continue
        here = min(arrived, shift.agents)
        arrived -= here
        coming = min(missing, _lends(shift) - here)
        if coming > 0:
            how = "are on their way" if shift.waiting is None else "wait for somebody to approve it"
            found.append((shift.from_queue, coming, f"{_agents(coming)} of {shift.from_queue} for {at.at} {how}"))
            missing -= coming
    for giver, agents in pool.lend(at.at, missing) if missing > 0 else ():
        rest = f"{giver} keeps its floor and what its own work needs"
        text = f"{_agents(agents)} of {giver}, idle now, could work for {at.at}; {rest}"
        found.append((giver, agents, text))
    return found


def _away(desk: Desk, at: Picture, params: RespondParams) -> tuple[int, int]:
    """Agents on a break, and in training or meetings; where the feed does not say which, those who are neither free nor
    on a contact count as on a break."""
    line = floor.of(desk, at.at, params.workforce_fresh_seconds)
    if line is None or at.staffed_from == "plan":
        return 0, 0
    if line.on_break or line.off_phone:
        return math.floor(line.on_break / at.concurrency), math.floor(line.off_phone / at.concurrency)
    return max(0, math.floor((line.staffed - line.available - line.on_contact) / at.concurrency)), 0


def _lost_sites(desk: Desk) -> frozenset[str]:
    """Sites of which a probe says that power, network or the whole place is down."""
    tools = ("power", "site", "network")
    return frozenset(h.site for h in desk.tools.values() if h.site and h.tool in tools and h.state == "down")
