"""`breakwater tail` on a broker, as a person sees it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from confluent_kafka import Producer

from schemas import topics
from schemas.codec import decode, encode
from schemas.desk import DeskEntry
from schemas.incident import Incident
from streams import broker
from streams.__main__ import breakwater
from streams.config import Settings

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
INCIDENT = decode(Incident, (EXAMPLES / "incident.v1.json").read_bytes())


@pytest.fixture(params=["kafka", "embedded_broker"])
def settings(request: pytest.FixtureRequest, settings_for: Any) -> Settings:
    made: Settings = settings_for(request.getfixturevalue(request.param), channels={"voice": {"partitions": 1}})
    return made


def write(settings: Settings, topic: topics.Topic, *values: bytes) -> None:
    producer = Producer(broker.confluent_settings(settings))
    for n, value in enumerate(values):
        producer.produce(settings.topic_name(topic), value, b"key-%d" % n)
    assert producer.flush(10) == 0


def config_file(settings: Settings, tmp_path: Path) -> str:
    file = tmp_path / "breakwater.yaml"
    tree = settings.model_dump(mode="json", include={"broker", "channels"}, exclude_none=True)
    file.write_text(yaml.safe_dump(tree))
    return str(file)


def tail(settings: Settings, tmp_path: Path, *arguments: str) -> str:
    command = ["tail", *arguments, "--once", "--config", config_file(settings, tmp_path)]
    done = CliRunner().invoke(breakwater, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def desk_entry(body: str, offset: int) -> bytes:
    raw = json.loads((EXAMPLES / f"{body}.v1.json").read_text())
    entry = {"kind": "desk-entry", "tenant": raw["tenant"], "body": raw}
    entry["origin"] = {"topic": "queue-panes", "partition": 0, "offset": offset}
    return encode(decode(DeskEntry, json.dumps(entry).encode()))


def test_incidents_are_two_lines_each_and_bad_records_stop_nothing(settings: Settings, tmp_path: Path) -> None:
    write(settings, topics.INCIDENTS, encode(INCIDENT), b"{nonsense")
    shown = tail(settings, tmp_path, "incidents")
    assert f"incident {INCIDENT.phase} {INCIDENT.tenant} {INCIDENT.title}" in shown
    assert INCIDENT.incident_id in shown
    assert "cannot be read key-1: not-json" in shown


def test_signals_are_the_signals_of_the_desk_and_no_ticks(settings: Settings, tmp_path: Path) -> None:
    ticks = [desk_entry("tick", offset) for offset in range(30)]
    write(settings, topics.DESK, desk_entry("signal", 100), *ticks)
    shown = tail(settings, tmp_path, "signals")
    assert shown.count("signal opened") == 1
    assert "tick" not in shown
    assert tail(settings, tmp_path, "desk", "-n", "5").count("tick") == 5


def test_json_lines_keep_the_record_and_its_place(settings: Settings, tmp_path: Path) -> None:
    write(settings, topics.INCIDENTS, encode(INCIDENT))
    (line,) = tail(settings, tmp_path, "incidents", "--json-lines").splitlines()
    record = json.loads(line)
    assert record["value"] == json.loads(encode(INCIDENT))
    assert (record["topic"], record["key"]) == ("incidents", "key-0")


def test_the_beginning_is_the_last_few_or_a_time_or_everything(settings: Settings, tmp_path: Path) -> None:
    write(settings, topics.INCIDENTS, *[encode(INCIDENT)] * 25)
    count = f"[{INCIDENT.incident_id}]"
    assert tail(settings, tmp_path, "incidents").count(count) == 10
    assert tail(settings, tmp_path, "incidents", "--from-start").count(count) == 25
    assert tail(settings, tmp_path, "incidents", "--since", "1h").count(count) == 25
    assert tail(settings, tmp_path, "incidents", "--since", "2100-01-01T00:00:00").count(count) == 0
    assert tail(settings, tmp_path, "incidents", "--tenant", "somebody-else").count(count) == 0


def test_it_follows_until_it_is_told_to_stop(settings: Settings, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streams", "tail", "incidents", "--config", config_file(settings, tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(2):
            write(settings, topics.INCIDENTS, encode(INCIDENT))
            assert "incident open" in process.stdout.readline()
            assert INCIDENT.incident_id in process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
