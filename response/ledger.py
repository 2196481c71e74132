"""The book of what is moved: contacts and people, what that costs every queue, and what may not be exceeded.

The planner and the approval of a proposal ask the same book, so that nobody can approve what a planner may not propose.
"""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec

from response import bot_mode, providers
from response.actions import AFTER_ARRIVAL, BRINGS_A_WAY_IN, DEFERS, LENDS_PEOPLE, donor, key, relieved, stays_home
from response.capacity import SPILL, Picture, is_gone, overlaps, picture, within
from response.params import RespondParams
from response.state import Desk, IncidentState, ShiftState
from response.workload import erlang_a
from schemas.base import QueueRef
from schemas.centre import Centre, Route
from schemas.command import Projection
from schemas.incident import Reason

# a contact that is answered late is half as bad as one that is lost; one that is promised a call-back a quarter
LATE_WEIGHT = 0.5
PROMISED_WEIGHT = 0.25
_HAIR = 1e-6
_AGENT_HAIR = 0.01  # a share has six digits: a hundredth of a person is none


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """What one route moves. Contacts: `rate` a second, each `handle_seconds` of a slot at the new place. People:
    `agents`, who leave `slots_out` and are worth `slots_in`."""

    route: Route
    share: float
    of_all: float
    rate: float = 0.0
    handle_seconds: float = 0.0
    agents: int = 0
    slots_out: float = 0.0
    slots_in: float = 0.0

    @property
    def load(self) -> float:
        """Erlangs of contacts that are worked on at once."""
        return 0.0 if self.route.action in DEFERS else self.rate * self.handle_seconds


class Ledger:
    """Queues by name, with what is moved between them. `gone`: queues that no contact can reach; `shares`: of which
    part of its origin's contacts a route speaks; `ratios`: the work of one moved contact against its old place."""

    def __init__(self, pictures: dict[str, Picture], gone: frozenset[str], params: RespondParams) -> None:
        self.pictures = pictures
        self.gone = gone
        self.vip_share_max = 1.0
        self.closed: frozenset[str] = frozenset()
        self._params = params
        self._placed: dict[str, Placed] = {}
        self._costs: dict[str, float] = {}
        self._of: dict[str, float] = {}
        self._ratios: dict[str, float] = {}

    def know(self, route: Route, of_all: float, work_ratio: float) -> None:
        """Which part of the origin's contacts `route` is about, and what one of them is worth in work."""
        self._of[key(route)], self._ratios[key(route)] = of_all, work_ratio

    def of_all(self, route: Route) -> float:
        return self._of.get(key(route), 1.0)

    def work_ratio(self, route: Route) -> float:
        return self._ratios.get(key(route), route.work_ratio)

    def demand(self, name: str) -> float:
        """Contacts a second that want to come: where none can, what is usual."""
        at = self.pictures[name]
        return max(at.usual_rate, at.rate) if name in self.gone else at.rate

    def slots(self, name: str) -> float:
        """Slots of a queue with the people lent to it and without those lent by it."""
        at = self.pictures[name]
        lent = math.fsum(one.slots_out for one in self._placed.values() if overlaps(one.route.from_queue, at.at))
        got = math.fsum(one.slots_in for one in self._placed.values() if overlaps(one.route.to_queue, at.at))
        return max(0.0, at.slots - lent + got)

    def place(self, route: Route, share: float) -> Placed:
        """What `route` would move with this share."""
        origin, to = self.pictures[str(route.from_queue)], self.pictures[str(route.to_queue)]
        ratio, of_all = self.work_ratio(route), self.of_all(route)
        if route.action in LENDS_PEOPLE:
            agents = math.floor(share * origin.slots / origin.concurrency + _AGENT_HAIR)
            out, into = agents * origin.concurrency, agents * to.concurrency / ratio
            return Placed(route=route, share=share, of_all=0.0, agents=agents, slots_out=out, slots_in=into)
        rate = share * of_all * self.demand(str(route.from_queue))
        handle = origin.handle_seconds * ratio
        return Placed(route=route, share=share, of_all=share * of_all, rate=rate, handle_seconds=handle)

    def set(self, route: Route, share: float) -> None:
        """Let `route` move `share` of what comes at its origin, or of the people there."""
        self._placed.pop(key(route), None)
        if share > 0:
            self._placed[key(route)] = self.place(route, share)
        # people of overlapping queues are the same: their costs are counted anew as well
        for at in (route.from_queue, route.to_queue):
            for known in [known for known in self._costs if known.partition("/")[0] == at.channel]:
                del self._costs[known]

    def share_of(self, route: Route, agents: int) -> float:
        """So many people as a share of those who are there."""
        at = self.pictures[str(route.from_queue)]
        return min(1.0, round(agents * at.concurrency / at.slots, 6)) if at.slots else 0.0

    def running_share(self, route: Route, shift: ShiftState | None) -> float:
        """What a running shift moves today: lent people are so many people, whatever share that is by now."""
        if shift is None or shift.running is None:
            return 0.0
        return self.share_of(route, shift.agents) if route.action in LENDS_PEOPLE else shift.share

    def share(self, route: Route) -> float:
        placed = self._placed.get(key(route))
        return placed.share if placed else 0.0

    def agents(self, route: Route) -> int:
        placed = self._placed.get(key(route))
        return placed.agents if placed else 0

    def refuses(self, route: Route, share: float, *, runs: bool = False) -> Reason | None:
        """Why `route` may not move `share` instead of what it moves now, or None.

        What `runs` already may use a donor up to its bounds; what starts or grows leaves room for the noise of
        arrivals, so that it need not be taken back a minute later.
        """
        before = self.share(route)
        self.set(route, share)
        reason = self._refuses(route, share, runs)
        self.set(route, before)
        return reason

    def _refuses(self, route: Route, share: float, runs: bool) -> Reason | None:
        origin, giver = self.pictures[str(route.from_queue)], self.pictures[str(donor(route))]
        if share > route.share_max + _HAIR:
            return _no("route-cap", f"the route moves at most {route.share_max:.0%}")
        if share > origin.share_max + _HAIR:
            what = "agents" if route.action in LENDS_PEOPLE else "contacts"
            return _no("origin-cap", f"one command moves at most {origin.share_max:.0%} of the {what} of {origin.at}")
        if self._out(str(route.from_queue)) > 1 + _HAIR:
            return _no("all-moved", f"all of {origin.at} is already moved")
        for name, other in self.pictures.items():
            if overlaps(other.at, giver.at):
                reason = self._refuses_giving(name, other, runs)
                if reason is not None:
                    return reason
        return None

    def _refuses_giving(self, name: str, giver: Picture, runs: bool) -> Reason | None:
        work, lent = self.taken(name)
        if self._promises_too_much(name, giver):
            text = f"{giver.at} could not keep more call-backs within {self._params.promise_seconds / 3600:g} h"
            return _no("promise-cap", text)
        if work <= 0 and lent <= 0:
            return None
        params = self._params
        room = 1.0 if runs else 1.0 - params.donor_headroom
        if giver.slots - (work / giver.target.occupancy_max + lent) / room < giver.floor_slots - _HAIR:
            floor = giver.floor_slots / giver.concurrency
            return _no("donor-floor", f"{giver.at} keeps at least {floor:g} agents for itself")
        if (work + lent) / room > giver.share_max * giver.slots + _HAIR:
            return _no("donor-cap", f"{giver.at} gives at most {giver.share_max:.0%} of its slots")
        vip = math.fsum(one.load for one in self._into(giver.at) if one.route.only == "vip")
        if vip > self.vip_share_max * giver.slots + _HAIR:
            return _no("vip-fairness", f"VIP contacts hold at most {self.vip_share_max:.0%} of {giver.at}'s slots")
        least = max(0.0, giver.target.share - params.donor_margin * (2 if runs else 1))
        if name not in self.gone and giver.rate > 0 and self.level(name) < least:
            return _no("donor-service-level", f"{giver.at} keeps a service level of {least:.0%}")
        return None

    def taken(self, name: str) -> tuple[float, float]:
        """Of a queue's people: erlangs of contacts that are not its own already, and slots lent away."""
        at = self.pictures[name].at
        lent = math.fsum(one.slots_out for one in self._placed.values() if overlaps(one.route.from_queue, at))
        return math.fsum(one.load for one in self._into(at) if not stays_home(one.route)), lent

    def _promises_too_much(self, name: str, giver: Picture) -> bool:
        promised = [
            p for p in self._placed.values() if p.route.action in DEFERS and overlaps(p.route.to_queue, giver.at)
        ]
        work = math.fsum(p.rate * p.handle_seconds for p in promised) * giver.horizon_seconds
        return work > self.spare_later(name) * self._params.promise_seconds + _HAIR

    def spare_later(self, name: str) -> float:
        """Slots that are free once things are usual again."""
        at = self.pictures[name]
        return max(0.0, at.target.occupancy_max * at.slots - at.usual_rate * at.plan_handle_seconds)

    def level(self, name: str) -> float:
        """Service level of a queue with what it takes in and what may still come."""
        at = self.pictures[name]
        rate, handle = self._offered(name, SPILL if self.gone else 1.0)
        if rate <= 0:
            return 1.0
        if at.deferred:
            slots = max(0, math.floor(self.slots(name) - self.taken(name)[0]))
            own = (SPILL if self.gone else 1.0) * at.rate * (1 - self._out(name))
            return at.drained(at.backlog, own, slots, self._params.interval_seconds).on_time_share
        return at.service_level(rate, math.floor(self.slots(name) + _HAIR), handle)

    def cost(self, name: str) -> float:
        """Contacts a second that are lost here: they cannot come, give up, or wait longer than promised."""
        if name not in self._costs:
            self._costs[name] = self._cost(name)
        return self._costs[name]

    def _cost(self, name: str) -> float:
        at = self.pictures[name]
        lost = math.fsum(
            PROMISED_WEIGHT * one.rate
            for one in self._placed.values()
            if one.route.action in DEFERS and one.route.from_queue == at.at
        )
        if name in self.gone:
            lost += self.demand(name) * (1 - self._out(name))
        rate, handle = self._offered(name)
        if rate <= 0:
            return lost
        if at.deferred:
            return lost + LATE_WEIGHT * rate * self._lateness(name) ** 2
        slots = math.floor(self.slots(name) + _HAIR)
        return lost + rate * erlang_a(slots, rate, handle, at.patience_seconds).abandoned_share

    def _lateness(self, name: str) -> float:
        """How near to its promise (or past it: 1) a deferred contact comes by the end of the horizon, if this lasts.

        Its square is the share counted as lost: far from the promise nearly nothing, past it all.
        """
        at = self.pictures[name]
        slots = max(0, math.floor(self.slots(name) - self.taken(name)[0]))
        if slots == 0:
            return 1.0
        end = at.drained(at.backlog, at.rate * (1 - self._out(name)), slots, at.horizon_seconds).backlog_end
        return min(1.0, end * at.handle_seconds / slots / at.target.seconds)

    def _wait(self, name: str) -> float | None:
        """Mean wait in seconds; None where nobody would ever be served."""
        at = self.pictures[name]
        rate, handle = self._offered(name)
        if name in self.gone and rate <= 0:
            return None
        if rate <= 0:
            return 0.0
        if not at.deferred:
            slots = math.floor(self.slots(name) + _HAIR)
            return erlang_a(slots, rate, handle, at.patience_seconds).wait_seconds
        slots = max(0, math.floor(self.slots(name) - self.taken(name)[0]))
        wait = at.drained(at.backlog, at.rate * (1 - self._out(name)), slots, 3600.0).wait_seconds
        return wait if math.isfinite(wait) else None

    def _offered(self, name: str, spill: float = 1.0) -> tuple[float, float]:
        """Contacts a second that this queue's people get, and their mean handle time."""
        at = self.pictures[name]
        own = 0.0 if name in self.gone else spill * at.rate * (1 - self._out(name))
        into = self._into(at.at)
        rate = own + math.fsum(moved.rate for moved in into)
        if rate <= 0:
            return 0.0, at.handle_seconds
        return rate, (own * at.handle_seconds + math.fsum(moved.load for moved in into)) / rate

    def _out(self, name: str) -> float:
        """The share of this queue's contacts that goes elsewhere."""
        at = self.pictures[name].at
        return math.fsum(moved.of_all for moved in self._placed.values() if moved.route.from_queue == at)

    def _into(self, at: QueueRef) -> list[Placed]:
        """What comes to these people now from elsewhere; of overlapping queues each is charged with all of it."""
        return [moved for moved in self._placed.values() if moved.load > 0 and overlaps(moved.route.to_queue, at)]

    def outlook(self, name: str) -> tuple[float | None, float]:
        """Mean wait in seconds and the share lost, as things would stand."""
        demand = self.demand(name) + math.fsum(moved.rate for moved in self._into(self.pictures[name].at))
        lost = self.cost(name) / demand if demand > 0 else 0.0
        return self._wait(name), min(1.0, max(0.0, lost))

    def projections(self, route: Route, before: Ledger) -> list[Projection]:
        """What the plan does to the route's two queues, against no plan at all."""
        said = []
        for at in dict.fromkeys((relieved(route), donor(route))):
            wait_before, lost_before = before.outlook(str(at))
            wait_after, lost_after = self.outlook(str(at))
            said.append(
                Projection(
                    queue=at,
                    wait_seconds_before=_tenth(wait_before),
                    wait_seconds_after=_tenth(wait_after),
                    abandoned_share_before=round(lost_before, 4),
                    abandoned_share_after=round(lost_after, 4),
                )
            )
        return said


def _no(code: str, text: str) -> Reason:
    return Reason(code=code, text=text)


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def open_ledger(desk: Desk, incident: IncidentState, params: RespondParams) -> Ledger:
    """The book as it stands for one incident: without its own moves, with those of the tenant's other incidents."""
    pictures: dict[str, Picture] = {}
    routes = desk.centre.routes if desk.centre else []
    running = _running(desk, params)
    for at in sorted({ref for route in routes for ref in (route.from_queue, route.to_queue)}, key=str):
        seen = picture(desk, at, params)
        if isinstance(seen, Picture):
            pictures[str(at)] = _without_moved(desk, seen, running)
    gone = frozenset(name for name, at in pictures.items() if is_gone(desk, at.at))
    ledger = Ledger(pictures, gone, params)
    if desk.centre is not None:
        ledger.vip_share_max = desk.centre.vip_share_max
        ledger.closed = frozenset(key(route) for route in routes if not providers.may_carry(desk, route, params))
        for route in routes:
            ledger.know(route, _of_all(desk.centre, route), bot_mode.work_ratio(desk, route))
    by_key = {key(route): route for route in routes}
    for other in desk.incidents.values():
        for name, shift in sorted(other.shifts.items()):
            theirs = by_key.get(name)
            if other is not incident and shift.running and theirs is not None and usable(ledger, theirs):
                ledger.set(theirs, ledger.running_share(theirs, shift))
    return ledger


def _of_all(centre: Centre, route: Route) -> float:
    """Which part of its origin's contacts a route is about: VIPs or critical reasons alone, or all that is not kept
    for a specialist team."""
    if route.only == "vip":
        return max((queue.vip_share for queue in within(centre, route.from_queue)), default=0.0)
    critical = {one.reason: one.share for one in centre.critical}
    if route.reasons:
        return min(1.0, math.fsum(critical.get(name, 0.0) for name in route.reasons))
    return 1.0 if route.action in LENDS_PEOPLE else max(0.0, 1.0 - math.fsum(critical.values()))


def usable(ledger: Ledger, route: Route) -> bool:
    """Whether the route can help at all: both ends are known, nothing is sent to what has failed, and the contact can
    get from one to the other."""
    origin, to = str(route.from_queue), str(route.to_queue)
    if origin not in ledger.pictures or to not in ledger.pictures or key(route) in ledger.closed:
        return False
    if origin in ledger.gone and route.action in AFTER_ARRIVAL:
        return False
    return to not in ledger.gone or route.action in BRINGS_A_WAY_IN | DEFERS


def _running(desk: Desk, params: RespondParams) -> list[ShiftState]:
    """Shifts that run for long enough to show in what arrives."""
    since = desk.now - timedelta(seconds=params.check_after_seconds)
    return [
        shift
        for incident in desk.incidents.values()
        for shift in incident.shifts.values()
        if shift.running and shift.changed_at is not None and shift.changed_at <= since
    ]


def _without_moved(desk: Desk, at: Picture, running: list[ShiftState]) -> Picture:
    """What would be without our own shifts: those that act before a contact arrives already show in its numbers, lent
    people, once they went, in the reports of where they work.

    What was brought in is not known, only what should be by the origin's usual rate: at least the usual is left.
    """
    before = [shift for shift in running if shift.action not in AFTER_ARRIVAL | LENDS_PEOPLE]
    away = min(0.9, math.fsum(shift.share for shift in before if shift.from_queue == at.at))
    into = math.fsum(
        shift.share * desk.flows[str(shift.from_queue)].usual_rate for shift in before if shift.to_queue == at.at
    )
    left = max(min(at.rate, at.usual_rate), at.rate - into)
    return msgspec.structs.replace(at, rate=left / (1 - away), slots=own_slots(desk, at))


def own_slots(desk: Desk, at: Picture) -> int:
    """Slots of a queue without any lending. When people really go is the platform's affair: as far as the reports moved
    since the lending began, by what was lent and no more, it is taken for theirs."""
    if at.staffed_from != "workforce":
        return at.slots
    name, slots = str(at.at), at.slots
    flex = [s for one in desk.incidents.values() for s in one.shifts.values() if s.running and s.action in LENDS_PEOPLE]
    gave = [shift for shift in flex if overlaps(shift.from_queue, at.at)]
    got = [shift for shift in flex if overlaps(shift.to_queue, at.at)]
    if gave:
        most = slots + round(sum(shift.agents for shift in gave) * at.concurrency)
        slots = max(slots, min(most, max(shift.slots_before.get(name, slots) for shift in gave)))
    if got:
        least = slots - round(sum(shift.agents for shift in got) * at.concurrency)
        slots = min(slots, max(least, min(shift.slots_before.get(name, slots) for shift in got)))
    return slots
