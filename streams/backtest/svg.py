"""What the plots of a backtest and of a sweep share: a page, a scale with round ticks, words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

INK, DIM, GRID = "#1f2933", "#5f6b73", "#e3e6e8"
GOOD, BAD, OPEN, KNOWN = "#1b6ca8", "#c0392b", "#d99a1c", "#3f8f5f"


class Scale(NamedTuple):
    """Values from `low` to `high` on pixels from `start`, over `length` (negative: upwards)."""

    low: float
    high: float
    start: float
    length: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return self.start + min(max(share, 0.0), 1.0) * self.length


def ticks(high: float, most: int = 6) -> list[float]:
    """Round numbers from 0 to the first that is not below `high`."""
    raw = max(high, 1e-9) / most
    size = 10 ** math.floor(math.log10(raw))
    step = next(size * n for n in (1, 2, 5, 10) if size * n >= raw * (1 - 1e-9))
    return [step * n for n in range(math.ceil(high / step - 1e-9) + 1)] if high > 0 else [0.0, 1.0]


def page(title: str, width: float, height: float, parts: Iterable[str]) -> str:
    """A whole file that needs nothing else."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" font-family="sans-serif" font-size="12"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
    )
    return "\n".join([head, text(16, 24, title, size=15), *parts, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = INK, size: int = 12) -> str:
    style = f'text-anchor="{anchor}" fill="{colour}" font-size="{size}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def line(x: float, y: float, dx: float, dy: float, colour: str = GRID, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="M{x:.1f} {y:.1f}l{dx:.1f} {dy:.1f}" stroke="{colour}"{dashes}/>'


def box(x: float, y: float, width: float, height: float, colour: str, hover: str, opacity: float = 1.0) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 2.0):.1f}" height="{height:.1f}" fill="{colour}" '
        f'fill-opacity="{opacity:g}"><title>{escape(hover)}</title></rect>'
    )


def dot(x: float, y: float, colour: str, hover: str, radius: float = 5.0, ring: bool = False) -> str:
    style = f'fill="none" stroke="{colour}" stroke-width="2"' if ring else f'fill="{colour}" fill-opacity=".75"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" {style}><title>{escape(hover)}</title></circle>'
