"""Minutes of a small chat centre, drawn from a seed: counts, shares, reasons, backlogs and handle times."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from detectors.parameters import CountParams
from detectors.pipeline import DetectParams
from schemas.pane import PaneRecord, Progress, QueueCounts, QueuePane, SourceCover

START = datetime(2025, 3, 3, 8, 0, tzinfo=UTC)  # a Monday
QUICK = DetectParams(counts=CountParams(warm_up_seconds=1200.0))
BREAK = 200  # minutes
QUEUES = ("billing", "orders")
REASONS = ("invoice", "refund", "other-thing")

Change = Callable[[dict[str, Any], random.Random], None]


def times(draw: random.Random, n: int, share: float) -> int:
    return sum(draw.random() < share for _ in range(n))


def minute(draw: random.Random, broken: Change | None, arrivals: float = 20.0) -> dict[str, Any]:
    """The counts of one queue's minute; `broken` changes what an ordinary one would be."""
    law: dict[str, Any] = {
        "arrivals": arrivals,
        "escalated": 0.03,
        "abandoned": 0.04,
        "negative": 0.1,
        "left": 1.0,
        "handle": 300.0,
        "refund": 0.3,
        "site": 0.6,
        "north": 1.0,
    }
    if broken is not None:
        broken(law, draw)
    offered = times(draw, 60, law["arrivals"] / 60)
    north = times(draw, offered, law["site"])
    kept = times(draw, north, law["north"])
    offered, north = offered - (north - kept), kept
    left = times(draw, offered, law["left"])
    gone = times(draw, left, law["abandoned"])
    refund = times(draw, offered, law["refund"])
    rated = times(draw, left, 0.5)
    return {
        "offered": offered,
        "abandoned": gone,
        "answered": left - gone,
        "finished": left - gone,
        "escalated": times(draw, left - gone, law["escalated"]),
        "sentiment_n": rated,
        "sentiment_negative": times(draw, rated, law["negative"]),
        "handle_n": left - gone,
        "handle_milliseconds": sum(
            round(1000 * law["handle"] * draw.lognormvariate(-0.18, 0.6)) for _ in range(left - gone)
        ),
        "by_reason": {name: n for name, n in zip(REASONS, (offered - refund, refund, 0), strict=True) if n},
        "by_site": {name: n for name, n in (("north", north), ("south", offered - north)) if n},
    }


def log(
    seed: int, minutes: int, change: Change | None = None, queues: tuple[str, ...] = QUEUES
) -> Iterator[PaneRecord]:
    draw = random.Random(seed)
    topic = "contact-events.chat"
    yield Progress(at=START, read_to={f"{topic}/0": START}, partitions={topic: 1})
    for n in range(minutes):
        start = START + timedelta(minutes=n)
        end = start + timedelta(minutes=1)
        broken = change if n >= BREAK else None
        yield QueuePane(
            tenant="acme",
            channel="chat",
            pane_start=start,
            pane_seconds=60,
            partition=0,
            version=n + 1,
            final=True,
            complete_to=end,
            queues={queue: QueueCounts(**minute(draw, broken if queue == queues[0] else None)) for queue in queues},
            sources={"acd": SourceCover(queues=["*"], delivered_to=end, covers=True)},
        )
        yield Progress(at=end, read_to={f"{topic}/0": end}, partitions={topic: 1})


def set_to(**values: float) -> Change:
    return lambda law, _: law.update(values)


CHANGES: dict[str, Change] = {
    "escalation-wave": set_to(escalated=0.15),
    "abandonment-wave": set_to(abandoned=0.25),
    "sentiment-wave": set_to(negative=0.5),
    "mix-shift": set_to(refund=0.7),
    "backlog-growth": set_to(left=0.45),
    "metric-shift": set_to(handle=600.0),
}


def moved(record: PaneRecord, by: timedelta) -> PaneRecord:
    if isinstance(record, Progress):
        return msgspec.structs.replace(
            record, at=record.at + by, read_to={k: v + by for k, v in record.read_to.items()}
        )
    assert isinstance(record, QueuePane)
    cover = {k: msgspec.structs.replace(v, delivered_to=v.delivered_to + by) for k, v in record.sources.items()}
    return msgspec.structs.replace(
        record, pane_start=record.pane_start + by, complete_to=record.complete_to + by, sources=cover
    )
