"""The book of moved contacts: what every queue gives and takes, what that costs, and what may not be exceeded.

The planner and the approval of a proposal ask the same book, so that nobody can approve what a planner may not propose.
"""

from __future__ import annotations

import math
from datetime import timedelta

import msgspec

from response.capacity import SPILL, Picture, is_gone, picture
from response.params import RespondParams
from response.staffing import overlaps
from response.state import Desk, IncidentState, ShiftState
from response.workload import erlang_a
from schemas.base import QueueRef
from schemas.centre import Route
from schemas.command import Projection
from schemas.incident import Reason

# the contact stays what it is and other people take it: it must have arrived, so it does not help where nothing arrives
STAYS = frozenset({"overflow"})
# these bring a way in of their own, so that a silent channel can be their destination
BRINGS_A_WAY_IN = frozenset({"overflow", "second-carrier", "alternative-site"})
# a contact that is answered late is half as bad as one that is lost
LATE_WEIGHT = 0.5
_HAIR = 1e-9


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Contacts that one route moves: contacts a second, and slots-seconds of work for each at the new place."""

    action: str
    from_queue: QueueRef
    to_queue: QueueRef
    share: float
    rate: float
    handle_seconds: float

    @property
    def load(self) -> float:
        return self.rate * self.handle_seconds


def key_of(action: str, from_queue: QueueRef, to_queue: QueueRef) -> str:
    return f"{action} {from_queue} {to_queue}"


class Ledger:
    """Queues by name, with the shares moved between them. `gone`: queues that no contact can reach."""

    def __init__(self, pictures: dict[str, Picture], gone: frozenset[str], params: RespondParams) -> None:
        self.pictures = pictures
        self.gone = gone
        self._params = params
        self._moved: dict[str, Moved] = {}
        self._costs: dict[str, float] = {}

    def demand(self, name: str) -> float:
        """Contacts a second that want to come: where none can, what is usual."""
        at = self.pictures[name]
        return max(at.usual_rate, at.rate) if name in self.gone else at.rate

    def set(self, route: Route, share: float) -> None:
        """Let `route` move `share` of what comes at its origin."""
        name = key_of(route.action, route.from_queue, route.to_queue)
        origin = self.pictures[str(route.from_queue)]
        self._moved.pop(name, None)
        if share > 0:
            self._moved[name] = Moved(
                action=route.action,
                from_queue=route.from_queue,
                to_queue=route.to_queue,
                share=share,
                rate=share * self.demand(str(route.from_queue)),
                handle_seconds=origin.handle_seconds * route.work_ratio,
            )
        # people of overlapping queues are the same: their costs are counted anew as well
        for at in (route.from_queue, route.to_queue):
            for known in [known for known in self._costs if known.partition("/")[0] == at.channel]:
                del self._costs[known]

    def share(self, route: Route) -> float:
        moved = self._moved.get(key_of(route.action, route.from_queue, route.to_queue))
        return moved.share if moved else 0.0

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
        origin, donor = self.pictures[str(route.from_queue)], self.pictures[str(route.to_queue)]
        if share > route.share_max + _HAIR:
            return _no("route-cap", f"the route moves at most {route.share_max:.0%}")
        if share > origin.share_max + _HAIR:
            return _no("origin-cap", f"at most {origin.share_max:.0%} of {origin.at} may be moved away by one command")
        if self._out(str(route.from_queue)) > 1 + _HAIR:
            return _no("all-moved", f"all of {origin.at} is already moved")
        for name, other in self.pictures.items():
            if overlaps(other.at, donor.at):
                reason = self._refuses_taking_in(name, other, runs)
                if reason is not None:
                    return reason
        return None

    def _refuses_taking_in(self, name: str, donor: Picture, runs: bool) -> Reason | None:
        work = math.fsum(moved.load for moved in self._into(donor.at))
        if work <= 0:
            return None
        params = self._params
        work /= 1.0 if runs else 1.0 - params.donor_headroom
        left = donor.slots - work / donor.target.occupancy_max
        if left < donor.floor_slots - _HAIR:
            floor = donor.floor_slots / donor.concurrency
            return _no("donor-floor", f"{donor.at} keeps at least {floor:g} agents for itself")
        if work > donor.share_max * donor.slots + _HAIR:
            return _no("donor-cap", f"{donor.at} takes in at most {donor.share_max:.0%} of its slots")
        least = max(0.0, donor.target.share - params.donor_margin * (2 if runs else 1))
        if name not in self.gone and donor.rate > 0 and self.level(name) < least:
            return _no("donor-service-level", f"{donor.at} keeps a service level of {least:.0%}")
        return None

    def level(self, name: str) -> float:
        """Service level of a queue with what it takes in and what may still come."""
        at = self.pictures[name]
        spill = SPILL if self.gone else 1.0
        rate, handle = self._offered(name, spill)
        if rate <= 0:
            return 1.0
        if at.deferred:
            work = at.slots - math.fsum(moved.load for moved in self._into(at.at))
            own = spill * at.rate * (1 - self._out(name))
            return at.drained(at.backlog, own, max(0, math.floor(work)), self._params.interval_seconds).on_time_share
        return at.service_level(rate, at.slots, handle)

    def cost(self, name: str) -> float:
        """Contacts a second that are lost here: they cannot come, give up, or wait longer than promised."""
        if name not in self._costs:
            self._costs[name] = self._cost(name)
        return self._costs[name]

    def _cost(self, name: str) -> float:
        at, stuck = self.pictures[name], 0.0
        if name in self.gone:
            stuck = self.demand(name) * (1 - self._out(name))
        rate, handle = self._offered(name)
        if rate <= 0:
            return stuck
        if at.deferred:
            return stuck + LATE_WEIGHT * rate * self._lateness(name) ** 2
        return stuck + rate * erlang_a(at.slots, rate, handle, at.patience_seconds).abandoned_share

    def _lateness(self, name: str) -> float:
        """How near to its promise (or past it: 1) a deferred contact comes by the end of the horizon, if this lasts.

        Its square is the share counted as lost: far from the promise nearly nothing, past it all.
        """
        at = self.pictures[name]
        taken = math.fsum(moved.load for moved in self._into(at.at))
        slots = max(0, math.floor(at.slots - taken))
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
            return erlang_a(at.slots, rate, handle, at.patience_seconds).wait_seconds
        taken = math.fsum(moved.load for moved in self._into(at.at))
        own = at.rate * (1 - self._out(name))
        wait = at.drained(at.backlog, own, max(0, math.floor(at.slots - taken)), 3600.0).wait_seconds
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
        return math.fsum(moved.share for moved in self._moved.values() if moved.from_queue == at)

    def _into(self, at: QueueRef) -> list[Moved]:
        """What comes to these people from elsewhere; of overlapping queues each is charged with all of it."""
        return [moved for moved in self._moved.values() if overlaps(moved.to_queue, at)]

    def outlook(self, name: str) -> tuple[float | None, float]:
        """Mean wait in seconds and the share lost, as things would stand."""
        demand = self.demand(name) + math.fsum(moved.rate for moved in self._into(self.pictures[name].at))
        lost = self.cost(name) / demand if demand > 0 else 0.0
        return self._wait(name), min(1.0, max(0.0, lost))

    def projections(self, route: Route, before: Ledger) -> list[Projection]:
        """What the plan does to the route's two queues, against no plan at all."""
        said = []
        for at in dict.fromkeys((route.from_queue, route.to_queue)):
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
    by_key = {key_of(route.action, route.from_queue, route.to_queue): route for route in routes}
    for other in desk.incidents.values():
        for name, shift in sorted(other.shifts.items()):
            route = by_key.get(name)
            if other is not incident and shift.running and route is not None and usable(ledger, route):
                ledger.set(route, shift.share)
    return ledger


def usable(ledger: Ledger, route: Route) -> bool:
    """Whether the route can help at all: both ends are known, and the contact can get from one to the other."""
    origin, donor = str(route.from_queue), str(route.to_queue)
    if origin not in ledger.pictures or donor not in ledger.pictures:
        return False
    if origin in ledger.gone and route.action in STAYS:
        return False
    return donor not in ledger.gone or route.action in BRINGS_A_WAY_IN


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
    """What would come without our own shifts: those that act before a contact arrives already show in its numbers.

    What was brought in is not known, only what should be by the origin's usual rate: at least the usual is left.
    """
    before = [shift for shift in running if shift.action not in STAYS]
    away = min(0.9, math.fsum(shift.share for shift in before if shift.from_queue == at.at))
    into = math.fsum(
        shift.share * desk.flows[str(shift.from_queue)].usual_rate for shift in before if shift.to_queue == at.at
    )
    left = max(min(at.rate, at.usual_rate), at.rate - into)
    return msgspec.structs.replace(at, rate=left / (1 - away))
