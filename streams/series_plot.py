"""A series, its scores, alarms and labels as one SVG that needs nothing else, of one size however long the series."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from html import escape
from typing import NamedTuple

from streams.evaluate import Alarm, Found, Scored

COLUMNS = 1200
_LEFT, _TOP, _VALUES, _GAP, _SCORES, _BOTTOM = 70, 46, 300, 26, 110, 30
_INK, _LINE, _ALARM, _FALSE, _LABEL = "#1b6ca8", "#5f6b73", "#c0392b", "#d99a1c", "#3f8f5f"


class Span(NamedTuple):
    """Some rows as one: the range of their values (NaN: none had one), and their highest score."""

    start: float
    low: float
    high: float
    score: float

    def joined(self, other: Span) -> Span:
        lows, highs = (self.low, other.low), (self.high, other.high)
        low = min((v for v in lows if not math.isnan(v)), default=math.nan)
        high = max((v for v in highs if not math.isnan(v)), default=math.nan)
        return Span(min(self.start, other.start), low, high, max(self.score, other.score))


class Trace:
    """The series at a resolution that halves when it grows: at most twice as many spans as the plot has columns."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._open: Span | None = None
        self._rows, self._each = 0, 1

    def add(self, scored: Scored) -> None:
        value = scored.row.values[0] if math.isfinite(scored.row.values[0]) else math.nan
        span = Span(scored.row.at, value, value, scored.score)
        self._open = span if self._open is None else self._open.joined(span)
        self._rows += 1
        if self._rows < self._each:
            return
        self._spans.append(self._open)
        self._open, self._rows = None, 0
        if len(self._spans) >= 2 * COLUMNS:
            self._spans = [a.joined(b) for a, b in zip(self._spans[::2], self._spans[1::2], strict=True)]
            self._each *= 2

    def spans(self) -> list[Span]:
        return [*self._spans, self._open] if self._open is not None else list(self._spans)


class _Axis(NamedTuple):
    low: float
    high: float
    start: float
    length: float

    def __call__(self, value: float) -> float:
        # halves, so that the difference of two huge numbers is a number
        share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return self.start + min(max(share, 0.0), 1.0) * self.length


def draw(title: str, trace: Trace, alarms: list[Alarm], found: list[Found] | None, false: list[Alarm]) -> str:
    """`found` is None where there are no labels; then no alarm is false."""
    spans = trace.spans()
    values = [v for span in spans for v in (span.low, span.high) if not math.isnan(v)] or [0.0]
    low, high = min(values), max(values)
    if high == low:
        low, high = low - max(abs(low), 1.0), high + max(abs(high), 1.0)
    first, last = (spans[0].start, max(s.start for s in spans)) if spans else (0.0, 1.0)
    x = _Axis(first, last if last > first else first + 1.0, _LEFT, COLUMNS)
    y = _Axis(low, high, _TOP + _VALUES, -_VALUES)
    score_top = _TOP + _VALUES + _GAP
    s = _Axis(0.0, 1.0, score_top + _SCORES, -_SCORES)
    width, height = _LEFT + COLUMNS + 20, score_top + _SCORES + _BOTTOM
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><title>{escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{_LEFT}" y="24" font-size="15">{escape(title)}</text>',
    ]
    for one in found or []:
        left, right = x(one.label.start), x(one.label.end)
        out.append(
            f'<rect x="{left:.1f}" y="{_TOP}" width="{max(right - left, 1.5):.1f}" height="{s.start - _TOP}" '
            f'fill="{_LABEL}" fill-opacity=".18"><title>{escape(one.label.what or "label")}</title></rect>'
        )
    out += _frame(x, y, s, score_top)
    out.append(_path(spans, x, y, "values"))
    out.append(_path(spans, x, s, "score"))
    wrong = {alarm.row for alarm in false} if found is not None else set()
    for alarm in alarms:
        colour = _FALSE if alarm.row in wrong else _ALARM
        at = x(alarm.at)
        out.append(
            f'<g stroke="{colour}" fill="{colour}"><path d="M{at:.1f} {_TOP}V{s.start}" stroke-opacity=".45"/>'
            f'<path d="M{at:.1f} {_TOP}l-5 -9h10z"/><title>{escape(f"{alarm.timestamp}: {alarm.reason}")}</title></g>'
        )
    return "\n".join([*out, "</svg>"]) + "\n"


def _frame(x: _Axis, y: _Axis, s: _Axis, score_top: float) -> list[str]:
    out = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        value = y.low + share * (y.high / 2 - y.low / 2) * 2
        out.append(f'<path d="M{_LEFT} {y(value):.1f}h{COLUMNS}" stroke="#e3e6e8"/>')
        out.append(f'<text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.4g}</text>')
        at = x.low + share * (x.high - x.low)
        anchor = "start" if share == 0 else "end" if share == 1 else "middle"
        text = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}"
        out.append(f'<text x="{x(at):.1f}" y="{s.start + 20:.1f}" text-anchor="{anchor}">{text}</text>')
    out.append(f'<path d="M{_LEFT} {s.start}h{COLUMNS}" stroke="#e3e6e8"/>')
    out.append(f'<path d="M{_LEFT} {s(0.5):.1f}h{COLUMNS}" stroke="{_LINE}" stroke-dasharray="4 3"/>')
    out.append(f'<text x="{_LEFT - 8}" y="{s(0.5) + 4:.1f}" text-anchor="end">alarm</text>')
    out.append(f'<text x="{_LEFT - 8}" y="{score_top + 10:.1f}" text-anchor="end">score</text>')
    return out


def _path(spans: list[Span], x: _Axis, y: _Axis, what: str) -> str:
    """Values go from the lowest to the highest of each span; where there are none, the line is broken."""
    parts, pen = [], "M"
    for span in spans:
        if what == "score":
            parts.append(f"{pen}{x(span.start):.1f} {y(span.score):.1f}")
        elif math.isnan(span.low):
            pen = "M"
            continue
        else:
            parts.append(f"{pen}{x(span.start):.1f} {y(span.low):.1f}")
            if span.high > span.low:
                parts.append(f"V{y(span.high):.1f}")
        pen = "L"
    colour = _LINE if what == "score" else _INK
    return f'<path d="{"".join(parts) or "M0 0"}" fill="none" stroke="{colour}" stroke-width="1.1"/>'
