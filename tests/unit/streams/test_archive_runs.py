"""What an archive holds, how it is read, and what is said where it is damaged, doubled, full or of another topic."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import polars as pl
import pytest

from schemas.errors import BadConfig, Unavailable
from streams import clock
from streams.__main__ import main
from streams.archive import check, plan, reader, upkeep
from streams.archive import manifest as archive_manifest
from streams.archive import rows as archive_rows
from streams.archive import writer as archive_writer
from streams.archive.manifest import Manifest, Segment
from streams.archive.plan import Facts, Range
from streams.archive.process import WriterProcess
from streams.archive.rows import Place
from streams.archive.store import Store, open_store
from streams.archive.writer import Writer
from streams.faust_handler import Arrival
from streams.frames import contacts
from tests.archives import (
    BYTES_MAX,
    DESK,
    START,
    VOICE,
    FailingFolder,
    archive,
    contact,
    flat,
    log,
    taken,
)

DAY = timedelta(days=1)


def read(place: object, topic: str = VOICE, *window: datetime | None) -> list[Arrival]:
    found = reader.arrivals(place, topic, *window)  # type: ignore[arg-type]
    return [one._replace(headers=list(one.headers)) for one in found]


def problems(refused: pytest.ExceptionInfo[BadConfig]) -> str:
    return str(refused.value)


def piece_file(folder: Path, manifest: Manifest, number: int = 0) -> Path:
    return folder / VOICE / list(manifest.pieces())[number].path


def replaced(store: Store, change: Callable[[pl.DataFrame], pl.DataFrame]) -> str:
    """Writes the first file of an archive anew, as another release would have written it; returns its path."""
    manifest = archive_manifest.load(store, VOICE)
    first, *rest = manifest.segments
    piece, *others = first.pieces
    rows = change(reader.read_piece(store, VOICE, piece))
    of = Range(VOICE, first.partition, first.begin, first.end)
    anew = archive_writer.write_piece(store, VOICE, of, Place(piece.tenant, piece.channel, piece.day), rows)
    segment = msgspec.structs.replace(first, pieces=(anew, *others))
    archive_manifest.commit(store, msgspec.structs.replace(manifest, segments=(segment, *rest)))
    return anew.path


# ---- what is kept


@pytest.mark.parametrize("place", ["folder", "memory://archive-kept"])
def test_records_come_back_to_the_byte_from_a_folder_and_from_an_object_store(place: str, tmp_path: Path) -> None:
    where = str(tmp_path) if place == "folder" else place
    odd = [
        contact(0, 0, START),
        Arrival(VOICE, 0, 1, None, b"{", [], START),
        Arrival(VOICE, 0, 4, b"acme|billing", None, [("a", b""), ("a", b"2")], START),
        Arrival(VOICE, 0, 5, b"\xff|x", b'{"type":"sneezed"}', [("only", b"\x00\xff")], START + DAY),
    ]
    archive(open_store(where), {0: odd})
    assert read(where) == odd
    assert read(where, "contact-events") == odd
    frame = reader.frame(where, VOICE).sort("offset").collect()
    assert dict(frame.schema) == {"topic": pl.String(), **archive_rows.CONTACT_COLUMNS}
    assert frame["unreadable"].to_list()[0] is None
    reasons = [text.split()[0] for text in frame["unreadable"].to_list()[1:]]
    assert reasons == ["not-json", "empty", "unknown-type:"]
    assert frame["type"].to_list() == ["offered", None, None, None]
    event = next(contacts.events_of(frame.head(1)))
    assert event is not None and (event.event_id, event.occurred_at) == ("0", START)


def test_a_file_is_of_one_tenant_channel_and_utc_day_of_arrival(tmp_path: Path) -> None:
    names = ["acme", "ACME", "../../etc", "a" * 200, "名前", ""]
    records = {0: [contact(0, n, START + timedelta(hours=n), tenant) for n, tenant in enumerate(names * 2)]}
    archive(open_store(str(tmp_path)), records)
    manifest = archive_manifest.load(open_store(str(tmp_path)), VOICE)
    for piece in manifest.pieces():
        rows = pl.read_parquet(tmp_path / VOICE / piece.path)
        assert rows["tenant"].unique().to_list() == [piece.tenant]
        assert rows["arrived_at"].dt.date().unique().to_list() == [piece.day]
    assert {piece.tenant for piece in manifest.pieces()} == set(names)
    assert len({piece.path.lower() for piece in manifest.pieces()}) == len(list(manifest.pieces()))
    assert read(tmp_path) == flat(records)


def test_records_of_other_topics_are_of_the_tenant_that_they_name(tmp_path: Path) -> None:
    values = [b'{"tenant":"bo","channel":"chat"}', b"{}", b"no json", None]
    records = {0: [Arrival(DESK, 0, n, b"acme|i-1", value, [], START) for n, value in enumerate(values)]}
    archive(open_store(str(tmp_path)), records, DESK)
    frame = reader.frame(tmp_path, DESK).sort("offset").collect()
    assert frame.select("tenant", "channel").rows() == [("bo", "chat"), ("acme", ""), ("acme", ""), ("acme", "")]
    assert read(tmp_path, DESK) == flat(records)


def test_a_range_is_one_of_arrival_and_ends_before_its_end(tmp_path: Path) -> None:
    records = log(60)
    archive(open_store(str(tmp_path)), records)
    since, before = START + timedelta(hours=7), START + timedelta(hours=31)
    wanted = [one for one in flat(records) if since <= one.at < before]
    assert read(tmp_path, VOICE, since, before) == wanted
    assert reader.frame(tmp_path, VOICE, since, before).collect().height == len(wanted) == 48
    berlin = since.astimezone().replace(tzinfo=None).astimezone()  # the same moment in this machine's zone
    assert read(tmp_path, VOICE, berlin, before) == wanted
    assert read(tmp_path, VOICE, START + 90 * DAY) == []
    assert reader.frame(tmp_path, VOICE, START + 90 * DAY).collect().is_empty()


# ---- which offsets are read


@pytest.mark.parametrize(
    ("known", "facts", "ranges", "lost"),
    [
        ([], Facts(0, 10), [(0, 10)], []),
        ([], Facts(4, 10), [(4, 10)], [(0, 4)]),
        ([(0, 10)], Facts(0, 10), [], []),
        ([(0, 10)], Facts(0, 15), [(10, 15)], []),
        ([(0, 10)], Facts(13, 15), [(13, 15)], [(10, 13)]),
        ([(0, 10)], Facts(15, 15), [], [(10, 15)]),
        ([(4, 6), (8, 10)], Facts(0, 12), [(6, 8), (10, 12)], []),
        ([(4, 10)], Facts(0, 12, since=2, before=11), [(2, 4), (10, 11)], []),
        ([(0, 3)], Facts(7, 12, since=7), [(7, 12)], [(3, 7)]),
        ([(0, 3)], Facts(2, 12, since=9), [(9, 12)], []),
        ([], Facts(0, 12, since=12), [], []),
    ],
)
def test_what_is_missing_is_read_and_what_retention_took_is_noted(
    known: list[tuple[int, int]], facts: Facts, ranges: list[tuple[int, int]], lost: list[tuple[int, int]]
) -> None:
    segments = tuple(Segment(partition=0, begin=begin, end=end) for begin, end in known)
    found = plan.todo(Manifest(topic=VOICE, segments=segments), 0, facts)
    assert [one[2:] for one in found.ranges] == ranges
    assert [one[2:] for one in found.lost] == lost


def test_a_topic_that_ends_before_its_archive_or_has_fewer_partitions_is_another() -> None:
    manifest = Manifest(topic=VOICE, segments=(Segment(partition=1, begin=0, end=10),))
    assert plan.is_another(manifest, {0: Facts(0, 3), 1: Facts(0, 10)}) is None
    assert "ends at offset 9, and 10 were archived" in (plan.is_another(manifest, {1: Facts(0, 9)}) or "")
    assert plan.is_another(manifest, {0: Facts(0, 10)}) == "it has no partition 1"


def test_what_retention_took_before_it_was_archived_is_in_the_manifest_and_does_not_stop_a_reader(
    tmp_path: Path,
) -> None:
    store, records = open_store(str(tmp_path)), log(30, partitions=1)
    archive(store, {0: records[0][:10]})
    written = archive(store, {0: records[0][17:]}, first=17)
    assert written.lost_offsets == 7
    gone = archive_manifest.load(store, VOICE).lost
    assert [(one.partition, one.begin, one.end) for one in gone] == [(0, 10, 17)]
    assert reader.lost(tmp_path, VOICE) == list(gone)
    assert read(tmp_path) == [*records[0][:10], *records[0][17:]]


def test_offsets_that_nobody_archived_are_missed_by_name(tmp_path: Path) -> None:
    store, records = open_store(str(tmp_path)), log(30, partitions=1)
    archive(store, records, raw_bytes_max=1)
    manifest = archive_manifest.load(store, VOICE)
    without = tuple(one for one in manifest.segments if one.begin != 14)
    archive_manifest.commit(store, msgspec.structs.replace(manifest, segments=without))
    with pytest.raises(BadConfig) as refused:
        read(tmp_path)
    assert f"offsets 14 to 21 of {VOICE}/0 were not archived: run `breakwater archive`" in problems(refused)
    with pytest.raises(BadConfig):
        reader.frame(tmp_path, VOICE)
    assert len(read(tmp_path, VOICE, None, START + timedelta(hours=14))) == 14  # a range without them
    archive(store, records)  # the next run fills it
    assert read(tmp_path) == flat(records)


# ---- two of them


def test_two_archives_of_the_same_offsets_are_read_as_one(tmp_path: Path) -> None:
    records = log(30)
    one, other = tmp_path / "one", tmp_path / "other"
    archive(open_store(str(one)), {number: ours[:20] for number, ours in records.items()}, poll=20)
    archive(open_store(str(other)), {number: ours[11:] for number, ours in records.items()}, first=11, poll=9)
    assert read([one, other]) == read([other, one]) == flat(records)
    frame = reader.frame([one, other], VOICE).collect()
    assert frame.height == 60 and frame.select("partition", "offset").n_unique() == 60
    assert reader.lost([one, other], VOICE) == []


def test_archives_of_two_topics_of_one_name_are_not_mixed(tmp_path: Path) -> None:
    for name in ("one", "other"):
        archive(open_store(str(tmp_path / name)), log(5), topic_id=name)
    with pytest.raises(BadConfig) as refused:
        read([tmp_path / "one", tmp_path / "other"])
    assert "hold different topics that both had the name" in problems(refused)


def test_a_manifest_that_says_an_offset_twice_is_refused(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    archive(store, log(10, partitions=1))
    manifest = archive_manifest.load(store, VOICE)
    again = msgspec.structs.replace(manifest.segments[0], begin=manifest.segments[0].begin + 1)
    archive_manifest.commit(store, msgspec.structs.replace(manifest, segments=(*manifest.segments, again)))
    with pytest.raises(BadConfig) as refused:
        read(tmp_path)
    assert "twice: it was changed by hand; restore version 1" in problems(refused)


def test_of_two_writers_at_once_the_second_is_refused_and_nothing_counts_twice(tmp_path: Path) -> None:
    store, records = open_store(str(tmp_path)), log(20, partitions=1)
    archive(store, {0: records[0][:5]})
    manifests = {VOICE: archive_manifest.load(store, VOICE)}
    writers = [Writer(store, manifests, BYTES_MAX), Writer(store, manifests, BYTES_MAX)]
    for writer in writers:
        writer.take(Range(VOICE, 0, 5, 20), taken(records[0][5:]))
    writers[0].finish()
    with pytest.raises(Unavailable, match=r"another run wrote version 2 .*nothing of this step was counted"):
        writers[1].finish()
    assert read(tmp_path) == flat(records)


# ---- what is broken


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("break_", "said"),
    [
        (cut_short, "has 100 bytes of"),
        (one_bit, "was changed after it was archived"),
        (Path.unlink, "is missing"),
    ],
)
def test_a_damaged_file_is_named_taken_out_and_read_again(
    break_: Callable[[Path], None], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, records = open_store(str(tmp_path)), log(30)
    archive(store, records)
    path = piece_file(tmp_path, archive_manifest.load(store, VOICE))
    break_(path)
    with pytest.raises(BadConfig) as refused:
        read(tmp_path)
    assert str(path) in problems(refused) and said in problems(refused) and "check --drop" in problems(refused)
    if break_ is not one_bit:  # a frame is not read whole
        with pytest.raises(BadConfig, match=r"check --drop"):
            reader.frame(tmp_path, VOICE)
    for arguments, code in (((), 1), (("--drop",), 0), ((), 0)):
        with pytest.raises(SystemExit) as ended:
            main(["archive", "check", str(tmp_path), *arguments])
        assert (ended.value.code or 0) == code
    assert f"{path}: " in capsys.readouterr().out
    archive(store, records)
    assert read(tmp_path) == flat(records)
    assert check.check(store, VOICE).problems == []


def test_a_manifest_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    store, records = open_store(str(tmp_path)), log(20)
    archive(store, {number: ours[:10] for number, ours in records.items()}, raw_bytes_max=10**9)
    archive(store, records, raw_bytes_max=10**9)
    newest = tmp_path / VOICE / "manifest" / "000000000002.json"
    cut_short(newest)
    with pytest.raises(BadConfig) as refused:
        read(tmp_path)
    assert str(newest) in problems(refused) and "removing it brings back version 1" in problems(refused)
    newest.unlink()
    archive(store, records)
    assert read(tmp_path) == flat(records)


def test_an_archive_of_a_later_release_and_a_folder_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="is no archive"):
        read(tmp_path)
    (tmp_path / archive_manifest.MARKER).write_text('{"format": 2}')
    with pytest.raises(BadConfig, match="is of format 2, this release reads 1: upgrade it"):
        read(tmp_path)
    with pytest.raises(BadConfig, match="no folder and no URL"):
        reader.is_archive("gopher://nowhere")


def test_a_store_whose_driver_has_errors_of_its_own_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class ConnectionLost(Exception):
        """As that of botocore, which is no OSError."""

    def lost(*_: object, **__: object) -> None:
        raise ConnectionLost("no route to the bucket")

    fs = FailingFolder()
    archive(Store(fs, str(tmp_path)), log(5))
    monkeypatch.setattr(fs, "find", lost)
    with pytest.raises(Unavailable, match=r"cannot list: no route to the bucket"):
        archive(Store(fs, str(tmp_path)), log(9))


def test_a_full_disk_stops_the_run_and_the_next_goes_on(tmp_path: Path) -> None:
    fs, records = FailingFolder(), log(40)
    fs.full_at = 40
    with pytest.raises(Unavailable, match=r"the disk is full .*the next run goes on"):
        archive(Store(fs, str(tmp_path)), records)
    there = read(tmp_path)
    assert 0 < len(there) < 80
    fs.full_at = None
    written = archive(Store(fs, str(tmp_path)), records)
    assert written.rows == 80 - len(there)
    assert read(tmp_path) == flat(records)
    assert not list(tmp_path.rglob("*.partial-*"))


# ---- other releases


def test_columns_that_a_later_release_added_are_read_beside_files_without_them(tmp_path: Path) -> None:
    store, records = open_store(str(tmp_path)), log(30, partitions=1)
    archive(store, records)
    replaced(store, lambda rows: rows.drop("drill").with_columns(pl.lit(3).alias("mood")))
    frame = reader.frame(tmp_path, VOICE).sort("offset").collect()
    assert frame.height == 30 and frame["drill"].null_count() == 30
    assert 0 < frame["mood"].null_count() < 30
    assert read(tmp_path) == flat(records)
    upkeep.compact(store, VOICE)
    assert read(tmp_path) == flat(records)
    assert reader.frame(tmp_path, VOICE).collect().height == 30


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (pl.col("wait_seconds").cast(pl.String), "column wait_seconds is String, and Float64 in this release"),
        (pl.col("occurred_at").dt.replace_time_zone(None), "column occurred_at is Datetime"),
        (pl.col("occurred_at").dt.convert_time_zone("Europe/Berlin"), "time_zone='Europe/Berlin'"),
    ],
)
def test_a_column_of_another_type_or_time_zone_is_refused_by_its_file(
    change: pl.Expr, said: str, tmp_path: Path
) -> None:
    store = open_store(str(tmp_path))
    archive(store, log(30, partitions=1))
    path = replaced(store, lambda rows: rows.with_columns(change))
    with pytest.raises(BadConfig) as refused:
        reader.frame(tmp_path, VOICE)
    assert path in problems(refused) and said in problems(refused)


# ---- upkeep


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the clock on."""
    now = clock.now()
    moved = [timedelta()]
    monkeypatch.setattr(clock, "now", lambda: now + moved[0])

    def move(by: timedelta) -> None:
        moved[0] += by

    return move


@pytest.mark.parametrize("place", ["folder", "memory://archive-upkept"])
def test_small_files_are_joined_and_deleted_when_no_reader_needs_them(
    place: str, tmp_path: Path, later: Callable[[timedelta], None]
) -> None:
    where = str(tmp_path) if place == "folder" else place
    store, records = open_store(where), log(40)
    archive(store, records, raw_bytes_max=1)
    before = len(store.files(VOICE))
    days = 2 * 2 * 3  # partitions, tenants, days
    done = upkeep.compact(store, VOICE)
    assert done.joined > days and done.deleted == 0
    assert len(store.files(VOICE)) > before  # a reader may have the old ones open
    assert read(where) == flat(records)
    later(timedelta(hours=1))
    assert upkeep.compact(store, VOICE).deleted == done.joined
    assert len([name for name in store.files(VOICE) if name.endswith(".parquet")]) == days
    assert read(where) == flat(records)
    assert upkeep.keep(store, VOICE) == (0, 0, 0)


def test_what_a_killed_run_left_behind_is_deleted_when_it_is_old(
    tmp_path: Path, later: Callable[[timedelta], None]
) -> None:
    store, records = open_store(str(tmp_path)), log(10)
    archive(store, records)
    left = [tmp_path / VOICE / "tenant=acme" / name for name in ("p0-1-2.parquet", "p0-1-2.parquet.partial-12345678")]
    for path in left:
        path.write_bytes(b"half")
    assert read(tmp_path) == flat(records)
    assert upkeep.keep(store, VOICE).deleted == 0
    later(timedelta(hours=25))
    assert upkeep.keep(store, VOICE).deleted == 2
    assert not any(path.exists() for path in left)
    assert read(tmp_path) == flat(records)


def test_days_that_are_too_old_are_removed_and_never_read_again(tmp_path: Path) -> None:
    today = clock.now().astimezone(UTC).replace(hour=12, microsecond=0)
    records = {0: [contact(0, n, today - (9 - n) * DAY) for n in range(10)]}
    store = open_store(str(tmp_path))
    archive(store, records, raw_bytes_max=1, poll=3)
    assert upkeep.keep(store, VOICE, keep_days=4).expired == 5
    assert read(tmp_path) == records[0][5:]
    assert archive(store, records).rows == 0
    manifest = archive_manifest.load(store, VOICE)
    assert manifest.kept_from == (today - 4 * DAY).date()
    assert upkeep.compact(store, VOICE).joined == 0
    assert read(tmp_path) == records[0][5:]


# ---- the process that writes


def test_the_writing_process_writes_what_it_is_given_and_ends(tmp_path: Path) -> None:
    store, records = open_store(str(tmp_path)), log(20)
    archive_manifest.mark(store)
    process = WriterProcess(str(tmp_path), {VOICE: archive_manifest.load(store, VOICE)}, BYTES_MAX)
    for number, ours in records.items():
        process.take(Range(VOICE, number, 5, 20), taken(ours[5:]))
        process.lose(Range(VOICE, number, 0, 5))
    assert process.finish() == (30, sum(one.bytes for one in archive_manifest.load(store, VOICE).pieces()), 10)
    process.close()
    assert read(tmp_path) == [one for one in flat(records) if one.offset >= 5]


def test_a_writing_process_that_fails_or_dies_is_heard_by_the_reader(tmp_path: Path) -> None:
    store, records = open_store(str(tmp_path)), log(20)
    archive_manifest.mark(store)
    manifests = {VOICE: archive_manifest.load(store, VOICE)}
    processes = [WriterProcess(str(tmp_path), manifests, BYTES_MAX) for _ in range(2)]
    for process in processes:
        process.take(Range(VOICE, 0, 0, 20), taken(records[0]))
    processes[0].finish()
    with pytest.raises(Unavailable, match="another run wrote version 1"):
        processes[1].finish()
    killed = WriterProcess(str(tmp_path), manifests, BYTES_MAX)
    killed.child.kill()
    with pytest.raises(Unavailable, match="it ended with code -9"):
        killed.take(Range(VOICE, 1, 0, 20), taken(records[1]))
        killed.finish()
    for process in (*processes, killed):
        process.close()
    assert read(tmp_path) == list(records[0])
