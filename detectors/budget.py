"""From "false incidents a month" to thresholds: the operator states a budget, everything else follows.

Half of it is for channels, half for queues; of each half, half for the fast and half for the slow channel; of that,
half for surges and half for drops. A series whose evidence crosses h = ln(gamma) by chance does so less often than once
in gamma panes, and the sum of 1/gamma over all that is watched is the budget.
"""

from __future__ import annotations

import math
from typing import NamedTuple

MONTH_SECONDS = 30 * 86_400
SPEEDS = DIRECTIONS = CLASSES = 2


class Thresholds(NamedTuple):
    """h by class of series, for panes of the given lengths."""

    channel_fast: float
    channel_slow: float
    queue_fast: float
    queue_slow: float


def threshold(false_a_month: float, pane_seconds: float) -> float:
    """h of one statistic that may be false `false_a_month` times, looked at every `pane_seconds`."""
    return max(math.log(MONTH_SECONDS / (false_a_month * pane_seconds)), 1.0)


def thresholds(
    budget_a_month: float, channels: int, queues: int, pane_seconds: float, slow_seconds: float
) -> Thresholds:
    """h for a tenant with so many channels and queues that share one budget."""
    share = budget_a_month / (CLASSES * SPEEDS * DIRECTIONS)
    channel, queue = share / max(channels, 1), share / max(queues, 1)
    return Thresholds(
        threshold(channel, pane_seconds),
        threshold(channel, slow_seconds),
        threshold(queue, pane_seconds),
        threshold(queue, slow_seconds),
    )


def rarity_days(statistic: float, pane_seconds: float) -> float:
    """By chance, given the usual band, less often than once in so many days. A million days is as much as is said."""
    return min(math.exp(min(statistic, 60.0)) * pane_seconds / 86_400, 1e6)
