"""The safest load shift: which share of which queue goes where, so that the fewest contacts are lost.

A greedy search in small steps: take the step that saves most for each person it needs, ask the ledger whether it may be
taken, go on until none helps. A donor's loss rises ever faster with what it takes in, so a step that does not help now
will not help later, and the order of steps is that of their worth. What stopped each route is part of the answer.
"""

from __future__ import annotations

import msgspec

from response.ledger import Ledger, key_of, open_ledger, usable
from response.params import RespondParams
from response.state import Desk, IncidentState
from schemas.centre import Route
from schemas.command import Projection
from schemas.incident import Reason

WORTH_MIN = 0.02  # of the contacts moved by a step, how many it must save
COST_MIN = 0.005  # of a queue's contacts, how many must be lost for a shift to go on
WORK_LIMIT_ROUTES = 200


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner would do with one route."""

    route: Route
    share: float
    projections: list[Projection]
    binding: list[str]

    @property
    def key(self) -> str:
        return key_of(self.route.action, self.route.from_queue, self.route.to_queue)


def plan(desk: Desk, incident: IncidentState, actions: tuple[str, ...] | None, params: RespondParams) -> list[Wish]:
    """The shifts that an incident wants now, against doing nothing, by `actions` alone where a playbook names them;
    routes with a share of 0 are left out."""
    if desk.centre is None:
        return []
    nothing = open_ledger(desk, incident, params)
    routes = _routes(desk, incident, nothing, actions)[:WORK_LIMIT_ROUTES]
    if not routes:
        return []
    ledger = open_ledger(desk, incident, params)
    _keep(ledger, incident, routes, params)
    caps = {_key(route): _step_cap(incident, route, params) for route in routes}
    stopped = search(ledger, routes, caps, params.share_grain)
    return [
        Wish(
            route=route,
            share=round(ledger.share(route), 4),
            projections=ledger.projections(route, nothing),
            binding=[stopped[_key(route)].text],
        )
        for route in routes
        if ledger.share(route) > 0
    ]


def _keep(ledger: Ledger, incident: IncidentState, routes: list[Route], params: RespondParams) -> None:
    """What runs goes on as it is, as long as it is allowed and of use: shares that change every minute help nobody."""
    for route in routes:
        shift = incident.shifts.get(_key(route))
        share = shift.share if shift else 0.0
        origin = str(route.from_queue)
        if share <= 0 or ledger.cost(origin) <= COST_MIN * ledger.demand(origin):
            continue
        if ledger.refuses(route, share, runs=True) is not None:
            while share > 0 and ledger.refuses(route, share) is not None:
                share = max(0.0, round(share - params.share_grain, 6))
        ledger.set(route, share)


def search(ledger: Ledger, routes: list[Route], caps: dict[str, float], grain: float) -> dict[str, Reason]:
    """Raise shares while it helps; by route why it went no further. The ledger holds the result."""
    stopped: dict[str, Reason] = {}
    worth: dict[str, float] = {}
    by_key = {_key(route): route for route in routes}
    while True:
        for name, route in by_key.items():
            if name not in stopped and name not in worth:
                gain, why = _worth(ledger, route, caps[name], grain)
                if why is not None:
                    stopped[name] = why
                else:
                    worth[name] = gain
        if not worth:
            return stopped
        # people at the destination are what is scarce: the most saved for each of them comes first
        best = max(worth, key=lambda name: (worth[name] / _work(ledger, by_key[name]), name))
        chosen = by_key[best]
        ledger.set(chosen, _next(ledger, chosen, grain))
        touched = {chosen.from_queue.channel, chosen.to_queue.channel}
        for name in [n for n in worth if {by_key[n].from_queue.channel, by_key[n].to_queue.channel} & touched]:
            del worth[name]


def _worth(ledger: Ledger, route: Route, cap: float, grain: float) -> tuple[float, Reason | None]:
    """Contacts a second that one more step saves, or why it is not taken."""
    share = _next(ledger, route, grain)
    if share > cap + 1e-9:
        return 0.0, Reason(code="step-cap", text=f"one step moves at most to {cap:.0%}; the next may go further")
    refused = ledger.refuses(route, share)
    if refused is not None:
        return 0.0, refused
    names = sorted({str(route.from_queue), str(route.to_queue)} | _sharing(ledger, route))
    before, was = sum(ledger.cost(name) for name in names), ledger.share(route)
    ledger.set(route, share)
    saved = before - sum(ledger.cost(name) for name in names)
    ledger.set(route, was)
    moved = (share - was) * ledger.demand(str(route.from_queue))
    if moved <= 0 or saved < WORTH_MIN * moved:
        return 0.0, Reason(code="no-gain", text="moving more would save nobody")
    return saved, None


def _work(ledger: Ledger, route: Route) -> float:
    """Slots that moving everything would take."""
    origin = str(route.from_queue)
    return max(1e-9, ledger.demand(origin) * ledger.pictures[origin].handle_seconds * route.work_ratio)


def _sharing(ledger: Ledger, route: Route) -> set[str]:
    """Queues whose people are, in part, the donor's."""
    return {
        name
        for name, at in ledger.pictures.items()
        if at.at.channel == route.to_queue.channel and None in (at.at.queue, route.to_queue.queue)
    }


def _next(ledger: Ledger, route: Route, grain: float) -> float:
    return round(ledger.share(route) + grain, 6)


def _key(route: Route) -> str:
    return key_of(route.action, route.from_queue, route.to_queue)


def _step_cap(incident: IncidentState, route: Route, params: RespondParams) -> float:
    shift = incident.shifts.get(_key(route))
    return min(1.0, (shift.share if shift else 0.0) + params.share_step_max)


def _routes(desk: Desk, incident: IncidentState, ledger: Ledger, actions: tuple[str, ...] | None) -> list[Route]:
    """Routes out of the queues this incident hurts: where nothing arrives, or more than usual."""
    assert desk.centre is not None
    unique: dict[str, Route] = {}
    for route in desk.centre.routes:
        if route.from_queue.channel not in incident.scope.channels or not usable(ledger, route):
            continue
        if (actions is None or route.action in actions) and ledger.cost(str(route.from_queue)) > 0:
            unique.setdefault(_key(route), route)
    return [unique[name] for name in sorted(unique)]
