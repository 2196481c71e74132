"""False incidents a month, stated by a person, as thresholds of thousands of series."""

from __future__ import annotations

import math

MONTH_SECONDS = 30 * 86_400
SPEEDS = 2  # fast and slow, half of the budget each
DIRECTIONS = 2
THRESHOLD_MIN = math.log(200.0)


def threshold(false_incidents_per_month: float, alike: int, pane_seconds: float) -> float:
    """h = ln(gamma) of one series, direction and speed.

    `alike` is how many series share this half of the budget: whole channels have one half, single queues the other. The
    mean time between false alarms of each is then (month / its share); in panes that is gamma (Shiryaev-Roberts: the
    mean time to a false alarm is at least gamma).
    """
    share = false_incidents_per_month / 2 / SPEEDS / DIRECTIONS / max(alike, 1)
    return max(THRESHOLD_MIN, math.log(MONTH_SECONDS / pane_seconds / share))
