"""Every setting of a sweep as a point: how often it wakes somebody, and how late it finds what happened."""

from __future__ import annotations

from collections.abc import Sequence

from streams.backtest import svg
from streams.backtest.svg import BAD, DIM, GOOD, INK, Scale
from streams.sweep.figures import Advice, Row

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 860, 480, 64, 82, 24, 56
NAMED_MAX = 3
ROW, NAME = 15, 280  # pixels that a name may take


def draw(title: str, rows: Sequence[Row], advice: Advice) -> str:
    """Blue: it finds all that any of them finds. Red: it misses some of that. The ring is the setting to take."""
    judged = any(row.judged for row in rows)
    across = svg.ticks(max(row.pages_a_week for row in rows))
    up = svg.ticks(max((_height(row) or 0.0 for row in rows), default=0.0))
    x = Scale(0.0, across[-1], LEFT, WIDTH - LEFT - RIGHT)
    y = Scale(0.0, up[-1], HEIGHT - BOTTOM, -(HEIGHT - BOTTOM - TOP))
    most = max(row.found for row in rows)
    parts = [*_axes(x, y, across, up, judged)]
    if judged:
        parts.append(svg.text(16, 42, f"blue finds {most}, red fewer; the ring is recommended", colour=DIM))
    for row in rows:
        height = _height(row)
        if height is not None:
            colour = GOOD if row.found == most else BAD
            parts.append(svg.dot(x(row.pages_a_week), y(height), colour, f"{row.setting}: {row.figures()}"))
    best = _height(advice.row)
    if best is not None:
        parts.append(svg.dot(x(advice.row.pages_a_week), y(best), INK, advice.reason, 9.0, ring=True))
    parts += _names(rows, advice, x, y)
    return svg.page(title, WIDTH, HEIGHT, parts)


def _height(row: Row) -> float | None:
    """Minutes until it is found; where nothing is known of what happened, the alarms."""
    if row.judged is None:
        return float(row.alarms)
    return None if row.delay is None else row.delay / 60


def _axes(x: Scale, y: Scale, across: Sequence[float], up: Sequence[float], judged: bool) -> list[str]:
    out = []
    for value in up:
        out.append(svg.line(LEFT, y(value), WIDTH - LEFT - RIGHT, 0))
        out.append(svg.text(LEFT - 8, y(value) + 4, f"{value:g}", anchor="end", colour=DIM))
    for value in across:
        out.append(svg.line(x(value), TOP, 0, HEIGHT - BOTTOM - TOP))
        out.append(svg.text(x(value), HEIGHT - BOTTOM + 18, f"{value:g}", anchor="middle", colour=DIM))
    what = "minutes until it is found (median)" if judged else "alarms"
    out.append(svg.text(LEFT, TOP - 12, what, colour=DIM))
    out.append(svg.text(WIDTH - RIGHT, HEIGHT - 14, "pages a week", anchor="end", colour=DIM))
    return out


def _names(rows: Sequence[Row], advice: Advice, x: Scale, y: Scale) -> list[str]:
    """The recommended setting and those at the edge (none wakes less often and finds as much as soon), where there is
    room."""
    drawn = [(row, height) for row in rows if (height := _height(row)) is not None]
    edge = [one for one in drawn if not any(_beats(other, one) for other in drawn)]
    edge.sort(key=lambda one: (one[0] is not advice.row, one[0].pages_a_week))
    out, taken = list[str](), list[tuple[float, float]]()
    for row, height in edge[: NAMED_MAX + 1]:
        at, level = x(row.pages_a_week), y(height) + 4
        right = at > WIDTH * 0.65
        if any(abs(level - other) < ROW and abs(at - place) < 2 * NAME for place, other in taken):
            continue
        taken.append((at, level))
        place = at - 13 if right else at + 13
        out.append(svg.text(place, level, str(row.setting), anchor="end" if right else "start"))
    return out


def _beats(one: tuple[Row, float], other: tuple[Row, float]) -> bool:
    """As good in everything, better in something."""
    a, b = ((row.pages_a_week, height, -row.found) for row, height in (one, other))
    return a != b and all(mine <= theirs for mine, theirs in zip(a, b, strict=True))
