"""Ordinary weeks as pane records: what ingest would have written, drawn straight from the traffic's rates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from drills.retailer import QueuePlan
from drills.traffic import BLOCK_SECONDS, Traffic
from schemas.pane import Progress, QueueCounts, QueuePane, SourceCover
from schemas.topics import contact_events

Counts = NDArray[np.int64]

_ABANDONED_SHARE = 0.004
_RATED_SHARE = 0.15
_WAIT_SECONDS = 4.0


class _Columns:
    """Every count of one queue, one number a pane."""

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
        self.negative: Counts = draw.binomial(self.rated, plan.negative_share)
        spread = 0.6 / np.sqrt(np.maximum(self.finished, 1))
        self.handle_ms = (self.finished * plan.handle_seconds * 1000 * draw.lognormal(0, spread)).astype(np.int64)
        wait = plan.backlog_minutes * 60 or _WAIT_SECONDS
        self.wait_ms = (self.finished * wait * 1000).astype(np.int64)

    def counts(self, i: int) -> QueueCounts:
        """The queue's part of pane `i`."""
        return QueueCounts(
            offered=int(self.offered[i]),
            offered_by_transfer=int(self.transferred[i]),
            answered=int(self.finished[i]),
            abandoned=int(self.abandoned[i]),
            transferred=int(self.transferred[i]),
            escalated=int(self.escalated[i]),
            finished=int(self.finished[i]),
            rated=int(self.rated[i]),
            wait_milliseconds=int(self.wait_ms[i]),
            wait_n=int(self.finished[i]),
            handle_milliseconds=int(self.handle_ms[i]),
            handle_n=int(self.finished[i]),
            sentiment_negative=int(self.negative[i]),
            sentiment_n=int(self.rated[i]),
        )


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

    `until` must lie on a border of `BLOCK_SECONDS`.
    """
    columns = {plan.at: _Columns(plan, traffic, seed, until) for plan in traffic.plans}
    channels = sorted({plan.at.channel for plan in traffic.plans})
    for i in range(int((until - traffic.start).total_seconds() // BLOCK_SECONDS)):
        start = traffic.start + timedelta(seconds=BLOCK_SECONDS * i)
        end = start + timedelta(seconds=BLOCK_SECONDS)
        cover = SourceCover(queues=["*"], delivered_to=end, covers=True)
        for channel in channels:
            yield QueuePane(
                tenant=tenant,
                channel=channel,
                pane_start=start,
                pane_seconds=BLOCK_SECONDS,
                partition=0,
                version=i + 1,
                final=True,
                complete_to=end,
                queues={at.queue or "": column.counts(i) for at, column in columns.items() if at.channel == channel},
                sources={source: cover},
                clock="event",
            )
        topics = [contact_events(channel).name for channel in channels]
        yield Progress(at=end, read_to={f"{t}/0": end for t in topics}, partitions=dict.fromkeys(topics, 1))
