"""From "false incidents a month" to thresholds: the operator states a budget, everything else follows.

It is shared out among what is watched: counts, shares, mixes, backlogs. Of each portion half is for channels, half for
queues; of the counts' halves, half for the fast and half for the slow speed, which leaves a part of its own to small
shifts; of that, half for surges and half for drops. A series whose evidence crosses h = ln(gamma) by chance does so
less often than once in gamma panes, and the sum of 1/gamma over all that is watched is the budget.
"""

from __future__ import annotations

import math
from typing import NamedTuple

MONTH_SECONDS = 30 * 86_400
SPEEDS = DIRECTIONS = CLASSES = 2
# Portions of the budget. Numbers that are no counts (handle times, waits) have no promise and no portion.
COUNTS, SHARES, MIX, BACKLOGS = 0.5, 0.2, 0.15, 0.15
SHIFTS = 0.2  # of the slow speed's part


class Thresholds(NamedTuple):
    """h of counts by class of series, for panes of the given lengths; and the budget that all shares."""

    channel_fast: float
    channel_slow: float
    queue_fast: float
    queue_slow: float
    false_a_month: float
    channels: int
    queues: int


def threshold(false_a_month: float, pane_seconds: float) -> float:
    """h of one statistic that may be false `false_a_month` times, looked at every `pane_seconds`."""
    return max(math.log(MONTH_SECONDS / (false_a_month * pane_seconds)), 1.0)


def slow_threshold(false_a_month: float, slow_seconds: float) -> float:
    """h of the slow speed, of what it and the small shifts may be false."""
    return threshold((1 - SHIFTS) * false_a_month, slow_seconds)


def thresholds(
    budget_a_month: float, channels: int, queues: int, pane_seconds: float, slow_seconds: float
) -> Thresholds:
    """h of counts for a tenant with so many channels and queues that share one budget."""
    share = COUNTS * budget_a_month / (CLASSES * SPEEDS * DIRECTIONS)
    channel, queue = share / max(channels, 1), share / max(queues, 1)
    return Thresholds(
        threshold(channel, pane_seconds),
        slow_threshold(channel, slow_seconds),
        threshold(queue, pane_seconds),
        slow_threshold(queue, slow_seconds),
        budget_a_month,
        channels,
        queues,
    )


def rarity_days(statistic: float, pane_seconds: float) -> float:
    """By chance, given the usual band, less often than once in so many days. A million days is as much as is said."""
    return min(math.exp(min(statistic, 60.0)) * pane_seconds / 86_400, 1e6)
