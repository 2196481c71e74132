"""One channel's contacts a minute beside what was expected, the usual band and the moments that count, as an SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from html import escape
from typing import NamedTuple

from response.impact import Row, Span

WIDTH, LEFT, RIGHT, PLOT, BOTTOM, LABEL_ROW = 860, 46, 10, 190, 26, 15
POINTS_MAX = 240
LETTER = 6.4  # pixels a letter takes, about
STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
TICKS_MAX = 9


class Mark(NamedTuple):
    """A moment that counts."""

    at: datetime
    name: str


class Point(NamedTuple):
    """Some minutes as one, contacts a minute; `observed` NaN: nothing of them was delivered."""

    at: datetime
    observed: float
    expected: float
    low: float
    high: float


def points(rows: Sequence[Row]) -> list[Point]:
    """At most so many, each over as many rows."""
    each = max(1, math.ceil(len(rows) / POINTS_MAX))
    return [_point(rows[n : n + each]) for n in range(0, len(rows), each)]


def _point(rows: Sequence[Row]) -> Point:
    minutes = math.fsum(row.seconds for row in rows) / 60
    seen = math.fsum(row.known * row.seconds for row in rows) / 60
    middle = rows[0].middle + (rows[-1].middle - rows[0].middle) / 2
    return Point(
        at=middle,
        observed=sum(row.load.arrivals for row in rows) / seen if seen > 0 else math.nan,
        expected=math.fsum(row.load.expected for row in rows) / minutes,
        low=math.fsum(row.band[0] for row in rows) / minutes,
        high=math.fsum(row.band[1] for row in rows) / minutes,
    )


def draw(name: str, rows: Sequence[Row], trouble: Iterable[Span], marks: Sequence[Mark], zone: tzinfo) -> str:
    """`name` is said to who cannot see it. There is at least one row."""
    drawn = points(rows)
    begins, ends = rows[0].at - timedelta(seconds=rows[0].seconds), rows[-1].at
    shown = sorted(mark for mark in marks if begins <= mark.at <= ends)
    levels = _levels([_x(mark.at, begins, ends) for mark in shown], [mark.name for mark in shown])
    top = 10 + LABEL_ROW * (max(levels, default=-1) + 1)
    height = top + PLOT + BOTTOM
    most = max([1.0, *(p.high for p in drawn), *(p.observed for p in drawn if not math.isnan(p.observed))])
    step = _nice(most / 4)
    ceiling = step * math.ceil(most / step)

    def x(at: datetime) -> float:
        return _x(at, begins, ends)

    def y(value: float) -> float:
        return top + PLOT * (1 - value / ceiling)

    out = [
        f'<svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(name)}</title>",
    ]
    for span in trouble:
        left, right = x(max(span.begins, begins)), x(min(span.ends, ends))
        if right > left:
            out.append(f'<rect class="trouble" x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{PLOT}"/>')
    out += _grid(begins, ends, ceiling, step, top, zone)
    band = [f"{x(p.at):.1f} {y(p.high):.1f}" for p in drawn] + [f"{x(p.at):.1f} {y(p.low):.1f}" for p in drawn[::-1]]
    out.append(f'<path class="band" d="M{"L".join(band)}Z"/>')
    out.append(f'<path class="expected" d="{_line((x(p.at), y(p.expected)) for p in drawn)}"/>')
    out.append(f'<path class="observed" d="{_line((x(p.at), y(p.observed)) for p in drawn)}"/>')
    for mark, level in zip(shown, levels, strict=True):
        high = 10 + LABEL_ROW * level
        out.append(f'<path class="mark" d="M{x(mark.at):.1f} {high}V{top + PLOT}"/>')
        anchor, shift = _side(x(mark.at), mark.name)
        out.append(
            f'<text class="label" x="{x(mark.at) + shift:.1f}" y="{high + 10}" text-anchor="{anchor}">'
            f"{escape(mark.name)}</text>"
        )
    return "\n".join([*out, "</svg>"]) + "\n"


def alone(svg: str, style: str) -> str:
    """The same as a file of its own."""
    head, end, rest = svg.partition("\n")
    return f"{head}{end}<style>\n{style}</style>\n{rest}"


def _x(at: datetime, begins: datetime, ends: datetime) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * ((at - begins) / (ends - begins))


def _side(x: float, name: str) -> tuple[str, float]:
    return ("start", 4.0) if x + LETTER * len(name) + 4 < WIDTH else ("end", -4.0)


def _levels(places: Sequence[float], names: Sequence[str]) -> list[int]:
    """On which row each label stands: the lines of later marks cross no label. The first mark stands highest."""
    levels: list[int] = []
    free_from: list[float] = []  # by row, from where on it is free
    for place, name in zip(places, names, strict=True):
        wide = LETTER * len(name) + 8
        left = place if _side(place, name)[0] == "start" else place - wide
        right = left + wide
        level = next((n for n, free in enumerate(free_from) if free <= left), len(free_from))
        free_from[level:] = [right, *free_from[level + 1 :]]
        levels.append(level)
    return levels


def _line(places: Iterable[tuple[float, float]]) -> str:
    """Broken where nothing is known."""
    parts, pen = [], "M"
    for x, y in places:
        if math.isnan(y):
            pen = "M"
            continue
        parts.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(parts) or "M0 0"


def _grid(begins: datetime, ends: datetime, ceiling: float, step: float, top: int, zone: tzinfo) -> Iterator[str]:
    for n in range(round(ceiling / step) + 1):
        value = n * step
        y = top + PLOT * (1 - value / ceiling)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>'
    seconds = (ends - begins).total_seconds()
    days = STEPS[-1] * math.ceil(seconds / STEPS[-1] / TICKS_MAX)
    every = next((one for one in STEPS if seconds / one <= TICKS_MAX), days)
    offset = begins.astimezone(zone).utcoffset() or timedelta()
    first = math.ceil((begins.timestamp() + offset.total_seconds()) / every) * every - offset.total_seconds()
    for n in range(int((ends.timestamp() - first) // every) + 1):
        at = datetime.fromtimestamp(first + n * every, begins.tzinfo)
        text = at.astimezone(zone).strftime("%H:%M" if every < 86_400 else "%d %b")
        x = _x(at, begins, ends)
        anchor = "middle" if x + LETTER * len(text) / 2 < WIDTH else "end"
        yield f'<text x="{x:.1f}" y="{top + PLOT + 18}" text-anchor="{anchor}">{text}</text>'


def _nice(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(power * one for one in (1, 2, 5, 10) if power * one >= value * (1 - 1e-9))
