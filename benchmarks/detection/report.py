"""A run as a page: Markdown and its plots."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.detection.aims import missed
from benchmarks.detection.cells import Alarms, Cell, FalseAlarms
from benchmarks.detection.inside import Inside
from benchmarks.detection.musts import Must, pool, worse
from benchmarks.detection.plot import Dot, dots
from benchmarks.detection.runs import ABLATIONS, CEILINGS, NEW_CHANNEL, OURS

# rate and change of the six cells on which peers are compared
SIX = ((1.0, "3.8x"), (5.0, "3.8x"), (5.0, "2x"), (20.0, "2x"), (20.0, "1.5x"), (5.0, "to zero"))
_FIRST_WEEK_CHANGES = ("2x", "3.8x", "10x", "to zero")
_OF_OURSELVES = (NEW_CHANNEL, *ABLATIONS, *CEILINGS)  # no peers
_WORLD = ("noise", "weeks", "bucket s", "rate")
_MEANING = """
Synthetic traffic with known truth. A delay is a multiple of the exact oracle's (CUSUM with known mean, known ratio and
the true law of the counts, one false alarm in 30 days) from the true means after the change began. The counts are
negative-binomial in all classes but clean: at 100 expected and shape 20 their variance is 600, and the exact optimum
for 1.5x is 6.4 buckets, where that of Poisson counts would be 1.3. Nobody knows the mean: the hour's busyness alone
(8 % in class real) leaves an error of 7-9 % that no method can foresee. In the cold week a queue that nothing is known
of joins a channel whose other queues have two weeks; `breakwater, new channel` has no such neighbours.

Changes begin in the week after the learned ones, at moments that are spread evenly over the business hours of its
weekdays; the delay is 1 in the first bucket and is capped at three hours. *Nominal*: budget as stated, nothing tuned.
*Calibrated*: the threshold at which the null week shows one false alarm a series and month on that side, for each rate,
so that all methods are compared at the same price. It is the n-th highest peak of n series-months: of few series it is
a matter of luck. Intervals: 90 % bootstrap over series.
"""
_CEILING = """
An aim is what would be better than a must asks. *Ceiling*: the same row's worst cell for a Bayes filter that is told
the true season, the laws of the noise and the ratio, and has to follow only how busy day and hour are (calibrated).
"""
_FIRST_WEEK = """
`breakwater, new channel`: no history, and no other queue to learn from. A fifth of the changes begin on the first day,
of which nothing is known: the level alone tells what is usual, and where contacts are few it cannot.
"""
_EPISODES = """
Episodes a series and month at nominal thresholds; the promise is 1, over both directions and both speeds. `weekend` and
`midnight`: the shares of them that begin on the two weekend days, and in the first two hours of a day.
"""
_PEERS = """
`never`: no threshold of its score brings the method down to one false alarm a month. LODA comes without a threshold.
Of pysad those that score a count in under 100 microseconds are run; streamad (0.3, of 2023) is not: it is no longer
kept, and would bring pandas, plotly and statsmodels into the lock.
"""
_INSIDE = """
Mean seconds from the beginning of a surge, at any second of a 60-s bucket, until it is seen: scored every second with
the share of the bucket that has passed, and scored where buckets close. A bucket of shape k has one busyness for all of
it: however many contacts it brings, it can say no more than k ((x/m)(1 - 1/r) - ln r) for r = x/m.
"""


class Cost(NamedTuple):
    """Of the bank at many series; `microseconds` a bucket of `seconds` and series."""

    series: int
    seconds: int
    microseconds: float
    state_bytes: int


class Results(NamedTuple):
    """Everything a run found."""

    size: str
    command: str
    seconds: float
    cpu_seconds: float  # of all processes
    musts: list[Must]
    cells: list[Cell]
    false: list[FalseAlarms]
    alarms: dict[str, Alarms]
    cost: Cost
    inside: list[Inside]
    more: list[str]  # sections about what is no count


def write(results: Results, directory: Path) -> Path:
    """The page `detection.md` and its plots in `directory`; returns the page."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "detection-delays.svg").write_text(_delays_plot(results))
    (directory / "detection-peers.svg").write_text(_peers_plot(results))
    page = directory / "detection.md"
    page.write_text("\n".join(_page(results)) + "\n")
    return page


def musts_table(musts: Iterable[Must]) -> list[str]:
    rows = [
        (must.name, f"{must.sense} {number(must.goal)}", number(must.got), "yes" if must.held else "**no**")
        for must in musts
    ]
    return table(("must", "goal", "got", "held"), rows)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def number(value: float) -> str:
    """Three significant digits; no end is said so."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "never"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _page(results: Results) -> list[str]:
    fallen = [must for must in results.musts if not must.held]
    return [
        "# Detection: what the benchmark found",
        "",
        f"Written by `{results.command}` in {results.seconds / 60:.1f} minutes, "
        f"{results.cpu_seconds / 60:.1f} of processors (size {results.size}).",
        *_MEANING.strip().splitlines(),
        "",
        f"**{len(results.musts) - len(fallen)} of {len(results.musts)} musts hold.**",
        "",
        *musts_table(results.musts),
        "",
        "A row's figure is its worst cell. Who breaks a row of false alarms has not earned the delays: the last row.",
        "",
        "## Aims that are missed",
        "",
        *_CEILING.strip().splitlines(),
        "",
        *_aims_table(results),
        "",
        "## False alarms",
        "",
        *_EPISODES.strip().splitlines(),
        "",
        *false_table([found for found in results.false if found.method in (OURS, NEW_CHANNEL, *ABLATIONS)]),
        "",
        "## Delays",
        "",
        "![Delays as multiples of the oracle](detection-delays.svg)",
        "",
        *cell_table([cell for cell in results.cells if cell.method == OURS]),
        "",
        "Of ramps only the mean delay tells something; the oracle beside them is that of the full change at once.",
        "",
        "## The first week of a channel that nobody has seen before",
        "",
        *_FIRST_WEEK.strip().splitlines(),
        "",
        *cell_table(
            [cell for cell in results.cells if cell.method == NEW_CHANNEL and cell.change in _FIRST_WEEK_CHANGES]
        ),
        "",
        "## Alarms",
        "",
        *_alarm_table(results.alarms),
        "",
        "## Inside the open bucket",
        "",
        *_INSIDE.strip().splitlines(),
        "",
        *_inside_table(results.inside),
        "",
        *results.more,
        "",
        "## Without a part",
        "",
        *_ablation_table(results),
        "",
        "## Peers",
        "",
        "![Peers at the same false-alarm rate](detection-peers.svg)",
        "",
        *_peer_table(results),
        "",
        *_PEERS.strip().splitlines(),
        "",
        "## Cost",
        "",
        f"{number(results.cost.microseconds)} us a bucket of {results.cost.seconds} seconds (the product's own) and "
        f"series in the bank at {results.cost.series:,} series that know two weeks; "
        f"{results.cost.state_bytes:,} bytes of state a series.",
    ]


def _aims_table(results: Results) -> list[str]:
    rows = [
        (
            each.name,
            number(each.got),
            number(each.aim),
            "" if each.ceiling is None else number(each.ceiling),
            each.limit,
        )
        for each in missed(results.musts, results.cells)
    ]
    return table(("row", "got", "aim", "ceiling", "what limits it"), rows)


def false_table(found: list[FalseAlarms]) -> list[str]:
    rows = [
        (
            *_world(each.method, each.noise, each.weeks, each.seconds),
            number(each.rate) if each.rate else "all",
            f"{number(each.nominal)} ({number(each.low)}-{number(each.high)})",
            number(each.up),
            number(each.down),
            f"{each.weekend:.0%}",
            f"{each.midnight:.0%}",
            number(each.series_months),
        )
        for each in found
    ]
    head = ("method", *_WORLD, "a month", "more", "fewer", "weekend", "midnight", "series-months")
    return table(head, rows)


def _world(method: str, noise: str, weeks: int, seconds: int) -> tuple[str, str, str, str]:
    return method, noise, str(weeks), str(seconds)


def cell_table(cells: list[Cell]) -> list[str]:
    rows = [
        (
            *_world(cell.method, cell.noise, cell.weeks, cell.seconds)[1:],
            number(cell.rate),
            cell.change,
            cell.mode,
            number(cell.oracle),
            number(cell.mean),
            f"{number(cell.multiple)} ({number(cell.low)}-{number(cell.high)})",
            number(cell.late),
            f"{cell.missed:.1%}",
            str(cell.incidents),
        )
        for cell in cells
    ]
    head = (*_WORLD, "change", "mode", "oracle", "mean", "multiple", "p95", "missed", "incidents")
    return table(head, rows)


def _alarm_table(found: dict[str, Alarms]) -> list[str]:
    rows = [
        (
            name,
            f"{each.ratio:g}x, {each.minutes:g} min",
            number(each.onset_error),
            f"{each.held_whole:.1%}",
            f"{each.held_time:.1%}",
            number(each.clear_minutes),
            number(each.told),
            str(each.incidents),
        )
        for name, each in found.items()
    ]
    head = ("", "surge", "onset error", "held whole", "held time", "clear min", "told / true ratio", "incidents")
    return table(head, rows)


def _inside_table(found: list[Inside]) -> list[str]:
    rows = [
        (
            each.noise,
            number(each.rate),
            f"{each.ratio:g}x",
            number(each.inside),
            number(each.late),
            number(each.closed),
            number(each.false),
            str(each.incidents),
        )
        for each in found
    ]
    head = ("noise", "rate", "surge", "inside s", "p95 s", "at the close s", "false a month", "incidents")
    return table(head, rows)


def _ablation_table(results: Results) -> list[str]:
    pooled = pool(results.false)
    rows = [
        (
            name,
            number(pooled[name, "real", 2].nominal),
            number(pooled["same rates", "real", 2].nominal),
            number(worse(name, results.cells, pooled)),
        )
        for name in ABLATIONS
    ]
    return table(("", "false alarms a month", "whole method, same rates", "times worse"), rows)


def _peer_table(results: Results) -> list[str]:
    spent = {each.method: each for each in results.false if not each.rate and _published(each)}
    lines = []
    for method in dict.fromkeys(cell.method for cell in results.cells if cell.method not in _OF_OURSELVES):
        row = [method, number(spent[method].nominal)]
        for rate, change in SIX:
            cell = _six(results.cells, method, rate, change)
            row.append("never" if cell.missed >= 0.999 else f"{number(cell.multiple)} ({cell.missed:.0%} missed)")
        lines.append(row)
    return table(("method", "false alarms a month as it comes", *(f"{c} at {r:g}" for r, c in SIX)), lines)


def _published(found: FalseAlarms | Cell) -> bool:
    return (found.noise, found.weeks, found.seconds) == ("real", 2, 60)


def _six(cells: list[Cell], method: str, rate: float, change: str) -> Cell:
    return next(
        cell
        for cell in cells
        if _published(cell) and (cell.method, cell.rate, cell.change, cell.mode) == (method, rate, change, "calibrated")
    )


def _delays_plot(results: Results) -> str:
    found = [
        Dot(f"{cell.change} at {cell.rate:g} a minute", cell.mode, cell.multiple, cell.low, cell.high)
        for cell in results.cells
        if _published(cell) and cell.method == OURS and "ramp" not in cell.change
    ]
    found.sort(key=lambda dot: dot.row.split(" at ")[0])
    return dots("Delay, noise real, two weeks learned", "multiple of the oracle", found, 1.0)


def _peers_plot(results: Results) -> str:
    methods = dict.fromkeys(cell.method for cell in results.cells if cell.method not in _OF_OURSELVES)
    found = []
    for rate, change in SIX:
        for method in methods:
            cell = _six(results.cells, method, rate, change)
            found.append(Dot(f"{change} at {rate:g} a minute", method, cell.multiple, cell.low, cell.high))
    return dots("Delay at one false alarm a month", "multiple of the oracle, capped at three hours", found, 1.0)
