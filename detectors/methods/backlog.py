"""A backlog that grows: more come than leave, beyond what this hour of such a day usually shows.

Two numbers a pane, `arrivals` and `completions` (all who left, answered or not): arrivals among both against one half,
odds 1.1 to 3. Says how many a minute it grows by, when it doubles, and when it reaches a limit. `waiting` may be given
beside them: how many wait at the end of the pane; without it, those who came since the onset and did not leave.
"""

from __future__ import annotations

import math

import msgspec

from detectors.contract import Features, number
from detectors.one_share import OneShare
from detectors.shares import BACKLOG, ShareParams


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """`limit` is how many may wait; 0: no limit."""

    false_a_month: float = 1.0
    limit: float = 0.0
    time_zone: str = "UTC"
    share: ShareParams = BACKLOG


class Growth:
    """How a backlog grows: contacts a minute, and minutes from now; infinite where it does not get there."""

    def __init__(self, arrivals: float, completions: float, minutes: float, waiting: float, limit: float) -> None:
        self.per_minute = (arrivals - completions) / minutes if minutes > 0 else 0.0
        self.waiting = waiting
        self.minutes_to_double = self._until(2 * waiting) if waiting > 0 else math.inf
        self.minutes_to_limit = self._until(limit) if limit > 0 else math.inf

    def _until(self, goal: float) -> float:
        if self.waiting >= goal:
            return 0.0
        return (goal - self.waiting) / self.per_minute if self.per_minute > 0 else math.inf

    def words(self) -> str:
        """For a person."""
        said = [f"{self.waiting:,.0f} wait, {self.per_minute:+.2g} a minute"]
        if math.isfinite(self.minutes_to_double):
            said.append(f"twice as many in {self.minutes_to_double:,.0f} minutes")
        if math.isfinite(self.minutes_to_limit):
            said.append(f"the limit in {self.minutes_to_limit:,.0f} minutes")
        return ", ".join(said)


class Backlog(OneShare):
    """Arrivals among arrivals and completions, against one half."""

    fields = ("arrivals", "completions")

    def __init__(self, params: Params | None = None) -> None:
        self.params = params = params or Params()
        super().__init__(params.share, params.false_a_month, params.time_zone)

    def counted(self, x: Features) -> tuple[float, float]:
        arrivals, completions = number(x, "arrivals"), number(x, "completions")
        return (arrivals, arrivals + completions) if completions >= 0 else (math.nan, math.nan)

    def growth(self, x: Features, came: float, both: float, onset: float) -> Growth:
        """Since `onset`, as `explain` has it."""
        end = number(x, "at") + (self.state.step or 60.0)
        left = both - came
        waiting = number(x, "waiting")
        # nobody knows who waited before; what came and did not leave waits at least
        waiting = max(came - left, 0.0) if math.isnan(waiting) else waiting
        return Growth(came, left, (end - onset) / 60, waiting, self.params.limit)

    def words(self, observed: float, of: float, expected: float, onset: float, x: Features) -> str:
        del expected
        growth = self.growth(x, observed, of, onset)
        return f"{observed:,.0f} came and {of - observed:,.0f} left: {growth.words()}"


def build(time_zone: str = "UTC") -> Backlog:
    """With the defaults."""
    return Backlog(Params(time_zone=time_zone))
