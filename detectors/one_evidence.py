"""`Evidence` for one series in plain floats: what a pane adds for each ratio, the statistic, the best run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from detectors.evidence import DOWNS, UPS
from detectors.parameters import RATIOS

Sums = tuple[int, float, float]  # since (Unix seconds), observed, expected
ROWS = (slice(0, UPS), slice(UPS, UPS + DOWNS))  # by direction
MEMBERS = (range(UPS), range(UPS, UPS + DOWNS))
# by direction: the edge of what is usual; for each ratio its logarithm, and how far the edge times it is from the edge
Band = tuple[tuple[float, list[tuple[float, float]]], ...]
_TINY = 1e-300
# ln 0 as a number, as the bank has it
_LOGS = [math.log(ratio) if ratio > 0 else -1e9 for ratio in RATIOS]


def band(up: float, down: float) -> Band:
    """Of the half-widths of what is usual, upwards and downwards."""
    edges = 1 + up, 1 / (1 + down)
    return tuple(
        (edge, [(_LOGS[j], edge * RATIOS[j] - edge) for j in rows]) for edge, rows in zip(edges, MEMBERS, strict=True)
    )


def gains(seen: float, means: tuple[float, float], edges: Band, shape: float, most: float) -> list[float]:
    """l_j by ratio, no more than `most`; `means` by direction."""
    log1p, all_of = math.log1p, seen + shape
    (up, ups), (down, downs) = edges
    of_up, of_down = means
    # ln((k + rho m) / (k + m)) = ln(1 + (rho - 1) m / (k + m)): one logarithm a ratio
    part = of_up / (shape + of_up * up)
    found = [seen * word - all_of * log1p(part * away) for word, away in ups]
    part = of_down / (shape + of_down * down)
    found += [seen * word - all_of * log1p(part * away) for word, away in downs]
    return found if max(found) <= most else [min(gain, most) for gain in found]


def grown(runs: Iterable[float], added: list[float], cap: float) -> list[float]:
    """R_j with these gains."""
    exp = math.exp
    found = [(run + 1.0) * exp(gain) for run, gain in zip(runs, added)]  # noqa: B905  # as many by construction
    return found if max(found) <= cap else [min(run, cap) for run in found]


def statistic(runs: Sequence[float]) -> tuple[float, float]:
    """S by direction."""
    log, up, down = math.log, sum(runs[:UPS]) / UPS, sum(runs[UPS:]) / DOWNS
    return log(up if up > _TINY else _TINY), log(down if down > _TINY else _TINY)


def log_mean_of(runs: Sequence[float]) -> float:
    """S over all ratios."""
    return math.log(max(sum(runs) / len(runs), _TINY))


def uncut(runs: Iterable[float], added: list[float]) -> float:
    """S over all ratios, however large the numbers are."""
    logs = [math.log(run + 1.0) + gain for run, gain in zip(runs, added, strict=True)]
    top = max(logs)
    return top + math.log(sum(math.exp(value - top) for value in logs) / len(logs))


def best(walks: Sequence[float], direction: int) -> int:
    """The ratio (row) that the run speaks most for."""
    return max(MEMBERS[direction], key=lambda j: walks[j])
