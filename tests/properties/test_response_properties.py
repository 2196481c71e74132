"""Whatever the desk hears: floors and caps hold, nothing is done twice, and restarts and repeats change nothing."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import msgspec
import pytest
from desk_builder import (
    START,
    TENANT,
    Script,
    agents,
    centre,
    decision,
    entries,
    load,
    minute,
    ref,
    result,
    signal,
    staffed,
    telephony_outage,
    tick,
    tool,
)

from response import floor
from response.actions import DEFERS, LENDS_PEOPLE, donor, key_of, stays_home
from response.capacity import Picture
from response.guard import bring_in_line
from response.incidents import _symptom
from response.ledger import open_ledger
from response.loadshift import plan
from response.params import RespondParams
from response.pipeline import ResponseFold
from response.state import Clock, Desk, Flow, IncidentState
from schemas import codec
from schemas.base import Origin
from schemas.centre import Centre, CentreChannel, CentreQueue, Duty, OpenCase, Rota, Route
from schemas.command import LoadShiftCommand
from schemas.desk import DeskBody
from schemas.fold import Output, digest
from schemas.incident import Scope
from schemas.signal import SignalKind

PARAMS = RespondParams(share_grain=0.1)
STATES = 10_000
OUTAGE = [centre(), *telephony_outage(8)][60:400]
OUTAGE = [centre(), *OUTAGE]
ACTIONS = ("skill-flex", "skill-flex", "overflow", "deflect", "call-back", "sms", "bot", "second-carrier")


def _random_desk(draw: random.Random) -> tuple[Desk, IncidentState]:
    """Up to five queues on three channels with any loads, people, floors, caps and routes; some are silent."""
    names = draw.sample(["voice/a", "voice/b", "chat/a", "email/a", "email/b", "voice", "chat"], draw.randint(2, 5))
    channels = {
        name: CentreChannel(
            handle_seconds=draw.choice([60, 240, 600]),
            patience_seconds=draw.choice([60, 300]),
            concurrency=draw.choice([1, 2, 3]),
            target_share=draw.choice([0.5, 0.8, 0.95]),
            target_seconds=draw.choice([20, 120, 7200]),
            occupancy_max=draw.choice([0.7, 0.85, 1.0]),
        )
        for name in ("voice", "chat", "email")
    }
    queues = [
        CentreQueue(
            at=ref(name),
            agents=draw.randint(0, 120),
            floor_agents=draw.randint(0, 20),
            share_max=draw.choice([0, 0.2, 0.5, 0.5, 1.0, 1.0]),
        )
        for name in names
    ]
    routes = [
        Route(
            from_queue=ref(draw.choice(names)),
            to_queue=ref(draw.choice(names)),
            action=draw.choice(ACTIONS),  # type: ignore[arg-type]
            share_max=draw.choice([0.1, 0.5, 1.0]),
            work_ratio=draw.choice([0.5, 1.0, 2.0]),
        )
        for _ in range(draw.randint(2, 6))
    ]
    routes = list({key_of(route.action, route.from_queue, route.to_queue): route for route in routes}.values())
    model = Centre(
        tenant=TENANT, mode="auto", channels=channels, queues=queues, routes=routes, shrinkage=draw.choice([0, 0.3])
    )
    desk = Desk(clock=Clock(tenant=TENANT, now=START, at=START, complete_to=START), centre=model)
    for name in names:
        usual = draw.choice([0.0, 0.5, 5.0, 20.0])
        desk.flows[name] = Flow(at=START, seconds=60.0, arrivals=usual * draw.choice([0, 1, 2, 8]), expected=usual)
        if draw.random() < 0.6:
            slots = draw.randint(0, 250)
            floor.hear(desk, agents(name, 0, slots, draw.randint(0, slots)))
    incident = IncidentState(
        incident_id="i", audience="customer", feed=False, opened_at=START, onset=START, fronts=[START], phase="open",
        scope=Scope(level="tenant", channels=["chat", "email", "voice"]),
    )  # fmt: skip
    desk.incidents["i"] = incident
    if draw.random() < 0.5:
        silent = _symptom(desk, signal(draw.choice(names), "silence", 0, ratio=0.0))
        incident.symptoms[silent.signal_id] = silent
    return desk, incident


def test_no_plan_breaks_a_floor_or_a_cap_in_ten_thousand_random_states() -> None:
    draw = random.Random(20261122)
    planned = 0
    for _ in range(STATES):
        desk, incident = _random_desk(draw)
        wishes = plan(desk, incident, None, PARAMS)
        planned += bool(wishes)
        _check(desk, incident, _pictures(desk, incident), [(wish.route, wish.share) for wish in wishes])
        assert all(wish.share <= PARAMS.share_step_max + 1e-9 for wish in wishes)
    assert planned > STATES / 8  # the property is not empty


def test_what_runs_keeps_the_rules_when_people_leave_and_the_load_turns() -> None:
    draw = random.Random(20261123)
    running = changed = 0
    for _ in range(STATES // 5):
        desk, incident = _random_desk(draw)
        _act(desk, incident)
        started = {name: shift.share for name, shift in incident.shifts.items() if shift.running}
        running += bool(started)
        assert desk.centre is not None
        desk.centre = msgspec.structs.replace(desk.centre, mode=draw.choice(["auto", "approve", "dry-run"]))
        for name in sorted(desk.flows):
            desk.flows[name].arrivals *= draw.choice([0.5, 1, 1.5, 3])
            floor.hear(desk, agents(name, 0, draw.randint(0, 200)))
        desk.clock.now = START + timedelta(seconds=draw.choice([10, 200, 1700]))
        pictures = _pictures(desk, incident)
        _act(desk, incident)
        routes = {key_of(r.action, r.from_queue, r.to_queue): r for r in reversed(desk.centre.routes)}
        left = {name: shift.share for name, shift in incident.shifts.items() if shift.running}
        changed += left != started
        _check(desk, incident, pictures, [(routes[name], share) for name, share in sorted(left.items())])
    assert running > STATES // 50  # the property is not empty
    assert changed > 100


def _pictures(desk: Desk, incident: IncidentState) -> dict[str, Picture]:
    return open_ledger(desk, incident, PARAMS).pictures


def _act(desk: Desk, incident: IncidentState) -> None:
    wishes = plan(desk, incident, None, PARAMS)
    origin = Origin(topic="desk", partition=0, offset=0)
    list(bring_in_line(desk, incident, wishes, desk.now, origin, PARAMS))


def _check(
    desk: Desk, incident: IncidentState, pictures: dict[str, Picture], shares: list[tuple[Route, float]]
) -> None:
    """The rules once more, by arithmetic of their own."""
    silent = {symptom.series.at for symptom in incident.symptoms.values()}
    assert desk.centre is not None
    taken: Counter[str] = Counter()
    lent: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for route, share in shares:
        origin = pictures[str(route.from_queue)]
        caps = [route.share_max]
        caps += [queue.share_max for queue in desk.centre.queues if queue.at == route.from_queue]
        assert 0 < share <= min(caps) + 2e-6
        gone = any(at in (origin.at, ref(origin.at.channel)) for at in silent)
        rate = max(origin.rate, origin.usual_rate) if gone else origin.rate
        agents = round(share * origin.slots / origin.concurrency)
        to_gone = any(at in (route.to_queue, ref(route.to_queue.channel)) for at in silent)
        assert not to_gone or route.action in ("second-carrier", "call-back")
        if route.action not in LENDS_PEOPLE:
            moved[str(route.from_queue)] += share
        for name, giver in pictures.items():
            same = giver.at.channel == donor(route).channel
            if not same or not (None in (giver.at.queue, donor(route).queue) or giver.at == donor(route)):
                continue
            if route.action in LENDS_PEOPLE:
                lent[name] += agents * origin.concurrency
            elif route.action not in DEFERS and not stays_home(route):
                taken[name] += share * rate * origin.handle_seconds * route.work_ratio
    assert all(total <= 1 + 1e-6 for total in moved.values())
    for name in {*taken, *lent}:
        giver = pictures[name]
        left = giver.slots - lent[name] - taken[name] / giver.target.occupancy_max
        assert left >= giver.floor_slots - 1e-3
        assert lent[name] + taken[name] <= giver.share_max * giver.slots + 1e-3


def _play(bodies: list[DeskBody], cuts: set[int], repeats: set[int]) -> list[str]:
    """What is said, a line each, if the fold is restarted after the entries `cuts` and hears `repeats` twice."""
    fold, kept = ResponseFold(), dict[str, bytes]()
    said: list[Output] = []
    for n, (entry, origin) in enumerate(entries(bodies)):
        said += fold.step(entry, origin)
        if n in repeats:
            assert fold.step(entry, origin) == []
        kept |= {name: raw for name, raw in fold.changes().items() if raw is not None}
        if n in cuts:
            fold = ResponseFold()
            fold.restore(kept)
    return [f"{o.topic.name} {o.key} {o.id} {digest(codec.encode(o.value))}" for o in said]


@pytest.fixture(scope="module")
def uncut() -> list[str]:
    return _play(OUTAGE, set(), set())


@pytest.mark.parametrize("seed", range(12))
def test_restarts_anywhere_and_repeats_change_no_byte(uncut: list[str], seed: int) -> None:
    draw = random.Random(seed)
    cuts = {draw.randrange(len(OUTAGE)) for _ in range(draw.randint(1, 20))}
    repeats = {draw.randrange(len(OUTAGE)) for _ in range(40)}
    again = _play(OUTAGE, cuts, repeats)
    assert next((pair for pair in zip(again, uncut, strict=False) if pair[0] != pair[1]), None) is None
    assert len(again) == len(uncut)


KINDS: tuple[SignalKind, ...] = (
    "surge",
    "drop",
    "silence",
    "escalation-wave",
    "backlog-growth",
    "telemetry-lost",
    "metric-shift",
)
PLACES = ("voice", "voice/orders", "chat", "chat/orders", "email", "email/orders", "social", "internal/batch")


def _anything(draw: random.Random, script: Script, now: float) -> DeskBody:
    """Any message at all, sensible or not, about what is known or is not."""
    known = [c.command_id for c in script.commands[-6:] + script.proposals[-6:]] + ["nobody", TENANT]
    targets = [*list(script.incidents)[-4:], *known]
    match draw.randrange(11):
        case 0 | 1:
            opened = draw.choice([now, 60.0 * draw.randint(0, 30)])
            return signal(
                draw.choice(PLACES), draw.choice(KINDS), now,
                ratio=draw.choice([None, 0.0, 0.2, 1.3, 3.0, 20.0]), opened=opened,
                state=draw.choice(["opened", "revised", "cleared"]), revision=draw.randint(1, 5),
                learning=draw.random() < 0.2, audience="internal" if draw.random() < 0.1 else "customer",
                measure=draw.choice(["offered", "offered", "answered", "handle_seconds"]),
            )  # fmt: skip
        case 2:
            return minute(now, {name: draw.choice([0, 1, 3]) for name in ("voice", "chat", "email")})
        case 3:
            return load(now, {draw.choice(PLACES): (draw.randint(0, 90), 20)}, known=draw.choice([0.0, 30.0, 60.0]))
        case 4:
            slots = draw.randint(0, 200)
            return agents(draw.choice(PLACES), now, slots, draw.randint(0, 200))
        case 5:
            actions = ["acknowledge", "mute", "unmute", "approve", "approve", "reject", "kill", "unkill",
                       "not-an-incident", "merge", "split", "resolve", "accept-new-normal"]  # fmt: skip
            return decision(
                draw.choice(actions), draw.choice(targets), now, into=draw.choice([*targets, "chat", "voice"])
            )
        case 6:
            return result(draw.choice(known), draw.choice(["applied", "refused", "reverted", "expired"]), now)
        case 7:
            return tool(draw.choice(["telephony", "crm", "wfm", "fax"]), now, draw.choice(["up", "down", "degraded"]))
        case 8:
            mode = draw.choice(["off", "dry-run", "approve", "auto"])
            rotas = [Rota(name="desk", duties=[Duty(who="ana", begins="09:00", ends="11:00")])]
            more = {"on_call": rotas} if draw.random() < 0.5 else {}
            return centre(mode, version=draw.randint(1, 5), **more)  # type: ignore[arg-type]
        case 9:
            at = START + timedelta(seconds=draw.choice([now, now - 1e6, now + 1e6]))
            over = at if draw.random() < 0.3 else None
            case = f"c{draw.randrange(30)}"
            return OpenCase(
                case_id=case, tenant=TENANT, queue=ref(draw.choice(PLACES)), opened_at=at, closed_at=over,
                due_at=draw.choice([None, at, at + timedelta(days=400)]), sentiment=draw.choice([None, -9.0, 9.0]),
                priority=draw.choice([0, 3, 10**6]), repeats=draw.choice([0, 10**6]),
            )  # fmt: skip
        case _:
            where = {"site": draw.choice([None, "east", "west"]), "drill": draw.choice([None, None, "spring"])}
            return msgspec.structs.replace(signal(draw.choice(PLACES), draw.choice(KINDS), now, ratio=0.3), **where)


@pytest.mark.parametrize("seed", range(10))
def test_no_command_is_given_twice_whatever_comes(seed: int) -> None:
    draw = random.Random(seed)
    script = Script(first=centre(draw.choice(["auto", "approve"])))  # type: ignore[arg-type]
    script.hear(minute(0), *staffed(0, voice_idle=True), tick(0))
    now = 0.0
    for _ in range(250):
        now += draw.choice([1, 5, 20, 60, 300])
        script.hear(_anything(draw, script, now))
        script.hear(tick(now, complete=now - draw.choice([0, 15, 600])))
    _check_commands(script)


def _check_commands(script: Script) -> None:
    ids = [command.command_id for command in script.commands]
    assert len(ids) == len(set(ids))
    running: dict[tuple[str, str], LoadShiftCommand] = {}
    by_id = {command.command_id: command for command in script.commands}
    for command in script.commands:
        assert command.blocked_by is None
        assert command.mode in ("auto", "approve")
        assert (command.approved_by is not None) == (command.mode == "approve")
        if command.reverts is not None:
            # an inverse takes back what runs, once
            origin = by_id[command.reverts]
            assert origin.inverse.command_id == command.command_id
            assert running.pop((command.incident_id, _route(command))).command_id == command.reverts
        else:
            assert command.share <= command.share_cap + 1e-9
            assert command.expires_at > command.issued_at
            running[(command.incident_id, _route(command))] = command


def _route(command: LoadShiftCommand) -> str:
    return f"{command.action} {command.from_queue} {command.to_queue}"


@pytest.mark.parametrize("seed", range(20))
def test_there_is_one_open_incident_a_cause_however_its_symptoms_come(seed: int) -> None:
    draw = random.Random(seed)
    symptoms: list[tuple[str, SignalKind, float, str]] = [
        ("voice", "silence", 0.0, "offered"), ("voice/orders", "silence", 0.0, "offered"),
        ("voice/billing", "drop", 0.05, "offered"), ("chat", "surge", 3.8, "offered"),
        ("chat/orders", "surge", 3.8, "offered"), ("email", "surge", 2.2, "offered"),
        ("social", "surge", 6.0, "offered"), ("chat", "escalation-wave", 2.0, "escalated"),
        ("email", "backlog-growth", 2.0, "backlog"),
    ]  # fmt: skip
    script = Script(first=centre())
    present = [symptom for symptom in symptoms if draw.random() < 0.7] or symptoms[:1]
    present += [] if any(name.startswith("voice") for name, *_ in present) else symptoms[:1]
    draw.shuffle(present)
    now = 20.0
    for at, kind, ratio, measure in present:
        now += draw.uniform(1, 120)
        script.hear(signal(at, kind, now, ratio=ratio, measure=measure, onset=draw.uniform(0, 240)), tick(now))
    assert len(script.incidents) == 1
    assert script.incident.cause.kind == "telephony"
