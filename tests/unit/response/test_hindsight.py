"""What a look back keeps of a desk's log, and what it leaves out."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from response.hindsight import Hindsight
from response.impact import Span
from response.params import RespondParams
from schemas.base import QueueRef
from schemas.workforce import Workforce
from tests.desk_builder import START, agents, centre, minute, ref, tool

SHOWN = Span(START - timedelta(minutes=30), START + timedelta(hours=2))
HOUR = Span(START, START + timedelta(hours=1))


def looking(troubled: dict[str, list[Span]] | None = None, queues: tuple[str, ...] = ()) -> Hindsight:
    found = Hindsight(START, SHOWN, troubled or {}, frozenset(map(ref, queues)))
    found.hear(centre())
    return found


def hours(number: float) -> float:
    return 3600.0 * number


def test_the_usual_is_of_the_day_before_without_the_times_of_other_incidents() -> None:
    trouble = Span(START - timedelta(hours=3), START - timedelta(hours=2))
    found = looking({"voice": [trouble]})
    for at in (-25.0, -10.0, -2.5, -1.0, 0.5):
        found.hear(minute(hours(at), answered=30, abandoned=4))
    assert found.usual[ref("voice")].decided == 2 * 34
    assert found.usual[ref("chat")].decided == 3 * 34


def test_only_the_stretch_that_is_looked_at_is_kept_and_of_queues_only_those_asked_for() -> None:
    found = looking(queues=("chat/orders",))
    for at in (-1.0, -0.25, 1.0, 3.0):
        found.hear(minute(hours(at)))
    assert len(found.rows[ref("voice")]) == len(found.rows[ref("chat/orders")]) == 2
    assert ref("voice/orders") not in found.rows


def quarter_slots(*reports: Workforce) -> list[float]:
    found = looking()
    for n in range(1, 16):
        found.hear(minute(60.0 * n))
    for report in reports:
        found.hear(report)
    at = ref("chat/orders")
    return [one.slots for one in found.quarters(HOUR, RespondParams()) if one.queue == at]


def at_site(report: Workforce, site: str) -> Workforce:
    return msgspec.structs.replace(report, site=site)


def test_people_are_the_mean_of_a_quarters_reports_and_sites_add_up() -> None:
    assert quarter_slots(agents("chat/orders", 60, 100), agents("chat/orders", 120, 140)) == [120]
    two = at_site(agents("chat/orders", 60, 100), "a"), at_site(agents("chat/orders", 90, 40), "b")
    assert quarter_slots(*two) == [140]
    assert quarter_slots(*two, agents("chat/orders", 120, 150)) == [150]
    impossible = msgspec.structs.replace(agents("chat/orders", 60, 10), available=20)
    assert quarter_slots(impossible) == []


def test_a_quarter_knows_what_came_what_was_usual_and_how_long_it_took() -> None:
    found = looking()
    found.hear(minute(-hours(2), answered=20, finished=20, handle_seconds_mean=400.0))
    for n in range(1, 16):
        found.hear(minute(60.0 * n, {"chat": 3.0}, answered=60, finished=60, handle_seconds_mean=500.0, backlog=n))
    found.hear(agents("chat/orders", 60, 189))
    (one,) = [one for one in found.quarters(HOUR, RespondParams()) if one.queue == ref("chat/orders")]
    assert (one.offered, one.usual_rate) == (900.0, pytest.approx(20 / 60))
    assert one.usual_handle_seconds == 400.0
    assert one.handle_seconds == pytest.approx((30 * 400 + 900 * 500) / 930)
    assert (one.patience_seconds, one.target.seconds, one.deferred) == (240.0, 45.0, False)
    assert one.backlog == 1


def test_of_probes_only_turns_are_news() -> None:
    found = looking()
    for at, state in ((-7200, "up"), (60, "up"), (120, "down"), (150, "down"), (600, "up"), (9999, "down")):
        found.hear(tool("telephony", at, state))
    assert [(one.state, one.at) for one in found.tools] == [
        ("down", START + timedelta(seconds=120)),
        ("up", START + timedelta(seconds=600)),
    ]


def test_nothing_is_known_of_a_queue_that_nobody_reported() -> None:
    found = looking()
    found.hear(minute(60))
    assert not found.knows_staff
    assert found.quarters(HOUR, RespondParams()) == []
    assert QueueRef(channel="fax") not in found.usual
