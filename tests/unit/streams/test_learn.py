"""Weeks learned from history: what becomes of them, and what is refused."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from detectors.pipeline import DetectionFold, DetectParams
from schemas.base import Origin
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.pane import Progress, QueueCounts, QueuePane, SourceCover
from schemas.signal import Load, Signal
from streams import config, feed, history, learned, mapping
from streams.__main__ import main

MAPPING = """
tenant: {column: firm}
time_zone: UTC
times: {opened: {column: opened}}
fields: {channel: chat, queue: {column: team}, contact_id: "{id}"}
events: {offered: {at: opened}}
"""
SETTINGS = "channels: {chat: {pane_seconds: 300, unknown_after_seconds: 150, partitions: 3}}\n"
START = datetime(2025, 3, 3, tzinfo=UTC)


def export(path: Path, days: float, *, per_hour: float = 20, firm: str = "acme") -> None:
    draw, at, lines = random.Random(5), START, ["id,firm,team,opened"]
    end = START + timedelta(days=days)
    while at < end:
        open_now = 8 <= at.hour < 20
        at += timedelta(seconds=draw.expovariate(per_hour / 3600 if open_now else per_hour / 36_000))
        team = "claims" if len(lines) % 200 == 0 else "billing" if draw.random() < 0.7 else "orders"
        lines.append(f"{len(lines)},{firm},{team},{at:%Y-%m-%dT%H:%M:%S}")
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learn")
    export(folder / "weeks.csv", 8)
    (folder / "map.yaml").write_text(MAPPING)
    (folder / "settings.yaml").write_text(SETTINGS)
    return folder


def learn(folder: Path, *arguments: str, origin: str = "weeks.csv", tenant: str = "acme") -> int:
    files = ("--map", str(folder / "map.yaml"), "--config", str(folder / "settings.yaml"))
    with pytest.raises(SystemExit) as ended:
        main(["learn", "--from", str(folder / origin), "--tenant", tenant, "--dry-run", *files, *arguments])
    return int(str(ended.value.code))


def test_a_dry_run_says_what_is_known_of_the_week_and_what_is_too_thin(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert learn(folder, "--json", str(folder / "figures.json")) == 0
    said = capsys.readouterr().out
    assert "Nothing was written" in said
    assert "Less than two weeks" in said
    figures = json.loads((folder / "figures.json").read_text())
    rows = {row["queue"]: row for row in figures["series"]["chat"]}
    assert set(rows) == {"", "billing", "orders", "claims"}
    assert rows[""]["weeks"] == pytest.approx(8 / 7, rel=0.05)
    assert rows[""]["share"] > rows["claims"]["share"]
    assert rows["claims"]["thin"]
    assert "too thin" in said


@pytest.mark.parametrize(
    ("arguments", "what", "code"),
    [
        (("--since", "2026-01-01"), "--tenant: acme has no contacts in the export: there is nobody", 2),
        (("--before", "2025-03-03T09:00"), "less than 1 day of acme", 2),
        (("--since", "yesterday"), "no ISO 8601", 2),
    ],
)
def test_history_that_says_nothing_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], what: str, code: int
) -> None:
    assert learn(folder, *arguments) == code
    assert what in capsys.readouterr().err


def test_another_tenant_or_a_place_that_is_not_there_is_refused_by_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert learn(folder, tenant="nobody") == 2
    assert "nobody has no contacts in the export: there is acme" in capsys.readouterr().err
    assert learn(folder, origin="gone.csv") == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_folder_is_read_file_by_file(folder: Path, tmp_path: Path) -> None:
    text = (folder / "weeks.csv").read_text().splitlines()
    half = len(text) // 2
    (tmp_path / "b.csv").write_text("\n".join([text[0], *text[1:half]]) + "\n")
    (tmp_path / "a.csv").write_text("\n".join([text[0], *text[half:]]) + "\n")
    settings = config.load(folder / "settings.yaml", environment={})
    meaning = mapping.load(folder / "map.yaml")
    with feed.read(tmp_path, meaning, settings) as (parts, report):
        apart = [row[0] for row in parts]
    with feed.read(folder / "weeks.csv", meaning, settings) as (whole, _):
        assert apart == [row[0] for row in whole]
    assert report.read == len(text) - 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadConfig), feed.read(tmp_path / "empty", meaning, settings):
        pass


# ---- what a live stream makes of it


@pytest.fixture(scope="module")
def found(folder: Path) -> learned.Learned:
    settings = config.load(folder / "settings.yaml", environment={})
    with feed.read(folder / "weeks.csv", mapping.load(folder / "map.yaml"), settings) as (events, _):
        return learned.bootstrap(settings, Centre(tenant="acme"), history.of_export(events, settings, "acme"))


def live(first: datetime, panes: int, billing: int, orders: int, clock: str = "system") -> list[QueuePane | Progress]:
    """Panes of two partitions from `first` on, with one source."""
    records: list[QueuePane | Progress] = [
        Progress(at=first, read_to={}, partitions={"contact-events.chat": 1}, idle_close_seconds={})
    ]
    for n in range(panes):
        start = first + timedelta(seconds=300 * n)
        end = start + timedelta(seconds=300)
        records.append(
            QueuePane(
                tenant="acme",
                channel="chat",
                pane_start=start,
                pane_seconds=300,
                partition=0,
                version=n + 1,
                final=True,
                complete_to=end,
                queues={"billing": QueueCounts(offered=billing), "orders": QueueCounts(offered=orders)},
                sources={"acd": SourceCover(queues=["*"], delivered_to=end, covers=True)},
                clock=clock,  # type: ignore[arg-type]
            )
        )
    return records


def said(fold: DetectionFold, records: list[QueuePane | Progress]) -> tuple[list[Signal], list[Load]]:
    signals, loads = [], []
    for n, record in enumerate(records):
        for output in fold.step(record, Origin(topic="queue-panes", partition=0, offset=n)):
            assert isinstance(output.value, DeskEntry)
            body = output.value.body
            if isinstance(body, Signal):
                signals.append(body)
            elif isinstance(body, Load):
                loads.append(body)
    return signals, loads


@pytest.mark.parametrize("weeks_later", [0, 1, 9])
def test_a_live_stream_begins_with_what_was_learned_and_without_what_was_going_on(
    found: learned.Learned, weeks_later: int
) -> None:
    fold = DetectionFold(DetectParams())
    fold.restore(found.entries)
    assert fold.complaints == []
    monday = START + timedelta(weeks=2 + weeks_later, hours=10)
    signals, loads = said(fold, live(monday, 6, 1, 1))
    assert signals == []
    rows = {row.at.queue: row for row in loads[-1].loads}
    assert rows[None].expected == pytest.approx(20 / 12, rel=0.4)
    surge, _ = said(fold, live(monday + timedelta(minutes=30), 12, 15, 5)[1:])
    assert ("surge", "chat") in {(s.signal_kind, str(s.series.at)) for s in surge}
    assert not any(s.signal_kind == "telemetry-lost" for s in signals + surge)


def test_entries_are_the_tenants_alone(found: learned.Learned) -> None:
    assert all(learned.is_of("acme", name) for name in found.entries)
    assert not any(learned.is_of("ac", name) for name in found.entries)


def test_panes_of_the_bus_are_the_same_history_as_the_export(folder: Path, found: learned.Learned) -> None:
    settings = config.load(folder / "settings.yaml", environment={})
    with feed.read(folder / "weeks.csv", mapping.load(folder / "map.yaml"), settings) as (events, _):
        records = list(history.of_export(events, settings, "acme"))
    panes = [record for record in records if isinstance(record, QueuePane)]
    # as they lie on the bus: the system's clock, a partition that is not the first, any order
    shuffled = [msgspec.structs.replace(pane, clock="system", partition=4) for pane in reversed(panes)]
    again = learned.bootstrap(settings, Centre(tenant="acme"), history.in_order(shuffled))
    assert again.entries == found.entries
    assert (again.first, again.last, again.panes) == (found.first, found.last, found.panes)
