"""iCalendar files become days of the model's calendar."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.centre import CalendarDay
from schemas.errors import BadConfig
from streams import calendar_file
from streams.calendar_file import Window

LISBON = ZoneInfo("Europe/Lisbon")
YEARS = Window(date(2026, 1, 1), date(2027, 12, 31))


def read(tmp_path: Path, *events: str, window: Window = YEARS) -> list[CalendarDay]:
    body = "".join(f"BEGIN:VEVENT\r\nUID:{n}\r\n{event}\r\nEND:VEVENT\r\n" for n, event in enumerate(events))
    file = tmp_path / "days.ics"
    file.write_bytes(f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{body}END:VCALENDAR\r\n".encode())
    return calendar_file.read(file, window, LISBON)


def days(entries: list[CalendarDay]) -> list[tuple[str, str | None, str, str]]:
    return [(entry.date, entry.until, entry.name, entry.day_type) for entry in entries]


def test_a_whole_day_is_a_holiday_and_an_end_is_not_part_of_a_span(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "DTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261226\r\nSUMMARY:Christmas\\, first day",
        "DTSTART;VALUE=DATE:20261127\r\nDTEND;VALUE=DATE:20261201\r\nSUMMARY:Black\r\n  Friday\r\nCATEGORIES:SALE",
        "DTSTART;VALUE=DATE:20260101\r\nSUMMARY:New Year\r\nCATEGORIES:office,Closed",
    )
    assert days(found) == [
        ("2026-01-01", None, "New Year", "closed"),
        ("2026-11-27", "2026-11-30", "Black Friday", "holiday"),
        ("2026-12-25", None, "Christmas, first day", "holiday"),
    ]


def test_times_are_read_by_the_tenants_clock(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "DTSTART:20260630T233000Z\r\nDTEND:20260701T003000Z\r\nSUMMARY:sale begins",
        "DTSTART;TZID=America/New_York:20260310T210000\r\nDURATION:PT1H\r\nSUMMARY:launch",
    )
    # 23:30 UTC is half past midnight in Lisbon in summer; 21:00 in New York is 01:00 there
    assert days(found) == [("2026-03-11", None, "launch", "holiday"), ("2026-07-01", None, "sale begins", "holiday")]


def test_what_recurs_comes_as_often_as_the_window_is_long_but_for_what_is_cancelled_or_moved(tmp_path: Path) -> None:
    yearly = "DTSTART;VALUE=DATE:20200901\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:moving day"
    monthly = (
        "DTSTART;VALUE=DATE:20260105\r\nRRULE:FREQ=MONTHLY;BYDAY=1MO;UNTIL=20260501\r\n"
        "EXDATE;VALUE=DATE:20260202\r\nRDATE;VALUE=DATE:20260210\r\nSUMMARY:billing run"
    )
    moved = "RECURRENCE-ID;VALUE=DATE:20260302\r\nDTSTART;VALUE=DATE:20260304\r\nSUMMARY:billing run"
    body = [yearly, monthly, "DTSTART;VALUE=DATE:20260601\r\nSTATUS:CANCELLED\r\nSUMMARY:off"]
    found = read(tmp_path, *body)
    assert [entry.date for entry in found if entry.name == "moving day"] == ["2026-09-01", "2027-09-01"]
    assert [entry.date for entry in found if entry.name == "billing run"] == [
        "2026-01-05",
        "2026-02-10",
        "2026-03-02",
        "2026-04-06",
    ]
    assert "off" not in {entry.name for entry in found}
    text = (tmp_path / "days.ics").read_bytes().decode().replace("UID:1\r\n", "UID:series\r\n")
    override = f"BEGIN:VEVENT\r\nUID:series\r\n{moved}\r\nEND:VEVENT\r\nEND:VCALENDAR"
    (tmp_path / "days.ics").write_bytes(text.replace("END:VCALENDAR", override).encode())
    again = calendar_file.read(tmp_path / "days.ics", YEARS, LISBON)
    assert [entry.date for entry in again if entry.name == "billing run"][2:] == ["2026-03-04", "2026-04-06"]


def test_two_events_of_one_day_are_one_entry_and_the_models_own_word_goes_first(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "DTSTART;VALUE=DATE:20261225\r\nSUMMARY:Christmas",
        "DTSTART;VALUE=DATE:20261225\r\nSUMMARY:Natal",
        "DTSTART;VALUE=DATE:20261226\r\nSUMMARY:Boxing Day",
    )
    own = [CalendarDay(date="2026-12-26", name="we are open", day_type="saturday")]
    assert [entry.name for entry in calendar_file.merged(own, found)] == ["we are open", "Christmas, Natal"]


@pytest.mark.parametrize("text", [b"", b"hello", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n", b"\xff\xfe\x00"])
def test_what_is_no_calendar_is_refused_by_its_path(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "broken.ics"
    file.write_bytes(text)
    with pytest.raises(BadConfig, match=r"broken\.ics"):
        calendar_file.read(file, YEARS, LISBON)
    with pytest.raises(BadConfig, match="cannot be read"):
        calendar_file.read(tmp_path / "gone.ics", YEARS, LISBON)


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_rubbish_is_refused_or_read_and_never_breaks(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("rubbish") / "x.ics"
    file.write_text(f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20260101\n{text}\nEND:VEVENT\nEND:VCALENDAR\n")
    with contextlib.suppress(BadConfig):
        calendar_file.read(file, YEARS, LISBON)
