"""A run that is killed at any step, and then run again, leaves each record in the archive once, to the byte."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.archive import reader, upkeep
from streams.archive.store import Store
from tests.archives import VOICE, Failing, FailingFolder, FailingStore, Killed, archive, flat, log

RECORDS = log(30, partitions=2, every=2_000_000)
GROWTHS = (12, 20, 30)  # the topic's end at each run


def killed_at(fs: Failing, step: int | None, how: str) -> Failing:
    fs.steps, fs.dies_at, fs.dies = 0, step, how
    return fs


def runs(store: Store, fs: Failing, kills: list[tuple[int, str]], join: bool) -> None:
    """Every run of the topic's life; a killed one is run again, as a scheduler would."""
    left = list(kills)
    for end in GROWTHS:
        part = {number: ours[:end] for number, ours in RECORDS.items()}
        for _ in count():
            step, how = left.pop(0) if left else (None, "before")
            killed_at(fs, step, how)
            try:
                archive(store, part)
                if join:
                    upkeep.compact(store, VOICE)
            except Killed:
                continue
            break
    killed_at(fs, None, "before")


def contents(place: str) -> list[Any]:
    return [one._replace(headers=list(one.headers)) for one in reader.arrivals(place, VOICE)]


KILLS = st.lists(st.tuples(st.integers(1, 40), st.sampled_from(["before", "half", "after"])), max_size=8)


@given(kills=KILLS, join=st.booleans())
@settings(max_examples=15, deadline=None)
def test_in_a_folder_no_kill_loses_or_doubles_a_record(kills: list[tuple[int, str]], join: bool) -> None:
    with TemporaryDirectory() as folder:
        fs = FailingFolder()
        runs(Store(fs, folder), fs, kills, join)
        assert contents(folder) == flat(RECORDS)
        frame = reader.frame(folder, VOICE).collect()
        assert sorted(frame.select("partition", "offset").rows()) == [
            (one.partition, one.offset) for one in flat(RECORDS)
        ]


@given(kills=KILLS, join=st.booleans())
@settings(max_examples=15, deadline=None)
def test_in_an_object_store_no_kill_loses_or_doubles_a_record(kills: list[tuple[int, str]], join: bool) -> None:
    fs = FailingStore()
    runs(Store(fs, "/archive"), fs, kills, join)
    with TemporaryDirectory() as folder:  # read as another process would: from a copy of what is stored
        for name, file in fs.store.items():
            path = Path(folder) / name.removeprefix("/archive/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.getvalue())
        assert contents(folder) == flat(RECORDS)
