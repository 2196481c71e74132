"""What a worker said lies on the topics; `breakwater replay` of its logs leaves the same bytes in files."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from schemas import codec, topics
from schemas.centre import Centre, CentreChannel
from schemas.desk import DeskEntry
from schemas.signal import Signal
from streams import clock, config, feed, mapping
from streams.__main__ import main
from streams.config import Settings
from streams.faust_handler import Arrival
from tests.conftest import HasBootstrap, SettingsFor
from tests.integration import live
from tests.recorded import records

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


def replayed(source: str, settings: Settings, folder: Path, *arguments: str) -> Path:
    """The folder of a replay."""
    config.write_yaml(folder / "replay.yaml", settings.model_dump(mode="json", exclude_defaults=True))
    out = folder / Path(source).name.replace(":", "-").replace(".", "-")
    files = ("--config", str(folder / "replay.yaml"), "--out", str(out), "--json", str(out) + ".json")
    with pytest.raises(SystemExit) as ended:
        main(["replay", source, *files, *arguments])
    assert ended.value.code == 0
    return out


def on_topic(settings: Settings, topic: topics.Topic, wanted: Callable[[Arrival], bool]) -> list[bytes]:
    """The records, partition after partition, each once."""
    said = {dict(one.headers)["ce_id"]: one.value or b"" for one in records(settings, topic) if wanted(one)}
    return list(said.values())


def is_signal(arrival: Arrival) -> bool:
    return isinstance(codec.decode(DeskEntry, arrival.value).body, Signal)


def signal_of(line: bytes) -> Signal:
    body = codec.decode(DeskEntry, line).body
    assert isinstance(body, Signal)
    return body


def by_incident(lines: Iterable[bytes]) -> dict[str, list[bytes]]:
    """The revisions of each incident in their order; two incidents may lie in two partitions."""
    found: dict[str, list[bytes]] = defaultdict(list)
    for line in lines:
        found[orjson.loads(line)["incident_id"]].append(line)
    return found


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
        path.wait(lambda: path.heard.complete_to is not None and path.heard.complete_to >= last, WAIT_SECONDS)
        path.wait(lambda: clock.elapsed() - path.listener.heard_at > live.QUIET_SECONDS, 30.0)

    signals = on_topic(settings, topics.DESK, is_signal)
    incidents = on_topic(settings, topics.INCIDENTS, lambda _: True)
    assert signals and incidents, "nothing happened"

    panes = replayed("topic:queue-panes", settings, tmp_path)
    assert (panes / "signals.jsonl").read_bytes().splitlines() == signals

    desk = replayed("topic:desk", settings, tmp_path)
    assert (desk / "signals.jsonl").read_bytes().splitlines() == signals
    assert by_incident((desk / "incidents.jsonl").read_bytes().splitlines()) == by_incident(incidents)
    for topic in (topics.STAFFING_ALERTS, topics.LOAD_SHIFT_COMMANDS):
        told = (desk / f"{topic.name}.jsonl").read_bytes().splitlines()
        assert sorted(told) == sorted(on_topic(settings, topic, lambda _: True))

    offline = replayed(str(tmp_path / "days.csv"), settings, tmp_path, "--map", str(tmp_path / "map.yaml"))
    # live, the last heartbeats tell of panes after the last contact
    told = {one.signal_id for one in map(signal_of, signals) if one.at <= last}
    assert {signal_of(line).signal_id for line in (offline / "signals.jsonl").read_bytes().splitlines()} == told
    figures = [json.loads(Path(f"{out}.json").read_text()) for out in (panes, offline)]
    assert figures[0]["contacts"] == figures[1]["contacts"] == len((tmp_path / "days.csv").read_text().splitlines()) - 1
