"""Who is there: reports of sites add up, what cannot be true or is not known is refused on the bus, once."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from desk_builder import START, TENANT, Script, agents, centre, minute, ref, signal, staffed, tick

from response import floor
from response.params import RespondParams
from response.pipeline import ResponseFold
from response.refused import Refused
from response.state import Clock, Desk
from schemas.workforce import Workforce

LATELY = RespondParams().workforce_fresh_seconds


def _at(site: str | None, seconds: float, staffed: int, free: int = 0, **more: object) -> Workforce:
    line: Workforce = msgspec.structs.replace(agents("chat/orders", seconds, staffed, free), site=site, **more)
    return line


def _desk(*lines: Workforce, now: float = 0.0) -> Desk:
    moment = START + timedelta(seconds=now)
    desk = Desk(clock=Clock(tenant=TENANT, now=moment, at=moment), centre=centre())
    for line in lines:
        floor.hear(desk, line)
    return desk


def _there(desk: Desk) -> tuple[int, int] | None:
    line = floor.of(desk, ref("chat/orders"), LATELY)
    return None if line is None else (line.staffed, line.available)


def _refusals(script: Script) -> list[str]:
    return [one.text for one in script.bulletins if (one.template, one.language) == ("refusal", "en")]


def test_two_sites_of_one_queue_add_up() -> None:
    assert _there(_desk(_at("east", 0, 60, 5), _at("west", 1, 40, 7))) == (100, 12)


def test_a_newer_report_replaces_its_own_sites_alone_and_an_older_one_nothing() -> None:
    desk = _desk(_at("east", 0, 60), _at("west", 0, 40), _at("east", 60, 10))
    assert _there(desk) == (50, 0)
    assert not floor.hear(desk, _at("east", 30, 99))
    assert _there(desk) == (50, 0)


def test_the_kind_of_the_newest_report_is_believed() -> None:
    sites = (_at("east", 0, 60), _at("west", 0, 40))
    assert _there(_desk(*sites, _at(None, 60, 80))) == (80, 0)
    assert _there(_desk(_at(None, 0, 80), _at("east", 60, 60), _at("west", 60, 40))) == (100, 0)


def test_a_site_that_fell_silent_is_left_out() -> None:
    desk = _desk(_at("east", 0, 60), _at("west", LATELY, 40), now=LATELY + 1)
    assert _there(desk) == (40, 0)


def test_what_waits_at_the_sites_adds_up_and_the_oldest_waits_for_longest() -> None:
    east = _at("east", 0, 60, waiting=3, oldest_wait_seconds=50.0)
    west = _at("west", 20, 40, waiting=4, oldest_wait_seconds=60.0)
    line = floor.of(_desk(east, west), ref("chat/orders"), LATELY)
    assert line is not None
    assert (line.waiting, line.oldest_wait_seconds) == (7, 70.0)


def test_an_alert_counts_the_people_of_every_site() -> None:
    script = Script(first=centre())
    script.hear(minute(0), *(line for line in staffed(0) if line.queue != ref("chat/orders")))
    script.hear(_at("east", 0, 99, 9), _at("west", 0, 90, 10), tick(0))
    script.hear(signal("chat", "surge", 80, ratio=2.5, onset=40, expected=14))
    script.hear(minute(120, {"chat": 2.5}), tick(120), minute(180, {"chat": 2.5}), tick(180))
    assert script.alerts[-1].queue == ref("chat/orders")
    assert script.alerts[-1].intervals[0].agents_staffed == 189 // 3


def test_the_sites_survive_a_restart() -> None:
    script = Script(first=centre())
    script.hear(_at("east", 0, 60, 5), _at("west", 1, 40, 7), tick(2))
    entries = {name: raw for name, raw in script.fold.changes().items() if raw is not None}
    again = ResponseFold()
    again.restore(entries)
    assert _there(again._desks[TENANT]) == (100, 12)


def test_what_cannot_be_true_is_refused_once_and_makes_the_queue_unknown() -> None:
    script = Script(first=centre())
    script.hear(_at("east", 0, 60), _at("west", 0, 10, 500), _at("west", 10, 10, 500), tick(11))
    (text,) = _refusals(script)
    assert "chat/orders west" in text
    assert "500 free of 10" in text
    desk = script.fold._desks[TENANT]
    assert _there(desk) is None
    script.hear(_at("west", 20, 10, 5), tick(21))
    assert _there(desk) == (70, 5)
    script.hear(_at("west", 30, 10, 11), tick(31))
    assert len(_refusals(script)) == 2


def test_agents_of_a_queue_that_the_model_does_not_know_are_refused_once() -> None:
    script = Script(first=centre())
    script.hear(agents("chat/astrology", 0, 20), agents("chat/astrology", 60, 20), tick(61))
    (text,) = _refusals(script)
    assert "the centre's model has no such queue" in text


def test_refusing_keeps_what_was_said_for_whoever_looks_later() -> None:
    desk = _desk()
    try:
        floor.hear(desk, agents("fax/orders", 0, 3))
    except Refused as refused:
        assert refused.reason.code == "unknown-queue"
    else:
        raise AssertionError("nobody is planned for a fax")
    assert [str(at) for at in floor.queues(desk)] == ["fax/orders"]


def test_no_more_sites_are_kept_than_a_queue_can_have() -> None:
    lines = [_at(f"site-{n:03}", n, 1) for n in range(floor.SITES_MAX + 20)]
    assert _there(_desk(*lines)) == (floor.SITES_MAX, 0)
