"""The bench: nobody is booked twice, everybody gets their rest, and a call is firm once a person said so."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from desk_builder import START, TENANT, Script, centre, decision, minute, ref, signal, staffed, tick

from response import bench
from response.state import Booking, Clock, Desk
from schemas.centre import WEEKDAYS, BenchPerson, Centre, Hours, RestRules

ZONE = ZoneInfo("Europe/Berlin")
CALLS = 4_000
ALWAYS = [Hours(begins="00:00", ends="00:00")]
Span = tuple[datetime, datetime]


def _person(name: str, **more: object) -> BenchPerson:
    return BenchPerson(**{"person": name, "skills": [ref("chat/orders")], "on_call": ALWAYS, **more})  # type: ignore[arg-type]


def _desk(*people: BenchPerson, now: datetime = START, rest: RestRules | None = None) -> Desk:
    model = Centre(tenant=TENANT, time_zone="Europe/Berlin", bench=list(people), rest=rest or RestRules())
    return Desk(clock=Clock(tenant=TENANT, now=now, at=now, complete_to=now), centre=model)


def _chosen(desk: Desk, agents: int = 9, at: str = "chat/orders", lost: frozenset[str] = frozenset()) -> list[str]:
    until = desk.now + timedelta(hours=3)
    return [person.person for person, _ in bench.choose(desk, ref(at), agents, until, lost)]


def test_failover_agents_come_first_then_whoever_is_quickest() -> None:
    people = [
        _person("slow", lead_minutes=90),
        _person("quick", lead_minutes=10),
        _person("failover", lead_minutes=60, stands_in_for=[ref("chat")]),
        _person("other", skills=[ref("email")]),
    ]
    assert _chosen(_desk(*people)) == ["failover", "quick", "slow"]
    assert _chosen(_desk(*people), agents=1) == ["failover"]


def test_who_has_no_place_to_work_from_is_not_called() -> None:
    people = [_person("here", site="north"), _person("mobile", site="north", workplaces=["home"]), _person("free")]
    assert _chosen(_desk(*people), lost=frozenset({"north"})) == ["free", "mobile"]
    assert _chosen(_desk(*people), lost=frozenset({"north", "home"})) == ["free"]


def test_who_is_not_on_call_now_or_works_anyway_is_not_called() -> None:
    # START is a Tuesday, 11:00 in Berlin
    people = [
        _person("tonight", on_call=[Hours(begins="18:00", ends="22:00")]),
        _person("mondays", on_call=[Hours(days=("monday",), begins="00:00", ends="00:00")]),
        _person("at work", shifts=[Hours(begins="08:00", ends="16:30")]),
        _person("overnight", on_call=[Hours(days=("monday",), begins="20:00", ends="12:00")]),
    ]
    assert _chosen(_desk(*people)) == ["overnight"]


@pytest.mark.parametrize(
    ("shift", "why"),
    [
        (Hours(days=("monday",), begins="16:00", ends="00:30"), "rest"),  # 11 h before 11:30 is 00:30: just not enough
        (Hours(days=("tuesday",), begins="14:30", ends="22:00"), "in a row"),  # 3 h and 7.5 h that touch
        (Hours(days=("tuesday",), begins="20:00", ends="23:00"), "rest"),
    ],
)
def test_rest_and_the_length_of_a_day_are_kept(shift: Hours, why: str) -> None:
    person = _person("p", shifts=[shift])
    begins = START + timedelta(minutes=29)
    said = bench.may_work(person, [], RestRules(), ZONE, begins, begins + timedelta(hours=3))
    assert said is not None
    assert why in said


def test_no_seven_days_hold_more_than_forty_eight_hours() -> None:
    week = Hours(days=WEEKDAYS[:5], begins="22:00", ends="07:15")
    begins = datetime(2026, 11, 28, 18, 30, tzinfo=UTC)  # Saturday evening, after five nights
    ends = begins + timedelta(hours=2)
    assert "seven days" in str(bench.may_work(_person("p", shifts=[week]), [], RestRules(), ZONE, begins, ends))
    assert bench.may_work(_person("p"), [], RestRules(), ZONE, begins, ends) is None


def test_hours_follow_the_wall_clock_through_the_change_of_time() -> None:
    night = [Hours(days=("saturday",), begins="22:00", ends="06:00")]
    begins = datetime(2026, 10, 24, 12, tzinfo=UTC)
    ((start, end),) = bench.spans(night, ZONE, begins, begins + timedelta(days=1))
    assert end - start == timedelta(hours=9)  # the hour that comes twice is worked twice


def _random_person(draw: random.Random, name: str) -> BenchPerson:
    def hours(least: int, most: int) -> Hours:
        first = draw.randint(0, 23)
        days = tuple(sorted(draw.sample(WEEKDAYS, draw.randint(1, 5)), key=WEEKDAYS.index))
        return Hours(days=days, begins=f"{first:02}:00", ends=f"{(first + draw.randint(least, most)) % 24:02}:30")

    return _person(
        name,
        skills=[ref(at) for at in draw.sample(["chat/orders", "voice", "email/orders"], draw.randint(1, 2))],
        shifts=[hours(4, 8)] if draw.random() < 0.6 else [],
        on_call=ALWAYS if draw.random() < 0.5 else [hours(4, 12)],
        lead_minutes=draw.choice([5, 30, 90]),
    )


def _apart(one: Span, other: Span) -> timedelta:
    first, second = sorted((one, other))
    return second[0] - first[1]


def _check(work: list[Span], rest: RestRules) -> None:
    """Once more by arithmetic of its own: pairwise, and minute by minute for the week."""
    assert all(_apart(a, b) >= timedelta(0) for a, b in itertools.combinations(work, 2))
    work = sorted(work)
    day = work[0][1] - work[0][0]
    for before, after in itertools.pairwise(work):
        gap = after[0] - before[1]
        assert gap <= timedelta(minutes=15) or gap >= timedelta(hours=rest.hours_between)
        day = after[1] - after[0] + (day + gap if gap <= timedelta(minutes=15) else timedelta(0))
        assert day <= timedelta(hours=rest.hours_a_day_max)


def test_no_one_is_ever_booked_twice_or_without_rest_whatever_is_called() -> None:
    draw = random.Random(20261122)
    called = 0
    people: list[BenchPerson] = []
    desk = _desk()
    for n in range(CALLS):
        if n % 80 == 0:  # another roster, another year
            people = [_random_person(draw, f"p{i}") for i in range(draw.randint(1, 8))]
            desk = _desk(*people, now=START + timedelta(days=draw.randint(0, 365), hours=draw.randint(0, 23)))
        assert desk.clock.now is not None
        desk.clock.now += timedelta(minutes=draw.choice([1, 20, 120, 600]))
        to = draw.choice([ref("chat/orders"), ref("voice/orders"), ref("email/orders")])
        until = desk.now + timedelta(hours=draw.randint(1, 6))
        for person, (begins, ends) in bench.choose(desk, to, draw.randint(1, 4), until, frozenset()):
            booking = Booking(
                person=person.person,
                queue=to,
                incident_id="i",
                alert_id=f"a{n}",
                begins=begins,
                ends=ends,
                called_by="ana",
            )
            desk.bookings.append(booking)
            called += 1
            assert any(skill.channel == to.channel for skill in person.skills)
            on_call = bench.spans(person.on_call, ZONE, desk.now, begins)
            assert any(start <= desk.now < stop for start, stop in on_call)
            own = bench.spans(person.shifts, ZONE, begins - timedelta(days=2), ends + timedelta(days=2))
            mine = [(one.begins, one.ends) for one in bench.taken(desk, person.person)]
            near = [span for span in own if _apart(span, (begins, ends)) < timedelta(hours=24)]
            assert all(_apart(span, (begins, ends)) >= timedelta(0) for span in near)
            _check(mine, RestRules())
            week = [max(timedelta(0), min(e, ends) - max(s, ends - timedelta(days=7))) for s, e in mine]
            assert sum(week, timedelta(0)) <= timedelta(hours=48)
        bench.forget(desk)
    assert called > CALLS / 20


def _short_of_chat(model: Centre) -> Script:
    script = Script(first=model)
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("chat", "surge", 80, ratio=2.5, onset=40, expected=14))
    for second in (120, 180, 240):
        script.hear(minute(second, {"chat": 2.5}), tick(second))
    return script


def test_an_alert_names_the_bench_and_an_approval_calls_it_in() -> None:
    script = _short_of_chat(centre("approve", routes=[], bench=[_person("p1"), _person("p2", lead_minutes=45)]))
    alert = script.alerts[-1]
    (lever,) = [lever for lever in alert.levers if lever.name == "on-call-bench"]
    assert (lever.people, lever.minutes) == (["p1", "p2"], 45)
    assert f"breakwater approve {alert.alert_id}" in alert.acknowledge
    script.hear(decision("approve", alert.alert_id, 250), tick(260))
    calls = [b for b in script.bulletins if b.template == "bench_call"]
    assert {(b.to[0], b.language) for b in calls} == {(p, lang) for p in ("p1", "p2") for lang in ("en", "de")}
    assert any(b.text.startswith("Please come in for chat/orders: from 11:48 to 13:48.") for b in calls)
    script.hear(decision("approve", alert.alert_id, 270))
    assert "ana called them already" in script.bulletins[-2].text
    before = len(script.alerts)
    for second in range(300, 1500, 60):
        script.hear(minute(second, {"chat": 2.5 + second / 600}), tick(second))
    later = script.alerts[before:]
    assert later
    assert not [p for a in later for lever in a.levers for p in lever.people]  # nobody is asked twice
    assert max(i.agents_staffed for i in later[-1].intervals) == later[-1].intervals[0].agents_staffed + 2


def test_a_model_on_the_bus_that_names_skills_and_a_time_zone_nobody_knows_calls_nobody_and_plans_on() -> None:
    lost = [_person("p1", skills=[ref("fax/astrology")]), _person("p2", skills=[])]
    odd = msgspec.structs.replace(centre("approve", routes=[], bench=lost), time_zone="Mars/Olympus")
    script = _short_of_chat(odd)
    (*_, alert) = script.alerts
    assert alert.queue == ref("chat/orders")
    assert not [person for lever in alert.levers for person in lever.people]


def test_a_rejected_call_frees_the_people_for_another_alert() -> None:
    script = _short_of_chat(centre("approve", routes=[], bench=[_person("p1")]))
    alert = script.alerts[-1]
    script.hear(decision("reject", alert.alert_id, 250))
    (desk,) = script.fold._desks.values()
    assert desk.bookings == []
    script.hear(decision("approve", alert.alert_id, 260))
    assert "asks nobody of the bench" in script.bulletins[-2].text


def test_an_alert_that_closes_frees_whom_it_only_asked() -> None:
    script = _short_of_chat(centre("approve", routes=[], bench=[_person("p1")]))
    for second in range(300, 1500, 60):
        script.hear(minute(second), tick(second))
    (desk,) = script.fold._desks.values()
    assert script.alerts[-1].state == "closed"
    assert desk.bookings == []


def test_bookings_survive_a_restart() -> None:
    script = _short_of_chat(centre("approve", routes=[], bench=[_person("p1")]))
    kept = {name: raw for name, raw in script.fold.changes().items() if raw is not None}
    again = Script()
    again.fold.restore(kept)
    (desk,) = again.fold._desks.values()
    assert [one.person for one in desk.bookings] == ["p1"]
    assert msgspec.structs.asdict(desk.bookings[0])["called_by"] is None
