"""A real export through the feed and the ingest, against a batch count of the same events by polars."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from schemas import codec, topics
from schemas.errors import BadConfig
from schemas.pane import QueuePane
from streams import clock, feed, log_reader, mapping
from streams.config import Settings
from streams.ingest.thread import Ingest
from tests.conftest import REAL_DATA, ROOT, HasBootstrap, SettingsFor

EVENTS = REAL_DATA / "events"
MAPPINGS = ROOT / "docs" / "mappings"
WAIT_SECONDS = 60.0
Cell = tuple[str, datetime, str, str]
CASES = {
    "bank": (
        "anonymous_bank_calls_1999-10.csv.gz",
        "anonymous_bank_calls.yaml",
        {"voice": 60},
        ("1999-10-03", "1999-10-06"),
    ),
    "boston": (
        "boston311_2015.csv.gz",
        "boston311.yaml",
        dict.fromkeys(("voice", "app", "web", "social", "internal"), 300),
        ("2015-01-19", "2015-01-24"),
    ),
    "servicedesk": (
        "servicenow_incident_log_2016.csv.xz",
        "servicenow_incidents.yaml",
        dict.fromkeys(("voice", "web", "email", "internal"), 300),
        ("2016-04-18", "2016-04-22"),
    ),
}


def a_window(days: tuple[str, str]) -> feed.Window:
    first, last = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in days)
    return first, last


def batch_count(events: feed.SortedEvents, settings: Settings) -> Counter[Cell]:
    """The same count in one go."""
    frame = pl.DataFrame(
        [(e.occurred_at, e.channel, e.queue, e.type) for e in feed.contacts(events, "feed-0")],
        orient="row",
        schema=["at", "channel", "queue", "type"],
    )
    cells: Counter[Cell] = Counter()
    for (channel,), part in frame.group_by("channel"):
        pane = f"{settings.channels[str(channel)].pane_seconds}s"
        counted = part.group_by(pl.col("at").dt.truncate(pane), "queue", "type").len()
        cells.update({(str(channel), at.astimezone(UTC), queue, kind): n for at, queue, kind, n in counted.iter_rows()})
    return cells


def counted(panes: list[QueuePane]) -> Counter[Cell]:
    cells: Counter[Cell] = Counter()
    for pane in panes:
        for queue, counts in pane.queues.items():
            for kind in ("offered", "answered", "abandoned", "finished"):
                if n := getattr(counts, kind):
                    cells[pane.channel, pane.pane_start, queue, kind] += n
    return cells


def final_panes(settings: Settings, until: datetime) -> list[QueuePane]:
    """The finals on the bus, once every source partition has passed `until`."""
    sources = {(name, p) for name, channel in settings.channels.items() for p in range(channel.partitions)}
    ingest = Ingest(settings)
    ingest.start()
    try:
        deadline = clock.elapsed() + WAIT_SECONDS
        while clock.elapsed() < deadline:
            assert ingest.error is None
            records = log_reader.read_to_end(settings, [topics.QUEUE_PANES])
            panes = [codec.decode(QueuePane, r.value) for r in records if b'"kind":"queue-pane"' in (r.value or b"")]
            reached = {(p.channel, p.partition) for p in panes if p.final and p.complete_to >= until}
            if reached >= sources:
                return [pane for pane in panes if pane.final]
            clock.sleep(0.5)
    finally:
        ingest.stop()
    raise AssertionError(f"after {WAIT_SECONDS:.0f} s only {sorted(reached)} of {sorted(sources)} had passed {until}")


@pytest.mark.real_data
@pytest.mark.parametrize("case", CASES)
def test_what_was_fed_is_what_was_counted_and_every_pane_is_known(
    kafka: HasBootstrap, settings_for: SettingsFor, case: str
) -> None:
    file, meaning, panes_seconds, days = CASES[case]
    settings = settings_for(
        kafka,
        tenants={case: {"clock": "event"}},
        channels={name: {"pane_seconds": s, "partitions": 2} for name, s in panes_seconds.items()},
    )
    with feed.read(EVENTS / file, mapping.load(MAPPINGS / meaning), settings, a_window(days)) as (events, report):
        assert not report.refused.keys() - {"unknown-value", "before-offered"}
        expected = batch_count(events, settings)
        fed = {channel for _, channel in events.lanes}
        settings = settings.model_copy(update={"channels": {c: settings.channels[c] for c in fed}})
        played = feed.feed(events, settings, "feed-0")
        assert events.last is not None and events.first is not None
        panes = final_panes(settings, events.last)
    assert played.events == events.count
    assert counted(panes) == expected
    assert len({(p.channel, p.pane_start, p.partition, p.part) for p in panes}) == len(panes)
    whole = [p for p in panes if p.pane_start >= events.first and p.complete_to <= events.last]
    assert whole and all(cover.covers for pane in whole for cover in pane.sources.values())
    assert all(set(pane.sources) == {"feed-0"} for pane in whole)


def test_a_feed_to_a_topic_that_is_not_there_says_so(
    kafka: HasBootstrap, settings_for: SettingsFor, tmp_path: Path
) -> None:
    settings = settings_for(kafka, topics=False, tenants={"acme": {"clock": "event"}})
    (tmp_path / "t.csv").write_text("id,at\n1,2026-01-01T00:00\n", encoding="utf-8")
    meaning = mapping.Mapping.model_validate(
        {
            "tenant": "acme",
            "times": {"at": "at"},
            "fields": {"channel": "voice", "queue": "q", "contact_id": "{id}"},
            "events": {"offered": {"at": "at"}},
        }
    )
    with feed.read(tmp_path / "t.csv", meaning, settings) as (events, _), pytest.raises(BadConfig) as refused:
        feed.feed(events, settings, "feed-0")
    assert "topics apply" in str(refused.value)
