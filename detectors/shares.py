"""Shares: y of n contacts, against what share of them is usual. The pure arithmetic; `share_bank` keeps the state.

    q0 = p (1 + tau)                       the edge of the usual band, p from a discounted Beta law
    q_j = odds_j q0 / (1 - q0 + odds_j q0)
    l_j = phi (y ln(q_j / q0) + (n - y) ln((1 - q_j) / (1 - q0)))      phi = 1 / (1 + (n - 1) icc)

and R_j, W_j, S from l_j as for counts (`evidence`). `phi` is what n contacts are worth that are not independent (Kish
1965, design effect); E[exp(l_j)] <= 1 for binomial counts with a share below the edge.

One escalation and its contact are taken at the moment of decision: y and n are what was decided in the same pane
(escalated among finished, abandoned among answered or abandoned, negative among rated), never "of those who came".

A backlog is a share too: y = arrivals, n = arrivals + those who left, against one half.
"""

from __future__ import annotations

import msgspec
import numpy as np

from detectors.columns import Flags, Numbers
from detectors.slots import Moment

DAY_HOURS, KINDS_OF_DAY = 24, 3
EDGE_MAX = 0.999
EDGE_MIN = 1e-6
_FRIDAY = 4


class ShareParams(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a bank of shares. Variances are relative."""

    odds: tuple[float, ...] = (1.4, 2.0, 3.0, 5.0)
    gain_max: float = 25.0  # of one pane, logarithm
    evidence_max: float = 80.0  # logarithm
    # baseline
    block_seconds: int = 1800
    slots: int = DAY_HOURS * KINDS_OF_DAY  # hours of weekdays, Saturdays and Sundays; 1: the same share at all times
    block_keep: float = 0.98  # of a slot's memory at each block: of a weekday's 0.8 a week
    slot_variance: float = 0.02  # of an hour's share around that of all, and of a kind of day's around its hour's
    share_least: float = 0.0  # usual is at least this
    robust_z: float = 2.58
    # tolerance: half-width of the band that is still usual
    tolerance_sd: float = 2.0
    tolerance_floor_variance: float = 0.05**2
    tolerance_min: float = 0.05
    tolerance_max: float = 1.0
    # beyond binomial: of a pane, and of a block (what differs from hour to hour)
    pane_variance: float = 0.01
    pane_weight: float = 300.0
    block_variance: float = 0.005
    block_weight: float = 300.0
    half_life_seconds: float = 7 * 86_400.0
    # frozen learning
    freeze: float = 4.0
    freeze_ratio: float = 1.4
    freeze_seconds_max: float = 3 * 3600.0
    # warm-up: nothing is said before so much was decided
    warm_up_seconds: float = 7200.0
    warm_up_of: float = 200.0
    # ending
    recovery_line: float = float(np.log(100.0))
    recovery_odds_min: float = 1.3
    recovery_odds_max: float = 20.0
    accept_seconds: float = 86_400.0


# What waits grows where more than half of those who come or leave come. The season says when that is usual.
BACKLOG = ShareParams(
    odds=(1.1, 1.25, 1.5, 2.0, 3.0),
    share_least=0.5,
    tolerance_floor_variance=0.0,
    tolerance_min=0.02,
    tolerance_max=0.5,
    block_variance=0.0004,
    freeze_ratio=1.05,
)
# Categories have one baseline: what varies with the hour widens their band.
MIX = ShareParams(slots=1, block_keep=0.999, slot_variance=1.0)


def slot_of(moment: Moment, slots: int) -> int:
    """The slot of a bank's season that a moment falls in."""
    if slots == 1:
        return 0
    day, hour = divmod(moment.slot // 2, DAY_HOURS)
    return max(day - _FRIDAY, 0) * DAY_HOURS + hour


def edge(share: Numbers, tolerance: Numbers, falling: Flags | bool = False) -> Numbers:
    """The largest share that is still usual. Rows that watch a share fall hold its complement."""
    up = share * (1 + tolerance)
    down = 1 - (1 - share) / (1 + tolerance)
    return np.minimum(np.maximum(np.where(falling, down, up), EDGE_MIN), EDGE_MAX)


def shifted(share: Numbers, odds: Numbers | float) -> Numbers:
    """The share whose odds are so many times as great."""
    found: Numbers = odds * share / (1 - share + odds * share)
    return found


def trust(n: Numbers, icc: Numbers) -> Numbers:
    """phi: what part of n contacts' word counts, with intra-class correlation `icc` among those of one pane."""
    found: Numbers = 1 / (1 + np.maximum(n - 1, 0.0) * icc)
    return found


def gains(y: Numbers, n: Numbers, usual_edge: Numbers, odds: Numbers, phi: Numbers) -> Numbers:
    """l_j by odds (a column) and series."""
    more, less = logs(usual_edge, odds)
    found: Numbers = phi * (y * more + (n - y) * less)
    return found


def logs(usual_edge: Numbers, odds: Numbers) -> tuple[Numbers, Numbers]:
    """What one contact that is concerned adds to l_j, and one that is not."""
    far = shifted(usual_edge, odds)
    return np.log(far / usual_edge), np.log((1 - far) / (1 - usual_edge))


def odds_ratio(observed: float, of: float, expected: float) -> float:
    """How many times as great the odds are, with half a contact on each side so that none is infinite."""
    seen = (observed + 0.5) / (of - observed + 0.5)
    usual = (expected + 0.5) / (max(of - expected, 0.0) + 0.5)
    return seen / usual
