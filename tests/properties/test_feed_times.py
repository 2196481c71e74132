"""Local times of an export become UTC as Python's own time zones have it, in every hour of the year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.mapping import Mapping
from streams.rows import Rows

ZONES = ("America/New_York", "Asia/Jerusalem", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC")
MOMENTS = st.datetimes(datetime(1999, 1, 1), datetime(2030, 1, 1)).map(lambda moment: moment.replace(microsecond=0))


def utc_of(moments: list[datetime], zone: str, ambiguous: str) -> list[datetime | None]:
    meaning = Mapping.model_validate(
        {
            "tenant": "acme",
            "time_zone": zone,
            "ambiguous": ambiguous,
            "times": {"at": "at"},
            "fields": {"channel": "voice", "queue": "q", "contact_id": "{id}"},
            "events": {"offered": {"at": "at"}},
        }
    )
    frame = pl.DataFrame({"id": [str(i) for i in range(len(moments))], "at": [m.isoformat() for m in moments]})
    batch = Rows(meaning, frame.schema, ["voice"]).batch(frame)
    assert batch.refused.is_empty()
    return batch.events.sort("@row")["occurred_at"].to_list()


@settings(deadline=None)
@given(st.lists(MOMENTS, min_size=1, max_size=50), st.sampled_from(ZONES))
@example([datetime(2015, 3, 8, 2) + timedelta(minutes=i) for i in range(0, 90, 7)], "America/New_York")
@example([datetime(2015, 11, 1, 1) + timedelta(minutes=i) for i in range(0, 90, 7)], "America/New_York")
@example([datetime(2024, 10, 6, 2) + timedelta(minutes=i) for i in range(0, 60, 5)], "Australia/Lord_Howe")
@example([datetime(2024, 4, 7, 1, 30) + timedelta(minutes=i) for i in range(0, 60, 5)], "Australia/Lord_Howe")
@example([datetime(2017, 10, 15) + timedelta(minutes=i) for i in range(0, 90, 7)], "America/Sao_Paulo")
def test_earliest_and_forward_are_the_first_fold_of_python(moments: list[datetime], zone: str) -> None:
    expected = [moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for moment in moments]
    assert utc_of(moments, zone, "earliest") == expected


@settings(deadline=None)
@given(st.sampled_from(ZONES[:3]), st.integers(0, 59))
def test_latest_is_the_second_pass_of_the_hour_that_comes_twice(zone: str, minute: int) -> None:
    back = {
        "America/New_York": (2015, 11, 1, 1),
        "Asia/Jerusalem": (2015, 10, 25, 1),
        "Europe/Berlin": (2015, 10, 25, 2),
    }
    moment = datetime(*back[zone], minute)
    first, second = (moment.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    assert second - first == timedelta(hours=1)
    assert utc_of([moment], zone, "earliest") == [first]
    assert utc_of([moment], zone, "latest") == [second]
