"""What a worker said lies on the topics; `breakwater replay` of its logs leaves the same bytes in files."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from schemas import codec, topics
from schemas.centre import Centre, CentreChannel
from schemas.contact import ContactEvent
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.signal import Signal
from streams import clock, feed, mapping, replay_bus
from streams.config import Settings
from streams.frames import contacts
from streams.frames import records as pane_records
from streams.frames.panes import PaneCounter
from streams.ingest.contacts import decode_batch
from streams.ingest.rules import pane_rules
from tests.conftest import HasBootstrap, SettingsFor
from tests.integration import live
from tests.recorded import assert_desk_replayed_into_files, records, replayed, said_signals

MAPPING = """
tenant: acme
time_zone: UTC
times: {opened: {column: opened}}
fields: {channel: chat, queue: {column: team, otherwise: keep}, contact_id: "{id}"}
events: {offered: {at: opened}}
"""
START = datetime(2025, 3, 3)  # a Monday
DAYS = 9
SURGE = (START + timedelta(days=8, hours=10), START + timedelta(days=8, hours=13))
WAIT_SECONDS = 90.0


def export(path: Path) -> None:
    """Nine days of a contact every minute, and on the last for three hours one every six seconds."""
    rows, at = ["id,team,opened"], START
    while at < START + timedelta(days=DAYS):
        rows.append(f"{len(rows)},{('billing', 'orders')[len(rows) % 2]},{at:%Y-%m-%dT%H:%M:%S}")
        at += timedelta(seconds=6 if SURGE[0] <= at < SURGE[1] else 60)
    path.write_text("\n".join(rows) + "\n")


def signal_of(line: bytes) -> Signal:
    body = codec.decode(DeskEntry, line).body
    assert isinstance(body, Signal)
    return body


def assert_replayed_onto_the_bus_and_nobody_is_told(path: live.Live, settings: Settings, folder: Path) -> None:
    """While the worker runs: what is replayed lies on topics of its own, and the worker's hold and tell no more."""
    read = (topics.DESK, *topics.DESK_OUTPUTS, topics.COMMAND_RESULTS, topics.NOTIFICATIONS)
    before = {topic.name: len(records(settings, topic)) for topic in read}, path.told()
    assert before[1], "live, somebody was told"
    mapped = ("--map", str(folder / "map.yaml"), "--onto-bus", "again", "--format", "both")
    out = replayed(str(folder / "days.csv"), settings, folder, *mapped)
    path.wait(lambda: clock.elapsed() - path.listener.heard_at > live.QUIET_SECONDS, 30.0)
    assert ({topic.name: len(records(settings, topic)) for topic in read}, path.told()) == before
    theirs = records(replay_bus.settings_of(settings, "again"), topics.INCIDENTS)
    assert [arrival.value for arrival in theirs] == (out / "incidents.jsonl").read_bytes().splitlines()
    with (
        pytest.raises(BadConfig, match="is there already: choose another name"),
        replay_bus.onto_bus(settings, "again"),
    ):
        pass


def assert_counted_offline_as_live(settings: Settings) -> None:
    """The contacts that lie on the bus, counted as frames, are the finals that the ingest wrote: the same bytes."""
    log = records(settings, topics.contact_events("chat", settings.channels["chat"].partitions))
    places = [(arrival.topic, arrival.partition, arrival.offset, arrival.at) for arrival in log]
    events = decode_batch([arrival.value for arrival in log], settings.ingest.event_bytes_max)
    said = contacts.of_events(event if isinstance(event, ContactEvent) else None for event in events)
    frame = pl.DataFrame(places, schema=dict(contacts.PLACES), orient="row").hstack(said)
    counter = PaneCounter("chat", pane_rules(settings, "chat"))
    counted = {codec.encode(pane) for _, pane in pane_records.in_order(counter.feed(frame), counter)}
    live_ones = {
        arrival.value
        for arrival in records(settings, topics.QUEUE_PANES)
        if b'"kind":"queue-pane"' in (arrival.value or b"")
    }
    assert len(counted) > 2 * DAYS * 48
    assert counted == live_ones


@pytest.mark.timeout(240)
def test_the_panes_give_the_same_signals_and_the_desk_the_same_incidents_and_the_export_the_same_story(
    kafka: HasBootstrap, settings_for: SettingsFor, tmp_path: Path
) -> None:
    channel = {"pane_seconds": 1800, "unknown_after_seconds": 1800, "partitions": 2}
    settings = settings_for(kafka, tenants={"acme": {"clock": "event"}}, channels={"chat": channel})
    export(tmp_path / "days.csv")
    (tmp_path / "map.yaml").write_text(MAPPING)
    centre = Centre(tenant="acme", time_zone="UTC", channels={"chat": CentreChannel()})
    with live.running(settings, centre, tmp_path) as path:
        meaning = mapping.load(tmp_path / "map.yaml")
        with feed.read(tmp_path / "days.csv", meaning, settings) as (events, _):
            feed.feed(events, settings, "feed-0")
            last = events.last
        assert last is not None
        path.wait(lambda: path.heard.complete_to is not None and path.heard.complete_to >= last, WAIT_SECONDS)
        path.wait(lambda: clock.elapsed() - path.listener.heard_at > live.QUIET_SECONDS, 30.0)
        assert_replayed_onto_the_bus_and_nobody_is_told(path, settings, tmp_path)
    assert_counted_offline_as_live(settings)

    signals = said_signals(settings)
    assert signals, "nothing happened"
    panes = replayed("topic:queue-panes", settings, tmp_path)
    assert (panes / "signals.jsonl").read_bytes().splitlines() == signals
    assert_desk_replayed_into_files(settings, tmp_path)
    assert (tmp_path / "topic-desk" / "incidents.jsonl").read_bytes()

    offline = replayed(str(tmp_path / "days.csv"), settings, tmp_path, "--map", str(tmp_path / "map.yaml"))
    # live, the last heartbeats tell of panes after the last contact
    told = {one.signal_id for one in map(signal_of, signals) if one.at <= last}
    assert {signal_of(line).signal_id for line in (offline / "signals.jsonl").read_bytes().splitlines()} == told
    figures = [json.loads(Path(f"{out}.json").read_text()) for out in (panes, offline)]
    assert figures[0]["contacts"] == figures[1]["contacts"] == len((tmp_path / "days.csv").read_text().splitlines()) - 1
