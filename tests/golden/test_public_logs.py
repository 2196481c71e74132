"""Days of real centres, known by what was in the news: they are found, and nobody is paged in vain."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.centre import CalendarDay
from tests.public_logs import PublicLog, told

pytestmark = pytest.mark.real_data
BANK_HOURS = {"sunday-thursday": "07:00-24:00", "friday": "07:00-14:00", "saturday": "19:00-24:00"}
MOVING_DAY = CalendarDay(date="2015-09-01", name="1 September: moving day")


@pytest.fixture(scope="module")
def boston(shared_data: Path) -> PublicLog:
    file = shared_data / "events" / "boston311_2015.csv.gz"
    return PublicLog(file, "boston311.yaml", "boston", ("voice", "app", "web", "social", "internal"))


def test_the_blizzard_of_27_january_is_a_surge_of_calls_that_pages(boston: PublicLog) -> None:
    """300 calls and more a day from the 28th on where 150 are usual."""
    records = boston.panes(["voice"], boston.local(2015, 1, 2), boston.local(2015, 1, 29))
    found = told(boston, records, live=boston.local(2015, 1, 24))
    surges = found.found("voice", "surge", boston.local(2015, 1, 27), boston.local(2015, 1, 29))
    assert max(signal.observed / signal.expected for signal in surges) > 1.5
    about = found.about(surges)
    assert any(incident.pages for incident in about)
    assert {incident.cause.kind for incident in about} == {"demand-surge"}


def test_the_hailstorm_of_4_august_is_a_surge_of_calls_that_pages(boston: PublicLog) -> None:
    records = boston.panes(["voice"], boston.local(2015, 7, 6), boston.local(2015, 8, 5))
    found = told(boston, records, live=boston.local(2015, 8, 1))
    surges = found.found("voice", "surge", boston.local(2015, 8, 4), boston.local(2015, 8, 5))
    assert max(signal.observed / signal.expected for signal in surges) > 3
    about = found.about(surges)
    assert any(incident.pages for incident in about)
    assert {incident.cause.kind for incident in about} <= {"demand-surge", "unknown"}


def test_a_batch_typed_in_by_staff_is_told_and_pages_no_contact_lead(boston: PublicLog) -> None:
    found = told(boston, boston.panes(["internal"], boston.local(2015, 1, 1), boston.local(2015, 1, 21)))
    batch = found.found("internal", "surge", boston.local(2015, 1, 20, 6, 30), boston.local(2015, 1, 20, 9))
    assert max(signal.observed for signal in batch) > 300
    assert {signal.audience for signal in batch} == {"internal"}
    assert not any(incident.pages for incident in found.about(batch))


def test_moving_day_is_told_with_its_name_and_pages_nobody(boston: PublicLog) -> None:
    """Parked vans and what they leave at the kerb: reports by the app are about other things than usual."""
    records = boston.panes(["app"], boston.local(2015, 8, 8), boston.local(2015, 9, 2))
    found = told(boston, records, [MOVING_DAY], live=boston.local(2015, 9, 1))
    shifts = found.found("app", "mix-shift", boston.local(2015, 9, 1), boston.local(2015, 9, 2))
    assert shifts
    assert {signal.explained for signal in shifts} == {MOVING_DAY.name}
    assert all(MOVING_DAY.name in found.opened[signal.signal_id].text for signal in shifts)
    assert not any(incident.pages for incident in found.about(shifts))


def test_a_wave_of_tickets_with_one_cause_is_found(shared_data: Path) -> None:
    file = shared_data / "events" / "servicenow_incident_log_2016.csv.xz"
    log = PublicLog(file, "servicenow_incidents.yaml", "servicedesk", ("voice", "web", "email", "internal"), 900)
    records = log.panes(["voice"], log.local(2016, 3, 28), log.local(2016, 4, 21))
    found = told(log, records, live=log.local(2016, 4, 20))
    wave = found.found("voice", "surge", log.local(2016, 4, 20, 14), log.local(2016, 4, 20, 15, 15))
    assert wave
    assert all(signal.observed > 1.3 * signal.expected for signal in wave)


def test_who_rings_a_closed_bank_and_hangs_up_is_no_wave_and_the_crowded_morning_is_one(shared_data: Path) -> None:
    """From 8:50 on Friday the 15th two of three hang up; on Friday evening, the 8th, all do who still call."""
    file = shared_data / "events" / "anonymous_bank_calls_1999-10.csv.gz"
    log = PublicLog(file, "anonymous_bank_calls.yaml", "bank", ("voice",))
    records = log.panes(["voice"], log.local(1999, 10, 3), log.local(1999, 10, 15, 12))
    found = told(log, records, live=log.local(1999, 10, 8), hours=BANK_HOURS)
    waves = [one for one in found.opened.values() if one.signal_kind in ("abandonment-wave", "backlog-growth")]
    opened = sorted(one.at.astimezone(log.zone) for one in waves if str(one.series.at) == "voice/regular")
    assert any(log.local(1999, 10, 15, 8, 50) < at <= log.local(1999, 10, 15, 9, 30) for at in opened)
    assert not [one.text for one in waves if log.local(1999, 10, 8, 14) < one.at <= log.local(1999, 10, 9, 19)]
