"""What a worker said lies on the topics; `breakwater replay` of its logs leaves the same bytes in files."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from schemas import codec
from schemas.centre import Centre, CentreChannel
from schemas.desk import DeskEntry
from schemas.signal import Signal
from streams import clock, feed, mapping
from tests.conftest import HasBootstrap, SettingsFor
from tests.integration import live
from tests.recorded import assert_desk_replayed_into_files, replayed, said_signals

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
