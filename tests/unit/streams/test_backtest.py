"""`breakwater backtest`: configurations side by side and grids of settings on an export; what is refused."""

from __future__ import annotations

import json
import random
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas import codec
from schemas.centre import Centre
from streams import log_reader
from streams.__main__ import main
from streams.log_reader import Record
from tests.properties.pane_logs import centre_log

MAPPING = """
tenant: acme
time_zone: Europe/Berlin
times: {opened: {column: opened}}
fields: {channel: chat, queue: {column: team, otherwise: keep}, contact_id: "{id}"}
events: {offered: {at: opened}}
"""
SETTINGS = "channels: {chat: {pane_seconds: 1800, unknown_after_seconds: 900, partitions: 3}}\n"
START = datetime(2025, 3, 3)  # a Monday
DAYS = 9.0
SURGE = (datetime(2025, 3, 11, 11), datetime(2025, 3, 11, 13))
LABELS = [{"start": "2025-03-11T11:00:00", "end": "2025-03-11T14:00:00", "what": "<rush> & more", "channel": "chat"}]


def rows() -> Iterator[str]:
    """Nine days of a firm that is open all day; in SURGE two and a half times as many."""
    draw, at, n = random.Random(7), START, 0
    while at < START + timedelta(days=DAYS):
        much = 2.5 if SURGE[0] <= at < SURGE[1] else 1
        at += timedelta(seconds=draw.expovariate(much * 60 / 3600))
        n += 1
        yield f"{n},{draw.choice(('billing', 'orders'))},{at:%Y-%m-%dT%H:%M:%S}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backtest")
    (folder / "calls.csv").write_text("\n".join(["id,team,opened", *rows()]) + "\n")
    (folder / "map.yaml").write_text(MAPPING)
    (folder / "settings.yaml").write_text(SETTINGS)
    (folder / "labels.json").write_text(json.dumps(LABELS))
    for name, budget in (("calm", 0.001), ("keen", 40)):
        model = f"tenant: acme\ntime_zone: Europe/Berlin\nbudget_false_incidents_per_month: {budget}\n"
        (folder / f"{name}.yaml").write_text(model)
    return folder


def run(folder: Path, *arguments: str, source: str = "calls.csv") -> int:
    given = [str(folder / one) if (folder / one).is_file() else one for one in arguments]
    place = source if source.startswith("topic:") else str(folder / source)
    meaning = () if source.startswith("topic:") else ("--map", str(folder / "map.yaml"))
    with pytest.raises(SystemExit) as ended:
        main(["backtest", place, *meaning, "--config", str(folder / "settings.yaml"), *given])
    return int(str(ended.value.code))


def figures(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "figures.json").read_text())
    return found


def test_two_models_side_by_side_differ_in_what_they_would_have_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ("--out", str(folder / "out"), "--json", str(folder / "figures.json"))
    assert run(folder, "--centre", "calm.yaml", "--centre", "keen.yaml", "--labels", "labels.json", *files) == 0
    found = figures(folder)
    calm, keen = found["configs"]
    assert (calm["budget_a_month"], keen["budget_a_month"]) == (0.001, 40.0)
    assert keen["found"] == 1
    assert 0 < keen["delay_seconds_median"] <= 3600 + 10
    assert keen["labels"][0]["channels"] == ["chat"]
    assert keen["signals"] > calm["signals"]
    (diff,) = found["diff"]
    assert (diff["a"], diff["b"]) == ("A", "B")
    sides = {"a": calm, "b": keen}
    for side, config in sides.items():
        told = [one[side]["incident_id"] for one in diff["incidents"] if one[side]]
        assert sorted(told) == sorted(one["incident_id"] for one in config["incident_list"])
    assert any(one["where"] != "same" for one in diff["incidents"])
    page = (folder / "out" / "backtest.md").read_text()
    assert "- A = settings.yaml, calm.yaml" in page
    assert "<rush> & more" in page
    assert ElementTree.parse(folder / "out" / "backtest.svg").getroot().tag.endswith("svg")
    assert "pages a week" in capsys.readouterr().out


def test_a_grid_is_judged_and_the_setting_to_take_is_named_with_its_reason(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ("--out", str(folder / "swept"), "--json", str(folder / "figures.json"))
    grid = ("--sweep", "budget=0.001,40", "--sweep", "tolerance=1,3", "--sweep", "lateness=10,60")
    assert run(folder, *grid, "--centre", "keen.yaml", "--labels", "labels.json", *files) == 0
    found = figures(folder)
    assert len(found["settings"]) == 8
    by = {tuple(one["setting"].values()): one for one in found["settings"]}
    assert by[40.0, 1.0, 10.0]["found"] == 1
    assert by[40.0, 3.0, 10.0]["found"] == 0, "two and a half times as many lies within a band of three"
    assert by[40.0, 1.0, 60.0]["delay_seconds_median"] == by[40.0, 1.0, 10.0]["delay_seconds_median"] + 50
    assert found["recommended"]["setting"] == {"budget": 40.0, "tolerance": 1.0, "lateness": 60.0}
    assert "1 of 1 found after" in found["reason"]
    out = capsys.readouterr().out
    assert found["reason"][:60] in out
    assert "no time of arrival" in out
    assert found["reason"] in (folder / "swept" / "sweep.md").read_text()
    assert ElementTree.parse(folder / "swept" / "sweep.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--sweep", "budget=4"), "has one setting only"),
        (("--sweep", "horizon=1,2"), "no setting of a sweep; there are budget:"),
        (("--pages-a-week", "1"), "is for --sweep"),
        (("--labels", "labels.json", "--feedback"), "one truth at a time"),
        (
            ("--centre", "calm.yaml", "--centre", "keen.yaml", "--centre", "calm.yaml", "--config", "settings.yaml"),
            "2 for 3",
        ),
        (("--centre", "calm.yaml", "--centre", "keen.yaml", "--sweep", "budget=1,2"), "begins with one --config"),
        (("--centre", "calm.yaml", "--centre", "other.yaml"), "the models are of acme, other"),
        (("--centre", "other.yaml"), "is of other, the export has contacts of acme"),
        (("--labels", "early.json"), "lies outside of what was read"),
        (("--labels", "fax.json"), "is on fax; the source has chat"),
        (("--from", "2031-01-01"), "no contact came out of it"),
        (("--config", "fewer.yaml"), "compare settings of the same channels"),
        (("--topic", "contact-events"), "is for an archive"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_what_to_do(
    folder: Path, arguments: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "other.yaml").write_text("tenant: other\n")
    (folder / "early.json").write_text(json.dumps([{"start": "2020-01-01", "end": "2020-01-02", "what": "old"}]))
    (folder / "fax.json").write_text(json.dumps([LABELS[0] | {"channel": "fax"}]))
    (folder / "fewer.yaml").write_text("channels: {chat: {}, fax: {}}\n")
    assert run(folder, *arguments) == 2
    assert why in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("topic:desk", "holds signals that are made"),
        ("topic:nowhere", "has no panes to judge"),
        ("nothing.csv", "does not exist"),
    ],
)
def test_a_source_without_panes_is_refused(
    folder: Path, source: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, source=source) == 2
    assert why in " ".join(capsys.readouterr().err.split())


def on_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four hours of panes, with a crowd in the last, as they lie on `queue-panes`."""
    records = centre_log(3, 240, channels=("chat",), partitions=1, clock="event", surge=(200, 230, 4.0))
    log = [
        Record("queue-panes", 0, n, START.replace(tzinfo=UTC), b"acme", codec.encode(record), [])
        for n, record in enumerate([Centre(tenant="acme", version=7), *records])
    ]
    monkeypatch.setattr(log_reader, "read_to_end", lambda *_: iter(log))


def test_panes_of_the_bus_are_judged_under_the_model_that_is_given_instead_of_theirs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_the_bus(monkeypatch)
    files = ("--json", str(folder / "figures.json"))
    assert run(folder, "--centre", "calm.yaml", "--centre", "keen.yaml", *files, source="topic:queue-panes") == 0
    found = figures(folder)
    calm, keen = found["configs"]
    assert (calm["budget_a_month"], keen["budget_spent_a_month"]) == (0.001, None)
    (one,) = found["diff"][0]["incidents"]
    assert one["where"] == "both"
    assert "opened_at" in one["differs"]
    assert one["b"]["opened_at"] < one["a"]["opened_at"], "the keener sees it sooner"
    grid = ("--sweep", "tolerance=1,6")
    assert run(folder, *grid, "--centre", "keen.yaml", *files, source="topic:queue-panes") == 0
    all_of_it, none_of_it = figures(folder)["settings"]
    assert all_of_it["alarms"] >= 1
    assert none_of_it["alarms"] == 0, "four times as many lies within a band of six"


def test_panes_that_are_counted_cannot_be_counted_in_another_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_the_bus(monkeypatch)
    (folder / "longer.yaml").write_text(SETTINGS.replace("pane_seconds: 1800", "pane_seconds: 3600"))
    for arguments in (("--config", "longer.yaml"), ("--sweep", "pane_seconds=60,300")):
        assert run(folder, *arguments, source="topic:queue-panes") == 2
        assert "give" in capsys.readouterr().err
