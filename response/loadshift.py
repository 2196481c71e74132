"""The safest load shift: what moves where, contacts or people, so that the fewest contacts are lost.

The optimiser proposes shares; the ledger, which knows the exact queues, takes each only as far as it is allowed and
drops what would save nobody. What stopped each route is part of the answer.
"""

from __future__ import annotations

import math

import msgspec

from response import bot_mode, optimiser
from response.actions import BRINGS_A_WAY_IN, DEFERS, LENDS_PEOPLE, donor, key, relieved, stays_home
from response.capacity import SPILL, Picture, overlaps
from response.ledger import LATE_WEIGHT, PROMISED_WEIGHT, Ledger, open_ledger, usable
from response.optimiser import Limit, Need, Way
from response.params import RespondParams
from response.state import Desk, IncidentState
from schemas.centre import Route
from schemas.command import Projection
from schemas.incident import Reason

WORTH_MIN = 0.02  # of the contacts moved, or of those that lent people could take, how many must be saved
COST_MIN = 0.005  # of a queue's contacts, how many must be lost for anything to be moved for it
GAIN_MIN = 0.02  # of the contacts of all relieved queues, what a new plan must save beyond the running one
CHANGE_COST = 5.0  # times the effort of moving: small gains do not make shares swing
WORK_LIMIT_ROUTES = 200


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the planner would do with one route: a share of its contacts, or of its people (so many `agents`)."""

    route: Route
    share: float
    agents: int
    projections: list[Projection]
    binding: list[str]

    @property
    def key(self) -> str:
        return key(self.route)


def plan(desk: Desk, incident: IncidentState, actions: tuple[str, ...] | None, params: RespondParams) -> list[Wish]:
    """The shifts that an incident wants now, against doing nothing, by `actions` alone where a playbook names them;
    routes with a share of 0 are left out."""
    if desk.centre is None:
        return []
    nothing = open_ledger(desk, incident, params)
    routes = _routes(desk, incident, nothing, actions)[:WORK_LIMIT_ROUTES]
    if not routes:
        return []
    running = {key(route): nothing.running_share(route, incident.shifts.get(key(route))) for route in routes}
    caps = {key(route): min(1.0, running[key(route)] + params.share_step_max) for route in routes}
    shares = _shares(nothing, routes, running, caps, params)
    if shares is None:
        incident.note("no-plan", "the optimiser found no answer: what runs goes on", params.notes_max)
        shares = [running[key(route)] for route in routes]
    ledger = open_ledger(desk, incident, params)
    _settle(ledger, routes, shares, running, params)
    ledger = _kept(desk, incident, routes, running, ledger, params) or ledger
    return [
        Wish(
            route=route,
            share=ledger.share(route),
            agents=ledger.agents(route),
            projections=ledger.projections(route, nothing),
            binding=[_stopped(ledger, route, caps[key(route)], params).text],
        )
        for route in routes
        if ledger.share(route) > 0
    ]


def _kept(
    desk: Desk,
    incident: IncidentState,
    routes: list[Route],
    running: dict[str, float],
    planned: Ledger,
    params: RespondParams,
) -> Ledger | None:
    """What runs, unchanged, where it is allowed and the new plan would save hardly more: people who are sent elsewhere
    every minute help nobody."""
    if not any(running.values()):
        return None
    kept = open_ledger(desk, incident, params)
    for route in routes:
        if kept.refuses(route, running[key(route)], runs=True) is not None:
            return None
        kept.set(route, running[key(route)])
    names = sorted({str(at) for route in routes for at in (relieved(route), donor(route))})
    saved = math.fsum(kept.cost(name) - planned.cost(name) for name in names)
    demand = math.fsum(kept.demand(name) for name in sorted({str(relieved(route)) for route in routes}))
    return kept if saved < GAIN_MIN * demand else None


def _routes(desk: Desk, incident: IncidentState, ledger: Ledger, actions: tuple[str, ...] | None) -> list[Route]:
    """Routes that relieve a queue which this incident hurts: where nothing arrives, or too many are lost."""
    assert desk.centre is not None
    unique: dict[str, Route] = {}
    for route in desk.centre.routes:
        at = str(relieved(route))
        if relieved(route).channel not in incident.scope.channels or not usable(ledger, route):
            continue
        if route.action == "bot" and bot_mode.fails(desk, route) is not None:
            continue
        if (actions is None or route.action in actions) and ledger.cost(at) > COST_MIN * ledger.demand(at):
            unique.setdefault(key(route), route)
    return [unique[name] for name in sorted(unique)]


# the programme


def _shares(
    ledger: Ledger, routes: list[Route], running: dict[str, float], caps: dict[str, float], params: RespondParams
) -> list[float] | None:
    names = sorted({str(at) for route in routes for at in (relieved(route), donor(route))})
    index = {name: i for i, name in enumerate(names)}
    needs = [_need(ledger, name) for name in names]
    ways = [_way(ledger, route, index, running[key(route)], caps[key(route)]) for route in routes]
    return optimiser.solve(needs, ways, _limits(ledger, routes, params), CHANGE_COST)


def _need(ledger: Ledger, name: str) -> Need:
    at, gone = ledger.pictures[name], name in ledger.gone
    work = 0.0 if gone else ledger.demand(name) * at.handle_seconds
    if at.deferred:
        lasts = at.horizon_seconds
        work = (at.backlog * at.handle_seconds + work * lasts) / (lasts + at.target.seconds)
        work = max(work, at.usual_rate * at.handle_seconds)
    return Need(
        work=work + ledger.taken(name)[0],
        slots=ledger.slots(name),
        size=max(work, ledger.slots(name), 1.0),
        patience=at.patience_seconds / at.handle_seconds,
        weight=(LATE_WEIGHT if at.deferred else 1.0) / at.handle_seconds,
        deferred=at.deferred,
        stuck=ledger.demand(name) if gone else 0.0,
    )


def _way(ledger: Ledger, route: Route, index: dict[str, int], running: float, cap: float) -> Way:
    origin, helped = ledger.pictures[str(route.from_queue)], ledger.pictures[str(relieved(route))]
    whole = ledger.place(route, 1.0)
    fades = helped.horizon_seconds / (helped.horizon_seconds + helped.target.seconds) if helped.deferred else 1.0
    if route.action in LENDS_PEOPLE:
        relief, freed, burden = whole.slots_in, 0.0, whole.slots_out
        effort = WORTH_MIN * whole.slots_in / helped.handle_seconds
    else:
        gone = str(route.from_queue) in ledger.gone
        relief = 0.0 if gone else whole.rate * origin.handle_seconds * fades
        freed = whole.rate if gone else 0.0
        burden = whole.load
        effort = (WORTH_MIN + (PROMISED_WEIGHT if route.action in DEFERS else 0.0)) * whole.rate
    return Way(
        need=index[str(relieved(route))],
        relief=relief,
        burden={index[str(donor(route))]: burden},
        freed=freed,
        effort=effort,
        share_max=min(route.share_max, origin.share_max, cap),
        share_min=running if route.action in BRINGS_A_WAY_IN else 0.0,  # a switch is made once
        running=running,
    )


def _limits(ledger: Ledger, routes: list[Route], params: RespondParams) -> list[Limit]:
    """What the ledger would refuse, as far as it is linear; the rest it says itself."""
    whole = [ledger.place(route, 1.0) for route in routes]
    room, limits = 1.0 - params.donor_headroom, []
    for name, at in sorted(ledger.pictures.items()):
        given = {
            j: one for j, one in enumerate(whole) if overlaps(donor(one.route), at.at) and not stays_home(one.route)
        }
        if given:
            work, lent = ledger.taken(name)
            floor = {j: one.load / at.target.occupancy_max + one.slots_out for j, one in given.items()}
            cap = {j: one.load + one.slots_out for j, one in given.items()}
            spare = (at.slots - max(at.floor_slots, _own(ledger, name, at))) * room - work - lent
            limits.append(Limit(parts=floor, most=spare))
            limits.append(Limit(parts=cap, most=at.share_max * at.slots * room - work - lent))
            later = {j: one.rate * one.handle_seconds for j, one in given.items() if one.route.action in DEFERS}
            promised = ledger.spare_later(name) * params.promise_seconds / at.horizon_seconds
            limits.append(Limit(parts=later, most=promised))
        leaves = {j: one.of_all for j, one in enumerate(whole) if one.of_all and one.route.from_queue == at.at}
        if leaves:
            limits.append(Limit(parts={j: of / max(whole[j].share, 1e-9) for j, of in leaves.items()}, most=1.0))
    return [limit for limit in limits if limit.parts]


def _own(ledger: Ledger, name: str, at: Picture) -> float:
    """Slots that a giver's own contacts need, by the square-root rule; the ledger asks the exact queue."""
    if name in ledger.gone:
        return 0.0
    if at.deferred:
        return 0.0  # what is late costs: the programme weighs it
    load = (SPILL if ledger.gone else 1.0) * at.load
    return load + math.sqrt(load)


# as far as it is allowed


def _settle(
    ledger: Ledger, routes: list[Route], shares: list[float], running: dict[str, float], params: RespondParams
) -> None:
    """Take up the proposed shares, what runs first, each as far as the ledger lets it; drop what saves nobody."""
    order = sorted(zip(routes, shares, strict=True), key=lambda one: (-running[key(one[0])], -one[1], key(one[0])))
    for route, share in order:
        runs = running[key(route)]
        wanted = _whole(ledger, route, share, params)
        if runs > 0 and abs(wanted - runs) < params.share_change_min:
            wanted = runs
        while wanted > 0 and ledger.refuses(route, wanted, runs=0 < wanted <= runs) is not None:
            wanted = _less(ledger, route, wanted, params)
        ledger.set(route, wanted)
    for route, _ in reversed(order):
        share = ledger.share(route)
        if share > 0 and not _is_worth_it(ledger, route, share):
            ledger.set(route, 0.0)


def _whole(ledger: Ledger, route: Route, share: float, params: RespondParams) -> float:
    """The share cut to whole agents, or to the grain of shares."""
    if route.action in LENDS_PEOPLE:
        whole = ledger.share_of(route, ledger.place(route, share).agents)
        return whole if whole >= params.share_change_min else 0.0  # a single agent is not worth a move
    return round(math.floor(share / params.share_grain + 1e-6) * params.share_grain, 6)


def _less(ledger: Ledger, route: Route, share: float, params: RespondParams) -> float:
    if route.action in LENDS_PEOPLE:
        agents = ledger.place(route, share).agents
        return ledger.share_of(route, max(0, agents - max(1, agents // 8)))
    return max(0.0, _whole(ledger, route, share - params.share_grain / 2, params))


def _is_worth_it(ledger: Ledger, route: Route, share: float) -> bool:
    placed = ledger.place(route, share)
    names = sorted(
        name for name, at in ledger.pictures.items() if any(overlaps(at.at, e) for e in (relieved(route), donor(route)))
    )
    helped = ledger.pictures[str(relieved(route))]
    moved = placed.rate if route.action not in LENDS_PEOPLE else placed.slots_in / helped.handle_seconds
    with_it = math.fsum(ledger.cost(name) for name in names)
    ledger.set(route, 0.0)
    without = math.fsum(ledger.cost(name) for name in names)
    ledger.set(route, share)
    return moved > 0 and without - with_it >= WORTH_MIN * moved


def _stopped(ledger: Ledger, route: Route, cap: float, params: RespondParams) -> Reason:
    """Why the route goes no further."""
    share = ledger.share(route)
    if route.action in LENDS_PEOPLE:
        more = ledger.share_of(route, ledger.agents(route) + 1)
    else:
        more = round(share + params.share_grain, 6)
    if more > cap + 1e-9:
        return Reason(code="step-cap", text=f"one step moves at most to {cap:.0%}; the next may go further")
    refused = ledger.refuses(route, more)
    return refused or Reason(code="no-gain", text="moving more would save nobody")
