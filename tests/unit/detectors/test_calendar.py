"""Opening hours and days that are not like others: what is open when, what they change, what they explain."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from detectors.bank import Bank
from detectors.calendar import Calendar, Day, Hours, Opening, dates, ordinal
from detectors.parameters import CountParams
from detectors.slots import LocalTime
from schemas.base import QueueRef
from schemas.centre import CalendarDay, Centre, CentreChannel, CentreQueue

HOUR = 3600
MONDAY = ordinal("2025-03-03")


def day(n: int) -> Day:
    return Calendar().day(MONDAY + n)


@pytest.mark.parametrize(
    ("lines", "weekday", "low", "high", "hours"),
    [
        ({"monday-friday": "08:00-20:00"}, 0, 0, 24, 12),
        ({"monday-friday": "08:00-20:00"}, 5, 0, 24, 0),
        ({"mon-fri": "08:00-12:00, 13:00-18:00"}, 2, 11, 14, 2),
        ({"daily": "00:00-24:00"}, 6, 0, 24, 24),
        ({"friday-monday": "09:00-10:00"}, 6, 0, 24, 1),
        ({"monday": "22:00-06:00"}, 0, 0, 24, 2),
        ({"monday": "22:00-06:00"}, 1, 0, 24, 6),
        ({"sat, sun": "10:00-16:30"}, 6, 16, 17, 0.5),
    ],
)
def test_hours_are_read_as_people_write_them(
    lines: dict[str, str], weekday: int, low: int, high: int, hours: float
) -> None:
    found = Hours(lines).seconds(day(weekday), day(weekday - 1), low * HOUR, high * HOUR)
    assert found == hours * HOUR


@pytest.mark.parametrize(
    ("lines", "word"),
    [({"mumday": "08:00-10:00"}, "weekday"), ({"monday": "8-10"}, "times"), ({"monday": "08:00-24:30"}, "midnight")],
)
def test_hours_that_cannot_be_read_say_what_to_write(lines: dict[str, str], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Hours(lines)


def test_a_holiday_has_sundays_hours_and_a_closed_day_has_none() -> None:
    entries = [
        CalendarDay(date="2025-03-04", name="Mardi Gras", day_type="holiday"),
        CalendarDay(date="2025-03-05", name="inventory", day_type="closed"),
    ]
    calendar, hours = Calendar(entries), Hours({"monday-saturday": "08:00-20:00", "sunday": "10:00-12:00"})
    opened = [hours.seconds(calendar.day(MONDAY + n), calendar.day(MONDAY + n - 1), 0, 24 * HOUR) for n in range(4)]
    assert opened == [12 * HOUR, 2 * HOUR, 0, 12 * HOUR]


def test_an_entry_covers_its_days_and_channels_and_an_unreadable_one_is_left_out() -> None:
    season = CalendarDay(date="2025-11-28", until="2025-12-01", name="sales", ratio=2.0, channels=["chat"])
    assert [len(dates(season)), len(dates(CalendarDay(date="2025-01-01", until="2999-01-01", name="x")))] == [4, 366]
    chat, voice = Calendar([season], "chat"), Calendar([season], "voice")
    first = ordinal("2025-11-28")
    assert [chat.day(first + n).factor for n in range(-1, 5)] == [1, 2, 2, 2, 2, 1]
    assert not voice
    assert not Calendar([CalendarDay(date="28.11.2025", name="x")])


def test_an_entry_explains_more_up_to_its_ratio_and_fewer_but_never_silence() -> None:
    first = ordinal("2025-09-01")
    calendar = Calendar([CalendarDay(date="2025-09-01", name="moving day", ratio_max=3.0)])
    assert calendar.explains(first - 1, first, "surge", 2.0) == "moving day"
    assert calendar.explains(first, first, "surge", 3.5) is None
    assert calendar.explains(first, first, "drop", 0.4) == "moving day"
    assert calendar.explains(first, first, "silence", 0.0) is None
    assert calendar.explains(first + 1, first + 1, "surge", 2.0) is None


def test_a_queue_has_its_own_hours_or_its_channels() -> None:
    centre = Centre(
        tenant="acme",
        channels={"voice": CentreChannel(opening_hours={"daily": "08:00-20:00"})},
        queues=[CentreQueue(at=QueueRef(channel="voice", queue="night"), opening_hours={"daily": "00:00-24:00"})],
    )
    opening = Opening(centre, "voice", ["", "day", "night"], Calendar())
    shares = opening.shares(MONDAY * 86_400 + 7.5 * HOUR, MONDAY * 86_400 + 8.5 * HOUR)
    assert shares is not None
    assert shares.tolist() == [0.5, 0.5, 1.0]
    assert opening.shares(MONDAY * 86_400 + 9 * HOUR, MONDAY * 86_400 + 10 * HOUR) is None
    assert Opening(Centre(tenant="acme"), "voice", ["", "day"], Calendar()).shares(0, 60) is None


class Shop:
    """A bank of one channel that is open from 08:00 to 20:00, with 120 contacts an hour while it is."""

    def __init__(self, *, hours: bool) -> None:
        self.bank = Bank(CountParams(), LocalTime())
        self.bank.grow(1, MONDAY * 86_400)
        self.bank.fast.limit(np.full((2, 1), 11.0))
        self.bank.slow.limit(np.full((2, 1), 11.0))
        centre = Centre(
            tenant="acme",
            channels={"voice": CentreChannel(opening_hours={"daily": "08:10-20:00"} if hours else {})},
        )
        self.bank.outlook.opening = Opening(centre, "voice", [""], Calendar())

    def run(self, days: float, *, open_from: float = 8 + 1 / 6) -> float:
        """The greatest statistic of a drop on the last day."""
        most = 0.0
        for minute in range(int(days * 1440)):
            hour = minute % 1440 / 60
            seen = 2.0 if open_from <= hour < 20 else 0.0
            closed = self.bank.close(MONDAY * 86_400 + 60 * minute, 60, np.array([seen]))
            if minute >= (days - 1) * 1440:
                most = max(most, float(closed.statistic[1, 0]))
        return most


def test_closed_hours_expect_nothing_and_are_not_learned_and_the_first_open_minute_is_whole() -> None:
    shop = Shop(hours=True)
    assert shop.run(9) < 5.0
    at = MONDAY * 86_400 + 9 * 86_400
    assert shop.bank.expect(at + 8 * HOUR, 60)[0] == 0
    assert shop.bank.expect(at + int(8 * HOUR + 540), 120)[0] == pytest.approx(2.0, rel=0.1)
    assert shop.bank.expect(at + int(8 * HOUR + 600), 60)[0] == pytest.approx(2.0, rel=0.1)
    assert shop.bank.expect(at + 20 * HOUR, 60)[0] == 0
    # 11 h 50 min of 120 an hour are all that was ever learned
    totals = shop.bank.season.totals()
    assert totals.seen[0] / totals.exposure[0] * HOUR == pytest.approx(120, rel=0.02)


def test_nobody_calls_a_shop_that_opens_late_silent_before_it_opens_but_afterwards() -> None:
    # it does not open on the ninth day: two hours of silence within opening hours are silence
    shop = Shop(hours=True)
    shop.run(8)
    start = (MONDAY + 8) * 86_400
    found = {}
    for minute in range(12 * 60):
        closed = shop.bank.close(start + 60 * minute, 60, np.zeros(1))
        found[minute / 60] = float(closed.statistic[1, 0])
    assert max(value for hour, value in found.items() if hour < 8) < 5.0
    assert found[10.0] > 11.0


@pytest.mark.parametrize(
    ("zone", "before", "moments"),
    [
        ("America/New_York", datetime(2015, 3, 8, 6, 30, tzinfo=UTC), 2),  # 01:30, then 03:00
        ("America/New_York", datetime(2015, 11, 1, 5, 30, tzinfo=UTC), 2),  # 01:30, then 01:00 again
    ],
)
def test_the_nights_of_daylight_saving_skip_and_repeat_a_slot(zone: str, before: datetime, moments: int) -> None:
    local = LocalTime(zone)
    at = before.timestamp()
    first, second = local.moment(at + 60), local.moment(at + 1800 + 60)
    assert first.visit != second.visit
    skipped = zone == "America/New_York" and before.month == 3
    assert second.slot - first.slot == (3 if skipped else -1)
    assert local.moment(at + 1800 + 3600 + 60).slot == second.slot + moments
