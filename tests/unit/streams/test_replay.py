"""`breakwater replay`: what an export or a log gives, as files; the same bytes however it came; what is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from schemas import codec, topics
from schemas.base import Origin
from schemas.contact import ContactEvent
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.fold import Output
from schemas.incident import Incident
from schemas.pane import PaneRecord, Progress, QueueCounts, QueuePane
from schemas.signal import Signal
from streams import clock, config, counting, feed, history, log_reader, mapping, replay_bus, replay_sources, tables
from streams.__main__ import main
from streams.cli import replay as cli
from streams.config import Settings
from streams.faust_handler import Arrival
from streams.frames import contacts as contact_frames
from streams.log_reader import Record
from streams.own_ticks import OwnTicks
from streams.refolding import Replay, refold
from streams.replay_state import Saved
from streams.retold import FILES, TIMELINE, Retold
from streams.roles import respond_role
from tests.desk_builder import signal

MAPPING = """
tenant: {column: firm, otherwise: keep}
time_zone: Europe/Berlin
times: {opened: {column: opened}}
fields: {channel: chat, queue: {column: team, otherwise: keep}, contact_id: "{firm}-{id}"}
events: {offered: {at: opened}}
"""
SETTINGS = "channels: {chat: {pane_seconds: 900, unknown_after_seconds: 900, partitions: 3}}\n"
START = datetime(2025, 3, 3)  # a Monday
SURGE = (datetime(2025, 3, 11, 11), datetime(2025, 3, 11, 13))
HEADER = "id,firm,team,opened"


def rows(since: datetime, days: float, firm: str = "acme", per_hour: float = 120) -> Iterator[str]:
    """Contacts of a firm that is open all day; five times as many in SURGE."""
    draw, at = random.Random(7), since
    while at < since + timedelta(days=days):
        much = 5 if SURGE[0] <= at < SURGE[1] else 1
        at += timedelta(seconds=draw.expovariate(much * per_hour / 3600))
        if at < since + timedelta(days=days):
            yield f"{at.timestamp():.6f},{firm},{draw.choice(('billing', 'orders'))},{at:%Y-%m-%dT%H:%M:%S}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay")
    (folder / "weeks.csv").write_text("\n".join([HEADER, *rows(START, 8)]) + "\n")
    (folder / "day.csv").write_text("\n".join([HEADER, *rows(START + timedelta(days=8), 0.75)]) + "\n")
    (folder / "map.yaml").write_text(MAPPING)
    (folder / "settings.yaml").write_text(SETTINGS)
    return folder


def replayed(folder: Path, source: str, out: Path, *arguments: str, meaning: bool = True) -> int:
    files = ("--map", str(folder / "map.yaml")) if meaning else ()
    with pytest.raises(SystemExit) as ended:
        main(["replay", source, *files, "--config", str(folder / "settings.yaml"), "--out", str(out), *arguments])
    return int(str(ended.value.code))


class Overheard(Replay):
    """Remembers the desk's log."""

    def entry(self, entry: DeskEntry, origin: Origin) -> None:
        DESK.append((entry, origin))
        super().entry(entry, origin)


DESK: list[tuple[DeskEntry, Origin]] = []
FIRST_CONTACT = ContactEvent(
    type="offered",
    occurred_at=datetime(2025, 3, 11, tzinfo=UTC),
    source="a test",
    tenant="acme",
    channel="chat",
    queue="billing",
)


@pytest.fixture(scope="module")
def out(folder: Path) -> Iterator[Path]:
    """The day after the weeks, replayed; DESK is what its desk heard."""
    place = folder / "out"
    learn = ("--learn-from", str(folder / "weeks.csv"), "--json", str(folder / "figures.json"))
    DESK.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, "Replay", Overheard)
        assert replayed(folder, str(folder / "day.csv"), place, *learn) == 0
    yield place


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def test_an_export_gives_signals_and_incidents_in_the_bytes_of_the_topics(folder: Path, out: Path) -> None:
    entries = [codec.decode(DeskEntry, line) for line in lines(out / "signals.jsonl")]
    bodies = [entry.body for entry in entries]
    assert [codec.encode(entry) for entry in entries] == lines(out / "signals.jsonl")
    surges = [one for one in bodies if isinstance(one, Signal) and one.signal_kind == "surge"]
    assert {(str(one.series.at), one.state) for one in surges} >= {("chat", "opened"), ("chat", "cleared")}
    opened = next(one for one in surges if one.state == "opened")
    assert SURGE[0] - timedelta(hours=1) <= opened.at.replace(tzinfo=None) <= SURGE[0] + timedelta(minutes=45)
    incidents = [codec.decode(Incident, line) for line in lines(out / "incidents.jsonl")]
    assert opened.signal_id in {symptom.signal_id for one in incidents for symptom in one.symptoms}


def test_the_figures_say_what_was_read_what_came_of_it_and_which_bytes_were_written(folder: Path, out: Path) -> None:
    figures = json.loads((folder / "figures.json").read_text())
    contacts = len(lines(folder / "day.csv")) - 1
    assert (figures["contacts"], figures["rows"], figures["refused"]) == (contacts, contacts, {})
    assert figures["panes"] == 18 * 4
    for name in ("signals", "incidents"):
        assert 0 < figures[name] <= figures["lines"][f"{name}.jsonl"] == len(lines(out / f"{name}.jsonl"))
    assert figures["staffing_alerts"] == len(lines(out / "staffing-alerts.jsonl"))
    assert figures["load_shift_commands"] == len(lines(out / "load-shift-commands.jsonl"))
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()}
    assert figures["sha256"] == digests
    assert set(digests) == {*FILES.values(), TIMELINE}
    assert figures["wall_seconds"] > 0
    assert 10e6 < figures["rss_bytes_max"] < 2e9


def test_the_timeline_tells_it_in_the_tenants_own_time(out: Path) -> None:
    told = (out / TIMELINE).read_text()
    assert "## acme, Tuesday 2025-03-11 (CET)" in told
    surge = next(line for line in told.splitlines() if "signal opened: chat surge" in line)
    assert surge.startswith("- 11:")
    assert "silence" not in told  # of what was before and after the export nothing is known
    assert "**incident open**" in told
    assert "signal revised" not in told


def test_order_packing_and_format_of_the_file_and_a_process_that_counts_change_no_byte(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *rest = lines(folder / "day.csv")
    part = rest[:600]
    (tmp_path / "plain.csv").write_bytes(b"\n".join([first, *part]) + b"\n")
    random.Random(3).shuffle(part)
    with gzip.open(tmp_path / "shuffled.csv.gz", "wb") as packed:
        packed.write(b"\n".join([first, *part]) + b"\n")
    pl.read_csv(tmp_path / "plain.csv", infer_schema=False).write_parquet(tmp_path / "plain.parquet")
    found = []
    for name in ("plain.csv", "shuffled.csv.gz", "plain.parquet"):
        assert replayed(folder, str(tmp_path / name), tmp_path / f"{name}.out", "--json", str(tmp_path / "f.json")) == 0
        figures = json.loads((tmp_path / "f.json").read_text())
        assert figures["contacts"] == 600
        found.append(figures["sha256"])
        monkeypatch.setattr(counting, "APART_CONTACTS", 600)  # the first one alone is counted in a thread
    assert found[0] == found[1] == found[2]


def test_contacts_as_they_are_need_no_mapping_and_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    first, *rest = (folder / "day.csv").read_text().splitlines()
    (tmp_path / "part.csv").write_text("\n".join([first, *rest[:600]]) + "\n")
    (tmp_path / "centre.yaml").write_text("tenant: acme\ntime_zone: Europe/Berlin\nchannels: {chat: {}}\n")
    meaning, chosen = mapping.load(folder / "map.yaml"), config.load(folder / "settings.yaml", environment={})
    with feed.read(tmp_path / "part.csv", meaning, chosen) as (events, _):
        frame = contact_frames.of_events(feed.contacts(events, "a test"))
    beat = msgspec.structs.replace(FIRST_CONTACT, type="heartbeat", queue="", queues=["*"])
    odd = contact_frames.of_events([None, beat, msgspec.structs.replace(FIRST_CONTACT, channel="fax")])
    pl.concat([odd, frame[::-1]]).write_parquet(tmp_path / "contacts.parquet")
    found = []
    for source, mapped in (("part.csv", True), ("contacts.parquet", False)):
        options = ("--centre", str(tmp_path / "centre.yaml"), "--json", str(tmp_path / "f.json"))
        assert replayed(folder, str(tmp_path / source), tmp_path / f"{source}.out", *options, meaning=mapped) == 0
        found.append(json.loads((tmp_path / "f.json").read_text()))
    assert found[0]["sha256"] == found[1]["sha256"]
    assert [one["contacts"] for one in found] == [600, 600]
    assert found[1]["refused"] == {"unknown-channel": 1, "unreadable": 1}
    assert found[1]["left_out"] == 1  # a heartbeat: the replay has its own


def test_a_range_is_in_the_exports_own_time(folder: Path, tmp_path: Path) -> None:
    span = ("--from", "2025-03-11T01:00", "--to", "2025-03-11T02:00", "--json", str(tmp_path / "f.json"))
    assert replayed(folder, str(folder / "day.csv"), tmp_path / "out", *span) == 0
    inside = [line for line in (folder / "day.csv").read_text().splitlines() if ",2025-03-11T01:" in line]
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["contacts"] == len(inside) > 50
    assert figures["outside_range"] == figures["rows"] - len(inside)


def test_parquet_holds_the_same_records_with_columns_to_look_at(folder: Path, out: Path, tmp_path: Path) -> None:
    learn = ("--learn-from", str(folder / "weeks.csv"), "--json", str(tmp_path / "f.json"))
    assert replayed(folder, str(folder / "day.csv"), tmp_path / "tables", *learn, "--format", "parquet") == 0
    for kind, name in FILES.items():
        table = pl.read_parquet((tmp_path / "tables" / name).with_suffix(".parquet"))
        assert table["json"].to_list() == [line.decode() for line in lines(out / name)]
        assert table.schema == pl.Schema(tables.SAID[kind][0])
    incidents = pl.read_parquet(tmp_path / "tables" / "incidents.parquet")
    assert incidents.filter(phase="open")["channels"].to_list()[0] == ["chat"]
    made = sorted(path.name for path in (tmp_path / "tables").iterdir())
    assert made == sorted(json.loads((tmp_path / "f.json").read_text())["sha256"])
    assert not [name for name in made if name.endswith(".jsonl")]


def ids(out: Path) -> list[tuple[str, str, str]]:
    bodies = [codec.decode(DeskEntry, line).body for line in lines(out / "signals.jsonl")]
    signals = [(one.signal_id, one.state, str(one.at)) for one in bodies if isinstance(one, Signal)]
    incidents = [codec.decode(Incident, line) for line in lines(out / "incidents.jsonl")]
    return signals + [(one.incident_id, one.phase, str(one.revision)) for one in incidents]


def test_a_replay_goes_on_where_another_ended(folder: Path, out: Path, tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    noon = "2025-03-11T12:00"  # in the middle of the surge
    first = ("--learn-from", str(folder / "weeks.csv"), "--to", noon, *state)
    assert replayed(folder, str(folder / "day.csv"), tmp_path / "one", *first) == 0
    assert replayed(folder, str(folder / "day.csv"), tmp_path / "two", "--from", noon, *state) == 0
    assert ids(tmp_path / "one"), "nothing was begun"
    assert any(state == "cleared" for _, state, _ in ids(tmp_path / "two"))
    assert sorted(ids(tmp_path / "one") + ids(tmp_path / "two")) == sorted(ids(out))


@pytest.mark.parametrize(
    ("content", "source", "said"),
    [
        (b"rubbish", "day.csv", "is no state of a replay"),
        (msgspec.msgpack.encode({"version": 2}), "day.csv", "is of version 2, this release reads up to 1"),
        (msgspec.msgpack.encode(Saved(of="desk")), "day.csv", "was learned from desk, this is contacts"),
        (msgspec.msgpack.encode(Saved(of="contacts")), "--learn-from", "holds what was learned already"),
    ],
)
def test_a_state_that_cannot_be_gone_on_from_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, source: str, said: str
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "folds.state").write_bytes(content)
    learn = ("--learn-from", str(folder / "weeks.csv")) if source == "--learn-from" else ()
    options = ("--state", str(tmp_path / "state"), *learn)
    assert replayed(folder, str(folder / "day.csv"), tmp_path / "out", *options) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")
    assert (tmp_path / "state" / "folds.state").read_bytes() == content


def test_at_a_chosen_speed_the_timeline_is_told_as_it_goes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        told[0] += seconds

    monkeypatch.setattr(clock, "elapsed", lambda: told[0])
    monkeypatch.setattr(clock, "sleep", sleep)
    assert replayed(folder, str(folder / "day.csv"), tmp_path / "out", "--speed", "3600") == 0
    assert sum(slept) == pytest.approx(18 - 0.25, abs=0.5)  # hours of panes, the first at once
    said = capsys.readouterr().out
    assert all(line in said for line in (tmp_path / "out" / TIMELINE).read_text().splitlines())


@pytest.mark.parametrize("prefix", ["replay.", "replay.run-1.", "replay.run-1.acme."])
def test_no_settings_can_make_anybody_read_what_was_replayed(prefix: str) -> None:
    with pytest.raises(BadConfig, match=r"broker\.topic_prefix: replay\. is of replays: .* pages nobody"):
        config.load(environment={}, broker={"topic_prefix": prefix})
    mine = replay_bus.settings_of(config.load(environment={}, broker={"topic_prefix": "acme."}), "run-1")
    assert mine.topic_name(topics.INCIDENTS) == "replay.run-1.acme.incidents"


@pytest.mark.parametrize("run", ["", "Run", "a.b", "-a", "a" * 41])
def test_a_run_has_a_name_that_a_topic_can_have(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], run: str
) -> None:
    assert replayed(folder, str(folder / "day.csv"), tmp_path / "out", f"--onto-bus={run}") == 2
    assert "--onto-bus: " in capsys.readouterr().err


# ---- what is refused


def cut_parquet(folder: Path, place: Path) -> str:
    whole = place / "whole.parquet"
    pl.read_csv(folder / "day.csv", infer_schema=False).write_parquet(whole)
    (place / "cut.parquet").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return str(place / "cut.parquet")


def rubbish_parquet(folder: Path, place: Path) -> str:
    cut_parquet(folder, place)
    raw = bytearray((place / "whole.parquet").read_bytes())
    raw[100 : len(raw) - 2000] = bytes(len(raw) - 2100)
    (place / "rubbish.parquet").write_bytes(raw)
    return str(place / "rubbish.parquet")


@pytest.mark.parametrize("spoil", [cut_parquet, rubbish_parquet])
def test_a_spoilt_parquet_file_is_refused_and_leaves_what_was_there(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Any
) -> None:
    before = tmp_path / "out" / "signals.jsonl"
    before.parent.mkdir()
    before.write_text("of before\n")
    assert replayed(folder, spoil(folder, tmp_path), tmp_path / "out") == 2
    assert "cannot be read" in capsys.readouterr().err
    assert [path.name for path in before.parent.iterdir()] == ["signals.jsonl"]
    assert before.read_text() == "of before\n"


@pytest.mark.parametrize(
    ("source", "arguments", "meaning", "said"),
    [
        ("day.csv", (), False, "--map: is needed"),
        ("gone.csv", (), True, "does not exist: give a file, a folder, an archive, or one of topic:queue-panes"),
        ("day.csv", ("--from", "2026-01-01"), True, "no contact came out of it"),
        ("day.csv", ("--from", "soon"), True, "no ISO 8601 time"),
        ("day.csv", ("--learn-from", "day.csv"), True, "--learn-from: holds less than 1 day of acme"),
        ("topic:incidents", (), False, "is no log of a fold: give topic:queue-panes or topic:desk"),
        ("topic:desk", (), True, "--map: is for an export"),
    ],
)
def test_wrong_use_is_refused_with_what_to_do(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    source: str,
    arguments: tuple[str, ...],
    meaning: bool,
    said: str,
) -> None:
    given = [str(folder / one) if one.endswith(".csv") else one for one in arguments]
    place = source if ":" in source else str(folder / source)
    assert replayed(folder, place, tmp_path / "out", *given, meaning=meaning) == 2
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_a_model_of_somebody_else_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "centre.yaml").write_text("tenant: bank\ntime_zone: UTC\nchannels: {chat: {}}\n")
    model = ("--centre", str(tmp_path / "centre.yaml"))
    assert replayed(folder, str(folder / "day.csv"), tmp_path / "out", *model) == 2
    assert "--centre: is of bank, the export has contacts of acme" in capsys.readouterr().err


def test_a_broker_that_is_away_is_said_with_its_own_code(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "away.yaml").write_text("broker: {bootstrap: ['127.0.0.1:1']}\n")
    assert replayed(folder, "topic:desk", tmp_path / "out", "--config", str(tmp_path / "away.yaml"), meaning=False) == 3


def test_a_place_that_cannot_be_written_is_said_with_its_own_code(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert replayed(folder, str(folder / "day.csv"), tmp_path / "file" / "out") == 3
    assert "make room or leave to write there" in capsys.readouterr().err


# ---- logs


@pytest.fixture(scope="module")
def settings(folder: Path) -> Settings:
    return config.load(folder / "settings.yaml", environment={})


def contact(at: datetime, tenant: str, channel: str, n: int) -> ContactEvent:
    return ContactEvent(
        type="offered",
        occurred_at=at,
        tenant=tenant,
        channel=channel,
        queue="q",
        contact_id=str(n),
        event_id=f"e{n}",
        source="a test",
    )


def contacts_of_two() -> list[ContactEvent]:
    start = datetime(2025, 3, 3, tzinfo=UTC)
    return [
        contact(start + timedelta(seconds=37 * n), ("acme", "bank")[n % 2], ("chat", "voice")[n % 3 == 0], n)
        for n in range(400)
    ]


@pytest.mark.parametrize("batch", [1, 7, 100_000])
def test_however_contacts_are_batched_the_same_panes_close_in_an_order_of_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    events = contacts_of_two()
    lanes = {(event.tenant, event.channel) for event in events}
    both = settings.model_copy(update={"channels": settings.channels | {"voice": settings.channels["chat"]}})
    whole = list(history.closed(events, lanes, both, events[0].occurred_at))
    monkeypatch.setattr(history, "REPORT_EVERY", batch)
    again = list(history.closed(events, lanes, both, events[0].occurred_at))
    assert sorted(map(codec.encode, whole)) == sorted(map(codec.encode, again))
    ends = [record.complete_to for record in again if isinstance(record, QueuePane)]
    assert ends == sorted(ends)
    assert sum(q.offered for r in again if isinstance(r, QueuePane) for q in r.queues.values()) == len(events)


def test_a_contact_that_is_told_twice_counts_once_and_is_named(settings: Settings) -> None:
    events = [event for event in contacts_of_two() if event.channel == "chat"]
    noted: Counter[str] = Counter()
    twice = [one for event in events for one in (event, event)]
    panes = history.closed(twice, {("acme", "chat"), ("bank", "chat")}, settings, events[0].occurred_at, noted=noted)
    offered = sum(q.offered for pane in panes if isinstance(pane, QueuePane) for q in pane.queues.values())
    assert (offered, noted) == (len(events), {"duplicate": len(events)})


def pane(start: int, offered: int, partition: int = 0) -> QueuePane:
    begins = datetime(2025, 3, 3, tzinfo=UTC) + timedelta(seconds=start)
    return QueuePane(
        tenant="acme",
        channel="chat",
        pane_start=begins,
        pane_seconds=60,
        partition=partition,
        version=start,
        final=True,
        complete_to=begins + timedelta(seconds=60),
        queues={"q": QueueCounts(offered=offered)},
    )


def test_a_pane_that_a_restart_wrote_again_is_counted_once() -> None:
    counted = replay_sources.Counted()
    told: list[PaneRecord] = [
        Progress(at=datetime(2025, 3, 3, tzinfo=UTC), read_to={}, partitions={}),
        pane(0, 3),
        pane(0, 2, partition=1),
        pane(60, 4),
        pane(0, 3),
        pane(60, 4),
        msgspec.structs.replace(pane(120, 9), final=False),
        pane(120, 5),
    ]
    for record in told:
        counted.hear(record)
    assert (counted.contacts, counted.panes) == (3 + 2 + 4 + 5, 4)


def of_topic(
    settings: Settings, log: list[Record], monkeypatch: pytest.MonkeyPatch, out: Path, window: Any = (None, None)
) -> Retold:
    def read(_settings: Any, _topics: Any, start: log_reader.Start, wanted: Any) -> Iterator[Record]:
        return (record for record in log if (start.since is None or record.at >= start.since) and wanted(record))

    monkeypatch.setattr(log_reader, "read_to_end", read)
    with Retold(out) as retold:
        replay = Replay(settings, retold.output)
        replay_sources.of_topic(settings, "desk", window, replay, retold, lambda _what, _n: None)
    return retold


def said(at: float, offset: int, tenant: str = "shop", partition: int = 0) -> DeskEntry:
    body = msgspec.structs.replace(signal("chat", "surge", at, ratio=4.0), tenant=tenant)
    return DeskEntry(tenant=tenant, origin=Origin(topic="queue-panes", partition=partition, offset=offset), body=body)


def record(entry: DeskEntry, partition: int, offset: int) -> Record:
    at = datetime(2025, 3, 3, tzinfo=UTC) + timedelta(minutes=offset)
    return Record("desk", partition, offset, at, entry.tenant.encode(), codec.encode(entry), [])


def test_what_was_sent_again_after_a_kill_and_what_cannot_be_read_changes_no_byte(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = [record(said(600.0 * n, n), 0, n) for n in range(4)]
    bad = Record("desk", 0, 2, once[1].at, b"shop", b"{rubbish", [])
    again = [*once[:2], bad, *once[:2], *once[2:]]
    log = [one._replace(offset=n) for n, one in enumerate(again)]
    straight = of_topic(settings, once, monkeypatch, tmp_path / "a")
    repeated = of_topic(settings, log, monkeypatch, tmp_path / "b")
    assert straight.sha256["signals.jsonl"] == repeated.sha256["signals.jsonl"]
    assert straight.counts() == repeated.counts()
    assert straight.lines["signals.jsonl"] == 4
    assert straight.counts()["incidents.jsonl"] > 0


def test_which_partition_was_read_first_changes_no_byte(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = [
        [record(said(600.0 * n, n, tenant, partition), partition, n) for n in range(3)]
        for partition, tenant in ((0, "shop"), (3, "acme"))
    ]
    ways = [[*logs[0], *logs[1]], [*logs[1], *logs[0]], [one for pair in zip(*logs, strict=True) for one in pair]]
    found = [of_topic(settings, way, monkeypatch, tmp_path / str(n)).sha256 for n, way in enumerate(ways)]
    assert found[0] == found[1] == found[2]
    told = (tmp_path / "0" / TIMELINE).read_text()
    assert told.index("## acme, ") < told.index("## shop, ")


def test_a_range_of_a_topic_ends_before_its_end_and_one_without_records_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = [record(said(600.0 * n, n), 0, n) for n in range(4)]
    retold = of_topic(settings, log, monkeypatch, tmp_path / "a", (log[1].at, log[3].at))
    assert lines(tmp_path / "a" / "signals.jsonl") == [log[1].value, log[2].value]
    assert retold.lines["signals.jsonl"] == 2
    with pytest.raises(BadConfig, match="holds no record in that range"):
        of_topic(settings, log, monkeypatch, tmp_path / "b", (log[3].at + timedelta(days=1), None))
    assert list((tmp_path / "b").iterdir()) == []


def test_the_desk_that_was_made_of_panes_gives_the_same_bytes_as_a_log(settings: Settings, out: Path) -> None:
    log = [
        Arrival("desk", place.partition, place.offset, entry.tenant.encode(), codec.encode(entry), [], START)
        for entry, place in DESK
    ]
    said = [codec.encode(one.value) for one in refold(respond_role(settings, OwnTicks(settings)), log) if is_told(one)]
    assert said == lines(out / "incidents.jsonl")


def is_told(output: Output) -> bool:
    return output.topic is topics.INCIDENTS
