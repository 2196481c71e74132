"""What configurations would have done, in figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from streams.backtest.match import Pair, match
from streams.backtest.ran import Ran, Told
from streams.backtest.run import Config
from streams.backtest.source import Heard
from streams.backtest.truth import MONTH_DAYS, WEEK_DAYS, Judged, Page, Truth, judge, rate
from streams.sweep.grid import stated


class Side(NamedTuple):
    """One configuration, what it would have done, and how that stands against the truth."""

    config: Config
    ran: Ran
    incidents: list[Told]
    pages: list[Page]
    judged: Judged | None
    budget: float
    late_seconds: float
    days: float

    def figures(self) -> dict[str, Any]:
        found = {
            "name": self.config.name,
            "settings": self.config.settings_name,
            "centre": self.config.centre_name,
            "signals": len(self.ran.signals),
            "incidents": len(self.incidents),
            "pages": len(self.pages),
            "pages_a_week": rate(len(self.pages), self.days, WEEK_DAYS),
            "budget_a_month": self.budget,
            "budget_spent_a_month": self.spent,
            "late_seconds": self.late_seconds,
            "staffing_alerts": len(self.ran.alerts),
            "load_shift_commands": len(self.ran.commands),
            "load_shift_proposals": len(self.ran.proposals),
        }
        return found | (self.judged.figures(self.days) if self.judged else {})

    @property
    def spent(self) -> float | None:
        """False pages a month; None where nothing is known of what happened."""
        return rate(len(self.judged.false), self.days, MONTH_DAYS) if self.judged else None


class Compared(NamedTuple):
    """All sides, and for each but the first how its incidents stand to those of the first."""

    heard: Heard
    sides: list[Side]
    pairs: list[list[Pair]]

    def figures(self) -> dict[str, Any]:
        return {
            "days": round(self.heard.days, 3),
            "channels": sorted(self.heard.channels),
            "configs": [
                side.figures()
                | {"incident_list": [one.figures() for one in side.incidents]}
                | ({"labels": side.judged.labels()} if side.judged else {})
                for side in self.sides
            ],
            "diff": [
                {"a": self.sides[0].config.name, "b": side.config.name, "incidents": [_pair(pair) for pair in pairs]}
                for side, pairs in zip(self.sides[1:], self.pairs, strict=True)
            ],
        }


def compare(configs: Sequence[Config], runs: Sequence[Ran], heard: Heard, truth: Truth | None) -> Compared:
    sides = [_side(config, ran, heard, truth) for config, ran in zip(configs, runs, strict=True)]
    return Compared(heard, sides, [match(sides[0].incidents, side.incidents) for side in sides[1:]])


def _side(config: Config, ran: Ran, heard: Heard, truth: Truth | None) -> Side:
    pages = list(ran.pages())
    channels = config.settings.channels
    late = max((channels[name].lateness_seconds for name in heard.channels if name in channels), default=0.0)
    judged = judge(pages, truth, late) if truth else None
    budget = stated(config.centre, heard)
    return Side(config, ran, ran.in_order(), pages, judged, budget, late, heard.days)


def _pair(pair: Pair) -> dict[str, Any]:
    found: dict[str, Any] = {"where": pair.where, "differs": list(pair.differs)}
    return found | {
        "a": pair.a.figures() if pair.a else None,
        "b": pair.b.figures() if pair.b else None,
    }
