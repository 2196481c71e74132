"""Ordinary weeks as pane records: what ingest would have written, drawn straight from the traffic's rates.

How long people waited is not told: rates do not know it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drills.retailer import QueuePlan
from drills.traffic import BLOCK_SECONDS, Traffic
from schemas.pane import Progress, QueueCounts, QueuePane, SourceCover
from schemas.topics import contact_events

Counts = NDArray[np.int64]

_ABANDONED_SHARE = 0.004
_RATED_SHARE = 0.15
COARSE = 6
FINE_BLOCKS = 72


class _Columns:
    """Every count of one queue, one number a block."""

    _counted = (
        "offered",
        "abandoned",
        "finished",
        "escalated",
        "transferred",
        "rated",
        "sentiment_negative",
        "handle_milliseconds",
    )

    def __init__(self, plan: QueuePlan, traffic: Traffic, seed: int, until: datetime) -> None:
        draw = np.random.default_rng([seed, 2, len(str(plan.at)), *str(plan.at).encode()])
        minutes = BLOCK_SECONDS / 60
        self.offered: Counts = draw.poisson(traffic.blocks(plan, until) * minutes)
        gives_up = _ABANDONED_SHARE if plan.patience_seconds is not None else 0.0
        self.abandoned: Counts = draw.binomial(self.offered, gives_up)
        self.finished = _worked_off(self.offered - self.abandoned, plan, traffic)
        self.escalated: Counts = draw.binomial(self.finished, plan.escalated_share)
        self.transferred: Counts = draw.binomial(self.finished, plan.transferred_share)
        self.rated: Counts = draw.binomial(self.finished, _RATED_SHARE)
        self.sentiment_negative: Counts = draw.binomial(self.rated, plan.negative_share)
        spread = 0.6 / np.sqrt(np.maximum(self.finished, 1))
        self.handle_milliseconds: Counts = (
            self.finished * plan.handle_seconds * 1000 * draw.lognormal(0, spread)
        ).astype(np.int64)

    def counts(self, i: int, many: int) -> QueueCounts:
        """The queue's part of a pane: `many` blocks from `i` on."""
        found: dict[str, Any] = {name: int(getattr(self, name)[i : i + many].sum()) for name in self._counted}
        return QueueCounts(
            offered_by_transfer=found["transferred"],
            answered=found["finished"],
            handle_n=found["finished"],
            sentiment_n=found["rated"],
            **found,
        )


def _cuts(start: datetime, blocks: int) -> Iterator[tuple[int, int]]:
    """(first block, how many) of every pane; a pane of several begins at a multiple of its length, as all panes do."""
    lead = -int(start.timestamp() // BLOCK_SECONDS) % COARSE
    fine_from = max(lead, blocks - FINE_BLOCKS)
    fine_from -= (fine_from - lead) % COARSE
    yield from ((i, 1) for i in range(min(lead, blocks)))
    yield from ((i, COARSE) for i in range(lead, fine_from, COARSE))
    yield from ((i, 1) for i in range(fine_from, blocks))


def _worked_off(stayed: Counts, plan: QueuePlan, traffic: Traffic) -> Counts:
    """What is finished a pane when the planners keep `backlog_minutes` of planned arrivals waiting."""
    finished = np.empty_like(stayed)
    waiting = 0
    for i, came in enumerate(stayed):
        end = traffic.start + timedelta(seconds=BLOCK_SECONDS * (i + 1))
        target = round(plan.backlog_minutes * traffic.planned_per_minute(plan, end))
        finished[i] = max(0, waiting + came - target)
        waiting += int(came) - int(finished[i])
    return finished


def panes(tenant: str, source: str, traffic: Traffic, seed: int, until: datetime) -> Iterator[QueuePane | Progress]:
    """All pane records of [traffic.start, until), final, with a progress record behind each pane border.

    Panes of `COARSE` blocks, and of one block in the last `FINE_BLOCKS`: what is usual at this hour of the week does
    not need more, how busy this very day is does. `until` must lie on a border of `BLOCK_SECONDS`.
    """
    columns = {plan.at: _Columns(plan, traffic, seed, until) for plan in traffic.plans}
    channels = sorted({plan.at.channel for plan in traffic.plans})
    for i, many in _cuts(traffic.start, int((until - traffic.start).total_seconds() // BLOCK_SECONDS)):
        start = traffic.start + timedelta(seconds=BLOCK_SECONDS * i)
        end = start + timedelta(seconds=BLOCK_SECONDS * many)
        cover = SourceCover(queues=["*"], delivered_to=end, covers=True)
        for channel in channels:
            yield QueuePane(
                tenant=tenant,
                channel=channel,
                pane_start=start,
                pane_seconds=BLOCK_SECONDS * many,
                partition=0,
                version=i + 1,
                final=True,
                complete_to=end,
                queues={
                    at.queue or "": column.counts(i, many) for at, column in columns.items() if at.channel == channel
                },
                sources={source: cover},
                clock="event",
            )
        topics = [contact_events(channel).name for channel in channels]
        yield Progress(at=end, read_to={f"{t}/0": end for t in topics}, partitions=dict.fromkeys(topics, 1))
