"""What is known to have happened, and how pages stand against it: found and how late, missed, false."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from schemas.errors import BadConfig
from streams import evaluate

# People write down a beginning later than the stream shows it: a page so long before a label's start is for it.
EARLY_SECONDS = 900.0
DAY_SECONDS, WEEK_DAYS, MONTH_DAYS = 86_400.0, 7.0, 30.0


class Page(NamedTuple):
    """Somebody is woken at `at` by what lasts from `onset` to `end`. Unix seconds."""

    at: float
    onset: float
    end: float
    channels: frozenset[str]


class Known(NamedTuple):
    """Something that happened (or, not `real`, did not) from `start` to `end`; no channels: on any of them."""

    start: float
    end: float
    what: str
    channels: frozenset[str] = frozenset()
    real: bool = True


class Truth(NamedTuple):
    """`whole`: nothing else has happened, so that whatever lies in none of it is false."""

    known: tuple[Known, ...]
    whole: bool


class Judged(NamedTuple):
    """`found`: what happened with the seconds until the first page, None where none came. `false` are page numbers."""

    found: tuple[tuple[Known, float | None], ...]
    false: tuple[int, ...]
    unjudged: int

    @property
    def delays(self) -> list[float]:
        return [delay for _, delay in self.found if delay is not None]

    def figures(self, days: float) -> dict[str, Any]:
        delays = self.delays
        return {
            "found": len(delays),
            "missed": len(self.found) - len(delays),
            "false_alarms": len(self.false),
            "false_alarms_a_month": rate(len(self.false), days, MONTH_DAYS),
            "unjudged_pages": self.unjudged,
            "delay_seconds_median": round(median(delays), 3) if delays else None,
            "delay_seconds_max": round(max(delays), 3) if delays else None,
        }

    def labels(self) -> list[dict[str, Any]]:
        return [
            {
                "start": _rfc(known.start),
                "end": _rfc(known.end),
                "what": known.what,
                "channels": sorted(known.channels),
                "found": delay is not None,
                "delay_seconds": None if delay is None else round(delay, 3),
            }
            for known, delay in self.found
        ]


def rate(count: float, days: float, of_days: float) -> float:
    """Per `of_days`, from what was counted in `days`."""
    return round(count / days * of_days, 3) if days > 0 else 0.0


def judge(pages: Sequence[Page], truth: Truth, late_seconds: float = 0.0) -> Judged:
    """`late_seconds`: how long after the time of its evidence a page goes out."""
    real = [known for known in truth.known if known.real]
    found = []
    for known in real:
        first = min((page.at for page in pages if _finds(page, known)), default=None)
        found.append((known, None if first is None else max(first + late_seconds - known.start, 0.0)))
    apart = [n for n, page in enumerate(pages) if not any(_meets(page, known) for known in real)]
    denied = [known for known in truth.known if not known.real]
    false = [n for n in apart if truth.whole or any(_meets(pages[n], known) for known in denied)]
    return Judged(tuple(found), tuple(false), len(apart) - len(false))


def _finds(page: Page, known: Known) -> bool:
    return _shares(page, known) and known.start - EARLY_SECONDS <= page.at <= known.end


def _meets(page: Page, known: Known) -> bool:
    return _shares(page, known) and page.onset <= known.end and page.end >= known.start - EARLY_SECONDS


def _shares(page: Page, known: Known) -> bool:
    return not known.channels or not known.channels.isdisjoint(page.channels)


def read_labels(path: Path, zone: ZoneInfo | None) -> Truth:
    """A JSON list of {start, end, what[, channel]}: all that happened. Raises BadConfig with every mistake."""
    labels = evaluate.read_labels(path, zone)
    if not labels:
        raise BadConfig([(str(path), "is an empty list: nothing can be held against it")])
    known = (Known(one.start, one.end, one.what, frozenset({one.channel} if one.channel else ())) for one in labels)
    return Truth(tuple(known), whole=True)


def check(truth: Truth, first: float, last: float, channels: Collection[str], name: str = "--labels") -> None:
    """Raises BadConfig for what lies outside of what was read, from `first` to `last`, or on a channel that it has
    not."""
    problems = list(_outside(truth.known, first, last))
    for known in truth.known:
        for missing in sorted(known.channels - set(channels)):
            there = ", ".join(sorted(channels))
            problems.append((f"{_rfc(known.start)} {known.what}", f"is on {missing}; the source has {there}"))
    if problems:
        raise BadConfig([(f"{name} {where}", why) for where, why in problems])


def _outside(known: Iterable[Known], first: float, last: float) -> Iterable[tuple[str, str]]:
    for one in known:
        if one.end < first or one.start > last:
            why = f"lies outside of what was read, {_rfc(first)} to {_rfc(last)}: leave it out, or read more"
            yield f"{_rfc(one.start)} {one.what}", why


def _rfc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
