"""Logs of pane records for the detection fold's tests: a small centre, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from detectors.pipeline import DetectionFold, DetectParams
from schemas import codec
from schemas.base import Origin
from schemas.fold import Output
from schemas.pane import PaneRecord, Progress, QueueCounts, QueuePane, SourceCover

START = datetime(2025, 3, 3, 8, 0, tzinfo=UTC)  # a Monday
IDLE_SECONDS = 30.0
Clock = Literal["system", "event"]


def pane(
    start: datetime,
    counts: dict[str, int],
    *,
    tenant: str = "acme",
    channel: str = "chat",
    seconds: int = 60,
    partition: int = 0,
    version: int = 1,
    final: bool = True,
    covers: bool = True,
    source: str | None = "acd",
    delivered: float | None = None,
    last: bool = False,
    clock: Clock = "system",
    silence: Literal["unknown", "zero"] = "unknown",
    part: int = 0,
    parts: int = 1,
) -> QueuePane:
    """One record; `delivered` is how far into the pane the source says it has delivered, in seconds."""
    end = start + timedelta(seconds=seconds)
    to = end if delivered is None else start + timedelta(seconds=delivered)
    cover = SourceCover(queues=["*"], delivered_to=to, covers=covers and final, last=last)
    return QueuePane(
        tenant=tenant,
        channel=channel,
        pane_start=start,
        pane_seconds=seconds,
        partition=partition,
        version=version,
        final=final,
        complete_to=end if final else to,
        queues={name: QueueCounts(offered=n, answered=n) for name, n in counts.items() if n},
        sources={source: cover} if source else {},
        clock=clock,
        silence=silence,
        part=part,
        parts=parts,
    )


def progress(at: datetime, channels: Iterable[str] = ("chat",), partitions: int = 1, behind: float = 0.0) -> Progress:
    """All partitions of the channels were read to `behind` seconds before `at`."""
    topics = [f"contact-events.{channel}" for channel in channels]
    return Progress(
        at=at,
        read_to={f"{t}/{p}": at - timedelta(seconds=behind) for t in topics for p in range(partitions)},
        partitions=dict.fromkeys(topics, partitions),
        idle_close_seconds=dict.fromkeys(topics, IDLE_SECONDS),
    )


def centre_log(
    seed: int,
    panes: int,
    *,
    channels: Sequence[str] = ("chat", "voice"),
    partitions: int = 2,
    seconds: int = 60,
    clock: Clock = "system",
    mean: float = 6.0,
    surge: tuple[int, int, float] | None = None,
    source_lost: tuple[int, int] | None = None,
) -> Iterator[PaneRecord]:
    """Final panes of all channels and partitions, pane by pane, with open versions before them and progress behind.

    From pane surge[0] to before surge[1] the first channel gets surge[2] times as many; in the panes of `source_lost`
    its source is silent.
    """
    draw = random.Random(seed)
    offset = 0
    yield progress(START, channels, partitions)
    for i in range(panes):
        start = START + timedelta(seconds=seconds * i)
        for channel in channels:
            factor = surge[2] if surge and channel == channels[0] and surge[0] <= i < surge[1] else 1.0
            lost = bool(source_lost and channel == channels[0] and source_lost[0] <= i < source_lost[1])
            for partition in range(partitions):
                counts = {
                    queue: sum(draw.random() < mean * factor / 40 / partitions for _ in range(40))
                    for queue in ("billing", "orders", "returns")
                }
                names = {"channel": channel, "partition": partition, "clock": clock}
                offset += 2
                if clock == "system" and not lost:
                    half = {queue: n // 2 for queue, n in counts.items()}
                    yield pane(
                        start,
                        half,
                        seconds=seconds,
                        version=offset,
                        final=False,
                        delivered=seconds / 2,
                        **names,  # type: ignore[arg-type]
                    )
                if not lost:
                    yield pane(start, counts, seconds=seconds, version=offset + 1, **names)  # type: ignore[arg-type]
        yield progress(start + timedelta(seconds=seconds), channels, partitions)


def fold_over(
    records: Iterable[PaneRecord], fold: DetectionFold | None = None, first_offset: int = 0
) -> tuple[DetectionFold, list[Output]]:
    """The fold after the records, and all that it said."""
    fold = fold or DetectionFold(DetectParams())
    outputs: list[Output] = []
    for offset, record in enumerate(records, first_offset):
        outputs += fold.step(record, Origin(topic="queue-panes", partition=0, offset=offset))
    return fold, outputs


def said(outputs: Iterable[Output]) -> list[tuple[str, str, bytes]]:
    """Outputs as they are compared: their identity and their bytes."""
    return [(output.key, output.id, codec.encode(output.value)) for output in outputs]
