"""What will come in the next intervals: the season ahead, and how long what is unusual now will last.

Nobody knows when an outage ends. What lasted so long lasts as long again as often as not: the chance that it is still
on after t more is e / (e + t) for an age e (a Pareto law with exponent one, the law of heavy tails with no scale of its
own). Once what failed works again, the surge fades with a half-life.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from response.state import Flow

AGE_MIN_SECONDS = 900.0
FADES_SECONDS = 600.0


def usual_rates(flow: Flow, start: datetime, seconds: float, intervals: int) -> list[float]:
    """Contacts a second that the season expects in each interval; where the season was not told, what is usual now."""
    now = flow.usual_rate
    if flow.ahead_at is None or not flow.ahead:
        return [now] * intervals
    found = []
    for i in range(intervals):
        middle = start + timedelta(seconds=(i + 0.5) * seconds)
        n = math.floor((middle - flow.ahead_at).total_seconds() / seconds)
        found.append(now if n < 0 else flow.ahead[min(n, len(flow.ahead) - 1)] / seconds)
    return found


def lasting(age_seconds: float, over: bool, first: float, seconds: float, intervals: int) -> list[float]:
    """By interval, how much of what is unusual now is expected to be left: all of it in the one that has begun (`first`
    seconds ago), then its mean over each. `over`: what failed works again."""
    age = max(age_seconds, AGE_MIN_SECONDS)
    shares = [1.0]
    for i in range(1, intervals):
        low, high = i * seconds - first, (i + 1) * seconds - first
        if over:
            fade = math.log(2) / FADES_SECONDS
            shares.append((math.exp(-fade * low) - math.exp(-fade * high)) / (fade * seconds))
        else:
            shares.append(age * math.log((age + high) / (age + low)) / seconds)
    return shares


def rates(usual: list[float], rate: float, usual_now: float, left: list[float]) -> list[float]:
    """Contacts a second in each interval: the season, and what is left of today's distance from it."""
    if usual_now <= 0:
        return [u + rate * share for u, share in zip(usual, left, strict=True)]
    ratio = rate / usual_now
    return [u * (1 + (ratio - 1) * share) for u, share in zip(usual, left, strict=True)]
