"""Panes that are counted as frames are those of the ingest: to the byte, however the log is cut."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.panes import PaneRules
from schemas import codec
from schemas.pane import QueuePane
from streams import contact_frames, pane_records
from streams.contact_frames import PLACES
from streams.pane_frames import PaneCounter
from tests.properties.test_panes_properties import RULES, Record, Run, logs


def frame_of(log: list[Record], partition: int = 3) -> pl.DataFrame:
    places = [
        ("contact-events.voice", partition, record.offset, datetime.fromtimestamp(record.arrival / 1000, UTC))
        for record in log
    ]
    frame = pl.DataFrame(places, schema=dict(PLACES), orient="row")
    return frame.hstack(contact_frames.of_events([record.event for record in log]))


def counted(log: list[Record], rules: PaneRules, cuts: list[int]) -> tuple[list[QueuePane], PaneCounter]:
    counter = PaneCounter("voice", rules)
    frame, found = frame_of(log), list[QueuePane]()
    borders = [0, *sorted(cut % (len(log) + 1) for cut in cuts), len(log)]
    for since, before in pairwise(borders):
        closed = counter.feed(frame[since:before])
        found += pane_records.records(closed, "voice", rules, counter.spoken)
    return found, counter


@settings(max_examples=60, deadline=None)
@given(logs(), st.lists(st.integers(0, 60), max_size=3), st.sampled_from([400_000, 700]))
def test_any_log_in_any_pieces_gives_the_finals_of_the_ingest(log: list[Record], cuts: list[int], room: int) -> None:
    rules = msgspec.structs.replace(RULES, record_bytes_max=room)
    run = Run(rules)
    run.read(log)
    found, counter = counted(log, rules, cuts)
    assert sorted(map(codec.encode, found)) == sorted(raw for _, raw in run.finals)
    assert counter.open_panes() == run.panes.open_panes()
    for verdict in ("late", "duplicate", "time"):
        assert counter.noted[verdict] == len(run.verdicts[verdict])
    assert counter.noted["future"] == len(run.refused)
