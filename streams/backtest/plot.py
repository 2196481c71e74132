"""Incidents of every configuration on one axis of time, a lane each, over what is known to have happened."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from streams.backtest import svg
from streams.backtest.figures import Compared, Side
from streams.backtest.svg import BAD, DIM, GOOD, INK, KNOWN, OPEN, Scale

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1100, 150, 20, 62, 40
ROW, GAP, ROWS_MAX = 12, 18, 8
STEPS = (3600, 3 * 3600, 6 * 3600, 86_400, 2 * 86_400, 7 * 86_400, 14 * 86_400, 28 * 86_400)
TICKS_MAX = 10


def draw(title: str, compared: Compared, zone: tzinfo) -> str:
    """Blue: somebody is woken; red: falsely; yellow: nobody is. Green: what is known to have happened."""
    heard = compared.heard
    x = Scale(heard.first, heard.last, LEFT, WIDTH - LEFT - RIGHT)
    parts, top = [svg.text(16, 44, _legend(compared), colour=DIM)], float(TOP)
    for side in compared.sides:
        lanes = _packed(side)
        height = max(len(lanes), 1) * ROW
        parts.append(svg.text(16, top + ROW - 2, f"{side.config.name}  {len(side.pages)} pages"))
        for lane, mine in enumerate(lanes):
            parts += [mark for n in mine for mark in _marks(side, n, x, top + lane * ROW)]
        top += height + GAP
        parts.append(svg.line(LEFT, top - GAP / 2, WIDTH - LEFT - RIGHT, 0))
    known = list(_known(compared, x, top))
    return svg.page(title, WIDTH, top + BOTTOM, [*known, *_axis(x, top, zone), *parts])


def _legend(compared: Compared) -> str:
    judged = any(side.judged for side in compared.sides)
    woken = "each dark mark wakes somebody, a red one falsely" if judged else "each dark mark wakes somebody"
    known = "; green is known to have happened" if judged else ""
    return f"each bar is an incident, a yellow one wakes nobody; {woken}{known}"


def _packed(side: Side) -> list[list[int]]:
    """Incidents by lane, so that none covers another; what finds no room goes into the last."""
    lanes: list[list[int]] = []
    ends: list[datetime] = []
    for n, one in enumerate(side.incidents):
        lane = next((lane for lane, end in enumerate(ends) if end < one.onset), None)
        if lane is None and len(lanes) < ROWS_MAX:
            lane = len(lanes)
            lanes.append([])
            ends.append(one.until)
        lane = len(lanes) - 1 if lane is None else lane
        lanes[lane].append(n)
        ends[lane] = max(ends[lane], one.until)
    return lanes


def _marks(side: Side, n: int, x: Scale, top: float) -> Iterator[str]:
    """An incident as a pale bar, and each time that it woke somebody."""
    one = side.incidents[n]
    begins, ends = one.onset.timestamp(), one.until.timestamp()
    first = sum(len(other.paged) for other in side.incidents[:n])
    false = [side.judged is not None and first + page in side.judged.false for page in range(len(one.paged))]
    colour = OPEN if not one.paged else BAD if all(false) else GOOD
    hover = f"{one.title} [{one.cause}, {one.severity}] {one.onset:%Y-%m-%d %H:%M} UTC, {', '.join(one.channels)}"
    yield svg.box(x(begins), top, x(ends) - x(begins), ROW - 3, colour, hover, 0.45)
    for at, wrong in zip(one.paged, false, strict=True):
        colour = BAD if wrong else GOOD
        yield svg.box(x(at.timestamp()) - 1, top - 1, 3, ROW - 1, colour, f"somebody is woken {at:%Y-%m-%d %H:%M} UTC")


def _known(compared: Compared, x: Scale, bottom: float) -> Iterator[str]:
    judged = next((side.judged for side in compared.sides if side.judged), None)
    for known, _ in judged.found if judged else ():
        left = x(known.start)
        yield svg.box(left, TOP - 6, x(known.end) - left, bottom - TOP, KNOWN, known.what or "label", 0.2)


def _axis(x: Scale, bottom: float, zone: tzinfo) -> Iterator[str]:
    step = next((step for step in STEPS if (x.high - x.low) / step <= TICKS_MAX), STEPS[-1])
    at = datetime.fromtimestamp(x.low, UTC).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    words = "%H:%M" if step < STEPS[3] else "%d %b"
    while at.timestamp() <= x.high:
        if at.timestamp() >= x.low:
            place = x(at.timestamp())
            yield svg.line(place, TOP - 6, 0, bottom - TOP)
            day = step < STEPS[3] and at.hour == 0
            yield svg.text(place, bottom + 12, f"{at:%d %b}" if day else f"{at:{words}}", anchor="middle", colour=DIM)
        at += timedelta(seconds=step)
    yield svg.text(16, bottom + 12, f"{datetime.fromtimestamp(x.low, UTC).astimezone(zone):%Y}", colour=INK)
