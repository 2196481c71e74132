"""What a sweep found, as figures, and the setting that it speaks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.backtest.truth import MONTH_DAYS, WEEK_DAYS, Judged, Page, Truth, judge, rate
from streams.config import Settings
from streams.sweep.grid import Setting
from streams.sweep.lanes import Fired
from streams.sweep.paging import pages


class Row(NamedTuple):
    """One setting. `judged` is None where nothing is known of what happened."""

    setting: Setting
    alarms: int
    pages: list[Page]
    judged: Judged | None
    late_seconds: float
    days: float

    @property
    def pages_a_week(self) -> float:
        return rate(len(self.pages), self.days, WEEK_DAYS)

    @property
    def found(self) -> int:
        return len(self.judged.delays) if self.judged else 0

    @property
    def delay(self) -> float | None:
        return self.figures()["delay_seconds_median"] if self.judged else None

    @property
    def false_a_month(self) -> float:
        """Where nothing is known, every page may be false."""
        return rate(len(self.judged.false if self.judged else self.pages), self.days, MONTH_DAYS)

    def figures(self) -> dict[str, Any]:
        of = {
            "setting": self.setting.values(),
            "alarms": self.alarms,
            "pages": len(self.pages),
            "pages_a_week": self.pages_a_week,
            "late_seconds": self.late_seconds,
        }
        return of | (self.judged.figures(self.days) if self.judged else {})


class Advice(NamedTuple):
    """The setting to take, and why, in one sentence."""

    row: Row
    reason: str


class Limit(NamedTuple):
    """What is allowed: pages a week, or (None) false alarms a month by the model's budget."""

    pages_a_week: float | None
    false_a_month: float

    def holds(self, row: Row) -> bool:
        if self.pages_a_week is not None:
            return row.pages_a_week <= self.pages_a_week
        return row.false_a_month <= self.false_a_month

    def over(self, row: Row) -> float:
        return row.pages_a_week if self.pages_a_week is not None else row.false_a_month

    def __str__(self) -> str:
        if self.pages_a_week is not None:
            return f"{self.pages_a_week:g} pages a week that are allowed"
        return f"{self.false_a_month:g} false incidents a month that the model allows"


def rows(
    fired: Sequence[list[Fired]],
    points: Sequence[Setting],
    settings: Settings,
    until: float,
    days: float,
    truth: Truth | None,
) -> list[Row]:
    """By setting, in the order of the grid."""
    found = []
    usual = max(channel.lateness_seconds for channel in settings.channels.values())
    for point, mine in zip(points, fired, strict=True):
        late = usual if point.lateness is None else point.lateness
        told = pages(mine, until)
        found.append(Row(point, len(mine), told, judge(told, truth, late) if truth else None, late, days))
    return found


def advise(found: Sequence[Row], limit: Limit) -> Advice:
    """The most that is found, then the soonest, within what is allowed.

    Contacts come without the time of their arrival, so that no lateness loses any: the longest is taken for safe.
    """
    longest = max(row.late_seconds for row in found)
    safe = [row for row in found if row.late_seconds == longest]
    within = [row for row in safe if limit.holds(row)]
    if not within:
        best = min(safe, key=lambda row: (limit.over(row), _rank(row)))
        return Advice(best, f"No setting stays within the {limit}: {best.setting} is the nearest, {_said(best)}.")
    best = min(within, key=_rank)
    reason = f"Of {len(within)} settings within the {limit}, {best.setting} {_why(best)}: {_said(best)}"
    return Advice(best, f"{reason}; {_traded(best, safe)}.")


def _rank(row: Row) -> tuple[float, ...]:
    if row.judged is None:
        # what is not known to have happened cannot be missed in fewer pages: the most watchful one
        return -row.pages_a_week, -row.alarms
    return -row.found, float("inf") if row.delay is None else row.delay, row.false_a_month, row.pages_a_week


def _why(row: Row) -> str:
    return "finds the most, the soonest" if row.judged else "is the most watchful"


def _said(row: Row) -> str:
    if row.judged is None:
        return f"{row.pages_a_week:.3g} pages a week"
    delay = "" if row.delay is None else f" after {row.delay / 60:.3g} min"
    return (
        f"{row.found} of {len(row.judged.found)} found{delay}, {row.false_a_month:.3g} false alarms a month, "
        f"{row.pages_a_week:.3g} pages a week"
    )


def _traded(best: Row, others: Sequence[Row]) -> str:
    """What another setting would have given, and what it costs."""
    if best.judged is None:
        return "without labels nothing is said of what it misses"
    quicker = [row for row in others if row.judged and _rank(row)[:2] < _rank(best)[:2]]
    if quicker:
        one = min(quicker, key=_rank)
        return f"{one.setting} would do better ({_said(one)}), beyond what is allowed"
    calmer = [row for row in others if row.pages_a_week < best.pages_a_week]
    if not calmer:
        return "no other finds more, sooner, or wakes less often"
    one = min(calmer, key=lambda row: (row.pages_a_week, _rank(row)))
    return f"the calmest, {one.setting}, has {_said(one)}"
