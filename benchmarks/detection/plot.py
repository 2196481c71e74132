"""Dots with intervals on a logarithmic scale, as SVG."""

from __future__ import annotations

import math
from html import escape
from typing import NamedTuple

COLOURS = (
    *("#1b6ca8", "#d1603d", "#3f8f5f", "#8a5a9e", "#b8860b", "#5f6b73"),
    *("#c0392b", "#16a085", "#7f4f24", "#2c3e50", "#a0a000", "#d64fa0", "#6fb1e8"),
)
_WIDTH, _LEFT, _RIGHT, _ROW = 760, 230, 30, 22


class Dot(NamedTuple):
    """One value in the row `row`, drawn in the colour of `kind`; `low` and `high` are the interval's ends."""

    row: str
    kind: str
    value: float
    low: float
    high: float


def dots(title: str, unit: str, found: list[Dot], line: float | None = None) -> str:
    """`line` is drawn across as what is possible or promised. Values without end stand at the right edge."""
    rows = list(dict.fromkeys(dot.row for dot in found))
    kinds = list(dict.fromkeys(dot.kind for dot in found))
    finite = [value for dot in found for value in (dot.value, dot.low, dot.high) if 0 < value < math.inf]
    low = 10.0 ** math.floor(math.log10(min(finite, default=1.0)))
    high = 10.0 ** math.ceil(math.log10(max(finite, default=10.0)) + 1e-9)
    legend_rows = math.ceil(len(kinds) / 3)
    top = 46 + 18 * legend_rows
    bottom = top + _ROW * len(rows)

    def x(value: float) -> float:
        share = math.log(min(max(value, low), high) / low) / math.log(high / low)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {bottom + 44}" font-family="sans-serif" '
        f'font-size="12"><title>{escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
    ]
    for n, kind in enumerate(kinds):
        left, down = 12 + n % 3 * 245, 44 + n // 3 * 18
        out.append(f'<circle cx="{left + 5}" cy="{down - 4}" r="4.5" fill="{COLOURS[n % len(COLOURS)]}"/>')
        out.append(f'<text x="{left + 15}" y="{down}">{escape(kind)}</text>')
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        at = x(10.0**power)
        out.append(f'<path d="M{at:.1f} {top - 6}V{bottom}" stroke="#ddd"/>')
        out.append(f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{10.0**power:g}</text>')
    out.append(f'<text x="{_WIDTH - _RIGHT}" y="{bottom + 36}" text-anchor="end">{escape(unit)}</text>')
    if line is not None:
        out.append(f'<path d="M{x(line):.1f} {top - 6}V{bottom}" stroke="#333" stroke-dasharray="4 3"/>')
    for n, row in enumerate(rows):
        out.append(f'<text x="{_LEFT - 12}" y="{top + _ROW * n + 15}" text-anchor="end">{escape(row)}</text>')
        here = [dot for dot in found if dot.row == row]
        for place, dot in enumerate(here):
            colour = COLOURS[kinds.index(dot.kind) % len(COLOURS)]
            y = top + _ROW * n + 11 + (place - (len(here) - 1) / 2) * min(4.0, 14 / len(here))
            out.append(f'<path d="M{x(dot.low):.1f} {y:.1f}H{x(dot.high):.1f}" stroke="{colour}" stroke-opacity=".5"/>')
            out.append(f'<circle cx="{x(dot.value):.1f}" cy="{y:.1f}" r="3.6" fill="{colour}"/>')
    return "\n".join([*out, "</svg>"]) + "\n"
