"""Who carries a signal: queues, reasons, sites."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.contributors import Carriers, affected, drill_of_mean, of_arrivals, of_means
from detectors.mix import CATEGORIES_MAX, MINUTES, OTHER, Mix
from detectors.trail import LENGTH, Trail
from schemas.pane import QueueCounts

NAMES = ["", "billing", "orders"]
INDEX = {name: i for i, name in enumerate(NAMES)}
USUAL = {"north": 60, "south": 40}
LEARNED = 90  # minutes


def minutes(mix: Mix, trail: Trail, first: int, many: int, sites: dict[str, int], orders: int = 50) -> None:
    """`many` minutes in which billing gets this from its sites, where 100 are usual, and orders 50."""
    for minute in range(first, first + many):
        start, came = 60 * minute, sum(sites.values())
        mix.add([("billing", QueueCounts(offered=came, by_site=sites))], INDEX)
        mix.close(start, start + 60, set())
        seen = np.array([came + orders, came, orders], float)
        trail.push(start + 60, seen, np.array([150.0, 100.0, 50.0]), np.zeros(3))


def after(sites: dict[str, int], orders: int = 50, series: int = 1) -> Carriers:
    """What is told ten minutes after the change."""
    mix, trail = Mix(), Trail()
    trail.grow(3)
    minutes(mix, trail, 0, LEARNED, USUAL)
    minutes(mix, trail, LEARNED, 10, sites, orders)
    return of_arrivals(series, LEARNED * 60, NAMES, trail, np.zeros((2, 3)), mix)


def test_a_site_that_is_lost_carries_all_of_the_drop() -> None:
    told = after({"south": 40})
    assert told.site == "north"
    assert [(one.name, one.observed, one.dimension) for one in told.contributors] == [("north", 0.0, "site")]
    assert told.contributors[0].share == pytest.approx(1.0, abs=0.05)


def test_what_all_sites_share_is_no_sites() -> None:
    told = after({"north": 180, "south": 120})
    assert told.site is None
    assert {one.name: one.share for one in told.contributors} == pytest.approx({"north": 0.6, "south": 0.4}, abs=0.1)


def test_a_channel_names_the_queues_that_carry_it() -> None:
    told = after(USUAL, orders=200, series=0)
    assert [(one.name, one.observed, one.expected) for one in told.contributors if one.dimension == "queue"] == [
        ("orders", 2000.0, 500.0)
    ]


def test_silence_has_parts_as_well() -> None:
    told = after({})
    assert {one.name: one.share for one in told.contributors} == pytest.approx({"north": 0.6, "south": 0.4}, abs=0.1)


def _drilled(billing: int, of_drill: int) -> Carriers:
    """What is told in the very minute in which so many come, some of them an exercise's."""
    mix, trail = Mix(), Trail()
    trail.grow(3)
    minutes(mix, trail, 0, LEARNED, USUAL)
    mix.add([("billing", QueueCounts(offered=billing, by_drill={"spring": of_drill}))], INDEX)
    now = np.array([[billing + 50.0, billing, 50.0], [150.0, 100.0, 50.0]])
    return of_arrivals(1, LEARNED * 60, NAMES, trail, now, mix)


@pytest.mark.parametrize(
    ("billing", "of_drill", "name"),
    [
        (300, 200, "spring"),  # all that is too much
        (320, 200, "spring"),  # and a busy minute
        (500, 200, None),  # as many real contacts more
        (100, 30, None),  # nothing is too much
        (60, 30, None),  # something is missing, which no exercise takes away
    ],
)
def test_an_alarm_is_an_exercises_where_most_of_it_are_its_contacts(
    billing: int, of_drill: int, name: str | None
) -> None:
    assert _drilled(billing, of_drill).drill == name


@pytest.mark.parametrize(("of_drill", "name"), [(20, "spring"), (10, None)])
def test_a_mean_is_moved_by_an_exercise_where_its_contacts_are_a_clear_part(of_drill: int, name: str | None) -> None:
    assert drill_of_mean({"spring": of_drill}, 100.0) == name


def test_parts_of_a_mean_are_parts_of_the_time_that_is_more() -> None:
    told = of_means([("billing", 400.0, 300.0, 30), ("orders", 310.0, 300.0, 10), ("returns", 290.0, 300.0, 5)])
    assert [one.name for one in told.contributors] == ["billing"]
    assert told.contributors[0].share == pytest.approx(3000 / 3050, abs=1e-4)


def test_names_beyond_the_bound_are_summed_under_other() -> None:
    mix = Mix()
    many = {f"reason-{n:03d}": 1 for n in range(3 * CATEGORIES_MAX)}
    mix.add([("billing", QueueCounts(offered=len(many), by_reason=many))], INDEX)
    of_billing = [row.name for row in mix.rows if row.series == "billing"]
    assert len(of_billing) == CATEGORIES_MAX + 1
    assert mix.close(0, 60, set()).sum() == 2 * len(many)  # the queue's and the channel's
    assert OTHER in of_billing


def test_the_trail_holds_the_last_panes_in_order_and_what_is_old_is_gone() -> None:
    trail = Trail()
    trail.grow(1)
    for pane in range(2 * LENGTH + 7):
        trail.push(60 * (pane + 1), np.array([pane]), np.array([1.0]), np.array([0.5]))
    points = list(trail.points(0))
    assert [point.observed for point in points] == list(range(LENGTH + 7, 2 * LENGTH + 7))
    assert trail.sums(60 * (2 * LENGTH + 4))[:, 0].tolist() == [pytest.approx(3 * (2 * LENGTH + 5)), 3.0]
    again = Trail()
    again.grow(2)  # a series came since
    for place, column in trail.changes():
        again.fill(place, column)
    assert list(again.points(0)) == points


def test_categories_of_the_last_half_hour_alone_are_counted() -> None:
    mix, trail = Mix(), Trail()
    trail.grow(3)
    minutes(mix, trail, 0, LEARNED, USUAL)
    since_ever = mix.parts("billing", "site", 0.0)
    assert sum(part.observed for part in since_ever) == 100 * MINUTES


def test_of_many_queues_those_beyond_doubt_are_affected_and_company_helps() -> None:
    nothing = np.full(100, 2.0)
    assert affected(nothing, 60) == []
    alone = nothing.copy()
    alone[7] = 13.0  # e^13 a day's panes: not enough for one of a hundred
    assert affected(alone, 60) == []
    alone[7] = 15.0
    assert affected(alone, 60) == [7]
    together = nothing.copy()
    together[10:40] = 13.0
    assert affected(together, 60) == list(range(10, 40))


def test_null_queues_are_rarely_among_the_affected() -> None:
    draw = np.random.default_rng(4)
    wrong = right = 0
    for _ in range(300):
        # likelihood ratios of a day's panes that have mean one, and ten queues with much evidence
        normal = draw.standard_normal(60)
        statistic = np.log(1440) + 3 * normal - 4.5
        statistic[:10] = np.log(1440) + 8.0
        found = affected(statistic, 60)
        wrong += sum(i >= 10 for i in found)
        right += sum(i < 10 for i in found)
    assert right == 3000
    assert wrong / (wrong + right) < 0.1
