"""What would be better than a must asks, what is possible at most, and what stands between.

A ceiling is what the detector of `ceiling` reaches in the worst cell of a row: it knows season, noise and ratio.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.detection.cells import Cell
from benchmarks.detection.musts import DELAYS, Delay, Must
from benchmarks.detection.runs import CEILINGS

_BAND = (
    "the band: how busy it is now is known to 7-9 % (two weeks of season, the hour's own noise, the gap that keeps a "
    "surge out of the level), and what lies within is usual"
)
_BUDGET = (
    "the promise: it is kept whatever the law of the counts within the band, and half of it is the slow speed's; fewer "
    "false alarms come than are allowed"
)
_COLD = "a shape that only another queue has shown: the band is wide until the first days bear it out"
_ONSET = "single counts: where a run of evidence begins, chance has a say"

# by must: the aim, and what limits it
AIMS: dict[str, tuple[float, str]] = {
    "3.8x and 10x, calibrated, rates 1-100": (1.15, _BAND),
    "2x, calibrated, rates 5-100": (1.4, _BAND),
    "1.5x, calibrated, rates 20-100": (
        2.0,
        "a busy day: what speaks for a shift speaks for it too until the shift has lasted, and how busy the hour is "
        "must be learned all the while. Without the filter of small shifts it is 4.5: 13 % of them are never found",
    ),
    "3.8x, nominal, rates 1-100": (1.4, _BUDGET),
    "2x, nominal, rates 5-100": (2.0, _BUDGET),
    "outage, calibrated, rates 1-20": (1.15, _BAND),
    "90 % drop, calibrated, rates 1-20": (1.3, _BAND),
    "cold-start week: 3.8x, calibrated, rates 1-100": (1.2, _COLD),
    "false alarms a month, nominal, hard": (
        1.0,
        "hours whose busyness moves by a third and back: they leave the band that the last week has shown",
    ),
    "cold-start week: false alarms a month, nominal": (0.3, _COLD),
    "new channel's first week: false alarms a month, nominal": (
        0.3,
        "half hours that one day has shown, and on the first day none: the level must make up for their shape",
    ),
    "onset error at 3.8x, rates 5-20, buckets": (0.2, _ONSET),
    "onset error at 2x, rates 5-20, buckets": (1.0, _ONSET),
    "clear after the end, rate 5, 3.8x, median minutes": (4.0, "the hundredfold likelihood that is asked for"),
    "alarm held through a 3-h 2.5x surge, rates 5-20": (0.995, "quiet minutes within the surge"),
    "share 3 to 6 %, calibrated, 5-20 contacts a minute": (
        1.4,
        "the band of the share, which moves from day to day and from hour to hour by itself",
    ),
    "backlog: arrivals x1.5, nominal, minutes": (15.0, "the promise, as above"),
    "backlog: agents x0.6, nominal, minutes": (15.0, "the promise, as above"),
}


class Missed(NamedTuple):
    """A row whose aim is missed; `ceiling` is None where none was worked out."""

    name: str
    got: float
    aim: float
    ceiling: float | None
    limit: str


def missed(musts: list[Must], cells: list[Cell]) -> list[Missed]:
    """In the order of the musts."""
    rows = {row.name: row for row in DELAYS if row.weeks}
    found = []
    for must in musts:
        aim, limit = AIMS.get(must.name, (must.goal, ""))
        if not Must(must.name, aim, must.got, must.sense).held and limit:
            row = rows.get(must.name)
            found.append(Missed(must.name, must.got, aim, ceiling(row, cells) if row else None, limit))
    return found


def ceiling(row: Delay, cells: list[Cell]) -> float | None:
    """The worst of the row's cells that the ceiling was worked out for."""
    of = {name for name, change in CEILINGS.items() if change.name in row.changes}
    found = [
        cell.multiple
        for cell in cells
        if cell.method in of and cell.mode == "calibrated" and (cell.noise, cell.weeks) == ("real", 2)
        if cell.rate in row.rates
    ]
    return max(found, default=None)
