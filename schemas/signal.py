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


Dimension = Literal["queue", "reason", "site", "region", "provider", "drill"]


class Contribution(Part, frozen=True, kw_only=True):
    """What one queue, reason, site, region or provider has to do with a signal, since its onset. `share` is its part of
    the whole excess (or of what is missing): 1 where it explains all of it, more where others make up for it."""

    name: Name
    observed: float
    expected: float
    dimension: Dimension = "queue"
    share: float = 0.0


class Growth(Part, frozen=True, kw_only=True):
    """How fast a backlog grows (contacts a minute), how long until it has doubled, and until `limit` wait, which is
    what the queue's people can work off within its target. None: it is not known, or beyond it already."""

    per_minute: float
    backlog: Count
    minutes_to_double: float | None = None
    limit: float | None = None
    minutes_to_limit: float | None = None


class Evidence(Part, frozen=True, kw_only=True):
    """The numbers behind a signal, for whoever doubts it. `statistic` alarms at `threshold`; both are logarithms.

    `tolerance` is the half-width of the band that is still usual (0.2 = +-20 %), `level` the tracked busyness,
    `exposure` the share of the last pane that was seen; `curve` is the statistic of the last panes, newest last, and
    `curve_at`, `curve_observed` and `curve_expected` say of each of these panes when it ended and what was in it.
    """

    statistic: float
    threshold: float
    tolerance: float
    level: float
    learned_weeks: float
    still_learning: bool = False
    exposure: float = 1.0
    curve: list[float] = []
    curve_at: list[Utc] = []
    curve_observed: list[float] = []
    curve_expected: list[float] = []


class Signal(Message, frozen=True, kw_only=True):
    """One statement about one series. Id = digest of (series, kind, opening pane); `revision` rises.

    `at` is the event time of the statement: the end of the pane (or the seen part of it) that decided it.
    `observed` and `expected` are sums since `onset`; `usual_low` to `usual_high` is where 99 % of such sums lie.
    `rarity_days`: by chance, given the usual band, less often than once in so many days.

    A signal about a share (escalation-wave, abandonment-wave, sentiment-wave, mix-shift) counts the contacts concerned,
    among the `of` that were decided meanwhile; `category` names what a mix shifted to or from. A metric-shift has means
    in `observed` and `expected`, in the unit that ends the measure's name. `contributors` has those that carry most of
    it; `site`, `region`, `provider` are named where nearly all of it is one's. `affected` lists the queues of a channel
    that are out of their usual range too, with the share of wrong ones among them bounded.
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
    of: float | None = None
    category: Name | None = None
    growth: Growth | None = None
    site: Name | None = None
    region: Name | None = None
    provider: Name | None = None
    contributors: list[Contribution] = []
    affected: list[QueueRef] = []
    # why it was cleared: "recovered", "accepted as normal", "series left"
    reason: str | None = None
    audience: Literal["customer", "internal"] = "customer"
    # the calendar entry that accounts for it: it is told and wakes nobody
    explained: str | None = None
    # the name of the exercise whose contacts are most of it
    drill: Name | None = None
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
    # contacts that the season expects in each of the next quarters of an hour, from the one after `Load.at` on
    ahead: list[float] = []


class Load(Message, frozen=True, kw_only=True):
    """Once a minute of event time: what each queue and channel of a tenant got, against what was expected."""

    tenant: Name
    at: Utc
    seconds: float
    loads: list[QueueLoad]
    origin: Origin
