"""What detection says: a series left its usual range; since when, how much and how sure. And the minute's load."""

from __future__ import annotations

from typing import Literal

from schemas.base import Count, Message, Name, Origin, Part, QueueRef, Utc

SignalKind = Literal[
    "surge",
    "drop",
    "silence",
    "escalation-wave",
    "abandonment-wave",
    "sentiment-wave",
    "mix-shift",
    "backlog-growth",
    "metric-shift",
    "telemetry-lost",
]


class Series(Part, frozen=True, kw_only=True, order=True):
    """What is watched: a measure of a queue, or of a whole channel."""

    at: QueueRef
    measure: Name = "offered"

    def __str__(self) -> str:
        return str(self.at) if self.measure == "offered" else f"{self.at} {self.measure}"


class Contribution(Part, frozen=True, kw_only=True):
    """A queue's or reason's part in what an aggregate shows."""

    name: Name
    observed: float
    expected: float


class Evidence(Part, frozen=True, kw_only=True):
    """The numbers behind a signal, for whoever doubts it. `statistic` alarms at `threshold`; both are logarithms.

    `tolerance` is the half-width of the band that is still usual (0.2 = +-20 %), `level` the tracked busyness,
    `exposure` the share of the last pane that was seen; `curve` is the statistic of the last panes, newest last.
    """

    statistic: float
    threshold: float
    tolerance: float
    level: float
    learned_weeks: float
    still_learning: bool = False
    exposure: float = 1.0
    curve: list[float] = []
    top: list[Contribution] = []


class Signal(Message, frozen=True, kw_only=True):
    """One statement about one series. Id = digest of (series, kind, opening pane); `revision` rises.

    `at` is the event time of the statement: the end of the pane (or the seen part of it) that decided it.
    `observed` and `expected` are sums since `onset`; `usual_low` to `usual_high` is where 99 % of such sums lie.
    `rarity_days`: by chance, given the usual band, less often than once in so many days.
    """

    signal_id: Name
    tenant: Name
    series: Series
    signal_kind: SignalKind
    state: Literal["opened", "revised", "cleared"]
    revision: Count
    speed: Literal["fast", "slow"] = "fast"
    at: Utc
    pane_start: Utc
    onset: Utc
    observed: float
    expected: float
    ratio: float | None
    usual_low: float
    usual_high: float
    rarity_days: float
    evidence: Evidence
    # why it was cleared: "recovered", "accepted as normal", "series left"
    reason: str | None = None
    audience: Literal["customer", "internal"] = "customer"
    text: str
    origin: Origin


class QueueLoad(Part, frozen=True, kw_only=True):
    """One minute of one queue (or channel). `known_seconds` is how much of it was delivered; beyond it nothing is said.

    `backlog` counts contacts in the queue since `backlog_since`: an estimate, as a stream may lose events.
    """

    at: QueueRef
    known_seconds: float
    arrivals: Count
    expected: float
    expected_low: float
    expected_high: float
    answered: Count = 0
    abandoned: Count = 0
    escalated: Count = 0
    finished: Count = 0
    negative: Count = 0
    handle_seconds_mean: float | None = None
    wait_seconds_mean: float | None = None
    backlog: Count | None = None
    backlog_since: Utc | None = None


class Load(Message, frozen=True, kw_only=True):
    """Once a minute of event time: what each queue and channel of a tenant got, against what was expected."""

    tenant: Name
    at: Utc
    seconds: float
    loads: list[QueueLoad]
    origin: Origin
