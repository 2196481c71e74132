"""Panes that are counted as frames are those of the ingest: to the byte, however the log is cut."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.panes import PaneRules
from schemas import codec
from schemas.contact import ContactEvent
from schemas.pane import QueuePane
from streams import history
from streams.config import Settings
from streams.frames import contacts as contact_frames
from streams.frames import records
from streams.frames.contacts import PLACES
from streams.frames.panes import PaneCounter
from tests.properties.test_panes_properties import BASE, RULES, Record, Run, contacts, logs


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
        found += [record for _, record in records.in_order(closed, counter)]
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


LANES = [("acme", "chat"), ("acme", "voice"), ("bank", "voice")]
TIMES: dict[str, dict[str, float]] = {
    "chat": {"pane_seconds": 8, "lateness_seconds": 3},
    "voice": {"pane_seconds": 2, "lateness_seconds": 0.5},
}


@st.composite
def sorted_contacts(draw: st.DrawFn) -> list[ContactEvent]:
    drawn, moment = [], BASE + draw(st.integers(0, 9_999))
    for _ in range(draw(st.integers(1, 40))):
        moment += draw(st.sampled_from([0, 0, 1, 250, 900, 7_000]))
        tenant, channel = draw(st.sampled_from(LANES))
        drawn.append(msgspec.structs.replace(draw(contacts(moment)), tenant=tenant, channel=channel))
    return drawn


@settings(max_examples=40, deadline=None)
@given(sorted_contacts(), st.integers(1, 5), st.integers(0, 3))
def test_sorted_contacts_give_the_records_of_the_exact_path_in_its_order(
    events: list[ContactEvent], seconds: int, unknown: int
) -> None:
    channels = {name: times | {"unknown_after_seconds": 2 + unknown} for name, times in TIMES.items()}
    limits = {"queues_a_pane_max": 2, "names_a_map_max": 2}
    chosen = Settings.model_validate({"channels": channels, "ingest": limits})
    frame, start = contact_frames.of_events(events), events[0].occurred_at
    step = timedelta(seconds=seconds)
    parts = frame.with_columns(end=pl.col("occurred_at").dt.truncate(step) + step).partition_by("end")
    slices = [(part["end"][0], part.drop("end")) for part in parts]
    noted, noted_exactly = Counter[str](), Counter[str]()
    exact = list(history.closed(events, LANES, chosen, start, noted=noted_exactly))
    assert list(history.counted(slices, LANES, chosen, start, noted=noted)) == exact
    assert noted == noted_exactly
    assert sum(isinstance(record, QueuePane) for record in exact) > 3
