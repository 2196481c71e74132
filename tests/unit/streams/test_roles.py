"""What a fold has to tell beside its outputs reaches whoever runs it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from detectors.pipeline import DetectionFold
from schemas.base import Origin
from schemas.pane import Progress, QueueCounts, QueuePane
from streams import config, telemetry
from streams.refolding import Refolding
from streams.roles import detect_role
from streams.state import Source

START = datetime(2026, 11, 24, 9, tzinfo=UTC)
HERE = Source("queue-panes", 0)


def minute(n: int) -> QueuePane:
    start = START + timedelta(minutes=n)
    return QueuePane(
        tenant="acme",
        channel="chat",
        pane_start=start,
        pane_seconds=60,
        partition=0,
        version=1,
        final=True,
        complete_to=start + timedelta(minutes=1),
        queues={"billing": QueueCounts(offered=3)},
        silence="zero",
    )


def taught(fold: DetectionFold, *minutes: int) -> DetectionFold:
    fold.step(Progress(at=START, read_to={}, partitions={"contact-events.chat": 1}), origin(0))
    for offset, n in enumerate(minutes, 1):
        fold.step(minute(n), origin(offset))
    return fold


def origin(offset: int) -> Origin:
    return Origin(topic=HERE.topic, partition=HERE.partition, offset=offset)


@pytest.mark.parametrize("spoiled", [None, "waves/shares/cold/0", "hot/0", "head", "names/0", "metrics/histories/0"])
@pytest.mark.parametrize("left", [0, 1, 8])
def test_state_that_cannot_be_read_is_told_live_and_in_a_replay(spoiled: str | None, left: int) -> None:
    role = detect_role(config.load(environment={}))
    entries = {name: raw for name, raw in taught(DetectionFold(), *range(5)).changes().items() if raw is not None}
    if spoiled is not None:
        name = f"channel/acme/chat/{spoiled}"
        entries[name] = entries[name][:left]
    fold = role.build()
    with capture_logs() as live:
        fold.restore(entries)
        role.restored(fold)
    with capture_logs() as replayed:
        Refolding(role, {HERE: entries}).step(minute(5), origin(6))
    for logged in (live, replayed):
        told = [line for line in logged if line["log_level"] == "error"]
        assert len(told) == (0 if spoiled is None else 1)
        assert all("acme: state of chat cannot be read" in line["why"] for line in told)


def test_records_that_change_nothing_are_counted_once() -> None:
    def total() -> float:
        name = "breakwater_detect_ignored_total"
        return telemetry.REGISTRY.get_sample_value(name, {"why": "ignored closed"}) or 0.0

    role, before = detect_role(config.load(environment={})), total()
    fold = taught(DetectionFold(), 0, 1, 2, 0, 1, 3)
    role.applied(fold)
    role.applied(fold)
    assert total() == before + 2


def test_an_open_pane_that_cannot_be_read_is_left_out_and_told_and_the_rest_is_kept() -> None:
    fold = taught(DetectionFold(), *range(5))
    fold.step(msgspec.structs.replace(minute(5), final=False), origin(7))
    entries = {name: raw for name, raw in fold.changes().items() if raw is not None}
    (part,) = [name for name in entries if "/part/" in name]
    again = DetectionFold()
    again.restore(entries | {part: entries[part].replace(b'"offered":3', b'"offered":-3')})
    assert ["is left out" in complaint for complaint in again.complaints] == [True]
    assert again._tenants["acme"].channels["chat"].head.closed_to == (START + timedelta(minutes=5)).timestamp()
