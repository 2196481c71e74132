"""Rows become contact events: times and zones, value maps, conditions, refusals by reason, order, kinds of file."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contact import ContactEvent
from schemas.errors import BadConfig
from schemas.pane import PaneRecord, QueuePane
from streams import config, feed, history
from streams.mapping import Csv, Mapping
from streams.rows import COLUMNS, Rows, contact_event

CHANNELS = list(config.CHANNELS)
SETTINGS = config.load(environment={}, tenants={"acme": {"clock": "event"}})


def a_mapping(**changes: Any) -> Mapping:
    plain: dict[str, Any] = {
        "tenant": "acme",
        "time_zone": "America/New_York",
        "times": {"opened": "opened", "closed": "closed"},
        "fields": {"channel": "voice", "queue": "{team}", "contact_id": "{id}"},
        "events": {"offered": {"at": "opened"}, "finished": {"at": "closed"}},
    }
    return Mapping.model_validate(plain | changes)


def rows(*lines: str, header: str = "id,team,opened,closed") -> pl.DataFrame:
    return pl.read_csv(("\n".join([header, *lines]) + "\n").encode(), infer_schema=False)


def events(meaning: Mapping, frame: pl.DataFrame) -> list[ContactEvent]:
    batch = Rows(meaning, frame.schema, CHANNELS).batch(frame)
    return [contact_event(row, "feed-0") for row in batch.events.select(COLUMNS).iter_rows()]


def refusals(meaning: Mapping, frame: pl.DataFrame) -> list[tuple[int, str, str]]:
    return list(Rows(meaning, frame.schema, CHANNELS).batch(frame).refused.iter_rows())


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_one_row_becomes_an_event_for_each_of_its_moments_in_utc() -> None:
    first, second = events(a_mapping(), rows("7,billing,2015-01-20T07:00:00,2015-01-20 08:30"))
    assert (first.type, first.occurred_at, first.queue, first.contact_id) == (
        "offered",
        utc("2015-01-20T12:00"),
        "billing",
        "7",
    )
    assert (second.type, second.occurred_at) == ("finished", utc("2015-01-20T13:30"))
    assert first.event_id != second.event_id


def test_a_moment_that_is_not_there_gives_no_event_and_no_refusal() -> None:
    frame = rows("7,billing,2015-01-20T07:00:00,")
    assert [e.type for e in events(a_mapping(), frame)] == ["offered"]
    assert refusals(a_mapping(), frame) == []


def test_events_are_sorted_by_time_across_rows() -> None:
    found = events(a_mapping(), rows("1,a,2015-01-20T07:00,2015-01-20T12:00", "2,a,2015-01-20T06:00,2015-01-20T09:00"))
    assert [(e.contact_id, e.type) for e in found] == [
        ("2", "offered"),
        ("1", "offered"),
        ("2", "finished"),
        ("1", "finished"),
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, "2015-11-01T05:30"), ({"ambiguous": "latest"}, "2015-11-01T06:30"), ({"ambiguous": "refuse"}, None)],
)
def test_the_hour_that_comes_twice_is_its_first_or_second_pass_or_refused(
    changes: dict[str, str], expected: str | None
) -> None:
    frame = rows("1,a,2015-11-01T01:30,")
    found = events(a_mapping(**changes), frame)
    assert [e.occurred_at for e in found] == ([utc(expected)] if expected else [])
    if expected is None:
        assert refusals(a_mapping(**changes), frame)[0][1] == "ambiguous-local-time"


def test_the_hour_that_is_skipped_goes_forward_or_is_refused() -> None:
    frame = rows("1,a,2015-03-08T02:30,")
    assert events(a_mapping(), frame)[0].occurred_at == utc("2015-03-08T07:30")
    assert refusals(a_mapping(non_existent="refuse"), frame) == [(1, "no-such-local-time", "opened=2015-03-08T02:30")]


def test_date_and_time_of_day_are_joined_and_roll_over_midnight_after_the_first_moment() -> None:
    meaning = a_mapping(
        time_zone="Asia/Jerusalem",
        times={
            "opened": {"date": "d", "time": "t1"},
            "closed": {"date": "d", "time": "t2", "empty": ["0:00:00"], "after": "opened"},
        },
    )
    frame = rows(
        "1,a,1999-10-05,23:59:50,0:01:10",
        "2,a,1999-10-05,0:24:58,0:00:00",
        "3,a,1999-10-05,8:03:31,8:03:30",
        header="id,team,d,t1,t2",
    )
    found = {(e.contact_id, e.type): e.occurred_at for e in events(meaning, frame)}
    assert found["1", "finished"] - found["1", "offered"] == timedelta(seconds=80)
    assert found["2", "offered"] == utc("1999-10-04T22:24:58")
    assert ("2", "finished") not in found
    # one second before is a fault of the switch, not tomorrow
    assert ("3", "finished") not in found
    assert [reason for _, reason, _ in refusals(meaning, frame)] == ["before-offered"]


@pytest.mark.parametrize(
    ("moment", "text", "expected"),
    [
        ({"column": "opened", "format": "%d.%m.%Y %H:%M"}, "20.01.2015 07:00", "2015-01-20T12:00"),
        ({"column": "opened", "format": "%Y-%m-%dT%H:%M:%S%z"}, "2015-01-20T07:00:00+0100", "2015-01-20T06:00"),
        ({"column": "opened", "format": "epoch-milliseconds"}, "1421755200000", "2015-01-20T12:00"),
        ({"column": "opened", "format": "epoch-seconds"}, "1421755200.5", "2015-01-20T12:00:00.5"),
        ({"column": "opened"}, "2015-01-20 07:00:00.250", "2015-01-20T12:00:00.25"),
    ],
)
def test_times_are_read_in_the_formats_of_the_mapping(moment: dict[str, str], text: str, expected: str) -> None:
    meaning = a_mapping(times={"opened": moment}, events={"offered": {"at": "opened"}})
    assert [e.occurred_at for e in events(meaning, rows(f"1,a,{text},"))] == [utc(expected)]


def test_value_maps_translate_and_refuse_keep_or_default_what_they_do_not_know() -> None:
    def queue(spec: dict[str, Any]) -> list[str]:
        meaning = a_mapping(fields={"channel": "voice", "contact_id": "{id}", "queue": {"column": "team"} | spec})
        return [e.queue for e in events(meaning, rows("1,PS,2015-01-20T07:00,", "2,XX,2015-01-20T07:00,"))]

    assert queue({"values": {"PS": "regular"}}) == ["regular"]
    assert queue({"values": {"PS": "regular"}, "otherwise": "keep"}) == ["regular", "XX"]
    assert queue({"values": {"PS": "regular"}, "default": "rest"}) == ["regular", "rest"]


def test_rows_are_left_out_by_condition_and_not_called_refused() -> None:
    meaning = a_mapping(keep=[{"column": "team", "not_in": ["test"]}, {"column": "id", "present": True}])
    frame = rows("1,test,2015-01-20T07:00,", "2,a,2015-01-20T07:00,", ",a,2015-01-20T07:00,")
    batch = Rows(meaning, frame.schema, CHANNELS).batch(frame)
    assert (batch.rows, batch.left_out, len(batch.events), len(batch.refused)) == (3, 2, 1, 0)


def test_an_event_has_its_condition_its_seconds_and_its_rank() -> None:
    meaning = a_mapping(
        fields={
            "channel": "voice",
            "queue": "{team}",
            "contact_id": "{id}",
            "vip": [{"column": "id", "in": [1]}],
            "reason": {"column": "team"},
        },
        events={
            "offered": {"at": "opened", "transfer": True},
            "abandoned": {
                "at": "closed",
                "when": [{"column": "team", "in": ["gone"]}],
                "wait_seconds": {"from": "opened", "to": "closed"},
            },
            "finished": {
                "at": "closed",
                "when": [{"column": "team", "not_in": ["gone"]}],
                "handle_seconds": {"column": "id", "unit": "minutes"},
            },
        },
    )
    found = events(meaning, rows("1,gone,2015-01-20T07:00,2015-01-20T07:01", "2,a,2015-01-20T08:00,2015-01-20T08:05"))
    assert [(e.type, e.vip, e.wait_seconds, e.handle_seconds) for e in found] == [
        ("offered", True, None, None),
        ("abandoned", True, 60.0, None),
        ("offered", False, None, None),
        ("finished", False, None, 120.0),
    ]
    assert found[0].transfer and not found[1].transfer
    assert found[0].reason == "gone"


def test_refused_rows_have_their_number_reason_and_text() -> None:
    meaning = a_mapping(
        fields={
            "channel": {"column": "id", "values": {"1": "voice", "2": "fax", "3": "chat", "5": "chat"}},
            "queue": "{team}",
            "contact_id": "{id}",
        },
        events={"offered": {"at": "opened"}, "finished": {"at": "closed", "handle_seconds": {"column": "secs"}}},
    )
    frame = rows(
        "1,a,yesterday,,1",
        "2,a,2015-01-20T07:00,,1",
        "3,,2015-01-20T07:00,,1",
        "4,a,2015-01-20T07:00,,1",
        "5,a,2015-01-20T07:00,2015-01-20T08:00,-4",
        "1,a,,,1",
        header="id,team,opened,closed,secs",
    )
    assert sorted(refusals(meaning, frame)) == [
        (1, "bad-time", "opened=yesterday"),
        (2, "unknown-channel", "fax"),
        (3, "missing", "queue"),
        (4, "unknown-value", "id=4"),
        (5, "bad-number", "finished secs=-4"),
        (6, "no-event", "no moment of any event"),
    ]


def test_a_log_with_several_rows_a_contact_gives_its_once_events_once_over_all_batches() -> None:
    meaning = a_mapping(events={"offered": {"at": "opened", "once": True}, "answered": {"at": "closed"}})
    frame = rows(
        "1,a,2015-01-20T07:00,2015-01-20T08:00",
        "1,a,2015-01-20T07:00,2015-01-20T09:00",
        "2,a,2015-01-20T07:00,2015-01-20T08:00",
    )
    compiled = Rows(meaning, frame.schema, CHANNELS)
    types = [t for part in (frame[:1], frame[1:]) for t in compiled.batch(part).events["type"]]
    assert (types.count("offered"), types.count("answered")) == (2, 3)


def test_all_columns_that_the_file_lacks_are_named_at_once() -> None:
    frame = rows("1,2015-01-20T07:00", header="id,opened_at")
    with pytest.raises(BadConfig) as refused:
        Rows(a_mapping(), frame.schema, CHANNELS)
    assert {place for place, _ in refused.value.problems} == {
        "times.opened.column",
        "times.closed.column",
        "fields.queue",
    }
    assert "opened_at" in refused.value.problems[0][1]


LINES = [
    "id,team,opened,closed",
    "1,a,2015-01-20T07:00,2015-01-20T08:00",
    '2,"b, c",2015-01-20T06:00,',
    "3,a,2015-01-20T05:00,,surplus",
]


def write(path: Path) -> Path:
    raw = ("\n".join(LINES) + "\n").encode()
    match path.suffix:
        case ".gz":
            path.write_bytes(gzip.compress(raw))
        case ".xz":
            path.write_bytes(lzma.compress(raw))
        case ".zst":
            plain = path.with_suffix("")
            plain.write_bytes(raw.replace(b",surplus", b""))
            pl.read_csv(plain, infer_schema=False).write_csv(path, compression="zstd")
        case ".parquet":
            frame = rows(*LINES[1:3], LINES[3].removesuffix(",surplus"))
            times = [pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M") for name in ("opened", "closed")]
            frame.with_columns(pl.col("id").cast(pl.Int64), *times).write_parquet(path)
        case _:
            path.write_bytes(raw)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.csv.xz", "t.csv.zst", "t.parquet", "t.dat"])
def test_every_kind_of_file_gives_the_same_events(tmp_path: Path, name: str) -> None:
    with feed.read(write(tmp_path / name), a_mapping(), SETTINGS) as (found, report):
        told = [(e.contact_id, e.type, e.queue, e.occurred_at) for e in feed.contacts(found, "feed-0")]
    expected = [
        ("2", "offered", "b, c", utc("2015-01-20T11:00")),
        ("1", "offered", "a", utc("2015-01-20T12:00")),
        ("1", "finished", "a", utc("2015-01-20T13:00")),
    ]
    if name.endswith((".zst", ".parquet")):  # made without the surplus column
        assert told == [("3", "offered", "a", utc("2015-01-20T10:00")), *expected]
    else:
        assert told == expected
        assert [(r, e.count, e.examples) for r, e in report.refused.items()] == [
            ("too-many-columns", 1, [(3, "surplus")])
        ]
    assert report.read == 3


def test_separator_and_encoding_are_the_mappings(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes("id;team;opened;closed\n1;Geschäft;2015-01-20T07:00;\n".encode("latin-1"))
    with feed.read(file, a_mapping(csv=Csv(separator=";", encoding="latin-1")), SETTINGS) as (found, _):
        assert [e.queue for e in feed.contacts(found, "feed-0")] == ["Geschäft"]


@pytest.mark.parametrize("content", [b"", b"PAR1 no parquet", b"id,team,opened,closed\n1,\xff\xfe,2015-01-20T07:00,\n"])
def test_a_file_that_cannot_be_read_is_the_users_to_mend(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(BadConfig) as refused, feed.read(tmp_path / "t.csv", a_mapping(), SETTINGS):
        pass
    assert refused.value.problems[0][0].endswith("t.csv")


def test_only_events_of_the_window_are_kept_and_the_others_counted(tmp_path: Path) -> None:
    window = (utc("2015-01-20T12:00"), utc("2015-01-20T13:00"))
    with feed.read(write(tmp_path / "t.csv"), a_mapping(), SETTINGS, window) as (found, report):
        assert [(e.contact_id, e.type) for e in feed.contacts(found, "feed-0")] == [("1", "offered")]
        assert report.outside == 2


def test_nothing_is_fed_for_a_tenant_whose_clock_is_the_wall(tmp_path: Path) -> None:
    with feed.read(write(tmp_path / "t.csv"), a_mapping(tenant="other"), SETTINGS) as (found, _):
        with pytest.raises(BadConfig) as refused:
            feed.feed(found, SETTINGS, "feed-0")
        assert refused.value.problems[0][0] == "tenants.other.clock"


def test_an_export_without_any_event_is_refused_before_the_broker_is_asked(tmp_path: Path) -> None:
    late = (utc("2030-01-01T00:00"), None)
    with feed.read(write(tmp_path / "t.csv"), a_mapping(), SETTINGS, late) as (found, _), pytest.raises(BadConfig):
        feed.feed(found, SETTINGS, "feed-0")


@pytest.mark.parametrize("night", ["2015-03-08", "2015-11-01"])
def test_a_window_in_local_time_counts_the_night_of_a_clock_change_as_it_was(tmp_path: Path, night: str) -> None:
    file = tmp_path / "night.csv"
    moments = [f"{night}T00:00:03", *(f"{night}T{hour:02}:30" for hour in range(1, 8) if hour != 2)]
    file.write_text("\n".join(["id,team,opened,closed", *(f"{i},a,{at}," for i, at in enumerate(moments))]) + "\n")
    midnight = datetime.fromisoformat(night).replace(tzinfo=ZoneInfo("America/New_York"))

    def panes(since: datetime) -> list[PaneRecord]:
        with feed.read(file, a_mapping(), SETTINGS, (since, None)) as (found, _):
            return list(history.of_export(found, SETTINGS, "acme"))

    counted = panes(midnight)
    assert counted == panes(midnight.astimezone(UTC))
    assert sum(c.offered for one in counted if isinstance(one, QueuePane) for c in one.queues.values()) == len(moments)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 5_000), max_size=20), max_size=8), st.integers(1, 30))
def test_events_come_out_in_order_however_they_were_cut_into_batches_and_spilled(
    tmp_path_factory: pytest.TempPathFactory, batches: Sequence[Sequence[int]], memory_events: int
) -> None:
    found = feed.SortedEvents(tmp_path_factory.mktemp("runs"), memory_events)
    number = 0
    for seconds in batches:
        frame = rows(*(f"{number + i},a,{s},0" for i, s in enumerate(seconds)))
        meaning = a_mapping(
            times={"opened": {"column": "opened", "format": "epoch-seconds"}}, events={"offered": {"at": "opened"}}
        )
        found.add(Rows(meaning, frame.schema, CHANNELS).batch(frame).events)
        number += len(seconds)
    told = list(feed.contacts(found, "feed-0"))
    assert all(a.occurred_at <= b.occurred_at for a, b in pairwise(told))
    assert sorted(int(e.contact_id) for e in told) == list(range(number))
    assert found.count == number
