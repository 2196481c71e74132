"""Which share is usual at which hour of which kind of day."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from detectors import budget
from detectors.parameters import CountParams
from detectors.share_bank import ShareBank
from detectors.shares import BACKLOG, MIX, ShareParams, slot_of
from detectors.slots import LocalTime
from schemas.centre import CalendarDay

LOCAL = LocalTime("Europe/Berlin", [CalendarDay(date="2026-05-14", name="Ascension", day_type="holiday")])
MONDAY = int(datetime(2026, 5, 3, 22, tzinfo=UTC).timestamp())  # midnight there
HOUR, DAY, WEEK = 3600, 86_400, 7 * 86_400


def usual(bank: ShareBank, at: int) -> float:
    """The share that is usual then."""
    bank._roll(at, LOCAL.moment(at))
    bank._read()
    return float(bank.share[0])


def learned(weeks: int, share_at: dict[int, float], params: ShareParams, n: float = 200.0) -> ShareBank:
    """After some weeks of half hours; `share_at` by weekday, of the others a twentieth."""
    bank = ShareBank(params, CountParams())
    bank.grow(np.zeros(1, bool))
    bank.limit(np.array([budget.threshold(1.0, 1800)]))
    for at in range(MONDAY, MONDAY + weeks * WEEK, 1800):
        share = share_at.get((at - MONDAY) // DAY % 7, 0.05)
        bank.close(at, 1800, LOCAL.moment(at), np.array([n * share]), np.array([n]), np.ones(1, bool))
    return bank


@pytest.mark.parametrize(("day", "kind"), [(0, 0), (4, 0), (5, 1), (6, 2), (10, 2)])
def test_an_hour_is_one_of_weekdays_saturdays_or_sundays_and_a_holiday_is_a_sunday(day: int, kind: int) -> None:
    """The eleventh day is Ascension, a Thursday."""
    moment = LOCAL.moment(MONDAY + day * DAY + 15 * HOUR + 60)
    assert slot_of(moment, ShareParams().slots) == kind * 24 + 15
    assert slot_of(moment, MIX.slots) == 0


def test_a_day_off_that_is_unlike_the_week_is_known_for_itself_and_leaves_the_week_as_it_is() -> None:
    bank = learned(8, {6: 0.08}, ShareParams(), 150.0)
    later = MONDAY + 8 * WEEK + 10 * HOUR
    assert usual(bank, later) == pytest.approx(0.05, rel=0.1)
    assert usual(bank, later + 5 * DAY) == pytest.approx(0.05, rel=0.1)
    assert usual(bank, later + 6 * DAY) == pytest.approx(0.08, rel=0.15)


def test_the_first_sunday_is_taken_for_what_its_hours_show_on_other_days() -> None:
    bank = ShareBank(ShareParams(), CountParams())
    bank.grow(np.zeros(1, bool))
    bank.limit(np.array([budget.threshold(1.0, 1800)]))
    for at in range(MONDAY, MONDAY + 5 * DAY, 1800):
        share = 0.08 if (at - MONDAY) % DAY >= 12 * HOUR else 0.05
        bank.close(at, 1800, LOCAL.moment(at), np.array([80 * share]), np.array([80.0]), np.ones(1, bool))
    sunday = MONDAY + 6 * DAY
    night, afternoon = usual(bank, sunday + 6 * HOUR), usual(bank, sunday + 15 * HOUR)
    assert 0.05 <= night < 0.06 < 0.07 < afternoon <= 0.08


def test_a_backlog_that_grows_every_saturday_is_usual_there_alone() -> None:
    bank = learned(6, {5: 0.58} | dict.fromkeys((0, 1, 2, 3, 4, 6), 0.5), BACKLOG)
    later = MONDAY + 6 * WEEK + 10 * HOUR
    assert usual(bank, later) == pytest.approx(0.5, abs=0.01)
    assert usual(bank, later + 5 * DAY) == pytest.approx(0.58, abs=0.02)


@pytest.mark.parametrize("params", [ShareParams(), BACKLOG])
@pytest.mark.parametrize("always", [0.0, 1.0])
def test_what_was_always_all_or_none_is_so_on_the_first_sunday_as_well(params: ShareParams, always: float) -> None:
    """A queue of which only arrivals are told, or on which nobody ever gave up."""
    bank = ShareBank(params, CountParams())
    bank.grow(np.zeros(1, bool))
    bank.limit(np.array([budget.threshold(1.0, 1800)]))
    for at in range(MONDAY, MONDAY + 5 * DAY, 1800):
        bank.close(at, 1800, LOCAL.moment(at), np.array([always * 1e4]), np.array([1e4]), np.ones(1, bool))
    first = MONDAY + 6 * DAY + 10 * HOUR
    assert usual(bank, first) == pytest.approx(max(always, params.share_least), abs=0.02)
    statistic = bank.close(first, 1800, LOCAL.moment(first), np.array([5.0]), np.array([10.0]), np.ones(1, bool))
    assert np.isfinite(statistic).all() and np.isfinite(bank.tolerance).all() and np.isfinite(bank.icc).all()
